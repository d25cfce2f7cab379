"""New, open, save, export and clear, with the questions they ask."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.capture_desk import CaptureDesk
from app.engine_thread import EngineThread
from app.settings import Settings
from core.errors import CaptureError
from core.net.host import CaptureMoved

SUFFIX = ".unmask"


class CaptureCommands(QObject):
    """What the capture menu does. Answers come as signals: a question may stay open for long."""

    problem = Signal(str)
    """Something could not be done; a sentence."""
    done = Signal(str)
    """Something was done; a sentence."""

    def __init__(self, engine: EngineThread, desk: CaptureDesk, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._engine = engine
        self._desk = desk
        self._settings = settings
        self._window = window
        engine.capture_moved.connect(self._moved)

    def ask_open(self) -> None:
        """Asks for a capture and shows it."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open capture"), self._folder(), self._filter()
        )
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Shows an old capture, read-only."""
        try:
            self._desk.open(path)
        except CaptureError as error:
            self.problem.emit(str(error))
            return
        self._settings.add_recent_capture(str(path))

    def ask_save(self) -> None:
        """Asks for a name and saves the capture being recorded under it."""
        name, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save capture"),
            str(Path(self._folder()) / f"capture{SUFFIX}"),
            self._filter(),
        )
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> None:
        """Saves the capture being recorded as `path`; recording goes on there."""
        if not path.suffix:
            path = path.with_suffix(SUFFIX)
        if path.resolve() == self._desk.live_path.resolve():
            self.done.emit(
                self.tr("The capture is saved in {path} already, as it is recorded.").format(path=path)
            )
            return
        self._engine.save_as(path)

    def ask_clear(self) -> None:
        """Clears the capture being recorded; asks first where a file of the person would lose frames."""
        if not self._desk.live_saved:
            self._engine.clear()
            return
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Clear the capture"))
        box.setText(self.tr("The frames are removed from {name} too.").format(name=self._desk.live_path.name))
        box.setInformativeText(self.tr("They cannot be brought back."))
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        clear = box.addButton(self.tr("&Clear"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        clear.clicked.connect(self._engine.clear)
        box.open()

    def _moved(self, moved: CaptureMoved) -> None:
        if moved.error is not None:
            self.problem.emit(moved.error)
            return
        self._desk.live_moved(moved.path, saved=True)
        self._settings.add_recent_capture(str(moved.path))
        self.done.emit(self.tr("Saved. Recording goes on in {path}.").format(path=moved.path))

    def _folder(self) -> str:
        recent = self._settings.recent_captures
        return str(Path(recent[0]).parent) if recent else str(Path.home())

    def _filter(self) -> str:
        return self.tr("Captures (*{suffix});;All files (*)").format(suffix=SUFFIX)
