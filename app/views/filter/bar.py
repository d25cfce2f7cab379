"""The bar above the list of frames: a filter that hides what does not match, or a search that marks what does."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.actions.registry import ActionId, Actions
from app.logic.filter_assistant import FilterAssistant
from app.logic.filter_mode import FilterMode
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.filter.edit import FilterEdit
from app.views.parts.cut_label import CutLabel

_ICON = QSize(16, 16)
_PROGRESS_HEIGHT = 2
_STEP = 40
_EDIT_WIDTH = 200
"""Least width of the line; the text beside it is cut before that."""


class FilterBar(QFrame):
    """Shows the given state; `Filtering` applies filters."""

    mode_chosen = Signal(object)
    """A FilterMode."""
    cleared = Signal()
    """The button that empties the line was pressed."""
    halt_wanted = Signal()
    """The running scan should stop, or the stopped one continue."""
    menu_wanted = Signal(object)
    """The QMenu of recent and saved filters, still empty, is about to be shown."""

    def __init__(
        self,
        assistant: FilterAssistant,
        actions: Actions,
        look: Look,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._icons = look.icons
        self._mode = FilterMode.HIDE
        self._share: float | None = None
        self.setProperty("look", "bar")
        self.edit = FilterEdit(assistant, look)
        self.edit.setAccessibleName(self.tr("Filter"))
        self.edit.setClearButtonEnabled(True)
        self.edit.setMinimumWidth(_EDIT_WIDTH)
        self._clear_button = self.edit.findChild(QToolButton)
        if self._clear_button is not None:
            self._clear_button.clicked.connect(self.cleared)
            self._clear_button.setToolTip(self.tr("Clear the filter"))
        self.modes = {mode: self._mode_button(actions, mode) for mode in FilterMode}
        self._group = QButtonGroup(self)
        for mode, button in self.modes.items():
            self._group.addButton(button)
            button.clicked.connect(lambda _checked=False, mode=mode: self.mode_chosen.emit(mode))
        self.status = CutLabel(_STEP)
        self.status.setProperty("look", "muted")
        self.status.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.halt = self._button(self.tr("Stop"), "")
        self.halt.setProperty("look", "anchor")
        self.halt.clicked.connect(self.halt_wanted)
        self.before = self._action_button(actions, ActionId.PREVIOUS_HIT)
        self.after = self._action_button(actions, ActionId.NEXT_HIT)
        self.menu_button = self._button("", self.tr("Recent and saved filters"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.menu_button)
        self.menu.aboutToShow.connect(self._ask_for_menu)
        self.menu_button.setMenu(self.menu)
        self.help = self._action_button(actions, ActionId.FILTER_DOCS)
        self._arrange()
        self.halt.hide()
        self.set_mode(FilterMode.HIDE)
        look.theme.changed.connect(self._tint)
        self._tint()

    @property
    def mode(self) -> FilterMode:
        return self._mode

    def set_mode(self, mode: FilterMode) -> None:
        """Show the parts that belong to a mode."""
        self._mode = mode
        self.modes[mode].setChecked(True)
        marks = mode is FilterMode.MARK
        self.before.setVisible(marks)
        self.after.setVisible(marks)
        self.edit.setPlaceholderText(
            self.tr("Mark the frames that match: a word, or a field such as opcode == ping")
            if marks
            else self.tr("Show only the frames that match: a word, or a field such as opcode == ping")
        )

    def show_status(self, text: str, tooltip: str = "", tone: str = "muted") -> None:
        """Show the number of frames or a similar remark; `tone` is the look of a label."""
        if self.status.property("look") != tone:
            self.status.setProperty("look", tone)
            self.status.style().unpolish(self.status)
            self.status.style().polish(self.status)
        self.status.setText(text)
        self.status.setToolTip(tooltip)
        self.status.setVisible(bool(text))

    def show_progress(self, share: float | None) -> None:
        """Show the share of the capture that has been searched, 0 to 1; None if no search is running."""
        if share != self._share:
            self._share = share
            self.update()

    def show_halt(self, words: str, tooltip: str) -> None:
        """Label the button that stops or continues the scan; without words it is hidden."""
        self.halt.setText(words)
        self.halt.setToolTip(tooltip)
        self.halt.setVisible(bool(words))

    def show_applied(self, *, applied: bool) -> None:
        """Show whether the line holds the filter that the list uses."""
        if self.edit.property("applied") != applied:
            self.edit.setProperty("applied", applied)
            self.edit.style().unpolish(self.edit)
            self.edit.style().polish(self.edit)

    def focus(self) -> None:
        """Put the keyboard on the line."""
        self.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.edit.selectAll()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._share is not None:
            painter = QPainter(self)
            top = self.height() - _PROGRESS_HEIGHT
            painter.fillRect(0, top, self.width(), _PROGRESS_HEIGHT, self._theme.color(ThemeRole.BORDER))
            done = round(self.width() * self._share)
            painter.fillRect(0, top, done, _PROGRESS_HEIGHT, self._theme.color(ThemeRole.ACCENT))

    def _ask_for_menu(self) -> None:
        self.menu.clear()
        self.menu_wanted.emit(self.menu)

    def _arrange(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 5, 8, 6)
        layout.setSpacing(4)
        segment = QFrame()
        segment.setProperty("look", "segment")
        row = QHBoxLayout(segment)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        for button in self.modes.values():
            row.addWidget(button)
        layout.addWidget(segment)
        layout.addSpacing(2)
        layout.addWidget(self.edit, 1)
        layout.addSpacing(4)
        for widget in (self.status, self.halt, self.before, self.after, self.menu_button, self.help):
            layout.addWidget(widget)

    def _mode_button(self, actions: Actions, mode: FilterMode) -> QToolButton:
        words = {FilterMode.HIDE: self.tr("Filter"), FilterMode.MARK: self.tr("Find")}
        focus = {FilterMode.HIDE: ActionId.FOCUS_FILTER, FilterMode.MARK: ActionId.FOCUS_FIND}
        button = self._button(words[mode], actions[focus[mode]].toolTip())
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setProperty("look", "segment")
        return button

    def _button(self, text: str, tooltip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tooltip)
        # A widget that shows only a picture takes its tooltip as its name.
        button.setAccessibleName("" if text else tooltip)
        button.setIconSize(_ICON)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _action_button(self, actions: Actions, identity: ActionId) -> QToolButton:
        button = self._button("", "")
        button.setDefaultAction(actions[identity])
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        return button

    def _tint(self) -> None:
        for mode, name in ((FilterMode.HIDE, IconName.FILTER), (FilterMode.MARK, IconName.SEARCH)):
            self.modes[mode].setIcon(self._icons.icon(name, ThemeRole.MUTED, on=ThemeRole.ACCENT))
        self.menu_button.setIcon(self._icons.icon(IconName.STAR))
        self.edit.setFont(self._theme.mono_font())
