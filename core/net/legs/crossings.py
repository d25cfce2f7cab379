"""The directions of a relayed connection in which something may be changed or sent along, while they are such."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from core.capture.records import Direction
from core.net.failures import Failure, FailureKind
from core.net.legs.advice import Advice
from core.net.legs.glut import Glut
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.outlet import Sending
from core.net.legs.passage import Passage
from core.net.legs.secrets import without_secrets
from core.net.legs.session import SessionHost
from core.net.legs.timers import Timers
from core.protocol.close_codes import close_code, close_reason
from core.protocol.events import Caused, Origin, Report
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy
from core.protocol.observer import Observer
from core.protocol.outgoing import OutgoingClose, RawEnd
from core.protocol.rewriting import Rewriting
from core.protocol.state import ReadyState, Role, peer_of
from core.rules.decision import Decision, HeldMessage
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import Cut, Send

DIRECTIONS = {Role.CLIENT: Direction.CLIENT_TO_SERVER, Role.SERVER: Direction.SERVER_TO_CLIENT}
_PASSING = (Moment.MESSAGE, Moment.FRAME)


class Crossings:
    """Those of one connection. Lives on the loop's thread."""

    def __init__(
        self,
        host: SessionHost,
        connection: int,
        observer: Observer,
        legs: Mapping[Role, Leg],
        tell: Callable[[Role, Sequence[Report], int], int],
        advised: Callable[[Role], None],
    ) -> None:
        """`tell` records what a side has sent, with the time; it gives its size for the recorder.

        `advised` is called when an adviser has answered about something of that side.
        """
        self.advised = advised
        self.loop, self.clock = host.loop, host.clock
        self._host = host
        self._id = connection
        self._observer = observer
        self._legs = legs
        self._tell = tell
        self.passages: dict[Role, Passage | None] = {Role.CLIENT: None, Role.SERVER: None}
        """By sender; None: its bytes pass before they are looked at."""
        self._hearing: Hearing | None = None
        self._advice: Advice | None = None
        self.wanted: dict[Role, list[Sending]] = {}
        """Passages that begin as soon as all is read that came, and what is to be sent then."""
        self._tickets = itertools.count(1)
        self._timers = Timers(host.loop)
        self._glut = Glut(host, connection)
        self.has_cut = False
        """Whether Unmask has ended the connection, and neither side."""
        self.recorded = 0
        """Size of what was recorded, since this was set to 0."""

    @property
    def held_bytes(self) -> int:
        return sum(each.held_bytes for each in self._present())

    @property
    def is_stuck(self) -> bool:
        """Whether a side is not read, because no more may wait."""
        return any(each.departures.is_full for each in self._present())

    def waiting_bytes(self, toward: Role) -> int:
        """Bytes that wait for a side to read, or to be sent to it."""
        passage = self.passages[peer_of(toward)]
        waiting = 0 if passage is None else passage.departures.outlet.waiting_bytes
        return waiting + self._legs[toward].queued_bytes

    def takes_more(self, toward: Role) -> bool:
        """Whether something may still be sent along to a side."""
        sender = peer_of(toward)
        passage = self.passages[sender]
        # RFC 6455 section 5.5.1: nothing goes out behind a close frame, whether it came or is ours.
        if self._observer.inbound(sender).closing is not None or self._legs[toward].has_said_all:
            return False
        return passage is None or not passage.departures.takes_nothing

    def hear(self, hearing: Hearing | None, advice: Advice | None) -> None:
        """Ask these rules from now on, and `advice` about what no rule applies to. What is held stays held."""
        self._hearing, self._advice = hearing, advice
        for sender, passage in self.passages.items():
            concerned = hearing is not None and any(hearing.concerns(each, sender) for each in _PASSING)
            if passage is not None:
                passage.hear(hearing, advice)
                self.end_if_needless(sender)
            elif concerned or advice is not None:
                self.wanted.setdefault(sender, [])
        self.begin_wanted()

    def send(self, sending: Sending, toward: Role) -> None:
        """Send something along as soon as that disturbs nothing."""
        sender, leg = peer_of(toward), self._legs[toward]
        passage = self.passages[sender]
        if not (leg.is_open and self.takes_more(toward)) or self._glut.is_there(self.waiting_bytes(toward)):
            return
        if passage is None:
            self.wanted.setdefault(sender, []).append(sending)
            self.begin_wanted()
            return
        passage.departures.outlet.send(sending)
        passage.departures.flush()
        if isinstance(sending.outgoing, OutgoingClose):
            leg.set_timer(self._host.settings.limits.close_seconds, self._close_is_overdue)
        self.end_if_needless(sender)

    def stop_raw(self) -> None:
        """Send no more of raw bytes that are under way, toward either side."""
        for passage in self._present():
            passage.departures.outlet.stop_raw()

    @property
    def held_count(self) -> int:
        return sum(each.departures.held_count for each in self._present())

    def held(self) -> Iterator[HeldMessage]:
        """What waits for a person, the client's first."""
        for passage in self._present():
            yield from passage.held(self._id)

    def decide(self, ticket: int, decision: Decision) -> bool:
        """Let something go on that is held, or not. False if it is not held."""
        for sender, passage in self.passages.items():
            if passage is not None and passage.departures.decide(ticket, decision, DecidedBy.PERSON):
                self.flush()
                self.end_if_needless(sender)
                return True
        return False

    def flush(self) -> None:
        """Hand over what goes out, and what was reported."""
        for passage in self._present():
            passage.departures.flush()

    def begin_wanted(self) -> None:
        """Begin the passages that are wanted, as far as it is known where a frame begins."""
        for sender in tuple(self.wanted):
            if self._observer.has_more(sender) or self._observer.state is not ReadyState.OPEN:
                continue
            sendings = self.wanted.pop(sender)
            inbound = self._observer.inbound(sender)
            passage = Passage(
                self,
                sender,
                Rewriting(sender, self._observer.deflate),
                self._host.settings.limits,
                ahead=inbound.begun_bytes,
                in_message=inbound.is_in_message,
            )
            passage.hear(self._hearing, self._advice)
            self.passages[sender] = passage
            for sending in sendings:
                self.send(sending, peer_of(sender))

    def end_if_needless(self, sender: Role) -> None:
        """Let the bytes of a side pass before they are looked at, if nothing speaks against it any more."""
        passage = self.passages[sender]
        if passage is not None and passage.is_needless and not self._observer.has_more(sender):
            passage.end()
            self.passages[sender] = None

    def cut_side(self, side: Role, cut: Cut) -> None:
        """End the connection to a side, or only the stream toward it."""
        if cut is Cut.RESET:
            self.has_cut = True
            self.lose(side)
            self._legs[side].reset()
        else:
            self.half_close(side)

    def lose(self, side: Role) -> None:
        """That side has gone, and gets nothing any more."""
        toward = self.passages[peer_of(side)]
        if toward is not None:
            toward.departures.lose_receiver()
            toward.departures.flush()

    def stop(self) -> None:
        """The connection is over."""
        self._timers.stop()
        self.wanted.clear()

    # Called by the passages.

    def next_ticket(self) -> int:
        return next(self._tickets)

    def tell(self, sender: Role, events: Sequence[Report]) -> None:
        self.recorded += self._tell(sender, events, self.clock())

    def tell_sent(self, sender: Role, events: Sequence[Caused]) -> None:
        for event in events:
            frame = event.sent.frame
            if frame.opcode == Opcode.CLOSE and event.sent.origin is not Origin.EDITED:
                self._observer.note_close(close_code(frame.payload), close_reason(frame.payload) or "")
        told = without_secrets(events, self._hearing, sender, self.clock())
        size = sum(len(event.sent.frame.payload) for event in events)
        direction = DIRECTIONS[peer_of(sender)]
        self.recorded += self._host.recorder.record(self._id, self.clock(), told, size, direction)

    def write(self, sender: Role, pieces: Sequence[bytes]) -> None:
        self._legs[peer_of(sender)].write(pieces)

    def send_besides(self, send: Send, ticket: int, rules: tuple[str, ...]) -> None:
        sending = Sending(send.outgoing, Origin.RULE, ticket, rules)
        if send.after_seconds > 0:
            self._timers.after(send.after_seconds, lambda: self.send(sending, send.toward))
        else:
            self.send(sending, send.toward)

    def cut(self, cut: Cut, sender: Role) -> None:
        self.flush()
        if cut is Cut.RESET:
            self.has_cut = True
            for leg in self._legs.values():
                leg.reset()
        else:
            self.half_close(peer_of(sender))

    def raw_ended(self, sender: Role, end: RawEnd) -> None:
        if end is RawEnd.RESET:
            self._legs[peer_of(sender)].reset()
        elif end is RawEnd.HALF_CLOSE:
            self.half_close(peer_of(sender))

    def half_close(self, side: Role) -> None:
        """End the stream toward a side; what it sends still passes."""
        passage = self.passages[peer_of(side)]
        if passage is not None:
            # A frame that has begun to go out is not cut off.
            passage.departures.hurry()
            passage.departures.flush()
            passage.departures.end_output()
        self._legs[side].say_no_more()

    def stop_reading(self, sender: Role) -> None:
        self._legs[sender].pause(PauseReason.HELD)
        self._host.ruling.held_changed()

    def go_on_reading(self, sender: Role) -> None:
        self._legs[sender].resume(PauseReason.HELD)
        self._host.ruling.held_changed()

    def held_changed(self) -> None:
        self._host.ruling.held_changed()

    def fail(self, reason: str) -> None:
        self._host.tell_failure(Failure(FailureKind.CONNECT, "", reason))
        self.has_cut = True
        for leg in self._legs.values():
            leg.abort()

    # Internals.

    def _present(self) -> Iterator[Passage]:
        return (each for each in self.passages.values() if each is not None)

    def _close_is_overdue(self) -> None:
        self.has_cut = True
        for leg in self._legs.values():
            leg.abort()
