from __future__ import annotations

import pytest

from app.logic.rule_drafts import (
    frame_terms,
    is_holding,
    rule_of_connection,
    rule_of_frame,
    suggested_name,
    value_term,
    value_terms,
    without_heartbeats,
)
from core.capture.records import FrameRow
from core.protocol.frames import Opcode
from core.protocol.state import Role
from core.query.fields import Subject
from core.query.language import default_language
from core.query.predicate import predicate
from core.rules.book import RuleCompiler
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.recorded import CaptureMaker


def recorded(maker: CaptureMaker, *texts: str) -> tuple[list[FrameRow], CaptureMaker]:
    peer = maker.peer("/chat?room=1")
    for text in texts:
        peer.say(text)
    peer.frame(Opcode.PING, b"hi")
    reader = maker.reader()
    return reader.rows_of(range(1, len(texts) + 2)), maker


def test_a_rule_of_a_json_message_asks_for_its_type_on_its_path(maker: CaptureMaker) -> None:
    text = '{"id": 7, "type": "login", "op": 3, "ok": true}'
    rows, _ = recorded(maker, text)
    rule = rule_of_frame(rows[0], text.encode(), maker.reader().connection(1))
    assert rule.when == Condition(
        Moment.MESSAGE, 'json("$.type") == "login" and path == "/chat?room=1"', Role.CLIENT
    )
    assert is_holding(rule)
    assert value_terms(text.encode()) == ('json("$.type") == "login"', 'json("$.op") == 3')


@pytest.mark.parametrize("text", ["hello", "x" * 100, "ü" * 60, "", '["a", 1]', '{"x": 1}'])
def test_each_term_holds_for_its_frame(maker: CaptureMaker, text: str) -> None:
    rows, _ = recorded(maker, text)
    language = default_language()
    reader = maker.reader()
    record, connection = reader.frame(1), reader.connection(1)
    assert record is not None
    for term in frame_terms(rows[0], text.encode()):
        assert predicate(language.parse(term))(Subject(record, connection, None, 0)), term


def test_a_rule_of_a_control_frame_is_about_frames(maker: CaptureMaker) -> None:
    rows, _ = recorded(maker)
    rule = rule_of_frame(rows[0], b"hi", None)
    assert rule.when == Condition(Moment.FRAME, "opcode == ping", Role.CLIENT)


def test_a_rule_of_a_connection_is_about_its_path(maker: CaptureMaker) -> None:
    recorded(maker)
    record = maker.reader().connection(1)
    assert record is not None
    assert rule_of_connection(record).when.filter == 'path == "/chat?room=1"'


@pytest.mark.parametrize(
    ("payload", "passes"),
    [
        (b"2", True),
        (b"ping", True),
        (b"", True),
        (b'{"type": "ka"}', True),
        (b'{"event":"pusher:ping","data":{}}', True),
        (b'{"op": 1, "d": null}', True),
        (b'{"type": "login"}', False),
        (b"hello", False),
        (b"42", False),
    ],
)
def test_heartbeats_are_left_out(maker: CaptureMaker, payload: bytes, passes: bool) -> None:
    maker.peer().say(payload.decode())
    rule = Rule(1, "hold", Condition(Moment.MESSAGE, "length >= 0 or opcode == text"), (ActionText("hold"),))
    compiler = RuleCompiler(default_language())
    record = maker.reader().frame(1)
    connection = maker.reader().connection(1)
    assert record is not None
    wanted = without_heartbeats(rule).when.filter
    compiler.check(without_heartbeats(rule))
    matches = predicate(default_language().parse(wanted))
    assert matches(Subject(record, connection, None, 0)) is not passes


def test_a_name_is_suggested() -> None:
    when = Condition(Moment.MESSAGE, "payload contains login")
    assert suggested_name(when, (ActionText("drop"),)) == "Drop payload contains login"
    assert suggested_name(Condition(Moment.OPEN), (ActionText("send"),)) == "Send opens"
    assert len(suggested_name(Condition(Moment.MESSAGE, "x" * 500), (ActionText("drop"),))) == 60


@pytest.mark.parametrize(
    ("at", "term"),
    [
        ("ann", 'json("$.user.name") == "ann"'),
        ('"name', 'json("$.user.name") == "ann"'),
        ('"b"', 'json("$.user.roles[1]") == "b"'),
        ("2.50", 'json("$.n") == 2.50'),
        ("null", 'json("$[\\"a b\\"]") == null'),
        ("true", 'json("$.ok") == true'),
        ('"empty', ""),
    ],
)
def test_a_value_of_json_becomes_a_term(at: str, term: str) -> None:
    payload = (
        b'{"user": {"name": "ann", "roles": ["a", "b"]}, "n": 2.50, "ok": true, "a b": null, "empty": []}'
    )
    found = value_term(payload, payload.index(at.encode()))
    assert found == term
    if term:
        default_language().parse(term)


def test_what_is_no_json_has_no_value() -> None:
    assert value_term(b"hello", 1) == ""
    assert value_term(b'{"a": 1}', 100) == ""
