"""How the handshake of a stream begins, and what is made of its result."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from core.capture.legs import Tls
from core.net.tls.failures import TlsFailure, failure_of, vanished

_DER = 2
"""`_ssl.ENCODING_DER`."""


class Opening(ABC):
    """Our side of one handshake."""

    peer: str
    """Who is at the other end, as sentences name it."""

    @abstractmethod
    def open(
        self, first: bytes, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> ssl.SSLObject | TlsFailure | None:
        """OpenSSL's object; or why there will be none; or None where more than `first` must come to tell."""

    @abstractmethod
    def describe(self, secured: ssl.SSLObject) -> Tls:
        """What was agreed on."""

    def describe_failed(self, tried: ssl.SSLObject) -> Tls | None:  # noqa: ARG002
        """What is known of the peer after a handshake that failed."""
        return None

    def explain(self, error: ssl.SSLError, tried: ssl.SSLObject) -> TlsFailure:  # noqa: ARG002
        """Why the handshake failed, or what came after it."""
        return failure_of(error, self.peer)

    def vanished(self, tried: ssl.SSLObject | None) -> TlsFailure:  # noqa: ARG002
        """The peer ended the connection in the middle of the handshake."""
        return vanished(self.peer)

    def ended(self, secured: ssl.SSLObject) -> None:  # noqa: B027
        """The stream is over."""


def tls_of(secured: ssl.SSLObject, sni: str | None, chain: Sequence[bytes]) -> Tls:
    """What a handshake came to, even one that failed at the peer's certificates, which are the `chain`."""
    cipher = secured.cipher()
    return Tls(
        version=secured.version() or "",
        cipher="" if cipher is None else cipher[0],
        alpn=secured.selected_alpn_protocol(),
        sni=sni,
        resumed=bool(secured.session_reused),
        chain=b"".join(chain),
    )


def peer_chain(secured: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that the peer sent, in DER, its own first."""
    public: Callable[[], list[bytes]] | None = getattr(secured, "get_unverified_chain", None)
    if public is not None:
        return tuple(public())
    # Before Python 3.13 only OpenSSL's own object knows.
    chain = secured._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
    return tuple(each.public_bytes(_DER) for each in chain)
