"""Captures that an earlier run left unsaved: offered one after the other."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from app.dialogs.recovery_dialog import RecoveryChoice, RecoveryDialog
from app.icons import Icons
from app.main_window import MainWindow
from app.views.banner import Tone
from core.capture.session_files import ENDING, CaptureFolder, LeftBehind, discard
from core.capture.store import copy
from core.errors import CaptureError

_MOST_OFFERED = 5


class Recovery(QObject):
    """Asks about each capture left behind, the newest first, without blocking the window."""

    asked = Signal(object)
    """A RecoveryDialog that has just been opened."""

    def __init__(self, folder: CaptureFolder, window: MainWindow, icons: Icons) -> None:
        super().__init__(window)
        self._folder = folder
        self._window = window
        self._icons = icons
        self._left: list[LeftBehind] = []

    def offer(self) -> None:
        """Begin asking."""
        self._left = self._folder.left_behind()[:_MOST_OFFERED]
        self._next()

    def _next(self) -> None:
        if not self._left:
            return
        left = self._left.pop(0)
        dialog = RecoveryDialog(
            datetime.fromtimestamp(left.modified),
            left.frames,
            left.path.stat().st_size,
            self._icons,
            self._window,
        )
        dialog.finished.connect(lambda _result: self._answered(dialog, left))
        dialog.open()
        self.asked.emit(dialog)

    def _answered(self, dialog: RecoveryDialog, left: LeftBehind) -> None:
        choice = dialog.choice
        dialog.deleteLater()
        if choice is RecoveryChoice.OPEN:
            self._window.commands.open(left.path)
            return
        if choice is RecoveryChoice.SAVE_AS:
            self._save(left.path)
        elif choice is RecoveryChoice.DISCARD:
            discard(left.path)
        self._next()

    def _save(self, path: Path) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save capture"),
            str(Path.home() / f"capture{ENDING}"),
            self.tr("Captures (*{suffix});;All files (*)").format(suffix=ENDING),
        )
        if not name:
            return
        try:
            copy(path, Path(name))
        except CaptureError as error:
            self._window.banner.say(Tone.ERROR, str(error))
        else:
            discard(path)
