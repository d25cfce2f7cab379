"""The columns of a list of frames: title, explanation, and cells in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import Line, PayloadKind, TimeFormat, time_of_day
from app.logic.text import counted
from app.models.label_texts import LabelTexts
from core.capture.gaps import Gap, GapReason
from core.capture.records import Direction


def title(column: FrameColumn, time_format: TimeFormat) -> str:
    """The title of a column."""
    translate = QCoreApplication.translate
    time = {
        TimeFormat.ABSOLUTE: translate("FrameModel", "Time"),
        TimeFormat.SINCE_START: translate("FrameModel", "Since start"),
        TimeFormat.SINCE_PREVIOUS: translate("FrameModel", "Since last"),
    }[time_format]
    return {
        FrameColumn.NUMBER: translate("FrameModel", "#"),
        FrameColumn.TIME: time,
        FrameColumn.DELTA: translate("FrameModel", "Δ"),
        FrameColumn.CONNECTION: translate("FrameModel", "Connection"),
        FrameColumn.DIRECTION: translate("FrameModel", "⇅"),
        FrameColumn.OPCODE: translate("FrameModel", "Opcode"),
        FrameColumn.LENGTH: translate("FrameModel", "Length"),
        FrameColumn.FLAGS: translate("FrameModel", "Flags"),
        FrameColumn.PAYLOAD: translate("FrameModel", "Payload"),
    }[column]


def gap_sentence(gap: Gap) -> str:
    """The text of a gap's row: how many frames are missing, why, and between which times of day."""
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


def explanation(column: FrameColumn) -> str:
    """What a column means."""
    translate = QCoreApplication.translate
    return {
        FrameColumn.NUMBER: translate(
            "FrameModel", "Number of the frame in the capture, in order of arrival"
        ),
        FrameColumn.TIME: translate("FrameModel", "When the frame was read from or handed to the socket"),
        FrameColumn.DELTA: translate("FrameModel", "Time since the frame above"),
        FrameColumn.CONNECTION: translate(
            "FrameModel", "Whose frame it is: number and path; a double click shows this connection only"
        ),
        FrameColumn.DIRECTION: translate(
            "FrameModel", "→ from the client to the server, ← from the server to the client"
        ),
        FrameColumn.OPCODE: translate("FrameModel", "What kind of frame it is (RFC 6455 §5.2)"),
        FrameColumn.LENGTH: translate(
            "FrameModel",
            "Payload bytes on the wire; behind an arrow the length of the whole message, joined and inflated",
        ),
        FrameColumn.FLAGS: translate(
            "FrameModel", "F: FIN, 1 2 3: RSV1 to RSV3, M: MASK; a dot where the bit is 0"
        ),
        FrameColumn.PAYLOAD: translate(
            "FrameModel", "Beginning of the message, or of the frame where it completes none"
        ),
    }[column]


def direction_name(direction: Direction) -> str:
    """The direction in words."""
    if direction is Direction.CLIENT_TO_SERVER:
        return QCoreApplication.translate("FrameModel", "client → server")
    return QCoreApplication.translate("FrameModel", "server → client")


def connection_cell(connection: int, name: str) -> str:
    """The connection of a frame, such as `#3 /chat`."""
    return f"#{connection} {name}".rstrip()


def cell(line: Line, column: FrameColumn, connection_name: str = "") -> str:
    """A cell in words, for screen readers, which cannot read the painted one."""
    row = line.row
    if column is FrameColumn.DIRECTION:
        return direction_name(row.direction)
    if column is FrameColumn.FLAGS:
        return " ".join((line.bits, *map(LabelTexts().of, line.badges)))
    if column is FrameColumn.PAYLOAD and line.payload_kind is PayloadKind.EMPTY:
        return ""
    return {
        FrameColumn.NUMBER: line.number,
        FrameColumn.TIME: line.time,
        FrameColumn.DELTA: line.delta,
        FrameColumn.CONNECTION: connection_cell(row.connection, connection_name),
        FrameColumn.OPCODE: line.opcode,
        FrameColumn.LENGTH: line.length,
        FrameColumn.PAYLOAD: line.payload,
    }[column]
