from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.capture.writer import CaptureWriter
from core.errors import CallerError
from core.query.places import (
    AskedPlace,
    Destination,
    FrameNumber,
    FrameStep,
    Moment,
    Share,
    SinceStart,
    TimeStep,
    find_place,
    read_place,
)
from core.query.values import TimeOfDay
from tests.tools.captures import opened, received

S = 10**9
BEGIN = datetime(2026, 11, 21, 23, 59, 58)
"""Local time of this machine."""
START = int(BEGIN.timestamp()) * S


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[CaptureReader]:
    """Frames 1 to 10, half a second from one to the next, over midnight; frames 11 to 20 ten minutes later."""
    writer = CaptureWriter(tmp_path / "a.unmask", "1")
    writer.write([opened(1, START)])
    for base in (START, START + 600 * S):
        for number in range(10):
            writer.write([received(1, b"x", time_ns=base + number * S // 2)])
    writer.close()
    with closing(CaptureReader(writer.path)) as reader:
        yield reader


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second).timestamp()) * S


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("12345", FrameNumber(12345)),
        (" #7 ", FrameNumber(7)),
        ("12,345", FrameNumber(12345)),
        ("12 345 678", FrameNumber(12345678)),
        ("12\u202f345", FrameNumber(12345)),
        ("+100", FrameStep(100)),
        ("-1,000", FrameStep(-1000)),
        ("50%", Share(0.5)),
        ("12.5 %", Share(0.125)),
        ("100%", Share(1.0)),
        ("14:03", TimeOfDay((14 * 60 + 3) * 60 * S)),
        ("9:03:59.5", TimeOfDay(((9 * 60 + 3) * 60 + 59) * S + S // 2)),
        ("00:00:00.000000001", TimeOfDay(1)),
        ("2026-11-22 14:03", Moment(at(2026, 11, 22, 14, 3))),
        ("2026-11-22T14:03:59.25", Moment(at(2026, 11, 22, 14, 3, 59) + S // 4)),
        ("2026-11-22", Moment(at(2026, 11, 22))),
        ("2026-11-22 14:03Z", Moment(1795356180 * S)),
        ("2026-11-22 15:03+01:00", Moment(1795356180 * S)),
        ("90s", SinceStart(90 * S)),
        ("1.5 ms", SinceStart(1_500_000)),
        ("+1.5s", TimeStep(3 * S // 2)),
        ("-2m", TimeStep(-120 * S)),
        ("+1h", TimeStep(3600 * S)),
    ],
)
def test_what_is_a_place(text: str, place: AskedPlace) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    "text",
    ["", "x", "12x", "1.5", "101%", "-5%", "24:00", "12:60", "1:2", "2026-13-01", "2026-02-30 10:00", "++1", "5KiB",
     "0x10", "1" * 200, "12 34", "\u0661\u0662:", "4 5 s"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(CallerError, match="That is no place in a capture: expected a number such as 12345"):
        read_place(text)


@pytest.mark.parametrize(
    ("text", "selected", "frame"),
    [
        ("7", None, 7),
        ("+3", 7, 10),
        ("-3", 7, 4),
        ("0%", None, 1),
        ("50%", None, 11),
        ("100%", None, 20),
        ("23:59:59", None, 3),
        ("23:59:59.1", None, 4),
        ("0:00", None, 5),  # which is the next day
        ("0:00", 20, 5),
        ("23:59:58.5", 20, 2),  # the day before the selected frame's
        ("0:05", None, 11),
        ("2026-11-22", None, 5),
        ("2026-11-22 00:10", None, 15),
        ("1s", None, 3),
        ("1s", 15, 3),
        ("+1s", 3, 5),
        ("-600s", 13, 3),
        ("+10m", 2, 12),
        ("5m", None, 11),
    ],
)
def test_where_it_leads(reader: CaptureReader, text: str, selected: int | None, frame: int) -> None:
    found = find_place(reader, read_place(text), selected)
    row = reader.rows_of((frame,))[0]
    assert found == Destination(frame, row.time_ns, outside=False)


@pytest.mark.parametrize(
    ("text", "selected", "frame"),
    [
        ("21", None, 20),
        ("0", None, 1),
        ("+99", 3, 20),
        ("-3", 3, 1),
        ("2026-11-20", None, 1),
        ("1990-01-01", None, 1),
        ("2030-01-01", None, 20),
        ("1h", None, 20),
        ("-1s", 2, 1),
        ("+300000d", 2, 20),
        ("12:00", None, 1),
    ],
)
def test_outside_of_the_capture_it_is_the_end_on_that_side(
    reader: CaptureReader, text: str, selected: int | None, frame: int
) -> None:
    found = find_place(reader, read_place(text), selected)
    assert (found.frame, found.outside) == (frame, True)


@pytest.mark.parametrize("text", ["+1", "-1", "+1s"])
def test_steps_count_from_a_frame(reader: CaptureReader, text: str) -> None:
    with pytest.raises(CallerError, match="No frame is selected to count from"):
        find_place(reader, read_place(text), None)
    with pytest.raises(CallerError, match="Frame 99 is not in the capture any more"):
        find_place(reader, TimeStep(1), 99)


def test_a_capture_without_frames(tmp_path: Path) -> None:
    CaptureWriter(tmp_path / "a.unmask", "1").close()
    with (
        closing(CaptureReader(tmp_path / "a.unmask")) as reader,
        pytest.raises(CallerError, match="The capture has no frames"),
    ):
        find_place(reader, FrameNumber(1), None)


def test_times_that_are_on_no_day(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "1")
    writer.write([opened(1), received(1, b"x", time_ns=2**63 - 1)])
    writer.close()
    with closing(CaptureReader(writer.path)) as reader:
        assert find_place(reader, SinceStart(5), None).frame == 1
        assert find_place(reader, Moment(2**70), None).frame == 1
