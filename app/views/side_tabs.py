"""The tabs at the left: the connections, everything that went wrong on them, and what the person marked."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QWidget

from app.icons import IconName, Icons
from app.text import grouped
from app.theme import Role, Theme
from app.views.problem_list import SEVERITY_LOOKS
from core.protocol.violations import Severity


class SideTabs(QTabWidget):
    """Connections, problems and bookmarks, the latter two with their number on the tab."""

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
        self._mark_count = 0
        self._marks: QWidget | None = None
        self.setDocumentMode(True)
        self.setUsesScrollButtons(False)
        self.addTab(connections, self.tr("Connections"))
        self.addTab(problems, "")
        self._problems = problems
        theme.changed.connect(self._show)
        self._show()

    def add_marks(self, marks: QWidget) -> None:
        """A third tab."""
        self._marks = marks
        self.addTab(marks, "")
        self._show()

    @property
    def shows_problems(self) -> bool:
        return self.currentWidget() is self._problems

    def show_page(self, page: QWidget) -> None:
        """Brings one of them into sight and gives it the keyboard."""
        self.setCurrentWidget(page)
        page.setFocus()

    def set_problem_count(self, count: int) -> None:
        if count != self._count:
            self._count = count
            self._show()

    def set_mark_count(self, count: int) -> None:
        if count != self._mark_count:
            self._mark_count = count
            self._show()

    def _show(self) -> None:
        icon, role = SEVERITY_LOOKS[Severity.WARNING]
        self._show_tab(self._problems, self.tr("Problems"), self._count, icon, role)
        if self._marks is not None:
            self._show_tab(self._marks, self.tr("Marks"), self._mark_count, IconName.BOOKMARK, Role.ACCENT)

    def _show_tab(self, page: QWidget, text: str, count: int, icon: IconName, role: Role) -> None:
        at = self.indexOf(page)
        self.setTabText(at, f"{text} {grouped(count)}" if count else text)
        self.setTabIcon(at, self._icons.icon(icon, role if count else Role.DISABLED))
