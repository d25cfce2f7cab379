"""A probe as it goes: one preset after the other, each on a connection of its own.

    run = ProbeRun(port, Plan(...))
    while not run.is_over: run.step(time.monotonic()); wait a little

It does no I/O and has no clock: the port does what is asked, and each step looks at what has become of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from core.capture.records import ConnectionRecord, FrameRow
from core.net.connect_request import ConnectRequest, ReadyHead
from core.probe.head import Head
from core.probe.outcome import Outcome, Result
from core.probe.port import Look, ProbePort
from core.probe.preset import Demand, FrameFault, Offer, Preset, RequestFault, ResponseFault, Tail, Writer
from core.probe.report import Report
from core.protocol.close_codes import close_code
from core.protocol.deflate import DeflatePolicy
from core.protocol.events import Origin
from core.protocol.frames import Opcode
from core.protocol.handshake import Answer, ServerPolicy, new_key, propose
from core.protocol.http11 import RequestHead
from core.protocol.outgoing import OutgoingClose, OutgoingPing, OutgoingRaw, RawEnd
from core.protocol.state import Role

_OFFERS = {
    Offer.NONE: "",
    Offer.DEFLATE: "permessage-deflate",
    Offer.SMALL_WINDOW: "permessage-deflate; client_max_window_bits=9",
}
_FAILING_CODES = frozenset((1002, 1007, 1008, 1009, 1003))
"""Close codes by which a peer says that it did not like a close frame."""
_GOODBYE_SECONDS = 1.0
_AGAIN_SECONDS = 0.3
_SECOND_THOUGHT_SECONDS = 0.25
"""Time for a close after a pong: some peers answer pings before they look at the messages in front of them."""

Waiting = Generator[None, None, None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try, and how patiently."""

    peer: str
    """Who is asked, for the report."""
    presets: tuple[Preset, ...]
    request: ConnectRequest | None = None
    """How to reach the server; None: clients come."""
    patience_seconds: float = 3.0
    """Time in which a peer has to react to a fault."""
    gap_seconds: float = 0.1
    """Least time between the beginnings of two connections."""
    return_seconds: float = 10.0
    """Time in which a peer has to be back after a fault."""

    @property
    def sender(self) -> Role:
        """The side that Unmask takes."""
        return Role.SERVER if self.request is None else Role.CLIENT


class ProbeRun:
    """The probe of one peer."""

    def __init__(self, port: ProbePort, plan: Plan) -> None:
        self._port = port
        self._plan = plan
        self._now = 0.0
        self._began: float | None = None
        """When the newest connection was begun."""
        self._pings = 0
        self._results: list[Result] = []
        self._remark = ""
        self._seen = _Seen()
        self._work = self._all()
        self.is_over = False
        self.current: Preset | None = None
        """The preset that is being tried."""

    def step(self, now: float) -> None:
        """Go on as far as there is nothing to wait for. `now` in seconds, of any clock that never steps."""
        if self.is_over:
            return
        self._now = now
        try:
            next(self._work)
        except StopIteration:
            self.is_over = True
            self.current = None

    def stop(self, why: str = "It was stopped.") -> None:
        """Try nothing more."""
        if not self.is_over:
            self._remark = why
            self._work.close()
            self._port.cut()
            self.is_over = True
            self.current = None

    @property
    def report(self) -> Report:
        """What is known so far."""
        plan = self._plan
        return Report(plan.peer, plan.sender, tuple(self._results), len(plan.presets), self._remark)

    # The whole.

    def _all(self) -> Waiting:
        dials = self._plan.request is not None
        if dials and not (yield from self._check()):
            return
        for preset in self._plan.presets:
            self.current = preset
            made = yield from (self._dialled(preset) if dials else self._served(preset))
            if made is None:
                return
            self._results.append(made)
        self.current = None
        if dials and self._results:
            yield from self._reach(self._request(None))
            yield from self._leave()

    def _check(self) -> Generator[None, None, bool]:
        """Whether the server takes a correct handshake, without which nothing can be said of wrong ones."""
        look = yield from self._reach(self._request(None))
        if look is None:
            return False
        record = look.record
        yield from self._leave()
        if record.status == 101:
            return True
        answered = f"It answers {record.status}" if record.status else "It does not answer"
        self._remark = (
            f"{answered} to a correct handshake, so that faults would tell nothing. {record.reason}"
        )
        return False

    # Dialling.

    def _request(self, preset: Preset | None) -> ConnectRequest:
        """The request by which a preset begins."""
        request = self._plan.request
        assert request is not None
        offer = _OFFERS[preset.offer] if preset is not None else ""
        request = replace(request, compression=offer, ping_seconds=0.0, reconnect=None, follows=0)
        if preset is None or not isinstance(preset.fault, RequestFault):
            return request
        key = new_key()
        raw = preset.fault.spoilt(Head.of(request.head(key)))
        return replace(request, ready=ReadyHead(raw, key, preset.fault.end))

    def _reach(self, request: ConnectRequest) -> Generator[None, None, Look | None]:
        """Connect, again and again for a while; None if the server can't be reached any more.

        The fault before it is what it broke down under.
        """
        first, deadline = True, 0.0
        while True:
            yield from self._space()
            self._port.dial(request)
            look = yield from self._until(_is_decided, self._plan.patience_seconds)
            if look is None or look.was_reached or look.record.closed_ns is None:
                break
            if first:
                first, deadline = False, self._now + self._plan.return_seconds
                if self._results:
                    self._results[-1] = replace(self._results[-1], outcome=Outcome.CRASHED)
            if not self._results or self._now >= deadline:
                self._remark = f"It can't be reached: {look.record.reason}"
                return None
            yield from self._wait(_AGAIN_SECONDS)
        if look is None:
            self._remark = "It can't be reached in time."
        return look

    def _dialled(self, preset: Preset) -> Generator[None, None, Result | None]:
        """Connect and make the fault; None if the server has gone for good."""
        look = yield from self._reach(self._request(preset))
        if look is None:
            return None
        record = look.record
        if isinstance(preset.fault, RequestFault):
            made = self._judged_request(preset, record)
        elif record.status != 101:
            said = (
                f"It answered {record.status} to a correct handshake."
                if record.status
                else "It did not answer."
            )
            made = Result(preset, Outcome.SKIPPED, detail=said)
        else:
            made = yield from self._fault_by_frames(preset, record)
        yield from self._leave()
        return replace(made, connection=record.id)

    def _judged_request(self, preset: Preset, record: ConnectionRecord) -> Result:
        if record.status == 101:
            return Result(preset, Outcome.IGNORED)
        if record.status:
            return Result(preset, Outcome.REFUSED, record.status)
        if record.closed_ns is not None:
            return Result(preset, Outcome.DROPPED)
        return Result(preset, Outcome.HUNG, seconds=self._plan.patience_seconds)

    # Listening.

    def _served(self, preset: Preset) -> Generator[None, None, Result | None]:
        """Wait for the client and make the fault; None if it does not come back."""
        answering = _Answering(preset)
        yield from self._space()
        self._port.await_client(answering.answer)
        patience = self._plan.return_seconds if self._results else None
        look = yield from self._until(lambda look: look.record.status != 0 or _is_decided(look), patience)
        if look is None:
            last = self._results[-1]
            why = f"The client did not come back within {self._plan.return_seconds:g} s."
            self._results[-1] = replace(last, outcome=Outcome.CRASHED, detail=why)
            self._remark = why
            return None
        record = look.record
        if answering.problem:
            made = Result(preset, Outcome.SKIPPED, detail=answering.problem)
        elif isinstance(preset.fault, ResponseFault):
            if preset.fault.end is not RawEnd.GO_ON:
                self._port.send(OutgoingRaw((), preset.fault.end))
            made = yield from self._answered(preset, pings=answering.ends_head)
        else:
            made = yield from self._fault_by_frames(preset, record)
        yield from self._leave()
        return replace(made, connection=record.id)

    # Faults in frames.

    def _fault_by_frames(self, preset: Preset, record: ConnectionRecord) -> Generator[None, None, Result]:
        fault = preset.fault
        assert isinstance(fault, FrameFault)
        missing = _missing_extension(preset.offer, record, self._plan.sender)
        if missing:
            return Result(preset, Outcome.SKIPPED, detail=missing)
        self._port.send(fault.made(Writer(self._plan.sender)))
        return (yield from self._answered(preset, pings=fault.tail is Tail.WHOLE))

    def _answered(self, preset: Preset, *, pings: bool) -> Generator[None, None, Result]:
        """Wait for what the peer makes of a fault that is on its way."""
        began = self._now
        self._pings += 1
        mark = b"unmask probe %d" % self._pings
        if pings:
            self._port.send(OutgoingPing(mark))
        seen = self._seen

        def is_told(look: Look) -> bool:
            return seen.pong(mark) is not None or seen.close is not None or look.record.closed_ns is not None

        look = yield from self._until(is_told, self._plan.patience_seconds)
        if preset.demand is Demand.FAIL and seen.pong(mark) is not None:
            look = yield from self._until(
                lambda look: seen.close is not None or look.record.closed_ns is not None,
                _SECOND_THOUGHT_SECONDS,
            )
        seconds = self._now - began
        made = self._told(preset, look, mark)
        return replace(made, frame=seen.fault, seconds=seconds)

    def _told(self, preset: Preset, look: Look | None, mark: bytes) -> Result:
        seen = self._seen
        pong = seen.pong(mark)
        is_over = seen.close is not None or (look is not None and look.record.closed_ns is not None)
        if pong is not None and not (is_over and preset.demand is Demand.FAIL):
            return Result(preset, Outcome.IGNORED, answer=pong)
        if seen.close is not None:
            code = close_code(seen.close.preview)
            accepts = preset.tail is Tail.CLOSE and code not in _FAILING_CODES
            if accepts:
                return Result(
                    preset,
                    Outcome.IGNORED,
                    code,
                    "It answered as if the close were in order.",
                    answer=seen.close.id,
                )
            return Result(preset, Outcome.CLOSED, code, _remark_on(preset, code), answer=seen.close.id)
        return Result(preset, Outcome.DROPPED if is_over else Outcome.HUNG)

    # Waiting.

    def _until(
        self, holds: Callable[[Look], bool], seconds: float | None
    ) -> Generator[None, None, Look | None]:
        """The first look for which `holds`, or the last one after so many seconds; None if there was none."""
        deadline = None if seconds is None else self._now + seconds
        look: Look | None = None
        while True:
            newest = self._port.look()
            if newest is not None:
                look = newest
                self._seen.add(newest)
                if holds(newest):
                    return newest
            if deadline is not None and self._now >= deadline:
                return look
            yield

    def _wait(self, seconds: float) -> Waiting:
        until = self._now + seconds
        while self._now < until:
            yield

    def _space(self) -> Waiting:
        """Keep to the rate, and begin anew."""
        if self._began is not None:
            yield from self._wait(self._began + self._plan.gap_seconds - self._now)
        self._began = self._now
        self._seen = _Seen()

    def _leave(self) -> Waiting:
        """End the connection: politely where it is open, and at any rate."""
        look = self._port.look()
        if look is not None and look.record.closed_ns is None:
            self._port.send(OutgoingClose(1000, "That was the probe"))
            yield from self._until(lambda look: look.record.closed_ns is not None, _GOODBYE_SECONDS)
        self._port.cut()
        yield from self._until(lambda look: look.record.closed_ns is not None, _GOODBYE_SECONDS)


class _Seen:
    """The frames of a connection that matter."""

    def __init__(self) -> None:
        self._pongs: dict[bytes, int] = {}
        self.close: FrameRow | None = None
        """The peer's close frame."""
        self.fault: int | None = None
        """The id of the first frame that Unmask has sent."""

    def add(self, look: Look) -> None:
        for row in look.rows:
            if row.origin is not Origin.PEER:
                if self.fault is None and row.origin is Origin.COMPOSED:
                    self.fault = row.id
            elif row.opcode == Opcode.PONG and len(self._pongs) < 100:
                self._pongs[row.preview] = row.id
            elif row.opcode == Opcode.CLOSE and self.close is None:
                self.close = row

    def pong(self, payload: bytes) -> int | None:
        return self._pongs.get(payload)


class _Answering:
    """Answers a client as a preset wants it. Called on the loop's thread, and read when that is done."""

    def __init__(self, preset: Preset) -> None:
        self._preset = preset
        self.problem = ""
        """Why the fault cannot be made."""
        self.ends_head = True
        """Whether frames can follow on the response."""

    def answer(self, request: RequestHead, policy: ServerPolicy) -> Answer:
        proposed = propose(request, replace(policy, deflate=_policy(self._preset.offer)))
        if not proposed.accepted:
            self.problem = f"The client's own handshake is wrong: {proposed.reason}"
        elif isinstance(self._preset.fault, ResponseFault):
            spoilt = self._preset.fault.spoilt(Head.of(request.raw), Head.of(proposed.response))
            if spoilt is None:
                self.problem = "The client's offers leave no room for it."
            else:
                self.ends_head = spoilt.endswith(b"\r\n\r\n")
                return replace(proposed, response=spoilt, status=_status(spoilt), pretends=True)
        return proposed


def _policy(offer: Offer) -> DeflatePolicy | None:
    if offer is Offer.NONE:
        return None
    return DeflatePolicy(server_max_window_bits=9 if offer is Offer.SMALL_WINDOW else None)


def _status(response: bytes) -> int:
    """The status that a response states; 101 where it states none."""
    word = response.split(b" ", 2)[1:2]
    return int(word[0]) if word and word[0].isdigit() and len(word[0]) == 3 else 101


def _is_decided(look: Look) -> bool:
    return look.record.status != 0 or look.record.closed_ns is not None


def _missing_extension(offer: Offer, record: ConnectionRecord, sender: Role) -> str:
    """Why a fault of compression cannot be made; "" if it can."""
    if offer is Offer.NONE:
        return ""
    if "permessage-deflate" not in record.extensions:
        return "permessage-deflate was not agreed on."
    side = "client" if sender is Role.CLIENT else "server"
    if offer is Offer.SMALL_WINDOW and f"{side}_max_window_bits" not in record.extensions:
        return "No small window was agreed on."
    return ""


def _remark_on(preset: Preset, code: int | None) -> str:
    """What to say about a close code other than the one that the RFC names."""
    if preset.rule is None or code == preset.rule.close_code:
        return ""
    return f"The code for this is {preset.rule.close_code}."
