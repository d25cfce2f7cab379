"""Figures about the capture that the window always shows."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from app.sources.listening import FIRST, Listening
from app.sources.sources import Sources
from app.sources.watch import Watch
from app.views.bars.status_bar import StatusBar
from app.views.panes import Panes

_RATE_MS = 1000


class Figures(QObject):
    """Fills the status bar, and counts the problems on their tab."""

    def __init__(
        self,
        status: StatusBar,
        panes: Panes,
        listening: Listening,
        sources: Sources,
        watch: Watch,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._status = status
        self._panes = panes
        self._frames = panes.frames.frame_model
        self._connections = panes.connections.connection_model
        self._frames.counts_changed.connect(self._show_counts)
        self._connections.totals_changed.connect(self._show_totals)
        listening.changed.connect(status.set_listening)
        sources.changed.connect(
            lambda: status.set_sources(sum(line.is_on for line in sources.lines if line.id != FIRST))
        )
        watch.looked.connect(lambda: status.set_lagging(watch.recording_lags))
        self._rate_timer = QTimer(self)
        self._rate_timer.setInterval(_RATE_MS)
        self._rate_timer.timeout.connect(self._show_totals)
        self._rate_timer.start()

    def stop(self) -> None:
        """Stop measuring the rate."""
        self._rate_timer.stop()

    def _show_totals(self) -> None:
        totals = self._connections.totals
        self._status.set_totals(totals, self._connections.open_count)
        self._panes.sides.set_count(self._panes.problems, totals.violations)

    def _show_counts(self) -> None:
        model = self._frames
        self._status.set_frozen(model.frozen, model.behind)
        self._status.set_hidden(0 if model.view.control else model.control_count)
