from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.typed_line import COMMANDS, Ask, Typed, help_lines, read_json_line, read_typed
from core.errors import PayloadError
from core.protocol.frames import Opcode
from core.protocol.outgoing import (
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
    OutgoingRaw,
    Piece,
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hello", OutgoingMessage(Opcode.TEXT, b"hello")),
        ("two\nlines", OutgoingMessage(Opcode.TEXT, b"two\nlines")),
        ("//ping", OutgoingMessage(Opcode.TEXT, b"/ping")),
        (" /ping", OutgoingMessage(Opcode.TEXT, b" /ping")),
        ("/ping", OutgoingPing(b"")),
        ("/ping a b", OutgoingPing(b"a b")),
        ("/pong x", OutgoingPong(b"x")),
        ("/close", OutgoingClose(1000, "")),
        ("/close 4000", OutgoingClose(4000, "")),
        ("/close 1000 bye now", OutgoingClose(1000, "bye now")),
        ("/hex 00 ff", OutgoingMessage(Opcode.BINARY, b"\x00\xff")),
        ("/base64 AP8=", OutgoingMessage(Opcode.BINARY, b"\x00\xff")),
        ('/json {"a": 1}', OutgoingMessage(Opcode.TEXT, b'{"a": 1}')),
        ("/raw 81 02 68 69", OutgoingRaw((Piece(b"\x81\x02hi"),))),
        ("", Ask.NOTHING),
        ("/help", Ask.HELP),
        ("/reconnect", Ask.RECONNECT),
        ("/quit", Ask.QUIT),
    ],
)
def test_what_a_line_asks(line: str, expected: Typed) -> None:
    assert read_typed(line) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/pin", "is no command"),
        ("/close bye", "“bye” is no close code"),
        ("/close 1005", "1005"),
        ("/hex 0", "stands alone"),
        ("/raw", "bytes are missing"),
        ("/json {", "is no JSON"),
        ("/help me", "takes nothing"),
        ("/file", "path of the file is missing"),
        ("/file /nowhere/at/all", "is no file"),
        ("/ping " + "x" * 126, "125"),
    ],
)
def test_what_a_line_cannot_ask(line: str, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        read_typed(line)


def test_a_fault_is_the_preset_of_a_client() -> None:
    (made,) = [read_typed("/fault mask-missing")]
    assert isinstance(made, OutgoingRaw)
    assert made.pieces[0].data[:2] == b"\x81\x14"
    for line in ("/fault", "/fault mask-forbidden", "/fault key-missing"):
        with pytest.raises(PayloadError, match="no fault that frames can have"):
            read_typed(line)


def test_files_are_sent_as_bytes_or_as_text(tmp_path: Path) -> None:
    file = tmp_path / "a b"
    file.write_bytes("é".encode())
    assert read_typed(f"/file {file}") == OutgoingMessage(Opcode.BINARY, "é".encode())
    assert read_typed(f"/textfile {file}") == OutgoingMessage(Opcode.TEXT, "é".encode())
    file.write_bytes(b"\xff")
    with pytest.raises(PayloadError, match="is no UTF-8"):
        read_typed(f"/textfile {file}")


def test_the_help_names_each_command() -> None:
    assert [line.split()[0] for line in help_lines()] == list(COMMANDS)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"text": "a"}', OutgoingMessage(Opcode.TEXT, b"a")),
        ('{"hex": "00ff"}', OutgoingMessage(Opcode.BINARY, b"\x00\xff")),
        ('{"base64": "AP8="}', OutgoingMessage(Opcode.BINARY, b"\x00\xff")),
        ('{"ping": ""}', OutgoingPing(b"")),
        ('{"pong": "a"}', OutgoingPong(b"a")),
        ('{"close": 4000, "reason": "bye"}', OutgoingClose(4000, "bye")),
        ('{"close": null}', OutgoingClose(None, "")),
        ('{"raw": "8900"}', OutgoingRaw((Piece(b"\x89\x00"),))),
    ],
)
def test_what_an_object_asks(line: str, expected: Outgoing) -> None:
    assert read_json_line(line) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hello", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('"hello"', "no JSON object"),
        ("{}", "says nothing"),
        ('{"text": "a", "hex": "00"}', "says text, hex"),
        ('{"text": 1}', "takes a string"),
        ('{"close": "1000"}', "A close is written as"),
        ('{"close": true}', "A close is written as"),
        ('{"close": 1000, "text": "a"}', "A close is written as"),
        ('{"close": 1006}', "1006"),
    ],
)
def test_what_no_object_asks(line: str, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        read_json_line(line)


@given(st.text(max_size=60))
def test_any_line_is_sent_or_refused(line: str) -> None:
    for read in (read_typed, read_json_line):
        try:
            read(line)
        except PayloadError as error:
            assert str(error)  # noqa: PT017
