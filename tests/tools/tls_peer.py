"""The other end of a TLS stream, with control over every byte and over how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl


class TlsPeer:
    """A client, or a server, over streams of asyncio. What it sends can be cut anywhere."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        host: str | None,
    ) -> None:
        """`host` is the server's name; None: this is the server."""
        self.reader = reader
        self.writer = writer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=host is None, server_hostname=host
        )
        self.has_ended = False
        """The stream under TLS is over."""

    async def shake_hands(self) -> None:
        """Raises ssl.SSLError if that fails; its alert is sent."""
        while True:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                await self._more()
            except ssl.SSLError:
                self.flush()
                raise
            else:
                self.flush()
                return

    def encrypted(self, plain: bytes, record: int = 16 * 1024) -> bytes:
        """What to send, in records of that many bytes."""
        for at in range(0, len(plain), record):
            self.object.write(plain[at : at + record])
        return self._outgoing.read()

    def send(self, plain: bytes) -> None:
        self.writer.write(self.encrypted(plain))

    async def take(self, count: int) -> bytes:
        """Exactly so many plain bytes, or those until close_notify."""
        taken = bytearray()
        while len(taken) < count:
            try:
                data = self.object.read(count - len(taken))
            except ssl.SSLWantReadError:
                await self._more()
                continue
            except ssl.SSLZeroReturnError:
                break
            if not data:
                break
            taken += data
        return bytes(taken)

    def notify(self) -> None:
        """Say close_notify, and no FIN."""
        unread = self._incoming.read()
        with contextlib.suppress(ssl.SSLError):
            self.object.unwrap()
        self._incoming.write(unread)
        self.flush()

    def flush(self) -> None:
        self.writer.write(self._outgoing.read())

    async def _more(self) -> None:
        data = await self.reader.read(64 * 1024)
        if not data:
            self.has_ended = True
            self._incoming.write_eof()
        self._incoming.write(data) if data else None
