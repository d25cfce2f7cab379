"""Offers captures that earlier runs left unsaved, one after the other."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.capture_commands import CaptureCommands
from app.dialogs.recovery_dialog import RecoveryChoice, RecoveryDialog
from app.icons import Icons
from core.capture.session_files import CaptureFolder, LeftBehind, discard


class Recovery(QObject):
    """Asks what to do with each capture left behind; never in the way of the window's own work."""

    problem = Signal(str)
    """A sentence."""
    opened = Signal(Path)
    """An unsaved capture is on display; it can still be saved with `save`."""

    def __init__(
        self, folder: CaptureFolder, commands: CaptureCommands, icons: Icons, window: QWidget
    ) -> None:
        super().__init__(window)
        self._folder = folder
        self._commands = commands
        self._icons = icons
        self._window = window
        self._waiting: list[LeftBehind] = []

    def offer(self) -> int:
        """Looks what there is and asks about the newest; returns how many there are."""
        self._waiting = self._folder.left_behind()
        found = len(self._waiting)
        self._ask_next()
        return found

    def save(self, path: Path) -> None:
        """Asks for a name and moves the capture there."""
        target = self._commands.ask_name(path.name.removeprefix("unsaved_"))
        if target is None:
            return
        try:
            move_capture(path, target)
        except OSError as error:
            self.problem.emit(
                self.tr(
                    "The capture cannot be saved as {path}: {error}. It is still offered at the next start."
                ).format(path=target, error=error)
            )
            return
        self._commands.open(target)

    def _ask_next(self) -> None:
        if not self._waiting:
            return
        left = self._waiting.pop(0)
        size = left.path.stat().st_size
        dialog = RecoveryDialog(
            datetime.fromtimestamp(left.modified), left.frames, size, self._icons, self._window
        )
        dialog.finished.connect(lambda: self._act(left, dialog.choice))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _act(self, left: LeftBehind, choice: RecoveryChoice) -> None:
        if choice is RecoveryChoice.OPEN:
            self._commands.open(left.path)
            self.opened.emit(left.path)
            return
        if choice is RecoveryChoice.SAVE_AS:
            self.save(left.path)
            return
        if choice is RecoveryChoice.DISCARD:
            discard(left.path)
            self._ask_next()


def move_capture(path: Path, target: Path) -> None:
    """Moves a capture that nobody writes, with the part that SQLite keeps beside it. OSError where that fails."""
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.move(log, target.with_name(target.name + "-wal"))
    shutil.move(path, target)
    discard(path)
