"""Random traffic for captures, and the simplest possible account of what a capture should then show."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.capture.legs import LegChange
from core.capture.records import Mode, View
from core.capture.tracks import Opened
from core.capture.writer import Batch
from core.protocol.events import Completes, Event, FrameReceived, FrameSent, HandshakeDone, Message, Origin
from core.protocol.frames import Frame, Opcode, make_frame
from core.protocol.handshake import Answer
from core.protocol.violations import Violation, violation

OPENED = Opened(Mode.LISTEN, "127.0.0.1:50000", "127.0.0.1:8080")
ACCEPTED = HandshakeDone(Answer(101, "", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"))


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame that was recorded."""

    id: int
    connection: int
    number: int
    time_ns: int
    event: FrameReceived | FrameSent

    @property
    def frame(self) -> Frame:
        return self.event.frame

    @property
    def content(self) -> bytes:
        message = self.event.message
        return self.frame.payload if message is None else message.payload

    @property
    def violations(self) -> tuple[Violation, ...]:
        return self.event.violations if isinstance(self.event, FrameReceived) else ()


@dataclass(slots=True)
class Account:
    """All frames in one list, filtered anew for each question."""

    kept: list[Kept] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    next_id: int = 1

    def add(self, batch: Batch, *, recording: bool = True) -> None:
        if isinstance(batch.events, Opened | LegChange):
            return
        for event in batch.events:
            if isinstance(event, FrameReceived | FrameSent):
                number = self.numbers[batch.connection] = self.numbers.get(batch.connection, 0) + 1
                if recording:
                    self.kept.append(Kept(self.next_id, batch.connection, number, batch.time_ns, event))
                    self.next_id += 1

    def rows(self, view: View) -> list[Kept]:
        return [
            each
            for each in self.kept
            if view.connection in (None, each.connection) and (view.control or not each.frame.is_control)
        ]


def all_views(connections: Sequence[int]) -> Iterator[View]:
    for connection in (None, *connections):
        for control in (True, False):
            yield View(connection, control)


def opened(connection: int, time_ns: int = 0) -> Batch:
    return Batch(connection, time_ns, OPENED, 0)


def received(connection: int, *payloads: bytes, time_ns: int = 0) -> Batch:
    """Plain masked binary messages of a client, each with a key of its own."""
    events: list[Event] = [
        FrameReceived(plain(payload, key=(index + 1).to_bytes(4, "big")), (), Completes.ITSELF)
        for index, payload in enumerate(payloads)
    ]
    return Batch(connection, time_ns, events, sum(map(len, payloads)))


def plain(payload: bytes, *, opcode: int = Opcode.BINARY, key: bytes | None = b"\x01\x02\x03\x04") -> Frame:
    return make_frame(opcode, payload, masking_key=key)


class Traffic:
    """Random batches of several connections, in runs long and short, plain and odd."""

    def __init__(self, seed: int, connections: Sequence[int]) -> None:
        self._random = random.Random(seed)
        self._connections = connections
        self._time = 1_700_000_000_000_000_000

    def opening(self) -> Iterator[Batch]:
        for connection in self._connections:
            yield opened(connection, self._time)
            yield Batch(connection, self._time, [ACCEPTED], 0)

    def batches(self, count: int) -> Iterator[Batch]:
        for _ in range(count):
            self._time += self._random.randrange(1, 1_000_000)
            run: list[Event] = []
            for _ in range(self._random.choice((1, 1, 2, 3))):
                run += self._run()
            yield Batch(self._random.choice(self._connections), self._time, run, 0)

    def _run(self) -> list[Event]:
        dice = self._random
        length = dice.choice((1, 2, 5, 40, 300))
        kind = dice.randrange(6)
        if kind < 3:
            return [self._plain_received() for _ in range(length)]
        if kind == 3:
            return [self._plain_sent() for _ in range(length)]
        return [self._any() for _ in range(min(length, 40))]

    def _plain_received(self) -> FrameReceived:
        opcode = self._random.choice((Opcode.TEXT, Opcode.BINARY))
        return FrameReceived(plain(self._payload(), opcode=opcode, key=self._key()), (), Completes.ITSELF)

    def _plain_sent(self) -> FrameSent:
        frame = plain(self._payload(), opcode=Opcode.TEXT, key=None)
        return FrameSent(frame, self._random.choice((Origin.COMPOSED, Origin.RULE)), Completes.ITSELF)

    def _any(self) -> FrameReceived | FrameSent:
        dice = self._random
        match dice.randrange(6):
            case 0:
                frame = plain(self._payload()[:125], opcode=dice.choice((8, 9, 10)), key=None)
                return FrameSent(frame, Origin.AUTOMATIC, None)
            case 1:
                return FrameReceived(plain(b"ping", opcode=Opcode.PING, key=self._key()), (), None)
            case 2:
                fragment = make_frame(Opcode.TEXT, self._payload(), fin=False, masking_key=self._key())
                return FrameReceived(fragment, (), None)
            case 3:
                return self._last_fragment()
            case 4:
                return self._odd()
        return self._plain_received()

    def _last_fragment(self) -> FrameReceived:
        compressed = self._random.random() < 0.5
        piece = self._random.choice((b"", self._payload()))
        message = Message(Opcode.TEXT, self._payload() * 3, compressed, 3, len(piece) + 20)
        return FrameReceived(make_frame(Opcode.CONTINUATION, piece, masking_key=self._key()), (), message)

    def _odd(self) -> FrameReceived:
        dice = self._random
        payload = self._payload()
        frame = Frame(
            dice.randrange(256),
            dice.choice((None, bytes(4), self._key())),
            payload,
            2 if len(payload) > 0xF000 else dice.choice((1, 2)),
            len(payload) + dice.choice((0, 0, 1, 1000)),
        )
        rules = dice.sample(("rsv2-set", "opcode-reserved", "length-not-minimal", "frame-truncated"), 2)
        return FrameReceived(frame, tuple(violation(rule, "detail", 1, 2) for rule in rules), None)

    def _key(self) -> bytes:
        return self._random.randbytes(4)

    def _payload(self) -> bytes:
        dice = self._random
        return dice.randbytes(
            dice.choice((0, 1, 3, 30, 125, 126, 300, 300, 70_000 if dice.random() < 0.02 else 7))
        )


def files_of(path: Path) -> list[str]:
    """Names of all files that belong to a capture."""
    return sorted(each.name for each in path.parent.iterdir() if each.name.startswith(path.name))
