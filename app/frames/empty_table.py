"""Keeps the text up to date that the frame table shows without rows."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.captures.desk import CaptureDesk
from app.filters.filtering import Filtering
from app.frames.empty_text import EmptyReason, empty_reason, empty_text
from app.frames.selection import Selection
from app.logic.scan_run import RunState
from app.models.connections import ConnectionModel
from app.sources.listening import Listening
from app.views.frames.table import FrameTable


class EmptyTable(QObject):
    """Updates whenever something it depends on changes; the addresses come through `look`."""

    def __init__(
        self,
        desk: CaptureDesk,
        frames: FrameTable,
        selection: Selection,
        filtering: Filtering,
        listening: Listening,
        connections: ConnectionModel,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._frames = frames
        self._model = frames.frame_model
        self._selection = selection
        self._filtering = filtering
        self._listening = listening
        self._connections = connections
        self._desk = desk
        selection.view_changed.connect(self.look)
        filtering.changed.connect(self.look)
        filtering.stood_otherwise.connect(self.look)
        self._model.counts_changed.connect(self.look)
        connections.totals_changed.connect(self.look)

    def look(self) -> None:
        """Say why there are no rows, and what to do."""
        model = self._model
        if model.rowCount():
            return
        hidden = 0 if model.view.control else model.control_count
        reason = empty_reason(
            None if model.view.connection is None else self._selection.connection,
            hidden=hidden,
            live=self._desk.shows_live,
            listening=bool(self._listening.addresses),
            connected=self._connections.open_count > 0,
            filter_reason=self._filter_reason(),
        )
        addresses = self._listening.addresses or (self._listening.next_address,)
        self._frames.set_empty_text(*empty_text(reason, addresses, hidden))

    def _filter_reason(self) -> EmptyReason | None:
        found, hides = (
            self._filtering.rows_found,
            self._filtering.applied is not None and self._filtering.hides,
        )
        if found is None or not self._model.view_count:
            return None
        if not hides and found.progress.state is not RunState.SEARCHING:
            return EmptyReason.OTHER_SOURCE
        is_other = self._filtering.line_is_other
        filtered = EmptyReason.STILL_FILTERED if is_other else EmptyReason.FILTERED
        return {
            RunState.SEARCHING: EmptyReason.SEARCHING,
            RunState.PAUSED: EmptyReason.STOPPED,
            RunState.FAILED: EmptyReason.SEARCH_FAILED,
        }.get(found.progress.state, filtered)
