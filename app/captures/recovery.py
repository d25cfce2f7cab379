"""Unsaved captures of earlier runs, and recent ones: offered at the start, listed at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox

from app.actions.registry import ActionId
from app.captures.commands import CaptureCommands
from app.captures.workplace import Workplace
from app.dialogs.captures_dialog import CapturesDialog
from app.dialogs.question import Question
from app.dialogs.recovery_dialog import RecoveryChoice, RecoveryDialog
from app.logic.known_captures import KnownCapture, known_captures, known_of
from app.models.known_captures import holdings_text, moment_of
from app.views.shell import Shell
from core.capture.session_files import CaptureFolder, ClaimedCapture, LeftBehind, discard
from core.capture.store import copy, is_in_use, is_same
from core.errors import CaptureError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _HeldCapture:
    """An unsaved capture that this run shows or asks about."""

    known: KnownCapture
    claimed: ClaimedCapture


class Recovery(QObject):
    """Opens, saves and discards what earlier runs left, without hindering the window's own work.

    A capture that is shown or asked about is locked, so that another run does not offer it too.
    """

    problem = Signal(str)
    """A sentence."""
    opened = Signal(Path)
    """An unsaved capture is shown; `save` can still save it."""

    def __init__(
        self, work: Workplace, folder: CaptureFolder, commands: CaptureCommands, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._folder = folder
        self._commands = commands
        self._desk = work.desk
        self._settings = work.settings
        self._jobs = work.jobs
        self._look = shell.look
        self._window = shell.window
        self._held: dict[Path, _HeldCapture] = {}
        self._list: CapturesDialog | None = None
        shell.actions[ActionId.CAPTURES].triggered.connect(lambda _checked=False: self.show_list())

    def offer(self) -> int:
        """Ask about a capture that was left behind, or list several; gives their number."""
        found = self._folder.left_behind()
        if len(found) > 1:
            self.show_list()
        elif found and self._claim(known_of(found[0])):
            self._ask(found[0])
        return len(found)

    def show_list(self) -> None:
        """List unsaved and recent captures with what is in each."""
        dialog = CapturesDialog(self._look, self._window)
        dialog.open_wanted.connect(self._open_listed)
        dialog.save_wanted.connect(lambda known: self.save(known.path) if self._claim_or_say(known) else None)
        dialog.discard_wanted.connect(self._ask_discard)
        dialog.forget_wanted.connect(self._forget)
        dialog.finished.connect(self._list_closed)
        dialog.finished.connect(dialog.deleteLater)
        self._list = dialog
        dialog.open()
        self._fill_list()

    def save(self, path: Path) -> None:
        """Ask for a name and move the unsaved capture there, on another thread."""
        target = self._commands.ask_name(path.name.removeprefix("unsaved_"))
        if target is None:
            self._let_go_unless_shown(path)
            return
        self._run(lambda: copy_capture(path, target), lambda _: self._saved(path, target))

    def close(self) -> None:
        """Release what was not decided; the next start offers it again. Idempotent."""
        for path in list(self._held):
            self._let_go(path)

    # The question about a single capture.

    def _ask(self, left: LeftBehind) -> None:
        dialog = RecoveryDialog(left, self._look.icons, self._window)
        dialog.finished.connect(lambda: self._act(left.path, dialog.choice))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _act(self, path: Path, choice: RecoveryChoice) -> None:
        if choice is RecoveryChoice.OPEN:
            self._open(path)
        elif choice is RecoveryChoice.SAVE_AS:
            self.save(path)
        elif choice is RecoveryChoice.DISCARD:
            self._discard(path)
        else:
            self._let_go(path)

    # The list.

    def _fill_list(self) -> None:
        held = [each.known for each in self._held.values()]
        recent = [Path(each) for each in self._settings.recent_captures]
        live = self._desk.live_path
        self._run(lambda: known_captures(self._folder, held, recent, live), self._show_known)

    def _show_known(self, known: list[KnownCapture]) -> None:
        if self._list is not None:
            self._list.show_captures(known)

    def _list_closed(self) -> None:
        self._list = None

    def _open_listed(self, known: KnownCapture) -> None:
        if known.unsaved and not self._claim_or_say(known):
            return
        opened = self._open(known.path) if known.unsaved else self._commands.open(known.path)
        if opened and self._list is not None:
            self._list.accept()

    def _ask_discard(self, known: KnownCapture) -> None:
        if not self._claim_or_say(known):
            return
        text = self.tr("Discard the capture of {when} with {what}?")
        box = Question(
            self.tr("Discard the capture"),
            text.format(when=moment_of(known.modified), what=holdings_text(known.holdings)),
            self.tr("It was never saved, and cannot be brought back."),
            self._look.icons,
            self._list or self._window,
        )
        words = self.tr("&Discard")
        box.add(words, QMessageBox.ButtonRole.DestructiveRole, lambda: self._discard(known.path))
        box.rejected.connect(lambda: self._let_go_unless_shown(known.path))
        box.open()

    def _forget(self, known: KnownCapture) -> None:
        self._settings.forget_recent_capture(str(known.path))
        self._fill_list()

    # Commands on an unsaved capture.

    def _open(self, path: Path) -> bool:
        """Show a capture; True if that worked."""
        opened = self._commands.open(path)
        if opened:
            self.opened.emit(path)
        return opened

    def _discard(self, path: Path) -> None:
        if self._is_shown(path):
            self._desk.show_live()
        discard(path)
        self._let_go(path)
        if self._list is not None:
            self._fill_list()

    def _saved(self, path: Path, target: Path) -> None:
        if self._list is not None:
            self._list.accept()
        self._commands.open(target)
        discard(path)
        self._let_go(path)

    # Locking.

    def _claim(self, known: KnownCapture) -> bool:
        """Lock a capture; True if this run has it now."""
        if known.path not in self._held:
            claimed = self._folder.claim(known.path)
            if claimed is None:
                return False
            self._held[known.path] = _HeldCapture(known, claimed)
        return True

    def _claim_or_say(self, known: KnownCapture) -> bool:
        if self._claim(known):
            return True
        self.problem.emit(self.tr("That capture is gone, or another Unmask has it now."))
        self._fill_list()
        return False

    def _let_go(self, path: Path) -> None:
        held = self._held.pop(path, None)
        if held is not None:
            held.claimed.release()

    def _let_go_unless_shown(self, path: Path) -> None:
        if not self._is_shown(path):
            self._let_go(path)

    def _is_shown(self, path: Path) -> bool:
        reader = self._desk.reader
        return reader is not None and reader.path == path

    def _run(self, work: Callable[[], _T], done: Callable[[_T], None]) -> None:
        accepted = self._jobs.run(work, done, lambda error: self.problem.emit(str(error)))
        if not accepted:
            self.problem.emit(self._jobs.refusal())


def copy_capture(path: Path, target: Path) -> None:
    """Copy a capture over `target`, unless that is the capture itself or in use. Raises CaptureError."""
    if is_same(path, target):
        raise CaptureError(f"{target} is the unsaved capture itself. Choose another place.")
    if is_in_use(target):
        raise CaptureError(f"{target} is a capture that is in use. Choose another place.")
    copy(path, target)
