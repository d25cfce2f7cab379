"""The fields that a filter can ask for: small plug-ins, each with its own help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from core.capture.records import ConnectionRecord, FrameRecord
from core.query.operators import Several
from core.query.placements import Placement
from core.query.values import FieldKind, Value


@dataclass(frozen=True, slots=True)
class Subject:
    """One frame, with what a filter can ask about its surroundings. Times are in ns since the epoch."""

    record: FrameRecord
    connection: ConnectionRecord | None
    previous_ns: int | None
    """Time of the previous frame of the same connection."""
    start_ns: int
    """Time of the capture's first frame."""


@dataclass(frozen=True, slots=True)
class Access:
    """The two ways to a field's values: for one frame, and for all frames of a block."""

    values: Callable[[Subject], Several]
    placement: Placement


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, its kind, its help, and the way to its values."""

    name: str
    kind: FieldKind
    help: str
    example: str
    access: Access | Callable[[str], Access]
    """A function if the field takes an argument, such as a header's name; the function raises ValueError."""
    aliases: tuple[str, ...] = ()
    """Other names, such as Wireshark's."""
    choices: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Names of the field's values, in lower case with hyphens."""
    optional: bool = False
    """Whether some frames lack it; then its name alone asks whether a frame has it."""
    relative: str | None = None
    """The field that is meant when a duration stands in place of a time."""


class Fields:
    """Fields by name, in order."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = tuple(fields)
        self._by_name = {name.lower(): each for each in self._fields for name in (each.name, *each.aliases)}

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def get(self, name: str) -> Field | None:
        return self._by_name.get(name.lower())

    def names(self) -> tuple[str, ...]:
        """All names and aliases, in lower case."""
        return tuple(self._by_name)
