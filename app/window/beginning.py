"""The page of ways to begin: shown while the live capture is empty, until something comes or the person closes it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QClipboard
from PySide6.QtWidgets import QMenu

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.logic.client_lines import ClientLine, client_lines, reachable
from app.logic.source_lines import SourceLine, SourceState
from app.models.connections import ConnectionModel
from app.sources.listening import FIRST
from app.sources.sources import Sources
from app.views.shell import Shell
from app.views.sources.start_page import StartPage
from app.window.layout import WindowLayout

_CLOSING = (ActionId.FOCUS_FRAMES, ActionId.FOCUS_DETAILS, ActionId.FOCUS_HELD, ActionId.SHOW_LIVE)
"""Actions that ask for what the page covers."""


class Beginning(QObject):
    """Opens and closes the page, and copies the lines that it offers."""

    note = Signal(str)
    """A sentence that is not about a problem."""

    def __init__(
        self,
        desk: CaptureDesk,
        sources: Sources,
        page: StartPage,
        layout: WindowLayout,
        connections: ConnectionModel,
        clipboard: QClipboard,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._desk = desk
        self._sources = sources
        self._page = page
        self._layout = layout
        self._connections = connections
        self._clipboard = clipboard
        self._shell = shell
        self._wish: bool | None = None
        """Whether the person wants to see it; None: nothing was said."""
        sources.changed.connect(self._fill)
        connections.totals_changed.connect(self.look)
        desk.state_changed.connect(self.look)
        page.copy_wanted.connect(self._copy)
        page.closed.connect(self.close)
        shell.actions[ActionId.START_PAGE].triggered.connect(self.open)
        shell.actions[ActionId.COPY_SOURCE_LINE].triggered.connect(self._offer_lines)
        for identity in _CLOSING:
            shell.actions[identity].triggered.connect(self.close)
        self._fill()
        self.look()

    def open(self) -> None:
        """Show the page, even if there are frames."""
        self._wish = True
        self._layout.show_start(shown=True)
        self._page.setFocus()

    def close(self) -> None:
        """Show the lists, even if they are empty."""
        self._wish = False
        self._layout.show_start(shown=False)

    def look(self) -> None:
        """Show the page while there is nothing else to see."""
        totals = self._connections.totals
        is_empty = self._desk.shows_live and not (totals.connections or totals.frames)
        if self._wish is None or not is_empty:
            self._layout.show_start(shown=is_empty if self._wish is None else self._wish)

    def _fill(self) -> None:
        line = self._sources.line(FIRST)
        if line is None:
            return
        address = line.address.split(", ")[0]
        place = f"ws://{reachable(address)}/"
        running = line.state is SourceState.RUNNING
        self._page.show_lines(self._lines(line) if running else (), place)

    def _lines(self, line: SourceLine) -> tuple[ClientLine, ...]:
        return client_lines(line.kind, line.address.split(", ")[0], line.target, secure=line.is_secure)

    def _offer_lines(self) -> None:
        """Open a menu with the lines for the chosen source."""
        chosen = self._sources.chosen
        line = None if chosen is None else self._sources.line(chosen)
        if line is None:
            return
        menu = QMenu(self._shell.window)
        menu.setToolTipsVisible(True)
        for each in self._lines(line):
            entry = menu.addAction(each.place)
            entry.setToolTip(each.text)
            entry.triggered.connect(lambda _checked=False, each=each: self._copy(each))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._sources.place_of(line.id))

    def _copy(self, line: ClientLine) -> None:
        self._clipboard.setText(line.text)
        self.note.emit(self.tr("Copied, for {place}: {text}").format(place=line.place, text=line.text))
