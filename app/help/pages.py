"""The help menu: shortcuts, documentation, and About."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.actions.registry import ActionId, Actions
from app.dialogs.about_dialog import AboutDialog
from app.dialogs.docs_dialog import DocsDialog
from app.dialogs.shortcuts_dialog import ShortcutsDialog
from app.look.folders import DOCS_FOLDER


class HelpPages(QObject):
    """Opens the pages; missing ones are disabled."""

    problem = Signal(str)
    """A page cannot be read; a sentence."""

    def __init__(self, actions: Actions, version: str, window: QWidget) -> None:
        super().__init__(window)
        self._actions = actions
        self._version = version
        self._window = window
        actions[ActionId.SHORTCUTS].triggered.connect(self._show_shortcuts)
        actions[ActionId.ABOUT].triggered.connect(self._show_about)
        self._offer(ActionId.FILTER_DOCS, self.tr("The filter language"), "filter.md")
        self._offer(ActionId.RULE_DOCS, self.tr("How rules are written"), "rules.md")
        self._offer(ActionId.VIOLATION_DOCS, self.tr("Documentation of violations"), "violations.md")

    def _offer(self, identity: ActionId, title: str, name: str) -> None:
        path = DOCS_FOLDER / name
        action = self._actions[identity]
        action.setEnabled(path.is_file())
        action.triggered.connect(lambda: self._show_page(title, path))

    def _show_shortcuts(self) -> None:
        ShortcutsDialog(self._actions, self._window).open()

    def _show_about(self) -> None:
        AboutDialog(self._version, self._window).open()

    def _show_page(self, title: str, path: Path) -> None:
        try:
            page = DocsDialog(title, path, self._window)
        except OSError as error:
            text = self.tr("The documentation cannot be read: {error}. Install Unmask anew.")
            self.problem.emit(text.format(error=error))
            return
        page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page.open()
