"""Captures made from real protocol events by the real recorder, without socket or engine."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, Mode, SourceLabel
from core.capture.ring import Keep
from core.capture.tracks import Opened
from core.protocol.endpoint import Endpoint
from core.protocol.events import Event, Origin, Report, RequestReceived
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import ServerPolicy, client_request, new_key
from core.protocol.opening import ServerSide
from core.protocol.violations import Judgement

START_NS = 1_760_000_000_000_000_000
STEP_NS = 1_000_000
KEY = bytes.fromhex("37fa213d")


class Peer:
    """A client of a recorded connection; what it sends goes through the real protocol into the capture."""

    def __init__(
        self, maker: CaptureMaker, path: str, deflate: str | None, source: SourceLabel | None
    ) -> None:
        self._maker = maker
        self._connection = Endpoint(ServerSide(ServerPolicy(judgement=Judgement.TOLERANT)))
        opened = Opened(Mode.LISTEN, "127.0.0.1:50312", "127.0.0.1:8080", source)
        self.id = maker.recorder.open_connection(opened, maker.tick())
        # Inserted afterwards, because our client refuses to request an invalid target.
        request = client_request("127.0.0.1:8080", "/target", new_key(), deflate=deflate)
        self._request = request.replace(b"/target", path.encode("latin-1"), 1)

    def ask(self) -> None:
        """The client sends its request."""
        self.receive(self._request)

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        events = self._connection.receive_data(data)
        for event in list(events):
            if isinstance(event, RequestReceived):
                events += self._connection.answer(event.proposed)
        while self._connection.has_more:
            events += self._connection.receive_data(b"")
        self._keep(events, len(data))

    def say(self, text: str) -> None:
        """The client sends a text message."""
        self.frame(Opcode.TEXT, text.encode())

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, key: bytes | None = KEY) -> None:
        """The client sends a frame, which may be an odd one."""
        self.receive(make_frame(opcode, payload, fin=fin, masking_key=key).wire())

    def answer(self, text: str) -> None:
        """The server sends a text message."""
        sent = self._connection.send_message(Opcode.TEXT, text.encode(), origin=Origin.COMPOSED)
        self._keep(sent, len(text))

    def flood(self, count: int) -> None:
        """The client sends `count` short text messages in one go."""
        frames = (make_frame(Opcode.TEXT, b"%d" % number, masking_key=KEY) for number in range(count))
        self.receive(b"".join(frame.wire() for frame in frames))

    def tell(
        self, events: list[Report], received: Direction = Direction.CLIENT_TO_SERVER, *, after_ns: int = 0
    ) -> None:
        """Something happens that this client has no part in, so much later than the last."""
        self._maker.recorder.record(self.id, self._maker.tick() + after_ns, events, 0, received)

    def vanish(self) -> None:
        """The client's stream ends."""
        self._keep(self._connection.receive_eof(), 0)

    def _keep(self, events: list[Event], size: int) -> None:
        self._connection.data_to_send()
        self._maker.recorder.record(self.id, self._maker.tick(), events, size, Direction.CLIENT_TO_SERVER)


class CaptureMaker:
    """A recorder, and a clock that advances one millisecond per step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._now = START_NS
        self._readers: list[CaptureReader] = []
        nothing = RecorderCallbacks(lambda: None, lambda: None, lambda _error: None)
        self.recorder = Recorder(path, "0", nothing)

    def tick(self) -> int:
        self._now += STEP_NS
        return self._now

    def peer(self, path: str = "/chat", *, deflate: str | None = None, source: str | None = None) -> Peer:
        """Connect another client, which offers this compression, through a source of this name."""
        label = None if source is None else SourceLabel(Mode.LISTEN, source, "127.0.0.1:8080", "")
        peer = Peer(self, path, deflate, label)
        peer.ask()
        return peer

    def newcomer(self, path: str = "/chat") -> Peer:
        """Connect another client, which has asked for nothing yet."""
        return Peer(self, path, None, None)

    def keep_last(self, frames: int) -> None:
        """Limit the capture to these frames, in whole blocks; what was recorded since the last `flush` is one block."""
        self.recorder.flush()
        self.recorder.set_keep(Keep(frames=frames))
        # Frames beyond the bound are dropped at the end of the turn in which the first one is reached.
        self.recorder.flush()
        self.recorder.flush()

    def reader(self) -> CaptureReader:
        """A reader of everything recorded so far; closed with the maker."""
        self.recorder.flush()
        reader = CaptureReader(self.path)
        self._readers.append(reader)
        return reader

    def __enter__(self) -> CaptureMaker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.close()
        self.recorder.close()
