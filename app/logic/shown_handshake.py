"""All that a capture says of how a connection was opened: its legs, its heads, and the rules that they broke."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from core.capture.legs import HeadPlace, HeadRecord, LegRecord
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, Mode, Problem
from core.protocol.state import Role
from core.protocol.violations import Violation

LISTENED = (HeadPlace.CLIENT_REQUEST, HeadPlace.CLIENT_RESPONSE)
DIALLED = (HeadPlace.SERVER_REQUEST, HeadPlace.SERVER_RESPONSE)


@dataclass(frozen=True, slots=True)
class ShownHandshake:
    """One connection."""

    record: ConnectionRecord
    heads: tuple[HeadRecord, ...] = ()
    legs: tuple[LegRecord, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What its heads broke, or the connection as such."""

    @property
    def is_relayed(self) -> bool:
        """Whether Unmask stands between two others."""
        return self.record.mode not in (Mode.LISTEN, Mode.CONNECT)

    @property
    def request_place(self) -> HeadPlace:
        """Where the request stands as its author wrote it."""
        return HeadPlace.SERVER_REQUEST if self.record.mode is Mode.CONNECT else HeadPlace.CLIENT_REQUEST

    @property
    def response_place(self) -> HeadPlace:
        """Where the answer stands as its author wrote it."""
        if self.record.mode is Mode.LISTEN or (
            self.is_relayed
            and not self.raw(HeadPlace.SERVER_RESPONSE)
            and self.raw(HeadPlace.CLIENT_RESPONSE)
        ):
            return HeadPlace.CLIENT_RESPONSE
        return HeadPlace.SERVER_RESPONSE

    @property
    def passed_request(self) -> HeadPlace | None:
        """Where the request stands as it went on to the server; None if it went on as it came, or did not."""
        return self._passed(HeadPlace.SERVER_REQUEST, self.request_place)

    @property
    def passed_response(self) -> HeadPlace | None:
        """Where the answer stands as it went on to the client; None if it went on as it came, or did not."""
        return self._passed(HeadPlace.CLIENT_RESPONSE, self.response_place)

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that applied to its heads."""
        return tuple(dict.fromkeys(name for head in self.heads for name in head.rules))

    @property
    def reached_server(self) -> bool:
        """Whether there was a connection to the server."""
        leg = self.leg(Role.SERVER)
        return leg is not None and leg.connected_ns is not None

    def raw(self, place: HeadPlace) -> bytes:
        """A head, or what came in its place; empty if nothing did."""
        return next((head.raw for head in self.heads if head.place is place), b"")

    def leg(self, side: Role) -> LegRecord | None:
        """The leg with `side` at its other end."""
        return next((leg for leg in self.legs if leg.side is side), None)

    def place_of(self, violation: Violation) -> HeadPlace | None:
        """The head that broke a rule; None if it was the connection as such."""
        mine = [each for each in self.problems if each.violation is violation]
        equal = [each for each in self.problems if each.violation == violation]
        return next((each.head for each in (*mine, *equal)), None)

    def _passed(self, place: HeadPlace, original: HeadPlace) -> HeadPlace | None:
        if not self.is_relayed or place is original:
            return None
        passed = self.raw(place)
        return place if passed and passed != self.raw(original) else None


def read_handshake(reader: CaptureReader, record: ConnectionRecord) -> ShownHandshake:
    """What `reader` says of the opening of this connection. Raises CaptureError."""
    return ShownHandshake(
        record,
        tuple(reader.heads(record.id)),
        tuple(reader.legs(record.id)),
        reader.connection_problems(record.id),
    )


@dataclass(frozen=True, slots=True)
class Differences:
    """Where two heads differ."""

    before: frozenset[int] = frozenset()
    """Lines of the first head that the second has not, from 0."""
    after: frozenset[int] = frozenset()
    """Lines of the second head that the first has not, from 0."""
    names: tuple[str, ...] = ()
    """The headers concerned, in order; "" stands for the first line."""


def differences(first: bytes, second: bytes) -> Differences:
    """How `second` differs from `first`, line by line."""
    before, after = first.split(b"\n"), second.split(b"\n")
    gone: set[int] = set()
    come: set[int] = set()
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            gone.update(range(i1, i2))
            come.update(range(j1, j2))
    named = [_name(before, line) for line in sorted(gone)] + [_name(after, line) for line in sorted(come)]
    return Differences(frozenset(gone), frozenset(come), tuple(dict.fromkeys(named)))


def _name(lines: list[bytes], number: int) -> str:
    return "" if number == 0 else lines[number].partition(b":")[0].decode("latin-1").strip()
