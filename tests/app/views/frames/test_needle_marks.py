"""Where in a payload cell stands what was looked for."""

from __future__ import annotations

import pytest

from app.logic.frame_lines import TimeFormat, make_line
from app.views.frames.needle_marks import MARKS, NeedleMarks
from core.protocol.frames import Opcode
from core.query.needles import Needle
from tests.tools.recorded import CaptureMaker


def marked(maker: CaptureMaker, opcode: int, payload: bytes, *needles: Needle) -> list[str]:
    """The marked pieces of the cell of a frame with that payload."""
    maker.peer().frame(opcode, payload)
    reader = maker.reader()
    (row,) = reader.rows_of([reader.last_frame_id()])
    line = make_line(row, previous_ns=None, start_ns=0, time_format=TimeFormat.ABSOLUTE)
    return [line.payload[start:end] for start, end in NeedleMarks(needles).spans(line)]


@pytest.mark.parametrize(
    ("opcode", "payload", "needle", "found"),
    [
        (Opcode.TEXT, b"a login, a Login", Needle(b"login", folded=False), ["login"]),
        (Opcode.TEXT, b"a login, a Login", Needle(b"LOGIN", folded=True), ["login", "Login"]),
        (Opcode.TEXT, b"one\ntwo", Needle(b"e\nt", folded=False), ["e↵t"]),
        (Opcode.TEXT, b"a.b.c", Needle(b".", folded=False), [".", "."]),
        (Opcode.BINARY, bytes(range(8)), Needle(b"\x02\x03", folded=False), ["02 03"]),
        (Opcode.TEXT, b"", Needle(b"x", folded=False), []),
        (Opcode.TEXT, b"none", Needle(b"x", folded=False), []),
    ],
)
def test_as_the_cell_writes_it(
    maker: CaptureMaker, opcode: int, payload: bytes, needle: Needle, found: list[str]
) -> None:
    assert marked(maker, opcode, payload, needle) == found


def test_the_longest_and_not_too_many(maker: CaptureMaker) -> None:
    short, long = Needle(b"ab", folded=False), Needle(b"abab", folded=False)
    assert marked(maker, Opcode.TEXT, b"abababab", short, long) == ["abab", "abab"]
    assert len(marked(maker, Opcode.TEXT, b"x" * 100, Needle(b"x", folded=False))) == MARKS


def test_nothing_is_looked_for(maker: CaptureMaker) -> None:
    assert marked(maker, Opcode.TEXT, b"x") == []
