"""Filters to use again: recent ones, and ones saved under names."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMenu

from app.actions.registry import ActionId
from app.dialogs.filter_dialogs import SavedFiltersDialog, SaveFilterDialog
from app.filters.cell_menu import menu_text
from app.filters.filtering import Filtering
from app.logic.text import one_line, tooltip
from app.settings import SavedFilter, Settings
from app.views.filter.bar import FilterBar
from app.views.shell import Shell


class FilterShelf(QObject):
    """Fills the menu of the bar."""

    def __init__(self, bar: FilterBar, filtering: Filtering, settings: Settings, shell: Shell) -> None:
        super().__init__(shell.window)
        self._bar = bar
        self._filtering = filtering
        self._settings = settings
        self._actions = shell.actions
        self._theme = shell.look.theme
        self._window = shell.window
        bar.menu_wanted.connect(self._fill)
        bar.edit.textChanged.connect(self._look)
        shell.actions[ActionId.SAVE_FILTER].triggered.connect(self._ask_name)
        self._look()

    def save(self, name: str, text: str) -> None:
        """Save a filter, replacing one of the same name."""
        name = one_line(name)
        others = [each for each in self._settings.saved_filters if each.name != name]
        self._settings.saved_filters = (*others, SavedFilter(name, text))

    def _look(self) -> None:
        self._actions[ActionId.SAVE_FILTER].setEnabled(bool(self._bar.edit.text().strip()))

    def _fill(self, menu: QMenu) -> None:
        saved, recent = self._settings.saved_filters, self._settings.recent_filters
        if saved:
            self._head(menu, self.tr("Saved"))
        for each in saved:
            self._offer(menu, each.name, each.text)
        if recent:
            self._head(menu, self.tr("Recent"))
        for text in recent:
            self._offer(menu, text, text)
        if not saved and not recent:
            menu.addAction(self.tr("Filters that were used stand here")).setEnabled(False)
        menu.addSeparator()
        menu.addAction(self._actions[ActionId.SAVE_FILTER])
        if saved:
            menu.addAction(self.tr("&Manage saved filters…")).triggered.connect(self._manage)
        if recent:
            menu.addAction(self.tr("&Forget recent filters")).triggered.connect(
                self._settings.forget_recent_filters
            )

    @staticmethod
    def _head(menu: QMenu, title: str) -> None:
        # Not a section: some styles do not show its title.
        menu.addSeparator()
        menu.addAction(title).setEnabled(False)

    def _offer(self, menu: QMenu, title: str, text: str) -> None:
        action = menu.addAction(menu_text(title))
        action.setToolTip(tooltip(text))
        action.triggered.connect(lambda: self._filtering.apply(text))

    def _ask_name(self) -> None:
        text = self._bar.edit.text().strip()
        if not text:
            return
        taken = frozenset(each.name for each in self._settings.saved_filters)
        dialog = SaveFilterDialog(text, taken, self._theme, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.save(dialog.name, text))
        dialog.open()

    def _manage(self) -> None:
        dialog = SavedFiltersDialog(self._settings.saved_filters, self._theme, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._keep(dialog.filters))
        dialog.open()

    def _keep(self, filters: tuple[SavedFilter, ...]) -> None:
        self._settings.saved_filters = filters
