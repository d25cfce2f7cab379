"""Asks a proxy for a tunnel to a host: by HTTP's CONNECT or by SOCKS5.

    handshake = HttpTunnel(host, port, credentials)
    send(handshake.begin())
    answer = handshake.feed(data)      # bytes to send, or None once the tunnel stands; then `leftover` is the host's

A proxy that says no raises UpstreamError.

Source: RFC 9110 section 9.3.6 (CONNECT), RFC 1928 (SOCKS 5), RFC 1929 (its user names and passwords).
"""

from __future__ import annotations

import ipaddress
from enum import Enum, auto
from typing import Protocol

from core.errors import HeadError, PeerError
from core.protocol.headers import quoted
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, ResponseHead, write_request
from core.protocol.proxy_request import CREDENTIALS_HEADER, Authority, ProxyCredentials
from core.protocol.violations import Judgement

_HEAD = HeadLimits(16 * 1024, 64)
_VERSION = 5
_NO_AUTHENTICATION, _BY_PASSWORD, _NO_METHOD = 0x00, 0x02, 0xFF
_CONNECT = 0x01
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_MOST_TEXT = 255

_UNREACHED = {
    0x03: "the network is not reachable from there",
    0x04: "the host is not reachable from there",
    0x05: "the host refuses the connection",
    0x06: "it took too long",
}
"""RFC 1928 section 6: replies that speak of the target."""
_REFUSED = {
    0x01: "it failed for a reason of its own",
    0x02: "its rules do not allow the connection",
    0x07: "it does not know the command CONNECT",
    0x08: "it does not know this kind of address",
}
"""Replies that speak of the proxy."""


class UpstreamFault(Enum):
    """Why there is no tunnel."""

    CREDENTIALS = auto()
    """The proxy demands a user name and password, or others."""
    REFUSED = auto()
    """The proxy does not want to."""
    TARGET = auto()
    """The proxy can't reach the host."""
    PROTOCOL = auto()
    """What the proxy says is not understood."""


class UpstreamError(PeerError):
    """The proxy opens no tunnel. The message is a clause about the proxy, without its name."""

    def __init__(self, fault: UpstreamFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class UpstreamHandshake(Protocol):
    """A conversation with a proxy that ends with a tunnel, or with UpstreamError."""

    leftover: bytes
    """Bytes that came behind the proxy's last answer: they are the host's."""

    def begin(self) -> bytes:
        """What is said first."""

    def feed(self, data: bytes) -> bytes | None:
        """What to say next, possibly nothing; None once the tunnel stands. Raises UpstreamError."""


class HttpTunnel:
    """A tunnel by CONNECT."""

    def __init__(self, target: Authority, credentials: ProxyCredentials | None) -> None:
        self._target = target
        self._credentials = credentials
        self.leftover = b""
        self._parser = HeadParser(HeadKind.RESPONSE, _HEAD, Judgement.TOLERANT)

    def begin(self) -> bytes:
        headers = [("Host", str(self._target))]
        if self._credentials is not None:
            headers.append((CREDENTIALS_HEADER, self._credentials.basic))
        return write_request("CONNECT", str(self._target), headers)

    def feed(self, data: bytes) -> bytes | None:
        while True:
            try:
                head = self._parser.feed(data)
            except HeadError:
                start = quoted(self._parser.raw[:80])
                raise UpstreamError(
                    UpstreamFault.PROTOCOL, f"answers {start}, which is not HTTP: it may be of another kind"
                ) from None
            if not isinstance(head, ResponseHead):
                return b""
            data = self._parser.leftover
            if not head.is_interim:
                break
            self._parser = HeadParser(HeadKind.RESPONSE, _HEAD, Judgement.TOLERANT)
        if 200 <= head.status <= 299:
            # RFC 9110 section 9.3.6: any 2xx opens the tunnel, right behind the head.
            self.leftover = data
            return None
        raise self._refusal(head)

    def _refusal(self, head: ResponseHead) -> UpstreamError:
        said = f"{head.status} {head.reason}".strip()
        if head.status == 407:
            schemes = ", ".join(quoted(each) for each in head.headers.get_all("Proxy-Authenticate"))
            what = "does not accept the user name and password" if self._credentials else "demands a password"
            asked = f" and asks for {schemes}" if schemes else ""
            return UpstreamError(UpstreamFault.CREDENTIALS, f"{what} ({quoted(said)}){asked}")
        if head.status in (502, 503, 504):
            # RFC 9110 sections 15.6.3 to 15.6.5: a gateway speaks of who is behind it.
            return UpstreamError(UpstreamFault.TARGET, f"cannot reach {self._target} ({quoted(said)})")
        return UpstreamError(
            UpstreamFault.REFUSED, f"refuses the connection to {self._target} ({quoted(said)})"
        )


class Socks5Tunnel:
    """A tunnel by SOCKS5. Names are resolved by the proxy."""

    def __init__(self, target: Authority, credentials: ProxyCredentials | None) -> None:
        """Raises ValueError where SOCKS5 can't carry the name, the user name or the password."""
        self._target = target
        self._credentials = credentials
        self.leftover = b""
        self._received = bytearray()
        self._step = self._take_method
        self._place = _address(target)
        if credentials is not None:
            # RFC 1929 section 2.
            name, password = (each.encode() for each in (credentials.username, credentials.password))
            if not (0 < len(name) <= _MOST_TEXT and 0 < len(password) <= _MOST_TEXT):
                raise ValueError("SOCKS5 takes user names and passwords of 1 to 255 bytes.")
            self._login = bytes((1, len(name))) + name + bytes((len(password),)) + password

    def begin(self) -> bytes:
        # RFC 1928 section 3.
        if self._credentials is None:
            return bytes((_VERSION, 1, _NO_AUTHENTICATION))
        return bytes((_VERSION, 2, _NO_AUTHENTICATION, _BY_PASSWORD))

    def feed(self, data: bytes) -> bytes | None:
        self._received += data
        said = b""
        while True:
            answer = self._step()
            if answer is None:
                return said
            if self._step == self._done:
                self.leftover = bytes(self._received)
                return None
            said += answer

    # Steps: each takes its message and gives what to say; None if there is not enough yet.

    def _take_method(self) -> bytes | None:
        if (reply := self._take(2)) is None:
            return None
        if reply[0] != _VERSION:
            raise UpstreamError(
                UpstreamFault.PROTOCOL,
                f"answers {quoted(reply)}, which is not SOCKS5: it may be of another kind",
            )
        if reply[1] == _NO_AUTHENTICATION:
            self._step = self._take_reply
            return self._request()
        if reply[1] == _BY_PASSWORD and self._credentials is not None:
            self._step = self._take_verdict
            return self._login
        if reply[1] in (_BY_PASSWORD, _NO_METHOD) and self._credentials is None:
            raise UpstreamError(UpstreamFault.CREDENTIALS, "demands a user name and password")
        raise UpstreamError(
            UpstreamFault.CREDENTIALS, "demands another way to sign in than user name and password"
        )

    def _take_verdict(self) -> bytes | None:
        if (reply := self._take(2)) is None:
            return None
        if reply[1] != 0:
            raise UpstreamError(UpstreamFault.CREDENTIALS, "does not accept the user name and password")
        self._step = self._take_reply
        return self._request()

    def _take_reply(self) -> bytes | None:
        # RFC 1928 section 6. A refusal may be cut short behind its code.
        received = self._received
        if len(received) < 2:
            return None
        if received[0] != _VERSION:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"answers {quoted(bytes(received[:16]))}, not SOCKS5")
        code = received[1]
        if code in _UNREACHED:
            raise UpstreamError(UpstreamFault.TARGET, f"cannot reach {self._target}: {_UNREACHED[code]}")
        if code != 0:
            why = _REFUSED.get(code, f"it gives code {code}")
            raise UpstreamError(UpstreamFault.REFUSED, f"refuses the connection to {self._target}: {why}")
        if len(received) < 5:
            return None
        lengths = {_IPV4: 4, _IPV6: 16, _NAME: 1 + received[4]}
        if received[3] not in lengths:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"names an address of the unknown kind {received[3]}")
        if self._take(4 + lengths[received[3]] + 2) is None:
            return None
        self._step = self._done
        return b""

    def _done(self) -> bytes | None:
        return None

    def _take(self, count: int) -> bytes | None:
        if len(self._received) < count:
            return None
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _request(self) -> bytes:
        # RFC 1928 section 4.
        return bytes((_VERSION, _CONNECT, 0)) + self._place + self._target.port.to_bytes(2, "big")


def _address(target: Authority) -> bytes:
    """A host as RFC 1928 section 5 writes it."""
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        name = target.host.encode("ascii", "ignore")
        if not 0 < len(name) <= _MOST_TEXT:
            raise ValueError(f"SOCKS5 takes host names of 1 to 255 bytes: {quoted(target.host)}.") from None
        return bytes((_NAME, len(name))) + name
    return bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed
