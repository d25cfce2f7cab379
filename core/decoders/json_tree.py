"""JSON (RFC 8259) inside another format, as nodes of a tree."""

from __future__ import annotations

import re

from core.decoders.decoder import DecodeError, TokenKind
from core.decoders.tree import DEEPEST, Node

_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|true|false|null")
_CLOSING = {"{": "}", "[": "]"}


def json_node(name: str, data: bytes, first: int) -> Node:
    """The JSON value that fills `data` from `first` on, as it is written. Raises DecodeError if it is not JSON."""
    # One character per byte, so that places in the text are places in the payload.
    text = data.decode("latin-1")
    node = _value(name, data, text, _after_space(text, first), 0)
    if _after_space(text, node.end) != len(text):
        raise _refuse(text, node.end)
    return node


def _value(name: str, data: bytes, text: str, at: int, depth: int) -> Node:
    letter = text[at : at + 1]
    if letter in ("{", "["):
        if depth > DEEPEST:
            raise DecodeError(f"nested deeper than the {DEEPEST:,} levels that are shown")
        return _container(name, data, text, at, depth)
    if letter == '"':
        end = _string_end(text, at)
        return Node(name, _written(data, at, end), at, end, TokenKind.STRING)
    scalar = _SCALAR.match(text, at)
    if scalar is None:
        raise _refuse(text, at)
    kind = TokenKind.NUMBER if scalar["number"] else TokenKind.LITERAL
    return Node(name, scalar[0], at, scalar.end(), kind)


def _container(name: str, data: bytes, text: str, first: int, depth: int) -> Node:
    """The object or array that begins at `first`."""
    opening = text[first]
    closing = _CLOSING[opening]
    children: list[Node] = []
    at = _after_space(text, first + 1)
    while text[at : at + 1] != closing or children:
        key = str(len(children))
        if opening == "{":
            if text[at : at + 1] != '"':
                raise _refuse(text, at)
            start, at = at, _string_end(text, at)
            key = _written(data, start + 1, at - 1)
            at = _after_space(text, at)
            if text[at : at + 1] != ":":
                raise _refuse(text, at)
            at = _after_space(text, at + 1)
        child = _value(key, data, text, at, depth + 1)
        children.append(child)
        at = _after_space(text, child.end)
        if text[at : at + 1] == closing:
            break
        if text[at : at + 1] != ",":
            raise _refuse(text, at)
        at = _after_space(text, at + 1)
    empty = "" if children else opening + closing
    return Node(name, empty, first, at + 1, TokenKind.PUNCTUATION, tuple(children))


def _string_end(text: str, at: int) -> int:
    """Offset after the closing quotation mark of the string that begins at `at`."""
    string = _STRING.match(text, at)
    if string is None:
        raise _refuse(text, at)
    return string.end()


def _written(data: bytes, first: int, end: int) -> str:
    return data[first:end].decode("utf-8", "backslashreplace")


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _refuse(text: str, at: int) -> DecodeError:
    return DecodeError(f"no JSON from byte {at:,} on" if at < len(text) else "the JSON in it ends too early")
