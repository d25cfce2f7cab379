"""Rules for tests, and messages that they hear of."""

from __future__ import annotations

import random
from collections.abc import Mapping

from core.capture.records import ConnectionRecord, Mode
from core.protocol.events import Completes, FrameReceived
from core.protocol.frames import Opcode, make_frame
from core.protocol.outgoing import OutgoingMessage
from core.protocol.state import Role
from core.query.language import default_language
from core.rules.book import RuleCompiler
from core.rules.hearing import Hearing
from core.rules.hits import HitCounts
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from core.rules.subjects import live_connection
from core.rules.verdict import Replacement, Verdict

COMPILER = RuleCompiler(default_language())
NOW_NS = 1_700_000_000_123_456_789
SECOND = 10**9


def action(do: str, parameters: Mapping[str, str] | None = None, **more: str) -> ActionText:
    """An action as a rule has it."""
    return ActionText(do, tuple({**(parameters or {}), **more}.items()))


def rule(
    *then: ActionText, id: int = 1, name: str = "", moment: Moment = Moment.MESSAGE, filter: str = ""
) -> Rule:
    """A rule that is called `rule 1` unless it is given a name."""
    return Rule(id, name or f"rule {id}", Condition(moment, filter), then)


def about(mode: Mode = Mode.RELAY, *, path: str = "/chat", headers: bytes = b"") -> ConnectionRecord:
    """A connection to `path` with these header lines in its request."""
    request = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n"
    return live_connection(3, mode, path=path, request=request, peer="127.0.0.1:5000")


def hearing_of(
    *rules: Rule, of: ConnectionRecord | None = None, hits: HitCounts | None = None, seed: int = 7
) -> Hearing:
    """The rules before one connection, which is relayed unless another is given."""
    return COMPILER.book(rules, hits).hearing(of or about(), dice=random.Random(seed))


def came(payload: bytes | str, opcode: Opcode = Opcode.TEXT) -> FrameReceived:
    """A message of one frame that has just come."""
    data = payload.encode() if isinstance(payload, str) else payload
    return FrameReceived(make_frame(opcode, data, masking_key=b"\1\2\3\4"), (), Completes.ITSELF)


def asked(hearing: Hearing, payload: bytes | str, sender: Role = Role.CLIENT) -> Verdict | None:
    """What becomes of a text message."""
    return hearing.message(came(payload), sender, NOW_NS)


def sent(verdict: Verdict | None) -> list[bytes]:
    """The payloads of the messages that are sent besides."""
    assert verdict is not None
    return [each.outgoing.payload for each in verdict.sends if isinstance(each.outgoing, OutgoingMessage)]


def gone_on(verdict: Verdict | None) -> bytes:
    """The payload that goes on in place of the message."""
    assert verdict is not None
    assert isinstance(verdict.onward, Replacement)
    return verdict.onward.payload


def reply_to(template: str, payload: bytes | str, filter: str = "") -> bytes:
    """What a reply by this template is."""
    [found] = sent(asked(hearing_of(rule(action("reply", payload=template), filter=filter)), payload))
    return found
