"""Shows uncaught exceptions from any thread in one dialog with the traceback, so that nothing dies silently."""

from __future__ import annotations

import platform
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal, qVersion

from app.logic.text import cut

REPORT_CHARS = 200_000


class CrashedPart(Enum):
    """What an exception has ended."""

    ENGINE = auto()
    """The engine; no client is served until it is restarted."""
    NOTHING = auto()
    """Only the action in progress."""


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What is known about one uncaught exception."""

    summary: str
    """One line: type and message."""
    text: str
    """The whole report with the traceback, bounded."""
    part: CrashedPart = CrashedPart.NOTHING


def make_report(
    error: BaseException, where: str, version: str, part: CrashedPart = CrashedPart.NOTHING
) -> CrashReport:
    """The report of `error`, raised on `where`."""
    name = type(error).__name__
    message = " ".join(str(error).split())
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    head = (
        f"Unmask {version}, Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}\n"
        f"Uncaught on {where}\n\n"
    )
    body = "".join(lines)
    if len(body) > REPORT_CHARS:
        half, left_out = REPORT_CHARS // 2, len(body) - REPORT_CHARS
        body = f"{body[:half]}\n… {left_out} characters left out …\n{body[-half:]}"
    return CrashReport(cut(f"{name}: {message}", 300) if message else name, head + body, part)


class CrashHandler(QObject):
    """Replaces Python's three exception hooks between `install` and `uninstall`; shows reports on its own thread.

    While a report is on display (until `shown_was_closed`), further ones are only counted and printed: an exception in
    a paint event must not open a dialog per frame.
    """

    _caught = Signal(object)

    def __init__(
        self, version: str, show: Callable[[CrashReport], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._version = version
        self._show = show
        self._showing = False
        self._suppressed = 0
        self._previous = sys.excepthook
        self._previous_thread = threading.excepthook
        self._previous_unraisable = sys.unraisablehook
        self._caught.connect(self._display, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        self._previous, sys.excepthook = sys.excepthook, self.handle
        self._previous_thread, threading.excepthook = threading.excepthook, self._handle_thread
        self._previous_unraisable, sys.unraisablehook = sys.unraisablehook, self._handle_unraisable

    def uninstall(self) -> None:
        """Restore the hooks. Nothing is shown any more."""
        # Threads keep the hook that stood when they were made, and with it whoever shows its reports.
        self._show = _ignore
        sys.excepthook = self._previous
        threading.excepthook = self._previous_thread
        sys.unraisablehook = self._previous_unraisable

    @property
    def suppressed(self) -> int:
        """Number of reports that came while another was on display."""
        return self._suppressed

    def shown_was_closed(self) -> None:
        """The dialog was closed; the next report may be shown."""
        self._showing = False
        self._suppressed = 0

    def report(self, error: BaseException, part: CrashedPart = CrashedPart.NOTHING) -> None:
        """Show an exception that was caught but cannot be handled. Any thread."""
        self._caught.emit(make_report(error, threading.current_thread().name, self._version, part))

    def handle(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """For `sys.excepthook`."""
        self._previous(kind, error, trace)
        if isinstance(error, Exception):
            self.report(error.with_traceback(trace))

    def _handle_thread(self, arguments: threading.ExceptHookArgs) -> None:
        self._previous_thread(arguments)
        if isinstance(arguments.exc_value, Exception):
            self.report(arguments.exc_value)

    def _handle_unraisable(self, arguments: sys.UnraisableHookArgs) -> None:
        self._previous_unraisable(arguments)
        if isinstance(arguments.exc_value, Exception):
            self.report(arguments.exc_value)

    def _display(self, report: CrashReport) -> None:
        if self._showing:
            self._suppressed += 1
            return
        self._showing = True
        try:
            self._show(report)
        except Exception:
            # A handler that fails must not call itself.
            self._showing = False
            traceback.print_exc()


def _ignore(_report: CrashReport) -> None:
    """Show nothing."""
