"""A time of day in a filter is a moment of the day that the capture is of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.capture.writer import CaptureWriter
from core.errors import CaptureError
from core.query.child_scan import ChildScan
from core.query.clock import CaptureTimes, moments
from core.query.language import default_language
from core.query.scan import Scan
from core.query.values import TimeOfDay
from tests.tools.captures import opened, received
from tests.tools.filters import asked, scanned

S = 10**9
LANGUAGE = default_language()


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    """A moment of November 2026 in this machine's time zone, in ns."""
    return int(datetime(2026, 11, day, hour, minute, second).timestamp()) * S


def of_day(text: str) -> TimeOfDay:
    hour, minute = map(int, text.split(":"))
    return TimeOfDay((hour * 60 + minute) * 60 * S)


def capture(path: Path, *times_ns: int) -> Path:
    writer = CaptureWriter(path, "1")
    writer.write([opened(1, times_ns[0])])
    for time_ns in times_ns:
        writer.write([received(1, b"x", time_ns=time_ns)])
    writer.close()
    return path


DAY = (at(10, 14), at(10, 14, 3, 59), at(10, 14, 3, 59) + S // 4, at(10, 15))
NIGHT = (at(10, 23, 50), at(10, 23, 59, 59), at(11, 0), at(11, 0, 10))


@pytest.mark.parametrize(
    ("times", "text", "frames"),
    [
        (DAY, "time > 14:03:59", [3, 4]),
        (DAY, "time >= 14:03:59", [2, 3, 4]),
        (DAY, "time == 14:03:59.250", [3]),
        (DAY, "time != 14:00", [2, 3, 4]),
        (DAY, "time > 14:03", [2, 3, 4]),
        (DAY, "time in 14:03..14:04", [2, 3]),
        (DAY, "time in {14:00, 15:00}", [1, 4]),
        (DAY, "time > 13:00", [1, 2, 3, 4]),
        (DAY, "time > 16:00", []),
        (DAY, "time > 0:00", [1, 2, 3, 4]),
        (DAY, "time < 23:59", [1, 2, 3, 4]),
        (DAY, "not (time < 14:03:59 or time == 15:00) and x", [2, 3]),
        (DAY, "time in 23:00..14:01", [1]),
        (NIGHT, "time > 23:55", [2, 3, 4]),
        (NIGHT, "time >= 0:00", [3, 4]),
        (NIGHT, "time < 0:05", [1, 2, 3]),
        (NIGHT, "time in 23:59..0:05", [2, 3]),
        (NIGHT, "time in 0:05..23:59", [1]),
        (NIGHT, "time > 0:20", [1, 2, 3, 4]),
    ],
)
def test_frames_by_the_time_of_day(
    tmp_path: Path, times: tuple[int, ...], text: str, frames: list[int]
) -> None:
    path = capture(tmp_path / "a.unmask", *times)
    expression = LANGUAGE.parse(text)
    assert scanned(path, expression) == frames
    assert asked(path, expression) == frames


@pytest.mark.parametrize(
    ("low", "high", "near", "span", "expected"),
    [
        ("14:03", "14:03", at(10, 14), (at(10, 14), at(10, 15)), (at(10, 14, 3), at(10, 14, 3))),
        ("13:50", "14:10", at(10, 14), (at(10, 14), at(12, 20)), (at(10, 13, 50), at(10, 14, 10))),
        ("23:50", "0:10", at(11, 0, 5), (at(11, 0, 5), at(11, 1)), (at(10, 23, 50), at(11, 0, 10))),
        ("23:50", "0:10", at(10, 22), (at(10, 22), at(10, 23, 55)), (at(10, 23, 50), at(11, 0, 10))),
        ("13:00", "13:00", at(12, 9), (at(10, 9), at(12, 10)), (at(11, 13), at(11, 13))),
        ("12:00", "12:00", at(10, 14), (at(10, 14), at(10, 15)), (at(10, 12), at(10, 12))),
    ],
)
def test_which_day_it_is(
    low: str, high: str, near: int, span: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert moments(of_day(low), of_day(high), near, CaptureTimes(*span)) == expected


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its clock was set back at 3:00 on 2026-10-25, from UTC+2, and was set forward at 2:00 on 2026-03-29."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(month: int, day: int, hour: int, minute: int) -> int:
    return int(datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()) * S


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone is the machine's")
@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("low", "high", "span", "expected"),
    [
        ("2:10", "2:40", (utc(10, 25, 0, 5), utc(10, 25, 1, 50)), (utc(10, 25, 0, 10), utc(10, 25, 0, 40))),
        ("2:10", "2:40", (utc(10, 25, 1, 5), utc(10, 25, 1, 50)), (utc(10, 25, 1, 10), utc(10, 25, 1, 40))),
        ("2:10", "3:10", (utc(10, 25, 1, 5), utc(10, 25, 3, 0)), (utc(10, 25, 0, 10), utc(10, 25, 2, 10))),
        ("1:30", "1:30", (utc(10, 25, 1, 5), utc(10, 25, 1, 50)), (utc(10, 24, 23, 30), utc(10, 24, 23, 30))),
        ("2:30", "2:30", (utc(3, 29, 0, 5), utc(3, 29, 0, 50)), (utc(3, 29, 1, 30), utc(3, 29, 1, 30))),
    ],
    ids=["the first", "the second", "both", "neither", "an hour left out"],
)
def test_an_hour_that_came_twice(
    low: str, high: str, span: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert moments(of_day(low), of_day(high), span[0], CaptureTimes(*span)) == expected


def test_the_day_stays_while_the_scan_follows(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "1")
    writer.write([opened(1, NIGHT[0]), received(1, b"x", time_ns=NIGHT[0])])
    with closing(Scan(writer.path, LANGUAGE.parse("time < 0:05"))) as scan:
        assert [found.frames for found in scan.run()] == [()]
        for time_ns in NIGHT[1:]:
            writer.write([received(1, b"x", time_ns=time_ns)])
        assert [frame for found in scan.run(1) for frame in found.frames] == []
        assert [frame for found in scan.run() for frame in found.frames] == [1, 2, 3]
    writer.close()


def test_a_search_in_a_process_of_its_own_settles_it_too(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.unmask", *NIGHT)
    wanted = LANGUAGE.filter("payload matches x+", "time >= 0:00")
    with closing(ChildScan(path, wanted, lambda: True)) as scan:
        assert [frame for found in scan.run() for frame in found.frames] == [3, 4]


def test_times_that_are_on_no_day() -> None:
    with pytest.raises(CaptureError, match="on no day"):
        moments(TimeOfDay(0), TimeOfDay(0), 2**80, CaptureTimes(2**80, 2**80))


def test_it_is_nothing_without_a_capture() -> None:
    term = LANGUAGE.parse("time > 14:03")
    with pytest.raises(AssertionError, match="before it is known of which day"):
        term.matcher.matches(5)  # type: ignore[union-attr]
