"""The menus over the window's two lists."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu

from app.actions.menus import connection_menu, frame_menu
from app.filters.cell_menu import CellMenus
from app.rules.making import RuleMaking
from app.views.panes import Panes
from app.views.shell import Shell


class ContextMenus(QObject):
    """Opens the menus on request, with filters and rules made from what is under the pointer."""

    def __init__(self, panes: Panes, filters: CellMenus, rules: RuleMaking, shell: Shell) -> None:
        super().__init__(shell.window)
        self._connections = panes.connections
        self._filters = filters
        self._rules = rules
        self._actions = shell.actions
        self._window = shell.window
        panes.frames.context_menu_requested.connect(self._over_frames)
        panes.connections.context_menu_requested.connect(self._over_connections)

    def _over_frames(self, position: QPoint) -> None:
        menu = frame_menu(self._window, self._actions)
        self._filters.add_of_cell(menu, position)
        self._rules.add_of_cell(menu, position)
        self._open(menu, position)

    def _over_connections(self, position: QPoint) -> None:
        menu = connection_menu(self._window, self._actions)
        self._filters.add_of_connection(menu, self._connections.chosen_record)
        self._rules.add_of_connection(menu, self._connections.chosen_record)
        self._open(menu, position)

    @staticmethod
    def _open(menu: QMenu, position: QPoint) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(position)
