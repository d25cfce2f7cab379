"""Whom Unmask trusts as a client, and who it says it is."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from core.capture.legs import Tls
from core.net.settings import is_address
from core.net.tls.certificates import DAMAGE
from core.net.tls.contexts import can_resume, client_context, trusting_context
from core.net.tls.credentials import read_certificates, read_credentials
from core.net.tls.failures import TlsFailure, TlsFailureKind, distrust
from core.net.tls.openings import Opening, peer_chain, tls_of
from core.net.tls.private_pem import load_chain
from core.net.tls.settings import ClientCertificate, TlsSettings
from core.protocol.headers import place_text

_MOST_SESSIONS = 1024


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a server is met: servers of one manner share a context."""

    is_verified: bool
    shown: ClientCertificate | None


@dataclass(frozen=True, slots=True)
class _Session:
    """What can be resumed, and the certificates that it began with: they are not sent again."""

    session: ssl.SSLSession
    chain: tuple[bytes, ...]


class Trust:
    """Makes the openings of handshakes with servers. Lives on the loop's thread."""

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self._contexts: dict[_Manner, ssl.SSLContext] = {}
        self._sessions: OrderedDict[tuple[_Manner, str, int], _Session] = OrderedDict()

    async def opening(self, host: str, port: int) -> ClientOpening:
        """The opening of a handshake with the server `host`, a name in ASCII or an address.

        Raises CertificateError if a certificate of the settings can't be used.
        """
        manner = self._manner(host, port)
        context = self._contexts.get(manner)
        if context is None:
            # Reading the system's certificates takes some milliseconds.
            made = await asyncio.to_thread(self._context, manner)
            # A session belongs to one context, even where two were made at the same time.
            context = self._contexts.setdefault(manner, made)
        return ClientOpening(self, manner, context, host, port)

    def session(self, manner: _Manner, host: str, port: int) -> _Session | None:
        """A session with this server that can be resumed."""
        return self._sessions.get((manner, host, port))

    def keep(self, manner: _Manner, host: str, port: int, session: _Session) -> None:
        """Keep a session to resume it later."""
        key = (manner, host, port)
        self._sessions[key] = session
        self._sessions.move_to_end(key)
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)

    def _manner(self, host: str, port: int) -> _Manner:
        settings = self.settings
        shown = (each for each in settings.client_certificates if each.hosts.matches(host, port))
        return _Manner(not settings.exceptions.matches(host, port), next(shown, None))

    def _context(self, manner: _Manner) -> ssl.SSLContext:
        settings = self.settings
        make = client_context if manner.is_verified else trusting_context
        context = make(settings.key_log)
        if manner.is_verified:
            for path in settings.ca_files:
                for each in read_certificates(path):
                    context.load_verify_locations(cadata=each.public_bytes(Encoding.DER))
        shown = manner.shown
        if shown is not None:
            load_chain(context, read_credentials(shown.certificate, shown.key, shown.password).pem)
        return context


class ClientOpening(Opening):
    """Unmask is the client."""

    def __init__(self, trust: Trust, manner: _Manner, context: ssl.SSLContext, host: str, port: int) -> None:
        self.peer = place_text(host, port)
        self._trust = trust
        self._manner = manner
        self._context = context
        self._host = host
        self._port = port
        self._known = trust.session(manner, host, port) if can_resume(context) else None

    def open(
        self,
        first: bytes,  # noqa: ARG002
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> ssl.SSLObject | TlsFailure | None:
        # RFC 6066 section 3: without the dot at the end.
        name = self._host.removesuffix(".")
        known = self._known
        session = None if known is None else known.session
        try:
            return self._context.wrap_bio(incoming, outgoing, server_hostname=name, session=session)
        except ValueError as error:
            # A name may be asked for that DNS could not have, such as one with a label of more than 63 characters.
            sentence = f"No certificate can be for {self.peer} ({error}). Check its name."
            return TlsFailure(TlsFailureKind.WRONG_HOST, sentence)

    def describe(self, secured: ssl.SSLObject) -> Tls:
        return tls_of(secured, self._sni, self._chain(secured))

    @property
    def problem(self) -> str:
        """What is wrong with a server that was let through; "" if nothing is known to be."""
        return (
            ""
            if self._manner.is_verified
            else "Its certificate was not verified, by an exception for the host."
        )

    def describe_failed(self, tried: ssl.SSLObject) -> Tls | None:
        chain = peer_chain(tried)
        return tls_of(tried, self._sni, chain) if chain else None

    def explain(self, error: ssl.SSLError, tried: ssl.SSLObject) -> TlsFailure:
        if isinstance(error, ssl.SSLCertVerificationError):
            return distrust(error, self.peer, is_cut_short=_is_cut_short(peer_chain(tried)))
        return super().explain(error, tried)

    def ended(self, secured: ssl.SSLObject) -> None:
        # With TLS 1.3 the tickets come after the handshake (RFC 8446 section 4.6.1).
        session = secured.session
        if session is not None and session.has_ticket:
            kept = _Session(session, self._chain(secured))
            self._trust.keep(self._manner, self._host, self._port, kept)

    def _chain(self, secured: ssl.SSLObject) -> tuple[bytes, ...]:
        resumed = self._known if secured.session_reused else None
        return peer_chain(secured) if resumed is None else resumed.chain

    @property
    def _sni(self) -> str | None:
        return None if is_address(self._host) else self._host.removesuffix(".")


def _is_cut_short(chain: Sequence[bytes]) -> bool:
    """Whether a server has sent its certificate alone, though that says where its issuer's is to be had."""
    if len(chain) != 1:
        return False
    try:
        extensions = x509.load_der_x509_certificate(chain[0]).extensions
        access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except DAMAGE:
        return False
    return any(each.access_method == AuthorityInformationAccessOID.CA_ISSUERS for each in access)
