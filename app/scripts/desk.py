"""Rules ▸ Script…: runs a Python file of the person's, and shows what it has said."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog

from app.actions.registry import ActionId
from app.dialogs.docs_dialog import DocsDialog
from app.dialogs.script_dialog import ScriptDialog
from app.logic.running_script import RunningScript
from app.logic.script_examples import BEGINNING, write_example
from app.look.folders import DOCS_FOLDER
from app.runtime.engine_thread import EngineThread
from app.views.shell import Shell
from core.errors import UnmaskError


class ScriptDesk(QObject):
    """Keeps the script that runs, and the dialog that shows it."""

    problem = Signal(str)
    """A sentence: the script does not run as it should."""
    _news = Signal()
    """From the engine's thread: there is something new to be read."""

    def __init__(self, engine: EngineThread, shell: Shell) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._folder = Path.home()
        """Where files are looked for."""
        self._shell = shell
        self._running: RunningScript | None = None
        self._dialog: ScriptDialog | None = None
        self._told = ""
        """The trouble that the banner has told of."""
        self._news.connect(self._look, Qt.ConnectionType.QueuedConnection)
        shell.actions[ActionId.SCRIPT].triggered.connect(lambda: self.show())

    @property
    def dialog(self) -> ScriptDialog | None:
        """The dialog, while it is open."""
        return self._dialog

    @property
    def running(self) -> RunningScript | None:
        """The script, while there is one."""
        return self._running

    def run(self, path: Path) -> None:
        """Run this file, in place of the one that runs."""
        self._running = RunningScript(self._engine, path, self._news.emit)
        self._folder = path.absolute().parent
        self._told = ""
        if self._dialog is not None:
            self._dialog.clear_entries()
        self._look()

    def stop(self) -> None:
        """End the script."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            self._look()

    def begin_anew(self) -> None:
        """The engine has begun anew: run in that."""
        if self._running is not None:
            self._running.begin_anew()

    def show(self) -> None:
        """Open the dialog, or bring it to the front."""
        if self._dialog is not None:
            self._dialog.raise_()
            self._dialog.activateWindow()
            return
        dialog = self._dialog = ScriptDialog(self._shell.look, self._shell.window)
        dialog.choose_wanted.connect(self._choose)
        dialog.new_wanted.connect(self._begin_new)
        dialog.restart_wanted.connect(self._restart)
        dialog.stop_wanted.connect(self.stop)
        dialog.clear_wanted.connect(self._clear)
        dialog.help_wanted.connect(self._help)
        dialog.finished.connect(self._closed)
        self._look()
        dialog.show()

    def _look(self) -> None:
        """Show how the script is now."""
        running = self._running
        if self._dialog is not None:
            self._dialog.show_status(None if running is None else running.status)
            if running is not None:
                self._dialog.add_entries(running.log.after(self._dialog.last_shown))
        trouble = "" if running is None else running.status.trouble
        if trouble and trouble != self._told and self._dialog is None:
            self.problem.emit(trouble)
        self._told = trouble

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self._dialog, self.tr("Run a script"), str(self._folder), self.tr("Python (*.py)")
        )
        if name:
            self.run(Path(name))

    def _begin_new(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self._dialog,
            self.tr("Write a script to begin with"),
            str(self._folder / "mine.py"),
            self.tr("Python (*.py)"),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if not name:
            return
        path = Path(name)
        try:
            write_example(BEGINNING, path)
        except UnmaskError as error:
            self.problem.emit(str(error))
            return
        self.run(path)

    def _restart(self) -> None:
        if self._running is not None:
            self._running.restart()

    def _clear(self) -> None:
        if self._running is not None:
            self._running.log.clear()
            if self._dialog is not None:
                self._dialog.clear_entries()

    def _help(self) -> None:
        try:
            page = DocsDialog(self.tr("Scripts"), DOCS_FOLDER / "scripts.md", self._shell.window)
        except OSError as error:
            text = self.tr("The documentation cannot be read: {error}. Install Unmask anew.")
            self.problem.emit(text.format(error=error))
            return
        page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page.open()

    def _closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None
