"""The simplest possible evaluation of filters on JSON, applied to the payloads of an export.

It shares no code with the product: RFC 8259 is read by a separate grammar, numbers are decimals, and paths are steps
instead of texts.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<mark>[{}\[\]:,])|(?P<word>true|false|null)"
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r'|"(?P<text>(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)")'
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"true": True, "false": False, "null": None}


class NoJson(Exception):
    """The payload is no JSON."""


@dataclass(frozen=True, slots=True)
class Number:
    """The exact value of a number in a document; never equal to true or false."""

    value: Decimal


def parse(payload: bytes) -> Any:
    """The document: dicts, lists, texts, `Number`s, True, False, None. NoJson."""
    try:
        text = payload.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise NoJson from None
    parser = _Parser(text)
    document = parser.value()
    if text[parser.at :].strip(" \t\r\n"):
        raise NoJson
    return document


class _Parser:
    def __init__(self, text: str) -> None:
        self.at = 0
        self._text = text

    def value(self) -> Any:
        token = self._next()
        if token["mark"] == "[":
            return list(self._members("]", self.value))
        if token["mark"] == "{":
            return dict(self._members("}", self._pair))
        if token["word"]:
            return _WORDS[token["word"]]
        if token["number"]:
            return Number(Decimal(token["number"]))
        return _unescaped(_text_of(token))

    def _pair(self) -> tuple[str, Any]:
        name = _unescaped(_text_of(self._next()))
        if self._next()["mark"] != ":":
            raise NoJson
        return name, self.value()

    def _members(self, end: str, read: Callable[[], Any]) -> Iterator[Any]:
        before = self.at
        if self._next()["mark"] == end:
            return
        self.at = before
        while True:
            yield read()
            mark = self._next()["mark"]
            if mark == end:
                return
            if mark != ",":
                raise NoJson

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self._text, self.at)
        if found is None:
            raise NoJson
        self.at = found.end()
        return found


def _text_of(token: re.Match[str]) -> str:
    text: str | None = token["text"]
    if text is None:
        raise NoJson
    return text


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2]), text
    )
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Step:
    """One segment of a path."""

    name: str | int | None
    """None means all children."""
    deep: bool
    """Whether it applies to all descendants too."""

    def __str__(self) -> str:
        return (".." if self.deep else "") + ("[*]" if self.name is None else f"[{self.name!r}]")


def found_by(document: Any, steps: Sequence[Step]) -> list[Any]:
    """Values that the path of these steps finds (RFC 9535 section 2.1.2)."""
    nodes = [document]
    for step in steps:
        starts = [each for node in nodes for each in (_all_below(node) if step.deep else [node])]
        nodes = [each for start in starts for each in _chosen(start, step.name)]
    return nodes


def _all_below(node: Any) -> list[Any]:
    return [node] + [each for child in _children(node) for each in _all_below(child)]


def _children(node: Any) -> list[Any]:
    return [*node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []


def _chosen(node: Any, name: str | int | None) -> list[Any]:
    if name is None:
        return _children(node)
    if isinstance(name, str):
        return [node[name]] if isinstance(node, dict) and name in node else []
    return [node[name]] if isinstance(node, list) and -len(node) <= name < len(node) else []


_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def matches(found: Sequence[Any], symbol: str, operand: Any) -> bool:
    """Whether a filter with this operator holds for a frame whose path finds `found`."""
    if symbol == "!=":
        return bool(found) and not any(each == operand for each in found)
    if symbol == "==":
        return any(type(each) is type(operand) and each == operand for each in found)
    if symbol == "contains":
        return any(isinstance(each, str) and operand in each for each in found)
    compare = _ORDERS[symbol]
    alike = [each for each in found if type(each) is type(operand)]
    if isinstance(operand, Number):
        return any(compare(each.value, operand.value) for each in alike)
    return any(compare(each, operand) for each in alike)
