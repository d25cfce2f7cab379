"""Puts the parts of the window's filter together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QTimer

from app.captures.workplace import Workplace
from app.filters.cell_menu import CellMenus
from app.filters.filtering import Filtering
from app.filters.live_values import known_values
from app.filters.shelf import FilterShelf
from app.logic.filter_assistant import FilterAssistant
from app.logic.scan_run import RunState
from app.views.filter.bar import FilterBar
from app.views.panes import Panes
from app.views.shell import Shell
from core.errors import CaptureError
from core.query.handling_fields import handling_fields

_OF_HANDLING = frozenset(each.name for each in handling_fields())
_LOOKED_AT = 1000
"""Frames whose rules are offered."""
_PAUSE_MS = 500
"""Time for many decisions before a filter about them runs again."""


class FilterDesk:
    """The filter bar, its function, its memory, and its additions to the menus of the lists."""

    def __init__(self, work: Workplace, panes: Panes, shell: Shell) -> None:
        self._work = work
        self.assistant = assistant = FilterAssistant(
            partial(known_values, panes.connections.connection_model, self._rules)
        )
        self.bar = FilterBar(assistant, shell.actions, shell.look)
        self.filtering = Filtering(work, assistant, self.bar, panes.frames, shell)
        self.shelf = FilterShelf(self.bar, self.filtering, work.settings, shell)
        self.menus = CellMenus(work.desk, panes, assistant, self.bar, self.filtering)
        self._decided = QTimer(shell.window)
        self._decided.setSingleShot(True)
        self._decided.setInterval(_PAUSE_MS)
        self._decided.timeout.connect(self._ask_anew)
        panes.frames.frame_model.handled.connect(self._handled)

    def _rules(self) -> Sequence[str]:
        """Names of the rules that applied last in the capture."""
        reader = self._work.desk.reader
        try:
            return () if reader is None else reader.handlings.newest_rules(_LOOKED_AT)
        except CaptureError:
            return ()

    def _ask_anew(self) -> None:
        found = self.filtering.found
        if found is not None and found.progress.state is RunState.SEARCHING:
            # Decisions that come all the time must not keep it from ever ending.
            self._decided.start()
        else:
            self.filtering.ask_anew_of(_OF_HANDLING)

    def _handled(self) -> None:
        if not self._decided.isActive():
            self._decided.start()
