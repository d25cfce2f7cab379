"""A head as lines, so that it can be spoilt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Head:
    """A request or a response before its bytes."""

    first: str
    lines: tuple[str, ...]
    """Header lines, which need not be any."""

    @classmethod
    def of(cls, raw: bytes) -> Head:
        """The lines of a correct head."""
        first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        return cls(first, tuple(lines))

    def to_bytes(self) -> bytes:
        return "\r\n".join((self.first, *self.lines, "", "")).encode("latin-1")

    def with_lines(self, *lines: str) -> Head:
        """With these lines at the end."""
        return replace(self, lines=(*self.lines, *lines))

    def without(self, name: str) -> Head:
        """Without the headers of this name."""
        return replace(self, lines=tuple(line for line in self.lines if _name(line) != name.lower()))

    def instead(self, name: str, *values: str) -> Head:
        """With one header of this name for each value, in the place of those that there are."""
        return self.without(name).with_lines(*(f"{name}: {value}" for value in values))

    def value(self, name: str) -> str:
        """The value of the first header of this name; "" if there is none."""
        found: Iterable[str] = (line for line in self.lines if _name(line) == name.lower())
        return next(iter(found), ":").partition(":")[2].strip()


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()
