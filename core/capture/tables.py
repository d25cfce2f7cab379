"""The tables of a capture: each is a named tuple of its columns, from which its SQL, its rows and checks follow.

A column of type `int`, `str` or `bytes` is NOT NULL; one that may be None may be NULL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import UnionType
from typing import Any, Generic, NamedTuple, TypeVar, get_args

# Without annotations from the future: those of rows are read.

Kind = type | UnionType
Row = tuple[Any, ...]
Blob = bytes
_R = TypeVar("_R", bound=Row)
_DECLARED: dict[object, str] = {int: "INTEGER", str: "TEXT", bytes: "BLOB", object: ""}


@dataclass(frozen=True)
class Table(Generic[_R]):
    """One table: `row` is the type of its rows, each of whose fields is a column of that name."""

    name: str
    row: type[_R]
    key: tuple[str, ...]
    """Its primary key. A single number is the row's own; by any other key rows are put in order."""
    indices: Mapping[str, tuple[str, ...]] | None = None
    """Names, and the columns of each."""

    @cached_property
    def columns(self) -> Mapping[str, Kind]:
        """Names, and what they hold."""
        return self.row.__annotations__

    @cached_property
    def statements(self) -> tuple[str, ...]:
        """What makes the table and its indices."""
        is_numbered = [self.columns[name] for name in self.key] == [int]
        parts = [_declared(name, kind) for name, kind in self.columns.items()]
        parts.append(f"PRIMARY KEY({_quoted(self.key)})")
        ending = "" if is_numbered else " WITHOUT ROWID"
        return (
            f"CREATE TABLE {self.name}({', '.join(parts)}){ending}",
            *(
                f"CREATE INDEX {name} ON {self.name}({_quoted(over)})"
                for name, over in (self.indices or {}).items()
            ),
        )

    @cached_property
    def insert(self) -> str:
        """Takes a `row`."""
        return (
            f"INSERT INTO {self.name}({_quoted(self.columns)}) VALUES({', '.join('?' * len(self.columns))})"
        )

    @cached_property
    def replace(self) -> str:
        """Takes a `row`, in place of the one with its key."""
        return self.insert.replace("INSERT", "INSERT OR REPLACE", 1)

    @cached_property
    def update(self) -> str:
        """Takes a `row`, where there is one with its key; costs half of `replace`."""
        places = {name: place for place, name in enumerate(self.columns, 1)}
        values = ", ".join(f'"{name}" = ?{place}' for name, place in places.items() if name not in self.key)
        keys = " AND ".join(f'"{name}" = ?{places[name]}' for name in self.key)
        return f"UPDATE {self.name} SET {values} WHERE {keys}"

    @cached_property
    def all(self) -> str:
        """All columns, for a SELECT."""
        return ", ".join(f'{self.name}."{name}"' for name in self.columns)

    def read(self, values: Row) -> _R:
        """A row out of the values of `all`; ValueError where one is not of its kind."""
        return self.row(*typed(values, tuple(self.columns.values())))

    def kinds(self, *names: str) -> tuple[Kind, ...]:
        """What certain columns hold, for `typed`."""
        return tuple(self.columns[name] for name in names)


def _declared(name: str, kind: Kind) -> str:
    held = [each for each in get_args(kind) or (kind,) if each is not type(None)]
    parts = (f'"{name}"', _DECLARED[held[0]], "" if kind is object or get_args(kind) else "NOT NULL")
    return " ".join(filter(None, parts))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def typed(row: Row, kinds: tuple[Kind, ...]) -> Row:
    """`row`, each value of which is of its kind, else ValueError: SQLite itself holds no column to its type."""
    for number, (value, kind) in enumerate(zip(row, kinds, strict=True), 1):
        if not isinstance(value, kind):
            raise ValueError(f"value {number} of a row is a {type(value).__name__}")
    return row


class MetaRow(NamedTuple):
    """What is to be known of the file: `created_ns`, and the `version` of the program."""

    key: str
    value: object


class TotalRow(NamedTuple):
    """Running totals; the table has one row (see `Totals`)."""

    id: int
    connections: int
    frames: int
    control_frames: int
    bytes: int
    """On the wire."""
    violations: int
    changes: int
    """Goes up with every change to any connection."""
    generation: int
    """Goes up when frames are forgotten that were not at the front."""
    mark_changes: int
    """Goes up with every change to any mark."""
    handling_changes: int
    """Goes up when something is decided of frames that are in the file already."""


class ConnectionRow(NamedTuple):
    """A connection with what came of its opening handshake, how it ended, and what was recorded of it."""

    id: int
    changed: int
    """`total.changes` at its last change."""
    mode: int
    state: int
    opened_ns: int
    closed_ns: int | None
    path: str
    origin: str | None
    subprotocol: str | None
    extensions: str
    status: int
    reason: str
    close_code: int | None
    closed_by: int
    vanished: int
    frame_count: int
    data_frame_count: int
    bytes_in: int
    """Wire bytes client→server, frames only."""
    bytes_out: int
    violation_count: int
    source: int
    """Where it belongs; 0: not known."""


class SourceRow(NamedTuple):
    """A source as it was called and set up when its connections came (`SourceLabel`)."""

    id: int
    """From 1, in each capture anew."""
    mode: int
    name: str
    address: str
    target: str


class LegRow(NamedTuple):
    """One TCP connection of a connection: to the client, to the server; a relayed connection has both."""

    connection: int
    side: int
    """`Role` of who is at the other end."""
    peer: str
    local: str
    tls_version: str | None
    """NULL where it is not encrypted; then the other columns of TLS have no meaning."""
    tls_cipher: str
    tls_alpn: str | None
    tls_sni: str | None
    tls_resumed: int
    tls_chain: Blob
    """Certificates of the other end in DER, its own first, one behind the other."""
    tls_problem: str
    """What is wrong with TLS, in a sentence; "" if nothing is, or where it is not encrypted."""
    opened_ns: int
    connected_ns: int | None
    secured_ns: int | None
    answered_ns: int | None
    first_message_ns: int | None
    closed_ns: int | None
    ended: int
    """`LegEnd`."""
    trailing: Blob
    """What came over it after the last frame and is no frame (bounded)."""
    trailing_length: int


class HeadRow(NamedTuple):
    """A raw head of an opening handshake, or what came in its place, as it was on the wire but for masked secrets."""

    connection: int
    side: int
    """`Role` of who is at the other end of the leg over which it went."""
    kind: int
    """0: the request, 1: the response."""
    raw: Blob
    masked: int
    """1: secrets in it are asterisks, which were not on the wire."""
    rules: str
    """Names of the rules that applied to it, one in a line."""
    held_ns: int | None
    """How long it was held or delayed."""


class BlockRow(NamedTuple):
    """Frames in order of arrival (`core.capture.blocks`)."""

    first: int
    """Id of its first frame."""
    count: int  # type: ignore[assignment]
    first_ns: int
    last_ns: int
    records: Blob
    """See `core.capture.layout`."""


class PayloadRow(NamedTuple):
    """The payload bytes of a block, apart: who searches them reads no records, and the other way round."""

    block: int
    repeats: Blob
    """Which payloads come again and are not among `bytes` (`core.capture.repeats`), and behind that where the chunks
    are if `bytes` is compressed (`core.capture.packing`)."""
    bytes: Blob


class LaneRow(NamedTuple):
    """Which rows of a list lie in which block."""

    connection: int
    """Whose frames the list shows; 0: those of all."""
    block: int
    position: int
    """Where in the list its first frame in the block stands."""
    count: int  # type: ignore[assignment]
    data_position: int
    """Where in the list without control frames its first data frame in the block stands."""
    data_count: int


class ViolationRow(NamedTuple):
    """A rule that was broken, by a frame, a head, or neither."""

    id: int
    connection: int
    frame: int | None
    head: int | None
    """`HeadPlace`, where a head broke it."""
    rule: str
    detail: str
    offset: int
    """In the frame's wire bytes, or in the raw head."""
    length: int


class HandlingRow(NamedTuple):
    """What was done to a frame on its way (`Handling`), or why it was sent. Most frames have none."""

    frame: int
    connection: int
    ticket: int
    """The number of its unit within the connection; 0: none."""
    fate: int
    decided_by: int
    held_ns: int | None
    rules: str
    """One in a line."""
    redacted: int
    cause: int | None
    """The first frame of the unit in whose place it went on, or because of which it was sent."""


class MarkRow(NamedTuple):
    """A frame that the person marked (`core.capture.marks`)."""

    frame: int
    note: str


class GapRow(NamedTuple):
    """Where frames are missing, how many, since when and why (`core.capture.gaps`)."""

    connection: int
    before: int
    reason: int
    frames: int
    data_frames: int
    first_ns: int
    last_ns: int


META = Table("meta", MetaRow, ("key",))
TOTAL = Table("total", TotalRow, ("id",))
CONNECTION = Table("connection", ConnectionRow, ("id",), {"connection_changed": ("changed",)})
SOURCE = Table("source", SourceRow, ("id",))
LEG = Table("leg", LegRow, ("connection", "side"))
HEAD = Table("head", HeadRow, ("connection", "side", "kind"))
BLOCK = Table("block", BlockRow, ("first",))
PAYLOAD = Table("payload", PayloadRow, ("block",))
LANE = Table(
    "lane",
    LaneRow,
    ("connection", "block"),
    {"lane_position": ("connection", "position"), "lane_data": ("connection", "data_position", "block")},
)
VIOLATION = Table(
    "violation",
    ViolationRow,
    ("id",),
    {"violation_frame": ("frame", "connection"), "violation_connection": ("connection", "frame")},
)
HANDLING = Table(
    "handling",
    HandlingRow,
    ("frame",),
    {"handling_ticket": ("connection", "ticket"), "handling_cause": ("cause",)},
)
MARK = Table("mark", MarkRow, ("frame",), {"mark_frame": ("frame",)})
GAP = Table("gap", GapRow, ("connection", "before", "reason"), {"gap_before": ("before",)})

TABLES: tuple[Table[Any], ...] = (
    META, TOTAL, CONNECTION, SOURCE, LEG, HEAD, BLOCK, PAYLOAD, LANE, VIOLATION, HANDLING, MARK, GAP,
)  # fmt: skip
CLEARED = tuple(table for table in TABLES if table not in (META, TOTAL))
"""Those that have no rows any more when a capture is cleared."""
FIRST_TOTAL = TotalRow(
    id=1,
    connections=0,
    frames=0,
    control_frames=0,
    bytes=0,
    violations=0,
    changes=0,
    generation=1,
    mark_changes=0,
    handling_changes=0,
)
