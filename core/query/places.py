"""Where to go in a capture, as a person types it: a frame's number, a share of the capture, a time, or a step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from core.capture.reader import CaptureReader
from core.errors import CallerError
from core.query.clock import CaptureTimes, moments
from core.query.values import Form, TimeOfDay, read_word

_NUMBER = re.compile(r"(?P<sign>[+-]?)#?(?P<digits>\d{1,15})")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)%")
_GROUPING = re.compile(r"(?<=\d)[,\u00a0\u2009\u202f ](?=\d\d\d(?!\d))")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[a-zµ]+$)")
_MOST_NS = 2**63 - 1
_LENGTH_LIMIT = 100


@dataclass(frozen=True, slots=True)
class FrameNumber:
    """A frame by its number in the capture."""

    number: int


@dataclass(frozen=True, slots=True)
class FrameStep:
    """A number of frames forward or back from the selected one."""

    count: int


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the capture by frame number: 0 to 1."""

    share: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, in ns since the epoch."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class SinceStart:
    """A time in ns after the first frame."""

    duration_ns: int


@dataclass(frozen=True, slots=True)
class TimeStep:
    """A time in ns after the selected frame, or before it if negative."""

    duration_ns: int


AskedPlace: TypeAlias = FrameNumber | FrameStep | Share | Moment | TimeOfDay | SinceStart | TimeStep


@dataclass(frozen=True, slots=True)
class Destination:
    """The frame that a place leads to."""

    frame: int
    time_ns: int
    outside: bool
    """Whether the place is before or after all frames; the frame is then the one at that end."""


def read_place(text: str) -> AskedPlace:
    """Parse a place. Raises CallerError if the text is none."""
    asked = _GROUPING.sub("", text.strip())
    if len(asked) <= _LENGTH_LIMIT:
        place = _by_number(asked) or _by_time(asked)
        if place is not None:
            return place
    raise CallerError(
        "That is no place in a capture: expected a number such as 12345, a share such as 50%, a time such as "
        "14:03:59, or a duration such as 90s."
    )


def _by_number(asked: str) -> AskedPlace | None:
    if found := _NUMBER.fullmatch(asked):
        number = int(found["digits"])
        if not found["sign"]:
            return FrameNumber(number)
        return FrameStep(-number if found["sign"] == "-" else number)
    found = _SHARE.fullmatch(asked.replace(" ", ""))
    if found is not None and float(found[1]) <= 100:
        return Share(float(found[1]) / 100)
    return None


def _by_time(asked: str) -> AskedPlace | None:
    for spelling in (asked.replace(" ", "T", 1), _BEFORE_UNIT.sub("", asked)):
        literal = read_word(spelling, 0, len(spelling))
        if not isinstance(literal.value, int):
            continue
        if literal.form is Form.CLOCK:
            return TimeOfDay(literal.value)
        if literal.form is Form.TIME:
            return Moment(literal.value)
        if literal.form is Form.DURATION:
            signed = spelling.startswith(("+", "-"))
            return TimeStep(literal.value) if signed else SinceStart(literal.value)
    return None


def find_place(reader: CaptureReader, place: AskedPlace, selected: int | None) -> Destination:
    """The frame at a place; for a time, the first frame at or after it.

    `selected` is the id of the frame that steps count from. Raises CallerError if there is none or the capture has no
    frames, and CaptureError if the capture cannot be read or its times are outside the calendar.
    """
    with reader.snapshot():
        first, last = reader.first_frame_id(), reader.last_frame_id()
        if not last:
            raise CallerError("The capture has no frames: there is nowhere to go.")
        match place:
            case FrameNumber(number):
                return _at_number(reader, number, first, last)
            case FrameStep(count):
                return _at_number(reader, _selected(selected) + count, first, last)
            case Share(share):
                return _at_number(reader, first + round(share * (last - first)), first, last)
            case Moment(time_ns):
                return _at_time(reader, time_ns, first, last)
            case SinceStart(duration_ns):
                return _at_time(reader, _time_of(reader, first) + duration_ns, first, last)
            case TimeStep(duration_ns):
                return _at_time(reader, _time_of(reader, _selected(selected)) + duration_ns, first, last)
            case TimeOfDay():
                span = CaptureTimes(_time_of(reader, first), _time_of(reader, last))
                moment, _ = moments(place, place, _time_of(reader, selected or first), span)
                return _at_time(reader, moment, first, last)


def _selected(frame: int | None) -> int:
    if frame is None:
        raise CallerError("No frame is selected to count from. Select one, or leave out the sign.")
    return frame


def _at_number(reader: CaptureReader, number: int, first: int, last: int) -> Destination:
    there = max(first, min(number, last))
    return Destination(there, _time_of(reader, there), outside=there != number)


def _at_time(reader: CaptureReader, time_ns: int, first: int, last: int) -> Destination:
    found = reader.frame_at(max(-_MOST_NS, min(time_ns, _MOST_NS)))
    there = last if found is None else found
    outside = found is None or (there == first and time_ns < _time_of(reader, first))
    return Destination(there, _time_of(reader, there), outside)


def _time_of(reader: CaptureReader, frame: int) -> int:
    rows = reader.rows_of((frame,))
    if not rows:
        raise CallerError(f"Frame {frame} is not in the capture any more.")
    return rows[0].time_ns
