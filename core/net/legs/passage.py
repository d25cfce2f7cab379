"""One direction of a relayed connection while what passes may be changed, or something is sent along.

Whole messages and control frames are the units. One that nobody touches goes on byte by byte as it came. One that waits
keeps those behind it waiting, except for control frames: they overtake, or the peer's keepalive would end the
connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.net.legs.advice import Advice, may_be_secret
from core.net.legs.departures import Departures
from core.net.legs.passage_host import PassageHost
from core.net.legs.unfinished import PATIENCE_SECONDS, Unfinished
from core.net.legs.unit import SIFTED_FROM, UNCHANGED, Unit, WaitsFor, lone, run_of
from core.net.settings import Limits
from core.protocol.events import Completes, FrameReceived, Message, Report, RunReceived
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import CONTROL, Opcode
from core.protocol.handling import DecidedBy, Fate
from core.protocol.rewriting import Rewriting
from core.protocol.state import Role
from core.protocol.wire_bytes import frame_length, run_length
from core.rules.decision import HeldMessage
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import Verdict

_ITSELF = Completes.ITSELF
_HIDDEN = Verdict(recorded=b"")
_DATA = (Opcode.TEXT, Opcode.BINARY)


class Passage:
    """What one side sends, cut into units, each of which is judged by the rules once it is whole."""

    def __init__(
        self,
        host: PassageHost,
        sender: Role,
        rewriting: Rewriting,
        limits: Limits,
        *,
        ahead: int,
        in_message: bool,
    ) -> None:
        """`ahead` bytes of an unfinished frame have gone on already; `in_message`: so has a part of a message."""
        self._host = host
        self._sender = sender
        self._limits = limits
        self.departures = Departures(host, sender, rewriting, limits, ahead)
        self._outlet = self.departures.outlet
        self._outlet.is_in_message = in_message
        self._wire = self.departures.wire
        self._hearing: Hearing | None = None
        self._hears_messages = self._hears_frames = False
        self._unfinished: Unfinished | None = None
        """A message that has not come completely."""
        self._passes_rest = in_message
        """The rest of a message that nobody can touch any more is coming."""
        self._advice: Advice | None = None

    def hear(self, hearing: Hearing | None, advice: Advice | None) -> None:
        """Ask these rules from the next message on, and `advice` about what no rule applies to."""
        sender = self._sender
        self._hearing = hearing
        self._advice = advice
        self._hears_messages = hearing is not None and hearing.concerns(Moment.MESSAGE, sender)
        self._hears_frames = hearing is not None and hearing.concerns(Moment.FRAME, sender)

    @property
    def is_needless(self) -> bool:
        """Whether all bytes can pass before they are looked at again."""
        if (
            self._hears_messages
            or self._hears_frames
            or self._unfinished is not None
            or self._advice is not None
        ):
            return False
        return self.departures.is_idle

    @property
    def held_bytes(self) -> int:
        unfinished = 0 if self._unfinished is None else self._unfinished.size
        return unfinished + self.departures.held_bytes

    # What comes.

    def add(self, data: bytes) -> None:
        """Take received bytes; their reports follow."""
        self._wire.add(data)

    def take(self, report: Report, now: int) -> None:
        """Take what was read from these bytes."""
        if type(report) is RunReceived:
            self._take_run(report, now)
        elif type(report) is FrameReceived:
            self._take_frame(report, now)
        else:
            self.departures.reports.tell(report)

    def run_ahead(self) -> None:
        """A frame is coming that is too long to be held: what has come of it goes on, unless something waits."""
        if self.departures.is_clear and self._unfinished is None:
            self._outlet.run_ahead()

    def end_input(self) -> None:
        """Nothing more comes."""
        self._let_unfinished_go()
        self.departures.close_input()
        self._outlet.run_ahead()
        self.departures.flush()

    def end(self) -> None:
        """Let all that is here go on: the bytes pass without this from now on."""
        self._outlet.run_ahead()
        self.departures.flush()

    def held(self, connection: int) -> Iterator[HeldMessage]:
        """What waits for a person, in order."""
        departures = self.departures
        for waiting in departures.waiting():
            unit = waiting.item
            if unit.waits_for is WaitsFor.PERSON:
                yield unit.as_held(connection, self._sender, waiting.position, departures.queued)

    # Internals.

    def _take_run(self, report: RunReceived, now: int) -> None:
        """Whole plain messages. Those between two that rules may apply to stay together."""
        run, departures = report.frames, self.departures
        asked = self._asked(run)
        if not asked and departures.is_clear:
            self._outlet.pass_on(run_length(run))
            departures.reports.tell(report)
            return
        at = 0
        for index in asked:
            if not departures.is_clear:
                break
            if at < index:
                part = run.part(at, index)
                self._outlet.pass_on(run_length(part))
                departures.reports.tell(RunReceived(part))
            self._take_frame(lone(run, index), now, is_asked=True)
            at = index + 1
        rest = run.part(at, len(run.heads)) if at else run
        if rest.heads and departures.is_clear:
            self._outlet.pass_on(run_length(rest))
            departures.reports.tell(RunReceived(rest))
        elif rest.heads:
            those = frozenset(asked)
            for index in range(at, len(run.heads)):
                self._take_frame(lone(run, index), now, is_asked=index in those)

    def _asked(self, run: FrameColumns) -> Sequence[int]:
        """Which messages of a run the rules have to be asked about."""
        hearing, sender, advice = self._hearing, self._sender, self._advice
        if advice is not None and advice.is_asked_of_data(sender):
            return range(len(run.heads))
        if hearing is None:
            return ()
        if hearing.echoes(sender):
            return range(len(run.heads))
        asked = (hearing.sift(run, sender) or ()) if self._hears_messages else ()
        if self._hears_frames:
            asked = sorted({*asked, *(hearing.sift(run, sender, Moment.FRAME) or ())})
        return asked

    def _take_frame(self, report: FrameReceived, now: int, *, is_asked: bool | None = None) -> None:
        """A frame. `is_asked`: whether rules may apply to it, if that is known."""
        frame = report.frame
        if self._advice is not None:
            self._advice.glance(frame, self._sender, waits=True)
        length = frame_length(frame)
        if self.departures.takes_nothing:
            self._outlet.skip(length)
            self.departures.drop(report, is_secret=self._may_be_secret)
        elif frame.head & CONTROL:
            self._take_control(report, length, now)
        elif self.departures.is_closing:
            self._pass(report, length, now)
        elif self._wire.has_gone_ahead or self._passes_rest:
            self._pass(report, length, now)
            self._passes_rest = self._outlet.is_in_message = not frame.fin
            self._outlet.settle()
        else:
            self._take_data(report, length, now, is_asked=is_asked)

    def _pass(self, report: FrameReceived, length: int, now: int) -> None:
        """A frame that nobody can touch."""
        if self.departures.is_clear or self._wire.has_gone_ahead:
            self._outlet.pass_on(length)
            self._tell_unseen(report)
        else:
            self.departures.settle(self._whole(report, length, now), self._unseen)

    def _take_data(self, report: FrameReceived, length: int, now: int, *, is_asked: bool | None) -> None:
        frame = report.frame
        if self._unfinished is not None and frame.opcode in _DATA:
            # RFC 6455 section 5.4 forbids it: the message before never ends.
            self._let_unfinished_go()
        if self._unfinished is not None:
            self._take_fragment(self._unfinished, report, length, now)
        elif frame.fin or frame.opcode not in _DATA:
            self._take_single(report, length, now, is_asked=is_asked)
        else:
            self._unfinished = Unfinished(Unit(now, frame, frame.opcode, frame.rsv1))
            self._take_fragment(self._unfinished, report, length, now)

    def _take_single(self, report: FrameReceived, length: int, now: int, *, is_asked: bool | None) -> None:
        """A frame that is a whole message, or belongs to none."""
        departures = self.departures
        if is_asked is None:
            is_asked = (
                length < SIFTED_FROM or report.completes is not _ITSELF or bool(self._asked(run_of(report)))
            )
        is_asked = is_asked and report.completes is not None
        verdict = self._ask(report, now) if is_asked else None
        is_compressed = report.frame.rsv1
        if verdict is None and is_asked and self._wants_advice(Moment.MESSAGE):
            self._take_advice(self._whole(report, length, now), Moment.MESSAGE)
        elif (
            verdict is None
            and departures.is_clear
            and not departures.must_remake(is_compressed=is_compressed)
        ):
            self._outlet.pass_on(length)
            departures.reports.tell(report)
        else:
            self._settle(self._whole(report, length, now), verdict)

    def _take_fragment(self, unfinished: Unfinished, report: FrameReceived, length: int, now: int) -> None:
        unit, departures = unfinished.unit, self.departures
        unfinished.add(self._outlet.take(length))
        unit.last = report.frame
        unit.untold.append(report)
        if not report.frame.fin:
            if not self._withholds:
                departures.reports.waits(unit)
            if unfinished.size > self._limits.message_bytes:
                # It is too long to be held, so it passes.
                self._let_unfinished_go()
                self._passes_rest = self._outlet.is_in_message = True
            return
        self._unfinished = None
        unit.since_ns = now
        completes = report.completes
        if isinstance(completes, Message):
            unit.payload = completes.payload
        verdict = None if completes is None else self._ask(report, now)
        is_advised = verdict is None and completes is not None and self._wants_advice(Moment.MESSAGE)
        self._settle_within(unfinished, is_touched=verdict is not None or is_advised)
        if not self._withholds:
            departures.reports.waits(unit)
        if is_advised:
            self._take_advice(unit, Moment.MESSAGE)
        else:
            self._settle(unit, verdict)

    def _settle_within(self, unfinished: Unfinished, *, is_touched: bool) -> None:
        """Let the control frames within a message go on: in their places, if it goes on now as it came."""
        unit, departures = unfinished.unit, self.departures
        if is_touched or not departures.is_clear or departures.must_remake(is_compressed=unit.is_compressed):
            self._outlet.put(unfinished.take_controls())
        else:
            unit.pieces = unfinished.in_order()

    def _overtake(self, unfinished: Unfinished) -> None:
        """A message takes long: the control frames within it go on before it."""
        unfinished.timer = None
        if not self.departures.takes_nothing:
            self._outlet.put(unfinished.take_controls())
            self.departures.flush()

    @property
    def _may_be_secret(self) -> bool:
        """Whether what nobody has looked into must not be recorded."""
        return may_be_secret(self._hearing, self._advice, self._sender)

    def _tell_unseen(self, report: FrameReceived) -> None:
        if self._may_be_secret:
            self.departures.reports.apart(report, Fate.PASSED, is_secret=True)
        else:
            self.departures.reports.tell(report)

    @property
    def _unseen(self) -> Verdict:
        """What becomes of what nobody can look into."""
        return _HIDDEN if self._may_be_secret else UNCHANGED

    @property
    def _withholds(self) -> bool:
        """Whether a message is reported only once it is whole: before that nobody knows what may be recorded of it."""
        return self._advice is not None or self._may_be_secret

    def _wants_advice(self, moment: Moment) -> bool:
        """Whether somebody wants to be asked who answers later."""
        advice = self._advice
        return advice is not None and not self.departures.is_closing and advice.is_asked(moment, self._sender)

    def _take_advice(self, unit: Unit, moment: Moment) -> None:
        """Let a unit wait for whoever answers later."""
        advice, departures = self._advice, self.departures
        assert advice is not None, "it wants to be asked"
        advice.begin(unit)
        ticket = departures.wait_for_adviser(unit)

        def decide(verdict: Verdict) -> None:
            advice.advised(unit, verdict)
            departures.decide(ticket, verdict, DecidedBy.SCRIPT)
            departures.flush()
            self._host.advised(self._sender)

        advice.ask(moment, self._sender, unit.last.head, unit.payload or b"", decide)

    def _take_control(self, report: FrameReceived, length: int, now: int) -> None:
        frame, departures = report.frame, self.departures
        if self._wire.has_gone_ahead or departures.is_closing:
            self._outlet.pass_on(length)
            departures.reports.tell(report)
            self._outlet.settle()
            return
        verdict = self._ask_of_frame(report, now)
        unit = self._whole(report, length, now)
        if frame.opcode == Opcode.CLOSE:
            self._let_unfinished_go()
        if verdict is None and frame.opcode != Opcode.CLOSE and self._wants_advice(Moment.FRAME):
            self._take_advice(unit, Moment.FRAME)
            return
        if verdict is not None or not departures.control_is_clear or frame.opcode == Opcode.CLOSE:
            self._settle(unit, verdict)
            return
        departures.reports.tell(report)
        unfinished = self._unfinished
        if unfinished is None or unfinished.is_overtaken or not departures.is_clear:
            self._outlet.put(unit.pieces)
            return
        unfinished.add_control(unit.pieces[0])
        if unfinished.timer is None:
            unfinished.timer = self._host.loop.call_later(PATIENCE_SECONDS, self._overtake, unfinished)

    def _let_unfinished_go(self) -> None:
        """Let the frames of a message go on that is not whole, in their turn."""
        unfinished, self._unfinished = self._unfinished, None
        if unfinished is not None:
            self._settle_within(unfinished, is_touched=False)
            self.departures.settle(unfinished.unit, self._unseen)

    def _settle(self, unit: Unit, verdict: Verdict | None) -> None:
        rules = () if self._hearing is None or verdict is None else self._hearing.names(verdict.hits)
        self.departures.settle(unit, verdict or UNCHANGED, rules)

    def _whole(self, report: FrameReceived, length: int, now: int) -> Unit:
        """A unit of one frame."""
        frame, completes = report.frame, report.completes
        payload = completes.payload if isinstance(completes, Message) else None
        if completes is _ITSELF or frame.is_control:
            payload = frame.payload
        is_compressed = frame.rsv1 and not frame.is_control
        pieces = [self._outlet.take(length)]
        return Unit(now, frame, frame.opcode, is_compressed, pieces, payload, untold=[report])

    def _ask(self, report: FrameReceived, now: int) -> Verdict | None:
        """What the rules say of the message that a frame completes, or else of the frame."""
        hearing = self._hearing
        if hearing is None:
            return None
        verdict = hearing.message(report, self._sender, now) if self._hears_messages else None
        return verdict or self._ask_of_frame(report, now)

    def _ask_of_frame(self, report: FrameReceived, now: int) -> Verdict | None:
        if self._hearing is None or not self._hears_frames:
            return None
        return self._hearing.frame(report, self._sender, now)
