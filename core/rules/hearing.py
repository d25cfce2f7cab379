"""One connection before the rules: its counts, its sequences and its timers.

Only what may match is asked: what a filter says of the connection is decided once, and many messages at once are sifted
by columns.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from core.capture.records import ConnectionRecord, Direction, FrameRecord
from core.protocol.events import FrameReceived, Message
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Frame, Opcode, make_frame
from core.protocol.state import Role
from core.query.expressions import Expression
from core.query.fields import Subject
from core.rules.conditions import settled
from core.rules.deed import Deed, Doing, HandshakeDeed
from core.rules.docket import Docket, Lone, SharedDockets
from core.rules.hits import HitCounts
from core.rules.moment import Moment
from core.rules.occasion import Occasion
from core.rules.ready import ReadyRule
from core.rules.subjects import received, surroundings
from core.rules.verdict import HandshakeVerdict, Verdict

_SECOND = 10**9


class Hearing:
    """What the rules make of one connection. Belongs to one thread."""

    def __init__(
        self,
        rules: Mapping[Moment, tuple[ReadyRule, ...]],
        hits: HitCounts,
        about: ConnectionRecord,
        sides: tuple[Role, ...],
        before: Hearing | None,
        dice: random.Random,
        shared: SharedDockets,
    ) -> None:
        """`shared`: what connections of the same kind have in common."""
        self._rules = rules
        self._shared = shared
        self._hits = hits
        self._about = about
        self._sides = sides
        self._dice = dice
        self._matched: dict[int, int] = {}
        """How often each rule's filter has matched, by its id."""
        self._applied: dict[int, int] = {}
        self._applied_names: set[str] = set()
        self._due_ns: dict[int, int] = {}
        """When each timer is due next, by its rule's id."""
        self._dockets: dict[tuple[Moment, Role | None], Docket] = {}
        self._is_started = False
        if before is not None:
            self._take_over(before)

    def _take_over(self, before: Hearing) -> None:
        ids = {each.rule.id for rules in self._rules.values() for each in rules}
        self._matched = {rule: count for rule, count in before._matched.items() if rule in ids}
        self._applied = {rule: count for rule, count in before._applied.items() if rule in ids}
        self._due_ns = {rule: due for rule, due in before._due_ns.items() if rule in ids}
        self._applied_names = set(before._applied_names)

    # What is asked before anything is looked at.

    def concerns(self, moment: Moment, sender: Role | None = None) -> bool:
        """Whether any rule may apply from now on. False: nothing has to be asked."""
        return bool(self._rules[moment]) and bool(self._of(moment, sender))

    def echoes(self, sender: Role) -> bool:
        """Whether each message of that side is sent back, beside what other rules do.

        Then those that `sift` leaves out are only sent back; tell their number to `count_echoes`.
        """
        return bool(self._of(Moment.MESSAGE, sender).echoes)

    def count_echoes(self, sender: Role, count: int, now_ns: int) -> None:
        """So many messages were sent back without being asked about."""
        for rule in self._of(Moment.MESSAGE, sender).echoes:
            self._hits.add(rule.id, now_ns, count)
            self._applied[rule.id] = self._applied.get(rule.id, 0) + count
            if rule.name not in self._applied_names:
                self._start_what_waits(rule.name, now_ns)

    def sift(self, run: FrameColumns, sender: Role, moment: Moment = Moment.MESSAGE) -> Sequence[int] | None:
        """Which messages of a run have to be asked about one by one, in order; None: none of them.

        `moment` is MESSAGE or FRAME: each frame of a run is a message.
        """
        return self._of(moment, sender).sift(run)

    def redacts(self, sender: Role) -> bool:
        """Whether a rule may keep a message of that side, or a part of it, from being recorded."""
        return self._of(Moment.MESSAGE, sender).redacts

    def recorded_of_sent(self, event: FrameReceived, sender: Role, now_ns: int) -> bytes | None:
        """What may be recorded of a message that Unmask sends in place of that side; None: all of it."""
        deed: Deed | None = None
        for each in self._of(Moment.MESSAGE, sender).candidates:
            parts = zip(each.ready.acts, each.ready.rule.then, strict=True)
            acts = [act for act, text in parts if text.name == "redact"]
            subject = received(event, sender, now_ns, self._about)
            if not acts or (each.matches is not None and not each.matches(subject)):
                continue
            if deed is None:
                deed = Deed(self._occasion(each.ready, subject, now_ns), self._sides, sender)
            for act in acts:
                act(deed)
        return None if deed is None else deed.verdict().recorded

    def names(self, ids: Sequence[int]) -> tuple[str, ...]:
        """What the rules with these ids are called."""
        called = {each.rule.id: each.rule.name for rules in self._rules.values() for each in rules}
        return tuple(called.get(each, "") for each in ids)

    def wait_seconds(self, now_ns: int) -> float | None:
        """How long until `timer` has to be called; None: never, as things are."""
        if not self._due_ns:
            return None
        return max(0, min(self._due_ns.values()) - now_ns) / _SECOND

    # What happens.

    def learn(self, about: ConnectionRecord) -> None:
        """More is known of the connection, such as its response."""
        self._about = about
        self._dockets.clear()

    def message(self, event: FrameReceived, sender: Role, now_ns: int) -> Verdict | None:
        """What becomes of the message that a frame completes; None: it passes."""
        completes = event.completes
        payload = completes.payload if isinstance(completes, Message) else event.frame.payload
        return self._of_subject(
            Moment.MESSAGE, payload, lambda: received(event, sender, now_ns, self._about), sender, now_ns
        )

    def recorded(self, record: FrameRecord, now_ns: int) -> Verdict | None:
        """What would become of a message that a capture has."""
        sender = Role.CLIENT if record.row.direction is Direction.CLIENT_TO_SERVER else Role.SERVER
        moment = Moment.MESSAGE if self._rules[Moment.MESSAGE] else Moment.FRAME
        if moment is Moment.MESSAGE and record.row.message is None:
            return None
        subject = Subject(record, self._about, None, now_ns)
        return self._of_subject(moment, None, lambda: subject, sender, now_ns)

    def frame(self, event: FrameReceived, sender: Role, now_ns: int) -> Verdict | None:
        """What becomes of a frame of any kind; None: it passes."""
        return self._of_subject(
            Moment.FRAME, None, lambda: received(event, sender, now_ns, self._about), sender, now_ns
        )

    def start(self, now_ns: int) -> None:
        """The connection is open: timers run from now on. For one that was open before its rules."""
        if not self._is_started:
            self._is_started = True
            for each in self._rules[Moment.TIMER]:
                if not each.rule.when.after or each.rule.when.after in self._applied_names:
                    self._start_timer(each, now_ns)

    def opened(self, now_ns: int) -> Verdict | None:
        """The opening handshake has succeeded: timers run from now on."""
        self.start(now_ns)
        return self._at(Moment.OPEN, surroundings(self._about, now_ns), now_ns)

    def closed(self, now_ns: int, code: int | None = None, reason: str = "") -> Verdict | None:
        """The connection is over."""
        payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode("utf-8", "replace")
        self._due_ns.clear()
        close: Frame = make_frame(Opcode.CLOSE, payload)
        return self._at(Moment.CLOSE, surroundings(self._about, now_ns, close), now_ns)

    def timer(self, now_ns: int) -> Verdict | None:
        """Time has passed; call it when `wait_seconds` is over."""
        due = {rule for rule, at in self._due_ns.items() if at <= now_ns}
        for each in self._rules[Moment.TIMER]:
            if each.rule.id in due:
                every = int(each.rule.when.every_seconds * _SECOND)
                # Times that were missed are not made up for.
                self._due_ns[each.rule.id] += every * ((now_ns - self._due_ns[each.rule.id]) // every + 1)
        subject = surroundings(self._about, now_ns)
        return self._at(Moment.TIMER, subject, now_ns, lambda ready: ready.rule.id in due)

    def request(self, about: ConnectionRecord, now_ns: int) -> HandshakeVerdict | None:
        """What becomes of a request, which `about` has; None: it passes."""
        return self._handshake(Moment.REQUEST, about, now_ns)

    def response(self, about: ConnectionRecord, now_ns: int) -> HandshakeVerdict | None:
        """What becomes of a response, which `about` has; None: it passes."""
        return self._handshake(Moment.RESPONSE, about, now_ns)

    # Internals.

    def _of(self, moment: Moment, sender: Role | None) -> Docket:
        """The rules that may apply, with what is left of their filters."""
        key = moment, sender
        found = self._dockets.get(key)
        if found is None:
            subject = self._sample(sender)
            rules = [(ready, self._left(ready, sender, subject)) for ready in self._rules[moment]]
            found = self._dockets[key] = self._shared.of(moment, rules)
        return found

    def _sample(self, sender: Role | None) -> Subject:
        frame = make_frame(Opcode.TEXT, b"")
        if sender is None:
            return surroundings(self._about, 0, frame)
        return received(FrameReceived(frame, (), None), sender, 0, self._about)

    def _left(self, ready: ReadyRule, sender: Role | None, subject: Subject) -> Expression | bool:
        """What is left of a rule's filter; a bool if that is all that is to be known."""
        when = ready.rule.when
        if when.sender is not None and sender is not None and when.sender is not sender:
            return False
        if when.most is not None and self._applied.get(ready.rule.id, 0) >= when.most:
            return False
        return True if ready.expression is None else settled(ready.expression, subject)

    def _of_subject(
        self,
        moment: Moment,
        payload: bytes | None,
        make: Callable[[], Subject],
        sender: Role,
        now_ns: int,
    ) -> Verdict | None:
        """`payload` is for the sieves; None: no sieve is asked. `make` makes the subject where one is needed."""
        docket = self._of(moment, sender)
        deed: Deed | None = None
        subject: Subject | None = None
        lone = None if payload is None else Lone(payload)
        for each in docket.candidates if payload is None else docket.of_message(payload):
            if lone is not None and each.sieve is not None and not lone.may(each.sieve):
                continue
            if subject is None:
                subject = make()
            if (each.matches is not None and not each.matches(subject)) or not self._is_due(each.ready):
                continue
            if deed is None:
                deed = Deed(self._occasion(each.ready, subject, now_ns), self._sides, sender)
            self._act(each.ready, deed, now_ns)
            if deed.stops:
                break
            subject = deed.subject
            if lone is not None and deed.payload is not lone.payload:
                lone = Lone(deed.payload)
        return None if deed is None else deed.verdict()

    def _at(
        self,
        moment: Moment,
        subject: Subject,
        now_ns: int,
        wanted: Callable[[ReadyRule], bool] = lambda _: True,
    ) -> Verdict | None:
        deed: Deed | None = None
        for each in self._of(moment, None).candidates:
            if not wanted(each.ready) or (each.matches is not None and not each.matches(subject)):
                continue
            if not self._is_due(each.ready):
                continue
            if deed is None:
                deed = Deed(self._occasion(each.ready, subject, now_ns), self._sides, None)
            self._act(each.ready, deed, now_ns)
            if deed.stops:
                break
        return None if deed is None else deed.verdict()

    def _handshake(self, moment: Moment, about: ConnectionRecord, now_ns: int) -> HandshakeVerdict | None:
        self.learn(about)
        deed: HandshakeDeed | None = None
        subject = surroundings(about, now_ns)
        for each in self._of(moment, None).candidates:
            if (each.matches is not None and not each.matches(subject)) or not self._is_due(each.ready):
                continue
            occasion = self._occasion(each.ready, subject, now_ns)
            deed = HandshakeDeed(occasion, self._sides) if deed is None else deed
            self._begin(each.ready, deed, now_ns)
            for act in each.ready.handshake_acts:
                act(deed)
            if deed.stops:
                break
        return None if deed is None else deed.verdict()

    def _is_due(self, ready: ReadyRule) -> bool:
        """Whether a rule whose filter matches applies this time."""
        rule = ready.rule
        when = rule.when
        if when.after and when.after not in self._applied_names:
            return False
        if when.most is not None and self._applied.get(rule.id, 0) >= when.most:
            return False
        if when.skip:
            self._matched[rule.id] = self._matched.get(rule.id, 0) + 1
            if self._matched[rule.id] <= when.skip:
                return False
        return when.percent >= 100 or self._dice.uniform(0, 100) < when.percent

    def _act(self, ready: ReadyRule, deed: Deed, now_ns: int) -> None:
        self._begin(ready, deed, now_ns)
        for act in ready.acts:
            act(deed)

    def _begin(self, ready: ReadyRule, deed: Doing, now_ns: int) -> None:
        """Count the rule, and start what waits for it."""
        rule = ready.rule
        count = self._applied[rule.id] = self._applied.get(rule.id, 0) + 1
        self._hits.add(rule.id, now_ns)
        if rule.when.most is not None and count >= rule.when.most:
            self._dockets.clear()
            self._due_ns.pop(rule.id, None)
        if rule.name not in self._applied_names:
            self._start_what_waits(rule.name, now_ns)
        deed.rule = rule.name
        deed.occasion = self._occasion(ready, deed.subject, now_ns)
        deed.hits.append(rule.id)

    def _occasion(self, ready: ReadyRule, subject: Subject, now_ns: int) -> Occasion:
        count = self._applied.get(ready.rule.id, 0)
        return Occasion(subject, count, now_ns, self._dice, ready.groups)

    def _start_what_waits(self, name: str, now_ns: int) -> None:
        """The rule with that name has applied for the first time."""
        self._applied_names.add(name)
        for timer in self._rules[Moment.TIMER]:
            if timer.rule.when.after == name:
                self._start_timer(timer, now_ns)

    def _start_timer(self, ready: ReadyRule, now_ns: int) -> None:
        self._due_ns.setdefault(ready.rule.id, now_ns + int(ready.rule.when.every_seconds * _SECOND))
