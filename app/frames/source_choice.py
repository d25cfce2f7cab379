"""Shows what came through one source only: in the list of connections and among the frames."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.filters.filtering import Filtering
from app.logic.source_lines import recorded_lines
from app.models.connections import ConnectionModel
from app.sources.sources import Sources
from app.views.shell import Shell
from app.views.sides.connections_page import ConnectionsPage
from app.views.sources.source_list import SourceList


class SourceChoice(QObject):
    """Fills and follows the list of sources, and the switch for HTTP exchanges.

    The live capture has the sources that can be started, and those that its connections came through before; another
    capture has its own alone.
    """

    def __init__(
        self,
        desk: CaptureDesk,
        sources: Sources,
        chosen: SourceList,
        page: ConnectionsPage,
        connections: ConnectionModel,
        filtering: Filtering,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._desk = desk
        self._sources = sources
        self._chosen = chosen
        self._connections = connections
        self._filtering = filtering
        self._http = shell.actions[ActionId.SHOW_HTTP]
        desk.reader_changed.connect(self._leave)
        chosen.chosen.connect(self._choose)
        sources.changed.connect(self._fill)
        connections.sources_changed.connect(self._fill)
        connections.narrowed.connect(self._follow)
        page.all_wanted.connect(lambda: chosen.choose(None))
        self._http.toggled.connect(connections.show_exchanges)
        self._fill()

    def _leave(self) -> None:
        """Another capture may be shown, in which a recorded source is another one."""
        source = self._chosen.chosen_source
        if source is not None and source < 0 and not self._desk.kept_numbers:
            self._chosen.choose(None)

    def _fill(self) -> None:
        live = self._sources.lines if self._desk.shows_live else ()
        recorded = recorded_lines(self._connections.source_labels, beside=live)
        self._chosen.source_model.set_lines((*live, *recorded))
        self._choose()

    def _choose(self) -> None:
        model = self._chosen.source_model
        line = model.line(model.row_of(self._chosen.chosen_source))
        name = None if line is None else line.name
        self._connections.set_source(name)
        self._filtering.set_source(name)

    def _follow(self) -> None:
        """A connection was gone to that had been left out."""
        if self._connections.source is None:
            self._chosen.choose(None)
        self._http.setChecked(self._connections.shows_exchanges)
