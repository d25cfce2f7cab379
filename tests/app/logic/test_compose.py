from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic import compose
from app.logic.compose import ComposeKind, Draft, build, check_json, parse_base64, parse_hex
from core.errors import PayloadError
from core.protocol.frames import Opcode
from core.protocol.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing, OutgoingPong


@given(st.binary(max_size=200), st.sampled_from(["", " ", "\n", ":", ", ", "-"]))
def test_hex_round_trip(data: bytes, gap: str) -> None:
    assert parse_hex(gap.join(f"{byte:02X}" for byte in data)) == data


def test_megabytes_of_hex_take_no_time_that_is_felt() -> None:
    text = "0xff, " * (compose.EDITOR_LIMIT // 6)
    started = time.perf_counter()
    assert parse_hex(text) == b"\xff" * (compose.EDITOR_LIMIT // 6)
    assert time.perf_counter() - started < 2


def test_hex_with_prefixes() -> None:
    assert parse_hex("0x48, 0x65 0X6c\t6c;6f") == b"Hello"
    assert parse_hex("00 0x01") == b"\x00\x01"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("48 6", "Line 1, column 4"),
        ("4 8", "Line 1, column 1"),
        ("48\n6g", "Line 2, column 2: 'g' is no hex digit"),
        ("48 é", "Line 1, column 4"),
        ("0x", "Line 1, column 2"),
        ("10x1", "Line 1, column 3"),
    ],
)
def test_hex_faults_say_where(text: str, where: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_hex(text)
    assert where in str(caught.value)


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_base64_round_trip(data: bytes, url_safe: bool, padded: bool) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    assert parse_base64(text[:5] + "\n " + text[5:]) == data


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA=A", "AA!A", "AAAA====", "===", "A=A="])
def test_base64_faults(text: str) -> None:
    with pytest.raises(PayloadError):
        parse_base64(text)


def test_base64_fault_says_where() -> None:
    with pytest.raises(PayloadError, match=r"Line 2, column 3: '\*' is no Base64 character"):
        parse_base64("SGVs\nbG*=")


@pytest.mark.parametrize("text", ['{"a": [1, 2.5e3, null, true]}', "3", '"世界"', " [] "])
def test_json(text: str) -> None:
    assert check_json(text) is None


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": 1 2}', 1, 9),
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3),
        ("[1, 2", 1, 6),
        ("", 1, 1),
        ("[1,\n NaN]", 2, 2),
        ("[" * 100_000, 1, 1),
    ],
)
def test_json_faults_say_where(text: str, line: int, column: int) -> None:
    problem = check_json(text)
    assert problem is not None
    assert (problem.line, problem.column) == (line, column)
    assert problem.message.endswith(".")


def test_json_number_of_endless_digits_is_json() -> None:
    assert check_json("[" + "9" * 10_000 + "]") is None


def test_drafts_become_messages() -> None:
    draft = Draft(ComposeKind.TEXT, "世界", fragments=3, compression=Compression.NEVER)
    assert build(draft) == OutgoingMessage(Opcode.TEXT, "世界".encode(), 3, Compression.NEVER)
    assert build(Draft(ComposeKind.JSON, "[1]")) == OutgoingMessage(Opcode.TEXT, b"[1]")
    assert build(Draft(ComposeKind.HEX, "00ff")) == OutgoingMessage(Opcode.BINARY, b"\x00\xff")
    assert build(Draft(ComposeKind.BASE64, "AP8=")) == OutgoingMessage(Opcode.BINARY, b"\x00\xff")
    assert build(Draft(ComposeKind.PING, "tick")) == OutgoingPing(b"tick")
    assert build(Draft(ComposeKind.PONG)) == OutgoingPong(b"")
    assert build(Draft(ComposeKind.CLOSE, "bye", 1001)) == OutgoingClose(1001, "bye")
    assert build(Draft(ComposeKind.CLOSE, "", None)) == OutgoingClose(None, "")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2000, 5000, 65536])
def test_codes_that_must_not_be_sent(code: int) -> None:
    with pytest.raises(PayloadError, match=f"Code {code} must not be sent"):
        build(Draft(ComposeKind.CLOSE, "", code))


def test_close_reason_is_measured_in_bytes() -> None:
    assert build(Draft(ComposeKind.CLOSE, "界" * 41, 1000)) == OutgoingClose(1000, "界" * 41)
    with pytest.raises(PayloadError, match="at most 123 bytes of UTF-8 and this has 126"):
        build(Draft(ComposeKind.CLOSE, "界" * 42, 1000))


def test_no_reason_without_a_code() -> None:
    with pytest.raises(PayloadError, match="without a code"):
        build(Draft(ComposeKind.CLOSE, "why", None))


@pytest.mark.parametrize("kind", [ComposeKind.PING, ComposeKind.PONG])
def test_control_payload_limit(kind: ComposeKind) -> None:
    build(Draft(kind, "x" * 125))
    with pytest.raises(PayloadError, match="at most 125 bytes and this has 126"):
        build(Draft(kind, "x" * 126))


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"Character 2 .*U\+D83D"):
        build(Draft(ComposeKind.TEXT, "a\ud83d"))


def test_editor_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "EDITOR_LIMIT", 10)
    for kind in (ComposeKind.TEXT, ComposeKind.HEX, ComposeKind.BASE64):
        with pytest.raises(PayloadError, match="12 characters and the editor sends at most 10"):
            build(Draft(kind, "00" * 6))


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.bin"
    file.write_bytes(b"\x00\x01")
    assert build(Draft(ComposeKind.FILE, str(file))) == OutgoingMessage(Opcode.BINARY, b"\x00\x01")
    with pytest.raises(PayloadError, match="is no file"):
        build(Draft(ComposeKind.FILE, str(tmp_path)))
    with pytest.raises(PayloadError, match="No file is chosen"):
        build(Draft(ComposeKind.FILE, ""))
    monkeypatch.setattr(compose, "FILE_LIMIT", 1)
    with pytest.raises(PayloadError, match="is larger than"):
        build(Draft(ComposeKind.FILE, str(file)))
