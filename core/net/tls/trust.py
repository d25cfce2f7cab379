"""Whom Unmask trusts as a client, and how it shows who it is."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict

import truststore

from core.capture.legs import Tls
from core.net.settings import is_address
from core.net.tls.failures import TlsFailure, failure_of
from core.net.tls.openings import Opening, tls_of
from core.net.tls.settings import TrustSettings

ALPN = ("http/1.1",)
"""WebSocket runs on HTTP/1.1 (RFC 6455); a server that were free to choose might choose HTTP/2."""
_MOST_SESSIONS = 1024


class Trust:
    """Makes the openings of handshakes with servers. Lives on the loop's thread."""

    def __init__(self, settings: TrustSettings) -> None:
        self.settings = settings
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._sessions: OrderedDict[tuple[bool, str, int], ssl.SSLSession] = OrderedDict()

    async def opening(self, host: str, port: int) -> ClientOpening:
        """The opening of a handshake with the server `host`, a name in ASCII or an address."""
        is_verified = not self.settings.exceptions.matches(host, port)
        context = self._contexts.get(is_verified)
        if context is None:
            # Reading the system's certificates takes some milliseconds.
            context = await asyncio.to_thread(_client_context, is_verified)
            self._contexts[is_verified] = context
        return ClientOpening(self, context, host, port)

    def session(self, context: ssl.SSLContext, host: str, port: int) -> ssl.SSLSession | None:
        """A session with this server that can be resumed."""
        return self._sessions.get((context.check_hostname, host, port))

    def keep(self, context: ssl.SSLContext, host: str, port: int, session: ssl.SSLSession) -> None:
        """Keep a session to resume it later."""
        key = (context.check_hostname, host, port)
        self._sessions[key] = session
        self._sessions.move_to_end(key)
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)


class ClientOpening(Opening):
    """Unmask is the client."""

    def __init__(self, trust: Trust, context: ssl.SSLContext, host: str, port: int) -> None:
        self.peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._trust = trust
        self._context = context
        self._host = host
        self._port = port

    def open(
        self,
        first: bytes,  # noqa: ARG002
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> ssl.SSLObject | TlsFailure | None:
        # RFC 6066 section 3: without the dot at the end.
        name = self._host.removesuffix(".")
        session = self._trust.session(self._context, self._host, self._port)
        return self._context.wrap_bio(incoming, outgoing, server_hostname=name, session=session)

    def describe(self, secured: ssl.SSLObject) -> Tls:
        return tls_of(secured, self._sni)

    def describe_failed(self, tried: ssl.SSLObject, failure: TlsFailure) -> Tls:
        return tls_of(tried, self._sni, failure.sentence)

    def explain(self, error: ssl.SSLError) -> TlsFailure:
        return failure_of(error, self.peer)

    def ended(self, secured: ssl.SSLObject) -> None:
        # With TLS 1.3 the tickets come after the handshake (RFC 8446 section 4.6.1).
        session = secured.session
        if session is not None and session.has_ticket:
            self._trust.keep(self._context, self._host, self._port, session)

    @property
    def _sni(self) -> str | None:
        return None if is_address(self._host) else self._host.removesuffix(".")


def _client_context(is_verified: bool) -> ssl.SSLContext:
    context = (truststore.SSLContext if is_verified else ssl.SSLContext)(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(ALPN)
    if is_verified:
        # An authority that is trusted here need not be a root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
