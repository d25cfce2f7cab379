"""The application with its window: makes the parts in order, and releases them in reverse order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.captures.desk import CaptureDesk
from app.captures.workplace import UnsavedCaptures, Workplace
from app.dialogs.crash_dialog import CrashDialog
from app.look.icons import Icons
from app.look.look import Look
from app.look.theme import Theme
from app.runtime.crash import CrashedPart, CrashHandler, CrashReport
from app.runtime.engine_thread import EngineThread
from app.runtime.jobs import Jobs
from app.runtime.refresher import Refresher
from app.runtime.signals import QuitSignals
from app.settings import Settings
from app.version import program_version
from app.window.main_window import MainWindow
from core.capture.disk_space import SpaceGauge
from core.capture.session_files import CaptureFolder, ClaimedCapture, default_folder, discard_unused
from core.decoders.registry import default_decoders
from core.errors import CaptureError
from core.formats.registry import default_formats
from core.net.fronts.test_page import load_test_page
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Connect, Listen, SourceState, SourceStatus, What, named
from core.rules.rule import Rule


class Desktop(QObject):
    """The window, its engine and its capture. `close` releases everything; idempotent."""

    def __init__(
        self,
        application: QApplication,
        settings: Settings,
        folder: CaptureFolder,
        *,
        capture: Path | None = None,
        adjust: Callable[[EngineSettings], EngineSettings] = lambda settings: settings,
        gauge: SpaceGauge | None = None,
    ) -> None:
        """Records into `capture`, or into a new unsaved one in `folder`. Raises CaptureError if neither can be
        written.
        """
        super().__init__()
        version = program_version()
        claimed: ClaimedCapture | None = None
        if capture is None:
            claimed = folder.claim_new()
            capture = claimed.path
        elif capture.exists():
            raise CaptureError(f"{capture} exists already. Name a capture that does not, or open it instead.")
        self._folder = folder
        self._named = capture if claimed is None else None
        self._has_run = False
        self.theme = Theme(application, settings.theme, self)
        self.look = Look(self.theme, Icons(self.theme))
        self._jobs = Jobs()
        self.refresher = Refresher(self)
        self._crashes = CrashHandler(version, self._show_crash)
        self._crashes.install()
        engine_settings = adjust(settings.engine)
        settings.hold_for_this_run(engine_settings)
        self.engine = EngineThread(capture, version, engine_settings, load_test_page(), gauge=gauge)
        self.engine.crashed.connect(self._engine_crashed)
        self.engine.source.connect(self._note)
        self.desk = CaptureDesk(capture, saved=claimed is None)
        self.window = MainWindow(
            self.engine,
            Workplace(self.desk, self.refresher, settings, self._jobs),
            UnsavedCaptures(folder, claimed),
            self.look,
            default_decoders(),
            default_formats(),
            version,
        )
        self.theme.dress()
        self.engine.start()

    def show(
        self,
        address: ListenAddress | None,
        *,
        allow_network: bool = False,
        others: Sequence[tuple[str, What]] = (),
    ) -> None:
        """Show the window, listen if there is an address, start the `others`, and offer unsaved captures.

        The others are sources by names, for this run. `allow_network` suppresses questions about addresses.
        """
        self.window.show()
        if address is not None:
            if allow_network:
                self.window.listening.agree(address)
            self.window.listening.start_on(address)
        self.window.sources.offer()
        for name, what in others:
            address = None if isinstance(what, Connect) else what.address
            if allow_network and address is not None:
                self.window.question.agree(address)
            self.window.sources.add_for_this_run(name, what)
        QTimer.singleShot(0, self.window.recovery.offer)

    def close(self) -> None:
        """Stop the engine and finish the capture; an unused one, or an unsaved empty one, is removed."""
        self.window.leave()
        self._jobs.stop()
        self.engine.stop()
        self._crashes.uninstall()
        self.window.commands.finish()
        # Removes a capture that holds nothing.
        self._folder.left_behind()
        if self._named is not None and not self._has_run:
            # So that the same command can be run again without finding this file in its way.
            discard_unused(self._named)

    def _engine_crashed(self, error: Exception) -> None:
        self._crashes.report(error, CrashedPart.ENGINE)

    def _note(self, status: SourceStatus) -> None:
        self._has_run = self._has_run or status.state is SourceState.RUNNING

    def _show_crash(self, report: CrashReport) -> None:
        dialog = CrashDialog(report, self.look, self.window)
        dialog.finished.connect(self._crashes.shown_was_closed)
        dialog.quit_requested.connect(self.window.close)
        dialog.restart_requested.connect(self.window.watch.restart_engine)
        dialog.open()


def run_desktop(
    *,
    sources: Sequence[What],
    allow_network: bool,
    capture: Path | None,
    open_capture: Path | None,
    diagnostics: Path | None,
    open_browser: bool,
    script: Path | None,
    adjust: Callable[[EngineSettings], EngineSettings],
    rules: Sequence[Rule] = (),
) -> int:
    """Show the window until it is closed; gives the exit status.

    The first of `sources` that listens without TLS is that of the tool bar, which listens where it is remembered if
    there are no sources at all.
    """
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Unmask")
    application.setDesktopFileName("unmask")
    # Before the slow parts: signals that arrive meanwhile are reported once the event loop runs.
    signals = QuitSignals()
    try:
        settings = Settings.of_user()
        folder = CaptureFolder(default_folder())
        desktop = Desktop(application, settings, folder, capture=capture, adjust=adjust)
        try:
            # Without a question: unsaved captures are offered at the next start.
            signals.asked.connect(desktop.window.leave)
            desktop.window.closed.connect(application.quit)
            if diagnostics is not None:
                desktop.window.diagnostics.write_to(diagnostics)
            plain = (each for each in sources if isinstance(each, Listen) and each.tls is None)
            first = next(plain, None)
            address = first.address if first is not None else None if sources else settings.address
            others = [(each.name, each.what) for each in named(sources) if each.what is not first]
            if script is not None:
                desktop.window.scripts.run(script)
            desktop.show(address, allow_network=allow_network, others=others)
            if rules:
                desktop.window.rules.take_for_this_run(rules)
            if open_browser:
                desktop.window.certificates.open_browser()
            if open_capture is not None:
                desktop.window.commands.open(open_capture)
            return application.exec()
        finally:
            desktop.close()
    finally:
        signals.close()
