"""Turns the bytes of one sender after its opening handshake into frames and messages, and lists the rules they break.

An `Inbound` answers nothing and changes nothing. Its owner decides what follows: an endpoint answers pings and fails
connections, an observer only watches.
"""

from __future__ import annotations

from core.protocol.anatomy import count_bytes
from core.protocol.arrivals import Arrivals
from core.protocol.deflate import DeflateParameters, Inflater
from core.protocol.events import Completes, FrameReceived, Message, Report
from core.protocol.frame_runs import FrameColumns, lone_frame
from core.protocol.frames import Frame, Opcode
from core.protocol.judge import Judge, fatal
from core.protocol.limits import ConnectionLimits, Overlong
from core.protocol.messages import Assembler, over_limit
from core.protocol.reading_past import ReadingPast
from core.protocol.state import Role, peer_of
from core.protocol.steps import Steps
from core.protocol.trailing import Trailing
from core.protocol.utf8 import PIECE, is_utf8
from core.protocol.violations import Judgement, Violation, violation

_ITSELF = Completes.ITSELF


class Inbound:
    """One direction of a connection. `feed` takes bytes; `receive` gives what they mean, in portions."""

    def __init__(
        self, sender: Role, limits: ConnectionLimits, judgement: Judgement, overlong: Overlong
    ) -> None:
        self._limits = limits
        self._judgement = judgement
        self._overlong = overlong
        self._receiver = peer_of(sender)
        self._arrivals = Arrivals(limits.message_bytes, self._is_plain_run)
        self._decoder = self._arrivals.decoder
        self._judge = Judge(sender)
        self._assembler = Assembler(limits.message_bytes, judgement, overlong)
        self._under_way: Steps[FrameReceived] | None = None
        """Unfinished work on a large message."""
        self._large: Frame | None = None
        """The frame of that work."""
        self._beyond = bytearray()
        """Bytes of a frame too long to hold, while the frames before it are not yet reported."""
        self._passing: ReadingPast | None = None
        """Such a frame while it passes."""
        self._assembles = True
        self.closing: tuple[int, str] | None = None
        """Code and reason of the first close frame."""
        self.ended = False
        """Whether the start of the next frame is unknown: everything further is trailing."""
        self.trailing = Trailing(limits.trailing_bytes)
        """Bytes that do not belong to a frame."""

    @property
    def has_more(self) -> bool:
        """Whether `receive` can do more with bytes already received."""
        if self._under_way is not None or self._arrivals.has_more:
            return True
        if self._passing is not None:
            return self._passing.is_past
        return self._decoder.overlong and not self.ended

    @property
    def begun_bytes(self) -> int:
        """Bytes that have come of a frame that is not whole. Only known while `has_more` is false."""
        if self._passing is not None:
            return len(self._passing.frame.header()) + self._passing.came
        return self._decoder.held_bytes

    @property
    def is_in_message(self) -> bool:
        """Whether a message has begun whose last frame has not been reported."""
        return not self._assembler.idle

    @property
    def is_reading_past(self) -> bool:
        """Whether a frame is coming that is too long to be held."""
        return self._passing is not None

    @property
    def held_bytes(self) -> int:
        """Bytes held: unfinished frames and messages, kept bytes outside of frames, and the inflater's state."""
        held = self._arrivals.held_bytes + self._assembler.held_bytes + self.trailing.held_bytes
        held += len(self._beyond)
        return held if self._passing is None else held + self._passing.held_bytes

    def start_compression(self, parameters: DeflateParameters) -> None:
        """Start permessage-deflate as negotiated (RFC 7692 section 5)."""
        self._assembler.inflater = Inflater(parameters, self._receiver)
        self._judge.compression = True

    def stop_assembling(self) -> None:
        """The connection has failed: frames are still reported and judged, but no longer joined to messages."""
        self._assembles = False
        self._assembler.drop()

    def feed(self, data: bytes) -> None:
        """Take received bytes."""
        if self.ended:
            self.trailing.add(data)
        elif self._passing is not None and not self._passing.is_past:
            self._go_past(self._passing, data)
        elif self._decoder.overlong:
            # Reported after the frames before it.
            self._beyond += data
        else:
            self._arrivals.feed(data)

    def take_alone(self, data: bytes) -> FrameReceived | None:
        """The report of `data` if that is exactly one plain message that breaks no rule, and nothing else waits; None
        if it must be fed. The short way for peers that send a message at a time.
        """
        if self._under_way is not None or self._passing is not None or self.ended:
            return None
        if not (self._takes_plain and self._arrivals.is_idle):
            return None
        frame = lone_frame(data, self._limits.message_bytes)
        if frame is None or not self._is_plain(frame):
            return None
        return FrameReceived(frame, (), _ITSELF)

    def receive(self) -> list[Report]:
        """A portion of what arrived: whole plain messages that break no rule, or one frame of any other kind.

        If the result is empty and `has_more` is set, a large message is being processed.
        """
        if self._passing is not None:
            return [self._take_passed(self._passing)] if self._passing.is_past else []
        if self._under_way is not None:
            return self._go_on(self._under_way)
        if self._decoder.has_more:
            self._arrivals.feed(b"")
        reports = self._receive_portion()
        if reports or self._under_way is not None or self.ended or not self._decoder.overlong:
            return reports
        return self._meet_overlong()

    def let_go(self, found: Violation) -> FrameReceived | None:
        """Drop an unfinished frame and report it, truncated, with `found`; None if there is none to report."""
        if self._under_way is not None and self._large is not None:
            frame, self._under_way, self._large = self._large, None, None
            return FrameReceived(frame, (found,), None)
        if self._arrivals.decoded or not self._decoder.holds_header:
            return None
        # RFC 6455 section 5.2: the next frame cannot be located without reading the rest of this one.
        self.ended = True
        begun, rest = self._decoder.take_partial()
        assert begun is not None, "it holds a header"
        self.trailing.add(rest)
        return FrameReceived(begun, (found,), None)

    def end(self) -> list[FrameReceived]:
        """What is left of a last frame, after the stream has ended and everything was received."""
        if self.ended:
            return []
        self.ended = True
        if self._passing is not None:
            frame, came = self._passing.frame, self._passing.came
        else:
            partial, rest = self._decoder.take_partial()
            self.trailing.add(rest)
            if partial is None:
                return []
            frame, came = partial, len(partial.payload)
        found = self._judge.frame(frame)
        found.append(violation("frame-truncated", f"{came} of {frame.declared_length} payload bytes came"))
        self._note_after_close(frame, found)
        return [FrameReceived(frame, tuple(found), None)]

    # Internals.

    @property
    def _takes_plain(self) -> bool:
        """Whether nothing unfinished could be disturbed by a plain message."""
        return self._assembler.idle and self.closing is None and self._assembles

    def _is_plain_run(self, run: FrameColumns) -> bool:
        judge = self._judge
        if self._takes_plain and judge.is_plain_run(run, self._limits.message_bytes):
            if run.keys[-1] is not None:
                judge.last_key = run.keys[-1]
            return True
        return False

    def _is_plain(self, frame: Frame) -> bool:
        """Whether the frame is a whole message that breaks no rule, and small if it is a text; notes it then."""
        head, key, payload, _, length = frame
        if not (head == 0x82 or (head == 0x81 and length <= PIECE and is_utf8(payload))):
            return False
        judge = self._judge
        if length > self._limits.message_bytes or not judge.is_plain(frame):
            return False
        if key is not None:
            judge.last_key = key
        return True

    def _receive_portion(self) -> list[Report]:
        """The decoded frames up to the next one that is not a whole plain message."""
        reports: list[Report] = []
        while frame := self._arrivals.next_frame(reports):
            # The short way for almost every frame.
            if self._takes_plain and self._is_plain(frame):
                reports.append(FrameReceived(frame, (), _ITSELF))
            elif reports:
                self._arrivals.put_back(frame)
                break
            elif frame.head & 0x08:
                return [self._receive_control(frame)]
            else:
                self._large = frame
                return self._go_on(self._receiving(frame))
        return reports

    def _go_on(self, steps: Steps[FrameReceived]) -> list[Report]:
        """Run the next step; gives the result if it was the last."""
        try:
            next(steps)
        except StopIteration as done:
            self._under_way = self._large = None
            return [done.value]
        self._under_way = steps
        return []

    def _receiving(self, frame: Frame) -> Steps[FrameReceived]:
        """Process a data frame that is not a whole plain message."""
        found = self._judge.frame(frame)
        if self.closing is not None:
            self._note_after_close(frame, found)
            return FrameReceived(frame, tuple(found), None)
        completes: Message | Completes | None = None
        if self._assembles and fatal(found, self._judgement) is None:
            completes = yield from self._assembler.adding(frame, found)
        return FrameReceived(frame, tuple(found), completes)

    def _receive_control(self, frame: Frame) -> FrameReceived:
        """Process a control frame (RFC 6455 section 5.5: those with the opcode's highest bit)."""
        found = self._judge.frame(frame)
        if self.closing is not None:
            self._note_after_close(frame, found)
        elif frame.opcode == Opcode.CLOSE:
            self.closing = self._judge.close(frame, found)
        return FrameReceived(frame, tuple(found), None)

    def _note_after_close(self, frame: Frame, found: list[Violation]) -> None:
        if self.closing is not None:
            # RFC 6455 section 5.5.1: data after a close frame is discarded; it stays visible.
            found.append(violation("frame-after-close", f"{count_bytes(len(frame.payload))} of payload"))

    # Frames too long to hold.

    def _meet_overlong(self) -> list[Report]:
        """Handle a header that declares more than is held."""
        frame, rest = self._decoder.take_partial()
        assert frame is not None, "a decoder is overlong by a whole header"
        rest += self._beyond
        self._beyond.clear()
        if self._overlong is Overlong.READ_PAST:
            self._passing = ReadingPast(frame)
            self._go_past(self._passing, rest)
            return [self._take_passed(self._passing)] if self._passing.is_past else []
        # RFC 6455 section 5.2: the next frame cannot be located without reading the rest of this one.
        self.ended = True
        self.trailing.add(rest)
        return [self._tell_overlong(frame)]

    def _go_past(self, passing: ReadingPast, data: bytes) -> None:
        rest = passing.feed(data)
        if passing.is_past:
            self._decoder.overlong = False
            self._arrivals.feed(rest)

    def _take_passed(self, passing: ReadingPast) -> FrameReceived:
        self._passing = None
        return self._tell_overlong(passing.frame)

    def _tell_overlong(self, frame: Frame) -> FrameReceived:
        found = self._judge.frame(frame)
        if frame.declared_length >> 63 == 0:
            found.append(over_limit(frame.declared_length, self._limits.message_bytes, self._overlong))
        if self.closing is None and not frame.is_control and self._assembles and not self.ended:
            self._assembler.pass_by(frame, found)
        self._note_after_close(frame, found)
        return FrameReceived(frame, tuple(found), None)
