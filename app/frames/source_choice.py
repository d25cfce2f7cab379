"""Shows what came through one source only: in the list of connections and among the frames."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.actions.registry import ActionId
from app.filters.filtering import Filtering
from app.models.connections import ConnectionModel
from app.sources.sources import Sources
from app.views.shell import Shell
from app.views.sides.connections_page import ConnectionsPage
from app.views.sources.source_list import SourceList


class SourceChoice(QObject):
    """Follows the list of sources, and the switch for HTTP exchanges."""

    def __init__(
        self,
        sources: Sources,
        chosen: SourceList,
        page: ConnectionsPage,
        connections: ConnectionModel,
        filtering: Filtering,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._sources = sources
        self._chosen = chosen
        self._connections = connections
        self._filtering = filtering
        self._http = shell.actions[ActionId.SHOW_HTTP]
        chosen.chosen.connect(self._choose)
        sources.changed.connect(self._choose)
        connections.narrowed.connect(self._follow)
        page.all_wanted.connect(lambda: chosen.choose(None))
        self._http.toggled.connect(connections.show_exchanges)

    def _choose(self) -> None:
        source = self._chosen.chosen_source
        line = None if source is None else self._sources.line(source)
        name = None if line is None else line.name
        self._connections.set_source(name)
        self._filtering.set_source(name)

    def _follow(self) -> None:
        """A connection was gone to that had been left out."""
        if self._connections.source is None:
            self._chosen.choose(None)
        self._http.setChecked(self._connections.shows_exchanges)
