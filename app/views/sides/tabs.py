"""The tabs at the left: connections, problems, bookmarks, and rules."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QTabWidget, QWidget

from app.logic.text import grouped
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.sides.problem_list import SEVERITY_LOOKS
from core.protocol.violations import Severity


@dataclass(slots=True)
class _Tab:
    name: str
    icon: IconName
    role: ThemeRole
    count: int | None
    """None means no number."""

    @property
    def words(self) -> str:
        return f"{self.name} {grouped(self.count)}" if self.count else self.name


class SideTabs(QTabWidget):
    """Connections, problems, bookmarks and rules; all but the first have their number on the tab.

    If there is no room for all words, only the front tab keeps them, then none. Then the numbers go, that of the
    problems last; a tooltip says what is left out.
    """

    def __init__(
        self,
        connections: QWidget,
        problems: QWidget,
        look: Look,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = look.icons
        self._problems = problems
        self._tabs: list[_Tab] = []
        self._pages: list[QWidget] = []
        self.setDocumentMode(True)
        self.setUsesScrollButtons(False)
        self.tabBar().setProperty("look", "narrow")
        self._add(connections, self.tr("Connections"), IconName.CONNECTIONS, ThemeRole.TEXT)
        self._add(problems, self.tr("Problems"), *SEVERITY_LOOKS[Severity.WARNING], count=0)
        self.currentChanged.connect(self._show)
        look.theme.changed.connect(self._show)

    def add_marks(self, marks: QWidget) -> None:
        """Add the third tab."""
        self._add(marks, self.tr("Marks"), IconName.BOOKMARK, ThemeRole.ACCENT, count=0)

    def add_rules(self, rules: QWidget) -> None:
        """Add the fourth tab; its number is that of the rules that are on."""
        self._add(rules, self.tr("Rules"), IconName.RULE, ThemeRole.ACCENT, count=0)

    @property
    def shows_problems(self) -> bool:
        return self.currentWidget() is self._problems

    def show_page(self, page: QWidget) -> None:
        """Show a page, or the one that holds this widget, and give it the keyboard."""
        tab = next(tab for tab in self._pages if tab is page or tab.isAncestorOf(page))
        self.setCurrentWidget(tab)
        page.setFocus()

    def set_count(self, page: QWidget, count: int) -> None:
        """Set the number on a tab."""
        tab = self._tabs[self.indexOf(page)]
        if count != tab.count:
            tab.count = count
            self._show()

    def words(self, page: QWidget) -> str:
        """The full text of a tab, whether or not there is room for it."""
        return self._tabs[self.indexOf(page)].words

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show()

    def _add(
        self, page: QWidget, name: str, icon: IconName, role: ThemeRole, count: int | None = None
    ) -> None:
        self._pages.append(page)
        self._tabs.append(_Tab(name, icon, role, count))
        self.addTab(page, "")
        self._show()

    def _show(self) -> None:
        every, front = range(len(self._tabs)), self.currentIndex()
        for at in every:
            self._write(at, self._tabs[at].words)
        others = [at for at in every if at != front]
        for shortened, counts in (
            (others, True),
            ([at for at in others if not self._tabs[at].count], False),
            ([front], True),
            ([at for at in every if self._pages[at] is not self._problems], False),
            (every, False),
        ):
            if self.tabBar().sizeHint().width() <= self.width():
                return
            for at in shortened:
                count = self._tabs[at].count
                self._write(at, grouped(count) if count and counts else "")

    def _write(self, at: int, text: str) -> None:
        tab = self._tabs[at]
        self.setTabText(at, text)
        self.tabBar().setAccessibleTabName(at, tab.words)
        self.setTabToolTip(at, "" if text == tab.words else tab.words)
        # Without a number, the words need no icon.
        icon = QIcon()
        if tab.count is not None or not text:
            icon = self._icons.icon(tab.icon, ThemeRole.DISABLED if tab.count == 0 else tab.role)
        self.setTabIcon(at, icon)
