"""Header fields as values, and peer text made fit for messages.

Source: RFC 9110 section 5 (fields, lists, tokens).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import NamedTuple

from core.protocol.violations import Violation

TCHAR = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
"""Characters of a token (RFC 9110 section 5.6.2), for a character class of a regular expression."""

_TOKEN = re.compile(f"[{TCHAR}]+")
_COMMA_OR_QUOTED = re.compile(r',|"(?:[^"\\]|\\.?)*+"?', re.DOTALL)

QUOTE_LIMIT = 80
"""Characters of peer text quoted in a message."""
REASON_LIMIT = 16
"""Violations spelled out in one sentence."""


def quoted(text: str | bytes) -> str:
    """Peer text fit for a message: printable ASCII in quotes, other characters escaped, visibly shortened."""
    characters = text.decode("latin-1") if isinstance(text, bytes) else text
    shown = characters[:QUOTE_LIMIT].encode("unicode_escape").decode("ascii").replace("'", "\\'")
    if len(characters) <= QUOTE_LIMIT:
        return f"'{shown}'"
    return f"'{shown}…' (shortened, {len(characters)} in all)"


def explain(violations: Sequence[Violation]) -> str:
    """One sentence that names the violations with their values; beyond `REASON_LIMIT` only their number."""
    reasons: list[str] = []
    for broken in violations[:REASON_LIMIT]:
        reason = broken.rule.sentence.rstrip(".")
        if reasons and reason.startswith(("A ", "An ", "The ", "There ", "These ")):
            reason = reason[0].lower() + reason[1:]
        reasons.append(f"{reason}: {broken.detail}" if broken.detail else reason)
    if len(violations) > REASON_LIMIT:
        reasons.append(f"and {len(violations) - REASON_LIMIT} more")
    return "; ".join(reasons) + "."


def is_token(text: str) -> bool:
    """Whether `text` is a token of RFC 9110 section 5.6.2."""
    return _TOKEN.fullmatch(text) is not None


def split_list(value: str) -> tuple[str, ...]:
    """The elements of a comma-separated list (RFC 9110 section 5.6.1), trimmed; quoted strings stay whole."""
    elements = []
    start = 0
    for match in _COMMA_OR_QUOTED.finditer(value):
        if match.group() == ",":
            elements.append(value[start : match.start()].strip(" \t"))
            start = match.end()
    elements.append(value[start:].strip(" \t"))
    return tuple(element for element in elements if element)


class HeadSpan(NamedTuple):
    """Bytes `offset`..`offset + length` of a raw head."""

    offset: int
    length: int


NOWHERE = HeadSpan(0, 0)


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order, with repeated ones kept; look-up ignores case."""

    items: tuple[tuple[str, str], ...] = ()
    """Names in their original spelling and values without surrounding space, both decoded as Latin-1."""
    spans: tuple[HeadSpan, ...] = field(default=(), compare=False, repr=False)
    """Place of each item's lines in the raw head; empty for headers that were not parsed."""

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> str | None:
        """The first value, or None."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value, in order."""
        return tuple(value for value, _ in self.lines(name))

    def lines(self, name: str) -> tuple[tuple[str, HeadSpan], ...]:
        """Every value with the place of its line."""
        wanted = name.lower()
        places = chain(self.spans, repeat(NOWHERE))
        pairs = zip(self.items, places, strict=False)
        return tuple((value, span) for (known, value), span in pairs if known.lower() == wanted)

    def tokens(self, name: str) -> tuple[str, ...]:
        """The elements of the comma-separated list formed by all lines of this name (RFC 9110 section 5.3)."""
        return tuple(element for value in self.get_all(name) for element in split_list(value))

    def span(self, name: str) -> HeadSpan:
        """Place of the first line of this name, or (0, 0)."""
        return next((span for _, span in self.lines(name)), NOWHERE)


def bracketed(host: str) -> str:
    """A host as URLs and Host write it: an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def place_text(host: str, port: int) -> str:
    """Host and port, such as `127.0.0.1:8080` or `[::1]:8080`."""
    return f"{bracketed(host)}:{port}"
