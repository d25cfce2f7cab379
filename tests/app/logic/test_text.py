from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.text import (
    counted,
    cut_path,
    decode_prefix,
    duration,
    grouped,
    one_line,
    one_line_bytes,
    rough_time,
)


def test_one_line_shows_what_cannot_be_seen() -> None:
    assert one_line("a\nb\tc\r\x1b[0m\x00") == "a↵b⇥c\\x0d\\x1b[0m\\x00"
    assert one_line("\u202eevil\u202c") == "\\u202eevil\\u202c"


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(char) < 0x20 for char in shown)


def test_bytes_that_are_no_utf8() -> None:
    assert one_line_bytes("é".encode() + b"\xff!") == "é\\xff!"


@given(st.text(), st.integers(0, 3))
def test_decode_prefix_drops_only_a_cut_character(text: str, cut: int) -> None:
    data = text.encode("utf-8", "surrogatepass").decode("utf-8", "ignore").encode()
    cut_data = data[: len(data) - cut]
    decoded = decode_prefix(cut_data)
    assert decoded is not None
    assert data.decode().startswith(decoded)
    assert len(cut_data) - len(decoded.encode()) <= 3


def test_decode_prefix_of_no_utf8() -> None:
    assert decode_prefix(b"a\xffb") is None


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (0, "0 µs"),
        (999_999, "999 µs"),
        (4_700_000, "4.70 ms"),
        (12_345_678, "12.3 ms"),
        (850_000_000, "850 ms"),
        (4_200_000_000, "4.20 s"),
        (185_000_000_000, "3:05"),
        (7_800_000_000_000, "2:10:00"),
        (-5_000_000, "-5.00 ms"),
    ],
)
def test_duration(nanoseconds: int, shown: str) -> None:
    assert duration(nanoseconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 of a b"), (1, "one of a b"), (2, "2 of a b"), (1234, "1\u202f234 of a b")]
)
def test_counted(count: int, shown: str) -> None:
    assert counted(count, "one of {what}", "{count} of {what}", what="a b") == shown


def test_grouped() -> None:
    assert grouped(1234567) == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "1 s"), (39.6, "40 s"), (99, "99 s"), (700, "12 min"), (5999, "100 min"), (10_800, "3 h")],
)
def test_a_time_to_come(seconds: float, shown: str) -> None:
    assert rough_time(seconds) == shown


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (31, "/api/v1/prices/EURUSD?token=abc"),
        (30, "/api/v1/prices/EURUSD?token=a…"),
        (22, "/api/v1/prices/EURUSD…"),
        (21, "…pi/v1/prices/EURUSD…"),
        (9, "…/EURUSD…"),
        (2, "…"),
        (0, "…"),
    ],
)
def test_a_paths_query_goes_first_and_its_tail_stays(room: int, shown: str) -> None:
    assert cut_path("/api/v1/prices/EURUSD?token=abc", room) == shown


def test_a_path_without_a_query_keeps_its_tail() -> None:
    assert cut_path("/rooms/lobby", 7) == "…/lobby"
    assert cut_path("/rooms/lobby", 12) == "/rooms/lobby"


@given(st.text(), st.integers(1, 80))
def test_a_path_is_cut_to_its_room_and_says_so(path: str, room: int) -> None:
    cut = cut_path(path, room)
    assert len(cut) <= room
    assert cut == path or (len(path) > room and "…" in cut)
