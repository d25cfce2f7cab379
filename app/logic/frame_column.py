"""The columns of a list of frames. No Qt here."""

from __future__ import annotations

from enum import IntEnum


class FrameColumn(IntEnum):
    """The columns in their default order."""

    NUMBER = 0
    TIME = 1
    DELTA = 2
    CONNECTION = 3
    DIRECTION = 4
    OPCODE = 5
    LENGTH = 6
    FLAGS = 7
    PAYLOAD = 8
