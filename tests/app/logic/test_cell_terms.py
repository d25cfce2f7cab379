"""Terms made of cells: they parse, and they match the frame they were made of, whatever stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.logic.cell_terms import FIRST_BYTES, Joint, connection_terms, joined, terms
from app.logic.frame_column import FrameColumn
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.protocol.events import Completes, FrameReceived, Ruled
from core.protocol.frames import Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from core.query.fields import Subject
from core.query.language import default_language
from core.query.predicate import predicate
from tests.tools.recorded import CaptureMaker

LANGUAGE = default_language()
HOSTILE = (
    b"",
    b'"',
    b"\\",
    b"\\\"' and not opcode == ping",
    b"\xff\xfe\x00",
    "a\u202eb\u200b\n\r\t\x1b[0m\x00".encode(),
    "😀\U000e0041é".encode(),
    "é".encode() * FIRST_BYTES,
    b"x" * 70_000,
    b'hex"00"',
    b"\\u0041\\n",
    b"\xed\xa0\x80",
)


def subjects(path: Path) -> list[Subject]:
    reader = CaptureReader(path)
    try:
        records = list(reader.frames_after(0, 100_000))
        start = records[0].row.time_ns
        return [Subject(each, reader.connection(each.row.connection), None, start) for each in records]
    finally:
        reader.close()


def rules(record: FrameRecord) -> list[str]:
    return [each.rule.id for each in record.violations]


@pytest.fixture
def hostile(maker: CaptureMaker) -> list[Subject]:
    peer = maker.peer("/\\\"x'%20and%20y?<b>")
    for payload in HOSTILE:
        peer.frame(Opcode.BINARY, payload)
    for head in (0x83, 0xC1, 0xF2, 0x8B):
        peer.receive(bytes([head, 0x81, 1, 2, 3, 4, 0x60]))
    peer.say("plain")
    peer.frame(Opcode.PING, b"x")
    peer.receive(make_frame(Opcode.CLOSE, b"\x03\xe8bye", masking_key=b"abcd").wire())
    came = FrameReceived(make_frame(Opcode.TEXT, b"came"), (), Completes.ITSELF)
    for handling in (
        Handling(Fate.HELD),
        Handling(Fate.REPLACED, DecidedBy.PERSON, 5, ('"', "\\\u202e", "a and b")),
        Handling(Fate.DROPPED, is_redacted=True),
    ):
        peer.tell([Ruled(came, handling)])
    maker.reader()
    return subjects(maker.path)


@pytest.mark.parametrize("column", list(FrameColumn))
def test_every_term_matches_its_own_row_and_not_without_it(
    hostile: list[Subject], column: FrameColumn
) -> None:
    assert len(hostile) > len(HOSTILE)
    for subject in hostile:
        record = subject.record
        for term in terms(record.row, rules(record), column):
            assert predicate(LANGUAGE.parse(term))(subject), term
            assert not predicate(LANGUAGE.parse(joined(Joint.NOT, "anything", term, LANGUAGE)))(subject), term
            assert predicate(LANGUAGE.parse(joined(Joint.AND, "frame > 0 or x", term, LANGUAGE)))(subject), (
                term
            )
            assert predicate(LANGUAGE.parse(joined(Joint.OR, "frame < 0 or x", term, LANGUAGE)))(subject), (
                term
            )


def test_terms_of_a_connection(hostile: list[Subject]) -> None:
    connection = hostile[0].connection
    assert connection is not None
    found = connection_terms(connection)
    assert [term.partition(" ")[0] for term in found] == ["connection", "path"]
    for term in found:
        assert predicate(LANGUAGE.parse(term))(hostile[0]), term


def test_the_source_of_a_connection_is_a_term(maker: CaptureMaker) -> None:
    maker.peer(source='of "mine"').say("hello")
    maker.reader()
    [subject] = subjects(maker.path)
    assert subject.connection is not None
    term = connection_terms(subject.connection)[-1]
    assert term == 'source == "of \\"mine\\""'
    assert predicate(LANGUAGE.parse(term))(subject)


def test_a_joined_line_keeps_its_meaning() -> None:
    assert joined(Joint.AND, " ", "fin", LANGUAGE) == "fin"
    assert joined(Joint.NOT, "x", "not fin", LANGUAGE) == "fin"
    assert joined(Joint.AND, "a or b", "fin", LANGUAGE) == "(a or b) and fin"
    assert joined(Joint.OR, "a and b", "fin", LANGUAGE) == "a and b or fin"
    assert joined(Joint.AND, 'not (a or b) and "x or"', "fin", LANGUAGE) == 'not (a or b) and "x or" and fin'
    assert joined(Joint.AND, "(a) || b", "fin", LANGUAGE) == "((a) || b) and fin"
    line = "a or b"
    for _ in range(60):
        line = joined(Joint.AND, line, "fin", LANGUAGE)
    LANGUAGE.parse(line)


def test_the_beginning_of_a_long_text_cuts_no_character(maker: CaptureMaker) -> None:
    # Of two bytes each, behind one of one: the last place falls within a character.
    maker.peer().say("x" + "é" * FIRST_BYTES)
    (row,) = maker.reader().rows_of([1])
    assert FIRST_BYTES % 2 == 0
    assert terms(row, [], FrameColumn.PAYLOAD)[0] == f'payload contains "x{"é" * (FIRST_BYTES // 2 - 1)}"'
