"""What a rule would do to what a capture has, before it is switched on."""

from __future__ import annotations

import random
from dataclasses import replace

from core.capture.records import ConnectionRecord, FrameRecord
from core.protocol.state import Role
from core.rules.book import RuleBook, RuleCompiler
from core.rules.moment import Moment
from core.rules.rule import Condition, Rule
from core.rules.verdict import HandshakeVerdict, Verdict

_FROM = {Role.CLIENT: "direction == client-to-server", Role.SERVER: "direction == server-to-client"}


def recorded_filters(when: Condition) -> tuple[str, ...]:
    """Filters that all recorded frames match that the condition is about; none for what is about no frames."""
    if when.moment not in (Moment.MESSAGE, Moment.FRAME):
        return ()
    texts = [when.filter] if when.filter.strip() else []
    if when.sender is not None:
        texts.append(_FROM[when.sender])
    if when.moment is Moment.MESSAGE:
        texts.append("message")
    return tuple(texts)


def alone(compiler: RuleCompiler, rule: Rule) -> RuleBook:
    """A book of this rule as if it were on, without regard to counts, chance and other rules. Raises RuleError."""
    when = replace(rule.when, after="", skip=0, most=None, percent=100.0)
    return compiler.book([replace(rule, when=when, is_on=True)])


def tried(
    book: RuleBook, when: Condition, record: FrameRecord | None, about: ConnectionRecord, now_ns: int
) -> Verdict | HandshakeVerdict | None:
    """What the only rule of a book would make of a frame, or of its connection; None: nothing.

    Any thread may try it, while the compiler belongs to its own.
    """
    hearing = book.hearing(about, dice=random.Random(0))
    match when.moment:
        case Moment.MESSAGE | Moment.FRAME:
            return None if record is None else hearing.recorded(record, now_ns)
        case Moment.REQUEST:
            return hearing.request(about, now_ns)
        case Moment.RESPONSE:
            return hearing.response(about, now_ns)
        case Moment.OPEN:
            return hearing.opened(now_ns)
        case Moment.CLOSE:
            return hearing.closed(now_ns, about.close_code, about.reason)
        case Moment.TIMER:
            hearing.start(now_ns)
            return hearing.timer(now_ns + round(when.every_seconds * 10**9) + 1)
