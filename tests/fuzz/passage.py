"""One direction of a relay with rules: any bytes, messages that rules touch, decisions, and things sent along."""

from __future__ import annotations

from functools import cache

from core.net.legs.outlet import Sending
from core.net.settings import Limits
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import Origin
from core.protocol.frames import Opcode, make_frame
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, OutgoingPing, Written
from core.protocol.state import Role
from core.rules.book import RuleBook
from core.rules.decision import Answer, Decision
from core.rules.moment import Moment
from core.rules.verdict import Onward, Replacement
from tests.fuzz.script import Script
from tests.tools.ruled import COMPILER, about, action, rule
from tests.tools.ruled_line import RuledLine

_LIMITS = Limits(message_bytes=2000, memory_bytes=8000, held_messages=4, held_bytes=4000)
_KEY = b"\1\2\3\4"
_WORDS = (b"plain", b"drop", b"edit", b"twice", b"later", b"hold", b"slow", b"bad")
_DECISIONS: tuple[Decision, ...] = (
    Onward.PASS,
    Onward.DROP,
    Replacement(1, b"decided", 2),
    Answer(Replacement(1, b"answer")),
)
_SENT: tuple[Written, ...] = (
    OutgoingMessage(Opcode.TEXT, b"sent", 2),
    OutgoingPing(b"sent"),
    OutgoingClose(1001, "sent"),
)


@cache
def _book() -> RuleBook:
    return COMPILER.book(
        [
            rule(action("drop"), id=1, filter='payload contains "drop"'),
            rule(action("replace", payload="edited"), id=2, filter='payload contains "edit"'),
            rule(action("duplicate", times="2"), id=3, filter='payload contains "twice"'),
            rule(action("reorder", behind="2"), id=4, filter='payload contains "later"'),
            rule(action("hold"), id=5, filter='payload contains "hold"'),
            rule(action("delay", rate="1KB"), id=6, filter='payload contains "slow"'),
            rule(action("corrupt", what="length"), id=7, filter='payload contains "bad"'),
            rule(action("drop"), id=8, moment=Moment.FRAME, filter='opcode == pong and payload == "x"'),
        ]
    )


@cache
def _never() -> RuleBook:
    return COMPILER.book([rule(action("drop"), filter="message.length > 1GiB")])


def run(data: bytes) -> None:
    """First byte: options. Then steps, each begun by a byte."""
    script = Script(data)
    options = script.byte()
    sender = Role(options & 1)
    deflate = DeflateParameters(client_max_window_bits=9, server_max_window_bits=9) if options & 2 else None
    is_touched = options & 4 != 0
    book = _book() if is_touched else _never()
    fed = before = script.take(options >> 5)
    compressor = None if deflate is None else Deflater(deflate, sender)
    with RuledLine(sender, deflate, book.hearing(about()), before=before, limits=_LIMITS) as line:
        for _ in range(40):
            if not script.more:
                break
            step = script.byte()
            if step < 160:
                piece = _piece(step, script, sender, compressor)
                fed += piece
                line.feed(piece)
            elif is_touched:
                _act(line, step)
        assert line.passage.held_bytes >= 0
        line.passage.end_input()
        assert not line.waiting()
        if not is_touched:
            assert bytes(line.out) == fed
        line.passage.departures.lose_receiver()
        assert line.passage.departures.held_bytes == line.passage.departures.outlet.waiting_bytes


def _piece(step: int, script: Script, sender: Role, compressor: Deflater | None) -> bytes:
    """Any bytes, or a frame."""
    if step < 60:
        return script.take(step)
    payload, rsv, opcode = _WORDS[step % 8] * (1 + script.byte() % 5), 0, script.byte()
    if compressor is not None and opcode & 16:
        payload, rsv = compressor.compress(payload), 0x40
    key = _KEY if sender is Role.CLIENT else None
    return make_frame(opcode & 0x0B, payload, fin=opcode & 32 != 0, rsv=rsv, masking_key=key).wire()


def _act(line: RuledLine, step: int) -> None:
    waiting = line.waiting()
    if step < 220 and waiting:
        line.decide(waiting[step % len(waiting)], _DECISIONS[step % len(_DECISIONS)])
    elif step < 250:
        line.inject(Sending(_SENT[step % len(_SENT)], Origin.INJECTED))
    elif step < 252:
        line.passage.hear(None, None)
    else:
        line.passage.departures.lose_receiver()
