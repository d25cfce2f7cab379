"""How Unmask meets clients as a server behind TLS: with which certificate."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from core.capture.legs import Tls
from core.errors import CertificateError
from core.net.tls.failures import TlsFailure, TlsFailureKind
from core.net.tls.openings import Opening, peer_chain, tls_of
from core.protocol.client_hello import ClientHello, read_client_hello
from core.protocol.first_bytes import FirstBytes, judge_first_bytes

Choose = Callable[[ClientHello], ssl.SSLContext]
"""The context for a client that asks for this. Raises CertificateError."""


class ServerOpening(Opening):
    """Unmask is the server."""

    peer = "the client"

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self.hello: ClientHello | None = None
        """What the client asks for, once that is known."""

    def open(
        self, first: bytes, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> ssl.SSLObject | TlsFailure | None:
        kind = judge_first_bytes(first)
        if kind is None:
            return None
        if kind is not FirstBytes.TLS:
            said = "HTTP without TLS" if kind is FirstBytes.HTTP else "something that is no TLS"
            return TlsFailure(TlsFailureKind.NOT_TLS, f"The client sent {said} to a port that speaks TLS.")
        self.hello = read_client_hello(first)
        if self.hello is None:
            return None
        try:
            context = self._choose(self.hello)
        except CertificateError as error:
            return TlsFailure(TlsFailureKind.NO_CERTIFICATE, str(error))
        except ValueError as error:
            sentence = f"No certificate can be made for the name that the client asks for ({error})."
            return TlsFailure(TlsFailureKind.NO_CERTIFICATE, sentence)
        return context.wrap_bio(incoming, outgoing, server_side=True)

    def vanished(self, tried: ssl.SSLObject | None) -> TlsFailure:
        if tried is None:
            return super().vanished(tried)
        # Node verifies by itself, and then says nothing; so do apps that pin certificates.
        sentence = (
            "The client ended the connection without a reason when it had seen the certificate that Unmask shows: it "
            "may not trust it."
        )
        return TlsFailure(TlsFailureKind.VANISHED, sentence)

    def describe(self, secured: ssl.SSLObject) -> Tls:
        return tls_of(secured, None if self.hello is None else self.hello.server_name, peer_chain(secured))


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the clients of a listening source are met."""

    choose: Callable[[str], Choose]
    """By the address that a client has connected to."""
    seconds: float
    """How long a handshake may take."""

    def opening(self, local: object) -> ServerOpening:
        """For a client that has connected to this socket address."""
        return ServerOpening(self.choose(str(local[0]) if isinstance(local, tuple) else ""))
