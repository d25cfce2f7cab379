"""Received messages for another program: each as it is, and nothing else."""

from __future__ import annotations

from enum import Enum
from typing import BinaryIO

from core.capture.records import Direction, FrameRecord
from core.protocol.frames import Opcode


class BinaryForm(Enum):
    """How binary messages are written."""

    HEX = "hex"
    """A line of hex digits each."""
    RAW = "raw"
    """Their bytes, with nothing between them."""


class MessageOutput:
    """Writes what the server says. A text message is its bytes and a line feed; nothing is escaped or left out."""

    def __init__(self, out: BinaryIO, binary: BinaryForm) -> None:
        self._out = out
        self._binary = binary

    def write(self, record: FrameRecord) -> None:
        """Write the message that this frame completed, if it did and came from the server. Raises OSError."""
        row, payload = record.row, record.message_payload
        if row.direction is not Direction.SERVER_TO_CLIENT or row.message is None or payload is None:
            return
        if row.message.opcode == Opcode.TEXT:
            self._out.write(payload + b"\n")
        elif self._binary is BinaryForm.HEX:
            self._out.write(payload.hex().encode("ascii") + b"\n")
        else:
            self._out.write(payload)

    def flush(self) -> None:
        """Raises OSError."""
        self._out.flush()
