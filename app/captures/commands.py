"""New, open, save and clear, with their questions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.captures.workplace import UnsavedCaptures, Workplace
from app.dialogs.question import Question
from app.logic.text import counted
from app.runtime.engine_thread import EngineThread
from app.views.shell import Shell
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord
from core.capture.session_files import (
    ENDING,
    ClaimedCapture,
    Holdings,
    discard,
    holdings,
)
from core.capture.store import is_same
from core.errors import CaptureError
from core.net.host import CaptureMoved


class CaptureCommands(QObject):
    """The commands of the capture menu. Results come as signals, because a question may stay open for long."""

    problem = Signal(str)
    """Something could not be done; a sentence."""
    done = Signal(str)
    """Something was done; a sentence."""
    caution = Signal(str)
    """Something happened that the person did not ask for; a sentence."""

    def __init__(self, engine: EngineThread, work: Workplace, unsaved: UnsavedCaptures, shell: Shell) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._desk = work.desk
        self._settings = work.settings
        self._folder = unsaved.folder
        self._claimed = unsaved.claimed
        self._next: ClaimedCapture | None = None
        self._discard_at_end = False
        self._after_save: Callable[[], None] | None = None
        self._icons = shell.look.icons
        self._window = shell.window
        engine.capture_moved.connect(self._moved)
        # Not earlier: a start that fails removes its capture.
        engine.listening.connect(self._remember_live)

    # New.

    def ask_new(self) -> None:
        """Begin an empty capture, after asking what to do with unsaved frames."""
        if self.unsaved().worth_keeping:
            self.ask_about_unsaved(self.new, discard_words=self.tr("&Discard"))
        else:
            self.new()

    def new(self) -> None:
        """Begin an empty, unsaved capture. A saved one stays as it is."""
        self._desk.show_live()
        if self._next is not None:
            # A move is in progress.
            return
        try:
            self._next = self._folder.claim_new()
        except CaptureError as error:
            self.problem.emit(str(error))
            return
        self._engine.start_new(self._next.path)

    # Open.

    def ask_open(self) -> None:
        """Ask for a capture and show it."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open capture"), self._settings.capture_folder, self._filter()
        )
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> bool:
        """Show an old capture, read-only; False if that fails, with the reason in `problem`."""
        try:
            self._desk.open(path)
        except CaptureError as error:
            self.problem.emit(str(error))
            return False
        self._remember(path)
        return True

    # Save.

    def ask_save(self) -> None:
        """Ask for a name and save the capture being recorded under it."""
        path = self.ask_name(f"capture{ENDING}")
        if path is None:
            self._after_save = None
        else:
            self.save(path)

    def save(self, path: Path) -> None:
        """Save the capture being recorded as `path`, where recording continues."""
        is_there = not self._engine.recorder.is_adrift
        if is_there and path.resolve() == self._desk.live_path.resolve():
            self._after_save = None
            self.done.emit(self.tr("{path} holds all of it already, as it is recorded.").format(path=path))
            return
        self._engine.save_as(path)

    def ask_name(self, proposed: str) -> Path | None:
        """A name for a capture file, with its ending; None if the person cancelled."""
        start = str(Path(self._settings.capture_folder) / proposed)
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save capture"), start, self._filter())
        if not name:
            return None
        path = Path(name)
        return path if path.suffix else path.with_suffix(ENDING)

    # Clear.

    def ask_clear(self) -> None:
        """Clear the capture being recorded, after a question if frames would be lost."""
        title = self.tr("Clear the capture")
        if self._desk.live_saved:
            text = self.tr("The frames are removed from {name} too.").format(name=self._desk.live_path.name)
            box = self._box(title, text, self.tr("They cannot be brought back."))
        elif self.unsaved().worth_keeping:
            text = self.tr(
                "Saved, it stays as it is, and a new capture begins. Cleared, it cannot be brought back."
            )
            box = self._box(title, self._what_is_unsaved(), text)
            box.add(self.tr("&Save as…"), QMessageBox.ButtonRole.AcceptRole, lambda: self._save_and(self.new))
        else:
            self._engine.clear()
            return
        box.add(self.tr("&Clear"), QMessageBox.ButtonRole.DestructiveRole, self._engine.clear)
        box.open()

    def ask_clear_connection(self, connection: ConnectionRecord | None) -> None:
        """Remove a connection from the capture being recorded, or only its frames if it is open; asks first."""
        if connection is None:
            self.done.emit(self.tr("No connection is selected. Select the one to clear."))
            return
        number = connection.id
        name = self._desk.live_path.name if self._desk.live_saved else self.tr("the capture")
        text = counted(
            connection.frame_count,
            self.tr("1 frame of connection #{number} is removed from {name}."),
            self.tr("{count} frames of connection #{number} are removed from {name}."),
            number=number,
            name=name,
        )
        more = self.tr("They cannot be brought back. Frames that stay get new numbers.")
        box = self._box(self.tr("Clear this connection"), text, more)
        clear = self._engine.clear_connection
        box.add(self.tr("&Clear"), QMessageBox.ButtonRole.DestructiveRole, lambda: clear(number))
        box.open()

    # The end.

    def unsaved(self) -> Holdings:
        """What would be lost with the capture being recorded; nothing if the person has saved it."""
        nothing, is_adrift = Holdings(0, 0), self._engine.recorder.is_adrift
        if self._desk.live_saved and not is_adrift:
            return nothing
        try:
            if is_adrift and self._desk.shows_live and self._desk.reader is not None:
                # The file is gone, but for those who have it open.
                return holdings(self._desk.reader)
            with closing(CaptureReader(self._desk.live_path)) as reader:
                return holdings(reader)
        except CaptureError:
            # Somebody removed the file, which must not keep the window open.
            return nothing

    def ask_about_unsaved(self, go_on: Callable[[], None], *, discard_words: str) -> None:
        """Ask to save, discard or cancel; `go_on` follows the first two."""
        box = self._box(
            self.tr("Unsaved capture"),
            self._what_is_unsaved(),
            "",
        )
        save = box.add(self.tr("&Save as…"), QMessageBox.ButtonRole.AcceptRole, lambda: self._save_and(go_on))
        box.add(discard_words, QMessageBox.ButtonRole.DestructiveRole, go_on)
        box.setDefaultButton(save)
        box.open()

    def _what_is_unsaved(self) -> str:
        held = self.unsaved()
        if held.frames:
            return counted(
                held.frames,
                self.tr("The capture holds 1 frame that is not saved."),
                self.tr("The capture holds {count} frames that are not saved."),
            )
        return counted(
            held.refused,
            self.tr("The capture holds 1 refused handshake that is not saved."),
            self.tr("The capture holds {count} refused handshakes that are not saved."),
        )

    def discard_at_end(self) -> None:
        """Let `finish` remove the unsaved capture."""
        self._discard_at_end = True

    def finish(self) -> None:
        """Release or remove the unsaved capture, after the engine has stopped. Idempotent."""
        for claimed in (self._claimed, self._next):
            if claimed is not None:
                claimed.release()
        if self._discard_at_end and not self._desk.live_saved:
            discard(self._desk.live_path)

    def _save_and(self, go_on: Callable[[], None]) -> None:
        self._after_save = go_on
        self.ask_save()

    def _carried(self, removed: Path, path: Path) -> None:
        """Somebody removed or moved the capture being recorded, which continues at `path`."""
        saved = self._desk.live_saved
        try:
            self._desk.live_moved(path, saved=saved)
        except CaptureError:
            # Removed again: what is shown is still open, and another move follows.
            return
        if saved:
            self._remember(path)
        elif self._claimed is not None:
            self._claimed.follow(path)
        text = self.tr(
            "{removed} was removed or moved away. Nothing is lost: all of it is in {path}, where recording goes on."
        )
        self.caution.emit(text.format(removed=removed, path=path))

    def _moved(self, moved: CaptureMoved) -> None:
        if moved.removed is not None:
            self._carried(moved.removed, moved.path)
            return
        go_on, self._after_save = self._after_save, None
        is_new = self._next is not None and moved.path == self._next.path
        if moved.error is not None:
            if is_new:
                self._give_up_next()
            self.problem.emit(moved.error)
            return
        if is_new:
            self._desk.live_began(moved.path)
        else:
            self._desk.live_moved(moved.path, saved=True)
        if self._claimed is not None:
            if not is_same(self._claimed.path, moved.path):
                discard(self._claimed.path)
            self._claimed.release()
        self._claimed, self._next = (self._next if is_new else None), None
        if not is_new:
            self._remember(moved.path)
            self.done.emit(self.tr("Saved. Recording goes on in {path}.").format(path=moved.path))
        if go_on is not None:
            go_on()

    def _give_up_next(self) -> None:
        """The new capture could not be made."""
        if self._next is not None:
            discard(self._next.path)
            self._next.release()
        self._next = None

    # Internals.

    def _remember(self, path: Path) -> None:
        """Add a named capture to the recent ones; unnamed ones are listed as unsaved."""
        if path.parent != self._folder.folder:
            self._settings.add_recent_capture(str(path.absolute()))

    def _remember_live(self) -> None:
        if self._desk.live_saved:
            self._remember(self._desk.live_path)

    def _box(self, title: str, text: str, more: str) -> Question:
        return Question(title, text, more, self._icons, self._window)

    def _filter(self) -> str:
        return self.tr("Captures (*{ending});;All files (*)").format(ending=ENDING)
