"""A payload as something to edit, and back: text, JSON, hex. What is not edited stays byte for byte. No Qt here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto

from app.logic.compose import EDITOR_LIMIT, encode_text, parse_hex
from core.decoders.decoder import DecodeError
from core.decoders.json_tree import json_node
from core.decoders.tree import Node
from core.errors import PayloadError
from core.protocol.frames import Opcode

HEX_LIMIT = 1024 * 1024
"""Bytes of a payload that can be edited as hex digits."""
TREE_LIMIT = 256 * 1024
"""Bytes of a payload that can be edited as a tree."""
TREE_NODES = 5000
_A_LINE = 16
_UNKEPT = frozenset("\x00\r\u2028\u2029\ufdd0\ufdd1\ufffc\ufeff")
"""Characters that a text editor would change."""


class EditMode(Enum):
    """How a payload is edited."""

    TEXT = auto()
    JSON = auto()
    HEX = auto()


@dataclass(frozen=True, slots=True)
class TextForm:
    """A payload as the text of an editor."""

    text: str
    newline: str
    """What ends its lines; in the editor that is a line feed."""

    def payload(self, text: str) -> bytes:
        """The payload that an edited text stands for. Raises PayloadError."""
        return encode_text(text if self.newline == "\n" else text.replace("\n", self.newline))


def text_form(payload: bytes) -> TextForm | None:
    """`payload` as text; None if an editor cannot hold it unchanged."""
    if len(payload) > EDITOR_LIMIT:
        return None
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    newline = "\n"
    if "\r\n" in text and text.count("\n") == text.count("\r\n"):
        newline = "\r\n"
        text = text.replace("\r\n", "\n")
    return None if _UNKEPT.intersection(text) else TextForm(text, newline)


def hex_text(payload: bytes) -> str:
    """`payload` as pairs of hex digits, sixteen to a line."""
    return "\n".join(payload[at : at + _A_LINE].hex(" ") for at in range(0, len(payload), _A_LINE))


def hex_payload(text: str) -> bytes:
    """The payload that pairs of hex digits stand for. Raises PayloadError."""
    return parse_hex(text)


def modes_of(payload: bytes) -> tuple[EditMode, ...]:
    """The ways in which `payload` can be edited, the handiest first; none if it is too long for all."""
    modes = []
    if json_root(payload) is not None:
        modes.append(EditMode.JSON)
    if text_form(payload) is not None:
        modes.append(EditMode.TEXT)
    if len(payload) <= HEX_LIMIT:
        modes.append(EditMode.HEX)
    return tuple(modes)


def first_mode(payload: bytes, opcode: int) -> EditMode | None:
    """How to begin: a text as text, binary as hex; None if it is too long to be edited."""
    modes = modes_of(payload)
    wanted = EditMode.TEXT if opcode == Opcode.TEXT else EditMode.HEX
    if wanted in modes:
        return wanted
    return modes[-1] if modes else None


def json_root(payload: bytes) -> Node | None:
    """The tree of a payload that is a JSON object or array and not too large for one, else None."""
    if len(payload) > TREE_LIMIT or payload.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        payload.decode()
        root = json_node("", payload, 0)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return root if _nodes(root) <= TREE_NODES else None


def with_value(payload: bytes, node: Node, literal: str) -> bytes:
    """`payload` with another JSON value in place of `node`; all else stays as it was. Raises PayloadError."""
    if text_problem := _literal_problem(literal):
        raise PayloadError(text_problem)
    return payload[: node.first] + encode_text(literal.strip()) + payload[node.end :]


def _literal_problem(literal: str) -> str:
    try:
        json.loads(literal, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except RecursionError:
        return "The values are nested too deeply."
    except ValueError:
        quoted = json.dumps(literal.strip().strip('"'), ensure_ascii=False)
        return f"“{literal}” is no JSON value. A text needs quotes: {quoted}."
    return ""


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _nodes(root: Node) -> int:
    count, waiting = 0, [root]
    while waiting and count <= TREE_NODES:
        node = waiting.pop()
        count += 1
        waiting += node.children
    return count
