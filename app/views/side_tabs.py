"""The tabs at the left: the connections, and everything that went wrong on them."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QWidget

from app.icons import Icons
from app.text import grouped
from app.theme import Role, Theme
from app.views.problem_list import SEVERITY_LOOKS
from core.protocol.violations import Severity


class SideTabs(QTabWidget):
    """Connections, and problems with their number on the tab."""

    def __init__(
        self,
        connections: QWidget,
        problems: QWidget,
        theme: Theme,
        icons: Icons,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._count = 0
        self.setDocumentMode(True)
        self.setUsesScrollButtons(False)
        self.addTab(connections, self.tr("Connections"))
        self.addTab(problems, "")
        self._problems = problems
        theme.changed.connect(self._show)
        self._show()

    @property
    def shows_problems(self) -> bool:
        return self.currentWidget() is self._problems

    def show_page(self, page: QWidget) -> None:
        """Brings one of the two into sight and gives it the keyboard."""
        self.setCurrentWidget(page)
        page.setFocus()

    def set_problem_count(self, count: int) -> None:
        if count != self._count:
            self._count = count
            self._show()

    def _show(self) -> None:
        at = self.indexOf(self._problems)
        text = self.tr("Problems")
        self.setTabText(at, f"{text} {grouped(self._count)}" if self._count else text)
        icon, role = SEVERITY_LOOKS[Severity.WARNING]
        self.setTabIcon(at, self._icons.icon(icon, role if self._count else Role.DISABLED))
