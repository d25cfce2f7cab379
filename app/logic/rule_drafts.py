"""Rules to begin with, made of what a person points at: a frame, a value in it, a connection. No Qt here."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from app.logic.cell_terms import FIRST_BYTES
from app.logic.held_edit import json_root
from app.logic.text import cut, one_line
from core.capture.records import ConnectionRecord, Direction, FrameRow
from core.protocol.frames import OPCODE_NAMES, Opcode
from core.protocol.state import Role
from core.query.quoting import bytes_literal, text_literal
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule

HOLD = "hold"
"""Name of the action that asks a person."""
LONGEST_NAME = 60
MOST_READ = 64 * 1024
"""Bytes of a payload that are read as JSON to find what tells it from others."""
_KINDS = ("type", "event", "op", "method", "action", "cmd", "command", "kind", "topic", "channel")
"""Members of a JSON object that usually say what it is, the likeliest first."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = 0x08
HEARTBEATS = (
    'payload in {"2", "3", "ping", "pong", "h", "", "\\n", "PING", "PONG"} '
    'or json("$.type") in {"ping", "pong", "ka", "heartbeat", "keepalive", "connection_keep_alive"} '
    'or json("$.event") in {"heartbeat", "ping", "pong", "pusher:ping", "pusher:pong"} '
    'or json("$.op") in {1, 11, "ping", "pong"}'
)
"""What common protocols above WebSocket keep a connection alive with: Engine.IO, graphql-ws, Pusher, STOMP."""


def sender_of(direction: Direction) -> Role:
    """Whose messages go in this direction."""
    return Role.CLIENT if direction is Direction.CLIENT_TO_SERVER else Role.SERVER


def is_holding(rule: Rule) -> bool:
    """Whether a rule has a person decide."""
    return any(action.name == HOLD for action in rule.then)


def without_heartbeats(rule: Rule) -> Rule:
    """A rule that lets heartbeats pass."""
    text = rule.when.filter.strip()
    beats = f"not ({HEARTBEATS})"
    return replace(rule, when=replace(rule.when, filter=f"({text}) and {beats}" if text else beats))


def value_terms(payload: bytes) -> tuple[str, ...]:
    """Terms about the members of a JSON object that say what it is."""
    if len(payload) > MOST_READ:
        return ()
    try:
        # Imported late: loading takes a tenth of a second.
        from core.query.json_paths import read_json

        document = read_json(payload)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(document, dict):
        return ()
    return tuple(
        f'json("$.{key}") == {_literal(document[key])}'
        for key in _KINDS
        if isinstance(document.get(key), (str, int)) and not isinstance(document.get(key), bool)
    )


def value_term(payload: bytes, offset: int) -> str:
    """A term about the JSON value at a byte of a payload, or behind its name there; "" if there is none."""
    node, path = json_root(payload), "$"
    while node is not None and node.children:
        child = next((each for each in node.children if offset < each.end), None)
        if child is None:
            return ""
        path += _step(child.name, in_list=payload[node.first : node.first + 1] == b"[")
        node = child
    if node is None or not node.value or node.value in ("{}", "[]"):
        return ""
    value = json.loads(node.value, parse_int=str, parse_float=str)
    is_text = node.value.startswith('"')
    return f"json({text_literal(path)}) == {text_literal(value) if is_text else node.value}"


def _step(name: str, *, in_list: bool) -> str:
    """The part of a JSONPath (RFC 9535) that selects a member of an object by its written name, or an element."""
    if in_list:
        return f"[{name}]"
    return f".{name}" if _PLAIN.fullmatch(name) else f'["{name}"]'


def frame_terms(row: FrameRow, payload: bytes) -> tuple[str, ...]:
    """Terms that tell a frame from others, the likeliest first. `payload` is its message's, or the beginning of it."""
    if row.head & _CONTROL:
        return (f"opcode == {OPCODE_NAMES.get(row.opcode, row.opcode)}",)
    opcode = row.opcode if row.message is None else row.message.opcode
    kind = "message.opcode == text" if opcode == Opcode.TEXT else "message.opcode == binary"
    if not payload:
        return (f"{kind} and message.length == 0", kind)
    if len(payload) == row.content_length <= FIRST_BYTES:
        same = f"payload == {bytes_literal(payload)}"
    else:
        same = f"payload contains {bytes_literal(_whole_characters(payload[:FIRST_BYTES]))}"
    return (*value_terms(payload), same, kind)


def rule_of_frame(row: FrameRow, payload: bytes, record: ConnectionRecord | None, term: str = "") -> Rule:
    """A rule for frames like this one on connections like its own; `term` says what is alike."""
    wanted = term or frame_terms(row, payload)[0]
    moment = Moment.FRAME if row.head & _CONTROL else Moment.MESSAGE
    return _rule(_on_path(wanted, record), moment, sender_of(row.direction))


def rule_of_connection(record: ConnectionRecord, term: str = "") -> Rule:
    """A rule for the messages of connections like this one."""
    wanted = term or (f"path == {text_literal(record.path)}" if record.path else f"connection == {record.id}")
    return _rule(wanted, Moment.MESSAGE, None)


def rule_of_filter(text: str) -> Rule:
    """A rule for the messages that a filter shows."""
    return _rule(text, Moment.MESSAGE, None)


def suggested_name(when: Condition, then: tuple[ActionText, ...]) -> str:
    """A name for a rule whose name is left empty."""
    action = then[0].name.replace("-", " ") if then else "rule"
    return cut(one_line(f"{action.capitalize()} {when.filter or when.moment.value + 's'}"), LONGEST_NAME)


def _rule(filter_text: str, moment: Moment, sender: Role | None) -> Rule:
    when = Condition(moment, filter_text, sender)
    then = (ActionText(HOLD),)
    return Rule(0, suggested_name(when, then), when, then)


def _on_path(term: str, record: ConnectionRecord | None) -> str:
    if record is None or not record.path or "path ==" in term:
        return term
    wrapped = f"({term})" if " or " in term else term
    return f"{wrapped} and path == {text_literal(record.path)}"


def _literal(value: object) -> str:
    return text_literal(value) if isinstance(value, str) else json.dumps(value)


def _whole_characters(data: bytes) -> bytes:
    """`data` without a character that is cut at its end."""
    for cut_off in range(4):
        try:
            return data[: len(data) - cut_off].decode().encode()
        except UnicodeDecodeError:
            continue
    return data
