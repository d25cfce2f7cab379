"""One direction of a relayed connection without sockets: bytes go in, and what its receiver gets comes out."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from typing import Self

from hypothesis import strategies as st

from core.net.legs.advice import Advice
from core.net.legs.outlet import Sending
from core.net.legs.passage import Passage
from core.net.settings import Limits
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import Caused, FrameReceived, Message, Origin, Report, singly
from core.protocol.handling import DecidedBy
from core.protocol.inbound import Inbound
from core.protocol.limits import ConnectionLimits, Overlong
from core.protocol.outgoing import RawEnd
from core.protocol.rewriting import Rewriting
from core.protocol.sender import Sender
from core.protocol.state import Role
from core.protocol.violations import Judgement
from core.rules.decision import Decision
from core.rules.hearing import Hearing
from core.rules.verdict import Cut, Send

LIMITS = Limits(message_bytes=1 << 16, memory_bytes=1 << 20)
KEY = b"\1\2\3\4"
PARAMETERS = st.none() | st.builds(
    DeflateParameters, st.booleans(), st.booleans(), st.integers(8, 15), st.integers(8, 15)
)
SENDERS = st.sampled_from(Role)


def spoken(
    sender: Role, deflate: DeflateParameters | None, said: Sequence[tuple[bytes, int, bool]]
) -> list[bytes]:
    """The wire bytes of messages, each with its number of fragments and whether it is compressed."""
    speaker = Sender(sender)
    if deflate is not None:
        speaker.deflater = Deflater(deflate, sender, level=9)
    pieces = []
    for payload, fragments, compress in said:
        speaker.message(2, payload, origin=Origin.COMPOSED, fragments=fragments, compress=compress)
        pieces.append(b"".join(speaker.take()))
    return pieces


def reads_of(data: bytes, chance: random.Random) -> list[bytes]:
    """The data in pieces as reads bring them."""
    pieces = []
    at = 0
    while at < len(data):
        size = chance.choice((1, 2, 5, 40, 500, 5000))
        pieces.append(data[at : at + size])
        at += size
    return pieces


def inbound(sender: Role, deflate: DeflateParameters | None, message_bytes: int = 1 << 16) -> Inbound:
    """A reader of what that side sends."""
    reader = Inbound(
        sender, ConnectionLimits(message_bytes=message_bytes), Judgement.TOLERANT, Overlong.READ_PAST
    )
    if deflate is not None:
        reader.start_compression(deflate)
    return reader


def read(reader: Inbound, data: bytes) -> list[Report]:
    """What these bytes mean."""
    reader.feed(data)
    reports: list[Report] = []
    while reader.has_more:
        reports += reader.receive()
    return reports


def messages_in(reports: Sequence[Report]) -> list[bytes]:
    """The payloads of whole messages; frames that break a rule are not allowed."""
    found = []
    for event in singly(reports):
        assert isinstance(event, FrameReceived)
        assert event.violations == (), event
        if isinstance(event.completes, Message):
            found.append(event.completes.payload)
        elif event.completes is not None:
            found.append(event.frame.payload)
    return found


class RuledLine:
    """A `PassageHost` whose receiver is a list of bytes."""

    def __init__(
        self,
        sender: Role = Role.CLIENT,
        deflate: DeflateParameters | None = None,
        hearing: Hearing | None = None,
        *,
        before: bytes = b"",
        limits: Limits = LIMITS,
        advice: Advice | None = None,
    ) -> None:
        """`before` has passed before the rules applied."""
        self.loop = asyncio.new_event_loop()
        self.sender = sender
        self.now = 0
        self.clock = lambda: self.now
        self._tickets = itertools.count(1)
        self.told: list[Report] = []
        self.sent: list[Caused] = []
        self.sends: list[Send] = []
        self.cuts: list[Cut] = []
        self.out = bytearray(before)
        self.is_paused = False
        self.failure = ""
        self._reader = inbound(sender, deflate, limits.message_bytes)
        read(self._reader, before)
        self.passage = Passage(
            self,
            sender,
            Rewriting(sender, deflate),
            limits,
            ahead=self._reader.begun_bytes,
            in_message=self._reader.is_in_message,
        )
        self.passage.hear(hearing, advice)

    def feed(self, data: bytes) -> None:
        """What the sender sends next."""
        self.passage.add(data)
        for report in read(self._reader, data):
            self.passage.take(report, self.now)
        if self._reader.is_reading_past:
            self.passage.run_ahead()
        self.passage.departures.flush()

    def inject(self, sending: Sending) -> None:
        self.passage.departures.outlet.send(sending)
        self.passage.departures.flush()

    def decide(self, ticket: int, decision: Decision) -> bool:
        done = self.passage.departures.decide(ticket, decision, DecidedBy.PERSON)
        self.passage.departures.flush()
        return done

    def waiting(self) -> list[int]:
        """Tickets of what waits for a person."""
        return [message.key.ticket for message in self.passage.held(1)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.loop.close()

    # PassageHost.

    def next_ticket(self) -> int:
        return next(self._tickets)

    def tell(self, sender: Role, events: Sequence[Report]) -> None:  # noqa: ARG002
        self.told += events

    def tell_sent(self, sender: Role, events: Sequence[Caused]) -> None:  # noqa: ARG002
        self.sent += events

    def write(self, sender: Role, pieces: Sequence[bytes]) -> None:  # noqa: ARG002
        for piece in pieces:
            self.out += piece

    def send_besides(self, send: Send, ticket: int, rules: tuple[str, ...]) -> None:  # noqa: ARG002
        self.sends.append(send)

    def cut(self, cut: Cut, sender: Role) -> None:  # noqa: ARG002
        self.cuts.append(cut)

    def advised(self, sender: Role) -> None:
        """Nothing follows from it here."""

    def raw_ended(self, sender: Role, end: RawEnd) -> None:
        pass

    def stop_reading(self, sender: Role) -> None:  # noqa: ARG002
        self.is_paused = True

    def go_on_reading(self, sender: Role) -> None:  # noqa: ARG002
        self.is_paused = False

    def held_changed(self) -> None:
        pass

    def fail(self, reason: str) -> None:
        self.failure = reason
