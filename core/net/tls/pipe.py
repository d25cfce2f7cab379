"""OpenSSL between two queues of bytes, without I/O: encrypted bytes in and out on one side, plain ones on the other."""

from __future__ import annotations

import contextlib
import ssl
from collections import deque
from collections.abc import Callable

from core.capture.legs import Tls
from core.net.tls.failures import TlsFailure
from core.net.tls.openings import Opening

MOST_DELIVERED = 256 * 1024
"""Plain bytes taken out at once."""
_RECORD = 16 * 1024
"""The most that one record carries (RFC 8446 section 5.1)."""
_PORTION = 64 * 1024
"""Bytes given to OpenSSL at once: it may use them all up before it returns."""
_LOOKS = 32
"""Records read between two looks at the clock."""


class TlsPipe:
    """One side of one stream."""

    def __init__(self, opening: Opening, clock: Callable[[], int]) -> None:
        self.received_bytes = 0
        """Number of encrypted bytes received."""
        self.is_notified = False
        """The peer has said close_notify."""
        self._opening = opening
        self._clock = clock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object: ssl.SSLObject | None = None
        self._backlog: deque[memoryview] = deque()
        """Received, and not given to OpenSSL yet."""
        self._backlog_bytes = 0

    @property
    def object(self) -> ssl.SSLObject | None:
        """OpenSSL's object, once enough is known to make it."""
        return self._object

    @property
    def unread_bytes(self) -> int:
        """Encrypted bytes that wait. What is incomplete does not count once OpenSSL has looked at it."""
        return self._backlog_bytes + self._incoming.pending

    @property
    def tls(self) -> Tls:
        """What was agreed on."""
        assert self._object is not None
        return self._opening.describe(self._object)

    @property
    def tls_despite(self) -> Tls | None:
        """What is known of a peer with whom nothing was agreed on."""
        return None if self._object is None else self._opening.describe_failed(self._object)

    @property
    def vanished(self) -> TlsFailure:
        """What it means that the stream ends in the middle of the handshake."""
        return self._opening.vanished(self._object)

    def receive(self, data: bytes) -> None:
        """Take what came from the peer."""
        self.received_bytes += len(data)
        self._backlog.append(memoryview(data))
        self._backlog_bytes += len(data)

    def first_bytes(self) -> bytes:
        """What came, as long as there is no object."""
        return b"".join(self._backlog)

    def drop_unread(self) -> None:
        """Forget what waits."""
        self._backlog.clear()
        self._backlog_bytes = 0
        self._incoming.read()

    def to_send(self) -> bytes:
        """Encrypted bytes for the peer."""
        return self._outgoing.read()

    def shake(self) -> bool | TlsFailure:
        """Go on with the handshake; whether it is done."""
        if self._object is None:
            opened = self._opening.open(self.first_bytes(), self._incoming, self._outgoing)
            if opened is None or isinstance(opened, TlsFailure):
                return opened or False
            self._object = opened
        self._feed()
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, ssl.CertificateError) as error:
            return self._opening.explain(error, self._object)
        return True

    def decrypt(self, until: int) -> tuple[list[bytes], TlsFailure | None]:
        """Some plain bytes, read until then (ns) at most; and why there will be no more."""
        assert self._object is not None
        read, incoming = self._object.read, self._incoming
        plain: list[bytes] = []
        size = 0
        while size < MOST_DELIVERED:
            if not incoming.pending:
                if not self._backlog:
                    break
                if self._clock() >= until:
                    break
                self._feed()
            try:
                data = read(_RECORD)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLZeroReturnError:
                # Both have said close_notify.
                data = b""
            except ssl.SSLError as error:
                self.drop_unread()
                return plain, self._opening.explain(error, self._object)
            if not data:
                # Nothing counts that comes after it (RFC 8446 section 6.1).
                self.is_notified = True
                self.drop_unread()
                break
            plain.append(data)
            size += len(data)
            if len(plain) % _LOOKS == 0 and self._clock() >= until:
                break
        return plain, None

    def encrypt(self, data: memoryview) -> TlsFailure | None:
        """Turn plain bytes into some `to_send`."""
        assert self._object is not None
        try:
            self._object.write(data)
        except ssl.SSLError as error:
            return self._opening.explain(error, self._object)
        return None

    def notify(self) -> None:
        """Say close_notify (RFC 8446 section 6.1)."""
        assert self._object is not None
        # OpenSSL would look for the peer's at once, and take data for a fault.
        unread = self._incoming.read()
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._incoming.write(unread)

    def ended(self) -> None:
        """The stream is over, after it had been secured."""
        assert self._object is not None
        self._opening.ended(self._object)

    def _feed(self) -> None:
        """Give OpenSSL some of what was received."""
        most = _PORTION
        while self._backlog and most > 0:
            piece = self._backlog.popleft()
            if len(piece) > most:
                self._backlog.appendleft(piece[most:])
                piece = piece[:most]
            self._incoming.write(piece)
            self._backlog_bytes -= len(piece)
            most -= len(piece)
