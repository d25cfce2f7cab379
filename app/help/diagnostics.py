"""Help ▸ Diagnostics and the file of `--diagnostics`: measures the window only while one of them is in use."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QClipboard

from app.actions.registry import ActionId
from app.dialogs.diagnostics_dialog import DiagnosticsDialog
from app.logic.sampling import DiagnosticsLog, Sampler, WindowGauges
from app.runtime.engine_thread import EngineThread
from app.runtime.gauges import LoopGauge, PaintGauge
from app.views.frames.table import FrameTable
from app.views.shell import Shell
from core.capture.timings import Timings

_SAMPLE_MS = 1000


class Diagnostics(QObject):
    """Opens the window of figures and updates it."""

    problem = Signal(str)
    """The file cannot be written any more; a sentence."""

    def __init__(self, engine: EngineThread, frames: FrameTable, clipboard: QClipboard, shell: Shell) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._frames = frames
        self._theme = shell.look.theme
        self._clipboard = clipboard
        self._window = shell.window
        self.gauges = WindowGauges(Timings(), Timings(), Timings())
        self._loop_gauge = LoopGauge(self.gauges.gap, self)
        self._paint_gauge = PaintGauge(self.gauges, engine.clock)
        self._log: DiagnosticsLog | None = None
        self._dialog: DiagnosticsDialog | None = None
        self._sampler = Sampler(engine, self.gauges)
        self._timer = QTimer(self)
        self._timer.setInterval(_SAMPLE_MS)
        self._timer.timeout.connect(self._sample)
        shell.actions[ActionId.DIAGNOSTICS].triggered.connect(lambda: self.show())
        # Rows that came while the list did not follow, or was out of sight, are painted late for good reason.
        frames.following_changed.connect(self._paint_gauge.restart)
        frames.frame_model.modelReset.connect(self._paint_gauge.restart)
        shell.actions[ActionId.FREEZE].toggled.connect(self._paint_gauge.restart)
        shell.window.installEventFilter(self)

    @property
    def dialog(self) -> DiagnosticsDialog | None:
        """The window of figures, while it is open."""
        return self._dialog

    def show(self) -> None:
        """Open the window of figures, or bring it to the front."""
        if self._dialog is not None:
            self._dialog.raise_()
            self._dialog.activateWindow()
        else:
            self._dialog = DiagnosticsDialog(self._theme, self._window)
            self._dialog.reset_wanted.connect(self.reset)
            self._dialog.copy_wanted.connect(lambda text: self._clipboard.setText(text))
            self._dialog.finished.connect(self._closed)
            self._sampler = Sampler(self._engine, self.gauges)
            self.reset()
            self.measure()
            self._timer.start()
            self._dialog.show()

    def write_to(self, path: Path) -> None:
        """Append a line of figures to the file each second. Raises UnmaskError if it cannot be written."""
        self._log = DiagnosticsLog(path, Sampler(self._engine, self.gauges), self.problem.emit)
        self.measure()

    def measure(self) -> None:
        """Measure from now on, whether or not somebody looks."""
        self._loop_gauge.start()
        self._paint_gauge.restart()
        self._frames.gauge = self._paint_gauge

    def reset(self) -> None:
        """Count times from now on."""
        for timings in self._timings():
            timings.reset()
        self._sample()

    def stop(self) -> None:
        """Finish the file."""
        self._timer.stop()
        self._loop_gauge.stop()
        if self._log is not None:
            self._log.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.WindowStateChange, QEvent.Type.Show):
            self._paint_gauge.restart()
        return super().eventFilter(watched, event)

    def _closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None
        self._timer.stop()
        if self._log is None:
            self._loop_gauge.stop()
            self._frames.gauge = None

    def _sample(self) -> None:
        if self._dialog is not None:
            since_start = tuple(timings.since_start() for timings in self._timings())
            self._dialog.show_sample(self._sampler.sample(), since_start)

    def _timings(self) -> tuple[Timings, ...]:
        gauges = self.gauges
        return self._engine.recorder.commits, gauges.gap, gauges.paint, gauges.latency
