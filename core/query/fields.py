"""The fields a filter can ask for: small plug-ins, each with its own help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from core.capture.records import ConnectionRecord, FrameRecord
from core.query.operators import Several
from core.query.placements import Placement
from core.query.values import Kind, Value


@dataclass(frozen=True, slots=True)
class Subject:
    """One frame, and what a filter can ask of what surrounds it. Times are ns since the epoch."""

    record: FrameRecord
    connection: ConnectionRecord | None
    previous_ns: int | None
    """Time of the frame before of the same connection."""
    start_ns: int
    """Time of the capture's first frame."""


@dataclass(frozen=True, slots=True)
class Access:
    """Both ways to a field's values: of one frame, and of all frames of a block."""

    values: Callable[[Subject], Several]
    placement: Placement


@dataclass(frozen=True, slots=True)
class Field:
    """One plug-in."""

    name: str
    kind: Kind
    help: str
    example: str
    access: Access | Callable[[str], Access]
    """A function of the argument where there is one, such as a header's name; it raises ValueError."""
    aliases: tuple[str, ...] = ()
    """Other names, such as Wireshark's."""
    choices: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Names of its values, in small letters with hyphens."""
    optional: bool = False
    """Whether some frames don't have it; then its name alone asks whether they do."""
    relative: str | None = None
    """The field that is meant where a duration stands in the place of a time."""


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
        """All names and aliases, in small letters."""
        return tuple(self._by_name)
