"""What is known about the file behind the window."""

from __future__ import annotations

from enum import Enum


class CaptureState(Enum):
    """What is known about the file behind the window."""

    UNSAVED = "unsaved"
    SAVED = "saved"
    READ_ONLY = "read-only"
