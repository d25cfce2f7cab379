"""One connection recorded through the real protocol, identical in every run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from core.capture.follow import Entry, Follower
from core.capture.reader import CaptureReader
from core.capture.records import Mode, SourceLabel
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.protocol.endpoint import Endpoint
from core.protocol.events import Origin, RequestReceived
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import ServerPolicy, client_request
from core.protocol.opening import ServerSide
from core.protocol.violations import Judgement

KEY = bytes.fromhex("37fa213d")
LISTENING = SourceLabel(Mode.LISTEN, "listen", "127.0.0.1:8080", "")
START = 1_760_000_000_000_000_000
"""2025-10-09 08:53:20 UTC."""


class Conversation:
    """A client talks to a tolerant server; every step takes a nanosecond."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = Endpoint(ServerSide(ServerPolicy(judgement=Judgement.TOLERANT)))
        opened = Opened(Mode.LISTEN, "127.0.0.1:50312", "127.0.0.1:8080", LISTENING)
        self._batches = [Batch(1, START, opened, 0)]

    def receive(self, data: bytes) -> None:
        connection = self._connection
        events = connection.receive_data(data)
        for event in list(events):
            if isinstance(event, RequestReceived):
                events += connection.answer(event.proposed)
        while connection.has_more:
            events += connection.receive_data(b"")
        self._batches.append(Batch(1, START + len(self._batches), events, 0))

    def open(self, *, deflate: str | None = None) -> None:
        self.receive(client_request("localhost:8080", "/chat", "dGhlIHNhbXBsZSBub25jZQ==", deflate=deflate))

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> None:
        self.receive(make_frame(opcode, payload, fin=fin, rsv=rsv, masking_key=KEY).wire())

    def reply(self, text: str) -> None:
        events = self._connection.send_message(Opcode.TEXT, text.encode(), origin=Origin.COMPOSED)
        self._batches.append(Batch(1, START + len(self._batches), events, 0))

    def end(self) -> None:
        self._batches.append(Batch(1, START + len(self._batches), self._connection.receive_eof(), 0))

    def keep(self) -> Path:
        """The capture of everything that was said; the conversation is over then."""
        if not self.path.exists():
            writer = CaptureWriter(self.path, "0")
            writer.write(self._batches)
            writer.close()
        return self.path

    def entries(self) -> list[Entry]:
        """Everything that was said, as a story."""
        with closing(CaptureReader(self.keep())) as reader:
            return list(Follower(reader).entries())
