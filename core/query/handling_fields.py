"""The built-in fields about what was done to a frame on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.capture.block_reader import EVERY, Condition
from core.capture.layout import FATE_MASK, FATE_SHIFT, HANDLED, ORIGIN_MASK, RecordColumn
from core.protocol.events import Origin
from core.protocol.handling import UNTOUCHED, DecidedBy, Fate, Handling
from core.query.fields import Access, Field
from core.query.operators import Matcher, Several
from core.query.placements import BlockTest, Capture, Mask, ScannedBlock
from core.query.values import FieldKind, Value

_FATES: Mapping[str, Value] = MappingProxyType({each.name.lower(): each.value for each in Fate})
_DECIDERS: Mapping[str, Value] = MappingProxyType(
    {each.name.lower(): each.value for each in DecidedBy if each is not DecidedBy.NOBODY}
)
_HANDLED_BLOCKS = Condition(
    "EXISTS(SELECT 1 FROM handling "
    "WHERE handling.frame BETWEEN block.first AND block.first + block.count - 1)"
)

Judge = Callable[[Origin, Handling], Several]
"""A field's values, by why a frame was on the wire and what was done to it."""


@dataclass(frozen=True, slots=True)
class InHandling:
    """Values in what was done to a frame: its record says whether the capture has more of it."""

    judge: Judge
    cost: int = 2

    def prepare(self, matcher: Matcher) -> BlockTest:
        table, judge = self._table(matcher), self.judge

        def test(block: ScannedBlock, wanted: Mask) -> Mask:
            column = block.columns.bytes_of(RecordColumn.ORIGIN_AND_FATE)
            mask = int.from_bytes(column.translate(table), "little")
            if column and max(column) >= HANDLED:
                first = block.columns.key.first
                found = ((frame - first, handling) for frame, handling in block.columns.handlings.items())
                mask |= block.mask_of(
                    index
                    for index, handling in found
                    if column[index] & HANDLED
                    # A forged record may have another one.
                    and (origin := column[index] & ORIGIN_MASK) in _ORIGINS
                    and matcher.matches(judge(Origin(origin), handling))
                )
            return mask & wanted

        return test

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:  # noqa: ARG002
        return EVERY if any(self._table(matcher)) else _HANDLED_BLOCKS

    def _table(self, matcher: Matcher) -> bytes:
        """By their bytes, which of the frames match of which the capture has no more than their records."""
        return bytes(
            byte < HANDLED
            and (byte & ORIGIN_MASK) in _ORIGINS
            and matcher.matches(self.judge(Origin(byte & ORIGIN_MASK), _early(byte)))
            for byte in range(256)
        )


_ORIGINS = frozenset(map(int, Origin))
_EARLY_FATES = frozenset(map(int, Fate))


def _early(byte: int) -> Handling:
    """What a record alone says."""
    fate = (byte & FATE_MASK) >> FATE_SHIFT
    return Handling(Fate(fate)) if fate in _EARLY_FATES else UNTOUCHED


def handling_fields() -> Iterable[Field]:
    """Fields about what was done to a frame."""
    yield Field(
        "fate", FieldKind.NAME,
        "What became of the frame on its way to the other side: passed on, held (so far, or until the connection was "
        "over), dropped, or replaced by another one. The console asks when the frame has come; the window asks again "
        "when something is decided later.",
        "fate == dropped", _access(lambda _, handling: handling.fate.value), (), _FATES,
    )  # fmt: skip
    yield Field(
        "edited", FieldKind.FLAG, "The frame was replaced on its way, or went on in place of another one.", "edited",
        _access(lambda origin, handling: int(handling.fate is Fate.REPLACED or origin is Origin.EDITED)),
    )  # fmt: skip
    yield Field(
        "injected", FieldKind.FLAG, "Unmask put the frame between a client and its server, neither of whom sent it.",
        "injected", _access(lambda origin, _: int(origin is Origin.INJECTED)),
    )  # fmt: skip
    yield Field(
        "held", FieldKind.DURATION,
        "How long the frame was held or delayed; 0 while it is held, and where the connection ended first. Other "
        "frames lack it.",
        "held > 1s", _access(_held), optional=True,
    )  # fmt: skip
    yield Field(
        "decided_by", FieldKind.NAME,
        "Who decided what became of the frame: a rule, the person, a script, or the deadline after which what is held "
        "goes on.",
        "decided_by == person", _access(lambda _, handling: handling.decided_by.value or None), (), _DECIDERS,
        optional=True,
    )  # fmt: skip
    yield Field(
        "rule", FieldKind.TEXT,
        "Names of the rules that applied to the frame, or made Unmask send it; of a script, its file's name.",
        'rule == "Drop pings"', _access(lambda _, handling: handling.rules or None), optional=True,
    )  # fmt: skip
    yield Field(
        "redacted", FieldKind.FLAG, "A rule kept something of the payload out of the capture.", "redacted",
        _access(lambda _, handling: int(handling.is_redacted)),
    )  # fmt: skip


def _access(judge: Judge) -> Access:
    return Access(
        lambda subject: judge(subject.record.row.origin, subject.record.row.handling), InHandling(judge)
    )


def _held(_origin: Origin, handling: Handling) -> int | None:
    if handling.held_ns is None and handling.fate is Fate.HELD:
        return 0
    return handling.held_ns
