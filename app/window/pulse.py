"""Updates the window while a capture grows."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject

from app.captures.workplace import Workplace
from app.frames.selection import Selection
from app.frames.sending import Sending
from app.sources.watch import Watch
from app.views.panes import Panes

_REST = 9
"""Pause between two reads of the connections, as a multiple of the time that a read took."""


class Pulse(QObject):
    """Refreshes the lists on the refresher's signal, and shows the watch's results."""

    def __init__(
        self,
        work: Workplace,
        panes: Panes,
        selection: Selection,
        sending: Sending,
        watch: Watch,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._desk = work.desk
        self._refresher = work.refresher
        self._panes = panes
        self._selection = selection
        self._sending = sending
        self._watch = watch
        self._connections_due = 0.0
        work.refresher.due.connect(self._refresh)
        panes.sides.currentChanged.connect(work.refresher.poke)
        watch.looked.connect(self._show_slow_peers)

    def _refresh(self) -> None:
        panes = self._panes
        began = time.monotonic()
        if began >= self._connections_due:
            panes.connections.connection_model.refresh()
            # Thousands of busy connections take long to read: use at most a tenth of the time for it.
            self._connections_due = time.monotonic() + _REST * (time.monotonic() - began)
        else:
            self._refresher.poke()
        panes.frames.frame_model.refresh()
        if panes.sides.shows_problems and panes.problems.problem_model.refresh():
            self._refresher.poke()
        self._selection.refresh()
        self._sending.refresh()

    def _show_slow_peers(self) -> None:
        slow = self._watch.slow_peers if self._desk.shows_live else {}
        self._panes.connections.connection_model.set_slow_peers(slow)
        self._sending.refresh()
