"""The bytes that a filter looks for in payloads, for marking where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.query.expressions import And, Expression, Not, Or, Term

_LIMIT = 16
_FIELDS = frozenset({"payload", "message", "frame.payload"})


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes that a payload may contain."""

    data: bytes
    folded: bool
    """Whether A–Z and a–z count as equal."""

    def is_in(self, content: bytes) -> bool:
        return self.data.lower() in content.lower() if self.folded else self.data in content

    @property
    def text(self) -> str:
        """The needle as a person writes it: readable UTF-8, else pairs of hex digits."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = ""
        return text if text.isprintable() and text else self.data.hex(" ")


def needles(expression: Expression) -> tuple[Needle, ...]:
    """The first 16 needles of a filter, in the order of its text; none of those that must not occur."""
    return tuple(dict.fromkeys(each for each, _ in zip(_needles(expression), range(_LIMIT), strict=False)))


def _needles(expression: Expression) -> Iterator[Needle]:
    match expression:
        case Term(field=field, operator=operator, operand=bytes() as data):
            if field.name in _FIELDS and data and operator.name in ("contains", "icontains", "=="):
                yield Needle(data, operator.name == "icontains")
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from _needles(part)
        case Not():
            return
