"""Offers captures that earlier runs left unsaved, one after the other."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.capture_commands import CaptureCommands
from app.dialogs.recovery_dialog import RecoveryChoice, RecoveryDialog
from app.icons import Icons
from app.jobs import Jobs
from core.capture.session_files import CaptureFolder, ClaimedCapture, LeftBehind, discard
from core.capture.store import copy, is_in_use, is_same
from core.errors import CaptureError


class Recovery(QObject):
    """Asks what to do with each capture left behind; never in the way of the window's own work.

    What is asked about, or looked at, is held, so that another run does not offer it too.
    """

    problem = Signal(str)
    """A sentence."""
    opened = Signal(Path)
    """An unsaved capture is on display; it can still be saved with `save`."""

    def __init__(
        self, folder: CaptureFolder, commands: CaptureCommands, jobs: Jobs, icons: Icons, window: QWidget
    ) -> None:
        super().__init__(window)
        self._folder = folder
        self._commands = commands
        self._jobs = jobs
        self._icons = icons
        self._window = window
        self._waiting: list[LeftBehind] = []
        self._held: dict[Path, ClaimedCapture] = {}

    def offer(self) -> int:
        """Looks what there is and asks about the newest; returns how many there are."""
        self._waiting = self._folder.left_behind()
        found = len(self._waiting)
        self._ask_next()
        return found

    def save(self, path: Path) -> None:
        """Asks for a name and moves the capture there, on another thread."""
        target = self._commands.ask_name(path.name.removeprefix("unsaved_"))
        if target is None:
            return
        accepted = self._jobs.run(
            lambda: copy_capture(path, target),
            lambda _: self._saved(path, target),
            lambda error: self.problem.emit(str(error)),
        )
        if not accepted:
            self.problem.emit(self.tr("Too much is being done at once. Try again in a moment."))

    def close(self) -> None:
        """Lets go of what was not decided about: the next start offers it again. Idempotent."""
        self._waiting.clear()
        for path in list(self._held):
            self._let_go(path)

    def _ask_next(self) -> None:
        while self._waiting:
            left = self._waiting.pop(0)
            claimed = self._folder.claim(left.path)
            if claimed is not None:
                self._held[left.path] = claimed
                self._ask(left)
                return

    def _ask(self, left: LeftBehind) -> None:
        dialog = RecoveryDialog(left, self._icons, self._window)
        dialog.finished.connect(lambda: self._act(left.path, dialog.choice))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _act(self, path: Path, choice: RecoveryChoice) -> None:
        if choice is RecoveryChoice.OPEN:
            if self._commands.open(path):
                self.opened.emit(path)
        elif choice is RecoveryChoice.SAVE_AS:
            self.save(path)
        elif choice is RecoveryChoice.DISCARD:
            discard(path)
            self._let_go(path)
            self._ask_next()
        else:
            self._let_go(path)

    def _saved(self, path: Path, target: Path) -> None:
        self._commands.open(target)
        discard(path)
        self._let_go(path)

    def _let_go(self, path: Path) -> None:
        claimed = self._held.pop(path, None)
        if claimed is not None:
            claimed.release()


def copy_capture(path: Path, target: Path) -> None:
    """Copies a capture over what is at `target`, but for itself and captures in use. CaptureError."""
    if is_same(path, target):
        raise CaptureError(f"{target} is the unsaved capture itself. Choose another place.")
    if is_in_use(target):
        raise CaptureError(f"{target} is a capture that is in use. Choose another place.")
    copy(path, target)
