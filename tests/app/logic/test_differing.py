"""What was changed in a message is found in the form in which it is shown."""

from __future__ import annotations

import json

import pytest

from app.logic.differing import COMPARED_BYTES, MOST_LINES, Comparison, Content, LineKind, compare
from core.decoders.context import Context
from core.decoders.registry import default_decoders
from core.decoders.source import Held
from core.protocol.frames import Opcode

DECODERS = default_decoders()
SIGNS = {LineKind.BOTH: " ", LineKind.GONE: "-", LineKind.COME: "+", LineKind.SKIPPED: "~"}


def content(payload: bytes, opcode: Opcode = Opcode.TEXT) -> Content:
    return Content(Held(payload), Context(opcode))


def compared(before: bytes, after: bytes, name: str | None = None) -> Comparison:
    return compare(DECODERS, content(before), content(after), name)


def signed(found: Comparison) -> list[str]:
    return [
        SIGNS[line.kind] + (line.text if line.kind is not LineKind.SKIPPED else str(line.skipped))
        for line in found.lines
    ]


def changed(found: Comparison) -> list[list[str]]:
    return [[line.text[place.start : place.end] for place in line.changed] for line in found.lines]


def test_json_is_compared_as_it_is_shown() -> None:
    found = compared(b'{"id": 1,"price": 10}', b'{"id":1,"price":12,"x":null}')
    assert (found.title, found.is_whole, found.is_same) == ("JSON", True, False)
    assert signed(found) == [" {", '   "id": 1,', '-  "price": 10', '+  "price": 12,', '+  "x": null', " }"]
    assert changed(found)[2:4] == [["10"], ["12,"]]


def test_text_by_lines() -> None:
    found = compared("Grüße\nan alle".encode(), "Grüße\nan jeden\nEnde".encode())
    assert found.title == "Text"
    assert signed(found) == [" Grüße", "-an alle", "+an jeden", "+Ende"]
    assert changed(found)[1:3] == [["alle"], ["jeden"]]


def test_what_is_no_text_by_bytes() -> None:
    before, after = bytes(64), bytes(40) + b"\x01" + bytes(23)
    found = compare(DECODERS, content(before, Opcode.BINARY), content(after, Opcode.BINARY))
    assert found.title == "Hex"
    assert [line.kind for line in found.lines].count(LineKind.COME) == 1


def test_both_are_read_in_the_same_way() -> None:
    """JSON became something else: text reads both."""
    found = compared(b'{"a":1}', b"gone")
    assert found.title == "Text"
    assert signed(found) == ['-{"a":1}', "+gone"]
    assert changed(found) == [[], []], "they have nothing in common"
    assert compared(b"text", b"\xff\xfe").is_whole


def test_a_text_that_became_binary_is_compared_by_bytes() -> None:
    before, after = content(bytes(range(64))), content(b"\xff" + bytes(range(1, 64)), Opcode.BINARY)
    assert compare(DECODERS, before, after).title == "Hex"
    assert compare(DECODERS, content(b"text"), content(b"text 2", Opcode.BINARY)).title in ("Hex", "Text")


def test_the_chosen_decoder_comes_first() -> None:
    assert compared(b'{"a":1}', b'{"a":2}', "hex").title == "Hex"
    assert compared(b"text", b"other", "json").title == "Text", "it reads neither"
    assert compared(b"text", b"other", "no-such").title == "Text"


def test_nothing_differs() -> None:
    found = compared(b'{"a":1}', b'{ "a": 1 }')
    assert found.is_same
    assert signed(found) == [" {", '   "a": 1', " }"]


def test_unchanged_lines_far_away_are_left_out() -> None:
    lines = [f"line {number}" for number in range(100)]
    other = [*lines[:50], "changed", *lines[51:]]
    found = compared("\n".join(lines).encode(), "\n".join(other).encode())
    assert signed(found) == [
        "~47", " line 47", " line 48", " line 49", "-line 50", "+changed", " line 51", " line 52", " line 53", "~46",
    ]  # fmt: skip


@pytest.mark.parametrize("change", [(0, 0), (1, 2), (5, 1)])
def test_every_line_of_both_is_there(change: tuple[int, int]) -> None:
    gone, come = change
    before = [*map(str, range(20)), *(f"gone {each}" for each in range(gone)), "end"]
    after = [*map(str, range(20)), *(f"come {each}" for each in range(come)), "end"]
    lines = compared("\n".join(before).encode(), "\n".join(after).encode()).lines
    for wanted, without in ((before, LineKind.COME), (after, LineKind.GONE)):
        assert sum(line.skipped or 1 for line in lines if line.kind is not without) == len(wanted)


def test_no_more_than_a_part_of_what_is_long() -> None:
    long = json.dumps(list(range(100_000))).encode()
    assert len(long) > COMPARED_BYTES
    found = compared(long, long + b" ")
    assert not found.is_whole
    many = b"\n".join(b"%d" % number for number in range(2 * MOST_LINES))
    found = compared(many, b"first\n" + many)
    assert not found.is_whole
    assert sum(line.skipped or 1 for line in found.lines) <= MOST_LINES + 2


def test_a_very_long_line_is_cut_and_not_compared_by_words() -> None:
    found = compared(b"a " * 10_000, b"b " * 10_000)
    assert [len(line.text) for line in found.lines] == [2001, 2001]
    assert changed(found) == [[], []]
