"""The columns of a list of frames: what each is called, what it means, and its cell in words."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QCoreApplication

from app.models.frame_lines import Line, PayloadKind, TimeFormat, time_of_day
from app.text import counted
from core.capture.gaps import Gap, GapReason
from core.capture.records import Direction


class Column(IntEnum):
    """The columns in their first order."""

    NUMBER = 0
    TIME = 1
    DELTA = 2
    CONNECTION = 3
    DIRECTION = 4
    OPCODE = 5
    LENGTH = 6
    FLAGS = 7
    PAYLOAD = 8


def title(column: Column, time_format: TimeFormat) -> str:
    """What stands at the head of a column."""
    translate = QCoreApplication.translate
    time = {
        TimeFormat.ABSOLUTE: translate("FrameModel", "Time"),
        TimeFormat.SINCE_START: translate("FrameModel", "Since start"),
        TimeFormat.SINCE_PREVIOUS: translate("FrameModel", "Since last"),
    }[time_format]
    return {
        Column.NUMBER: translate("FrameModel", "#"),
        Column.TIME: time,
        Column.DELTA: translate("FrameModel", "Δ"),
        Column.CONNECTION: translate("FrameModel", "Connection"),
        Column.DIRECTION: translate("FrameModel", "⇅"),
        Column.OPCODE: translate("FrameModel", "Opcode"),
        Column.LENGTH: translate("FrameModel", "Length"),
        Column.FLAGS: translate("FrameModel", "Flags"),
        Column.PAYLOAD: translate("FrameModel", "Payload"),
    }[column]


def gap_sentence(gap: Gap) -> str:
    """What the row of a gap says: how many frames are missing, why, and between which times of day."""
    translate = QCoreApplication.translate
    one, many = {
        GapReason.DROPPED: (
            translate("FrameModel", "1 frame was dropped: only the newest are kept"),
            translate("FrameModel", "{count} frames were dropped: only the newest are kept"),
        ),
        GapReason.NOT_RECORDED: (
            translate("FrameModel", "1 frame was not recorded: Record was off"),
            translate("FrameModel", "{count} frames were not recorded: Record was off"),
        ),
        GapReason.NOT_WRITTEN: (
            translate("FrameModel", "1 frame was lost: the capture could not be written"),
            translate("FrameModel", "{count} frames were lost: the capture could not be written"),
        ),
        GapReason.CLEARED: (
            translate("FrameModel", "1 frame was cleared"),
            translate("FrameModel", "{count} frames were cleared"),
        ),
    }[gap.reason]
    said = counted(gap.frames, one, many)
    first, last = time_of_day(gap.first_ns), time_of_day(gap.last_ns)
    if first == last:
        return translate("FrameModel", "{said}  ·  {first}").format(said=said, first=first)
    return translate("FrameModel", "{said}  ·  {first} to {last}").format(said=said, first=first, last=last)


def explanation(column: Column) -> str:
    """What a column means."""
    translate = QCoreApplication.translate
    return {
        Column.NUMBER: translate("FrameModel", "Number of the frame in the capture, in order of arrival"),
        Column.TIME: translate("FrameModel", "When the frame was read from or handed to the socket"),
        Column.DELTA: translate("FrameModel", "Time since the frame above"),
        Column.CONNECTION: translate(
            "FrameModel", "Whose frame it is: number and path; a double click shows this connection only"
        ),
        Column.DIRECTION: translate(
            "FrameModel", "→ from the client to the server, ← from the server to the client"
        ),
        Column.OPCODE: translate("FrameModel", "What kind of frame it is (RFC 6455 §5.2)"),
        Column.LENGTH: translate(
            "FrameModel",
            "Payload bytes on the wire; behind an arrow the length of the whole message, joined and inflated",
        ),
        Column.FLAGS: translate(
            "FrameModel", "F: FIN, 1 2 3: RSV1 to RSV3, M: MASK; a dot where the bit is 0"
        ),
        Column.PAYLOAD: translate(
            "FrameModel", "Beginning of the message, or of the frame where it completes none"
        ),
    }[column]


def direction_name(direction: Direction) -> str:
    """Which way, in words."""
    if direction is Direction.CLIENT_TO_SERVER:
        return QCoreApplication.translate("FrameModel", "client → server")
    return QCoreApplication.translate("FrameModel", "server → client")


def connection_cell(connection: int, name: str) -> str:
    """Whose frame it is, such as `#3 /chat`."""
    return f"#{connection} {name}".rstrip()


def cell(line: Line, column: Column, connection_name: str = "") -> str:
    """A cell in words, for those who do not see the painted one."""
    row = line.row
    if column is Column.DIRECTION:
        return direction_name(row.direction)
    if column is Column.FLAGS:
        return " ".join((line.bits, *(badge.name.lower().replace("_", " ") for badge in line.badges)))
    if column is Column.PAYLOAD and line.payload_kind is PayloadKind.EMPTY:
        return ""
    return {
        Column.NUMBER: line.number,
        Column.TIME: line.time,
        Column.DELTA: line.delta,
        Column.CONNECTION: connection_cell(row.connection, connection_name),
        Column.OPCODE: line.opcode,
        Column.LENGTH: line.length,
        Column.PAYLOAD: line.payload,
    }[column]
