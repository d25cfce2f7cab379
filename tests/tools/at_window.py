"""Short ways to a window under test, and to what it shows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PySide6.QtWidgets import QDialog, QPushButton
from websockets.sync.client import ClientConnection

from app.actions.registry import ActionId
from app.logic.frame_column import FrameColumn
from app.window.desktop import Desktop
from core.capture.reader import CaptureReader

Connect = Callable[[str], ClientConnection]
"""Connects a client to a path."""


def payloads(desktop: Desktop) -> list[str]:
    """The payload cells of the frame table."""
    model = desktop.window.frame_model
    return [str(model.data(model.index(row, FrameColumn.PAYLOAD))) for row in range(model.rowCount())]


def trigger(desktop: Desktop, action: ActionId) -> None:
    """Trigger an action of the window."""
    desktop.window.actions_[action].trigger()


def press(dialog: QDialog, words: str) -> None:
    """Click the button with this text."""
    next(button for button in dialog.findChildren(QPushButton) if button.text() == words).click()


def frames_in(path: Path) -> int:
    """Number of frames in a capture."""
    with closing(CaptureReader(path)) as reader:
        return reader.totals().frames
