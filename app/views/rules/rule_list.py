"""The list of rules: a switch, when and then, and how often it applied."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    SignalInstance,
)
from PySide6.QtGui import QContextMenuEvent, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QMenu,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions.registry import ActionId, Actions
from app.logic.text import one_line
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.index import Index
from app.models.rules import RuleModel
from app.views.parts.row_delegate import MARGIN, PAD_Y, RowDelegate
from app.views.parts.row_list import RowList

_SWITCH = QSize(26, 14)
_TEXT_LEFT = MARGIN + 26 + 9
_BUTTONS = (ActionId.NEW_RULE, ActionId.RULE_UP, ActionId.RULE_DOWN)
_MORE = (
    ActionId.EDIT_RULE, ActionId.DUPLICATE_RULE, ActionId.REMOVE_RULE, ActionId.IMPORT_RULES, ActionId.EXPORT_RULES,
    ActionId.RULE_DOCS,
)  # fmt: skip


class RuleList(RowList):
    """Shows a `RuleModel`; the chosen rule stays chosen wherever it moves."""

    edit_wanted = Signal(int)
    """The row of a rule."""
    toggle_wanted = Signal(int)
    remove_wanted = Signal(int)
    context_menu_requested = Signal(QPoint)

    def __init__(self, model: RuleModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rules = model
        self._theme = look.theme
        self._chosen: int | None = None
        self._delegate = _RuleDelegate(model, look, self)
        self._show_rows(model, self._delegate)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDropIndicatorShown(True)
        self.setAccessibleName(self.tr("Rules"))
        self.setAccessibleDescription(self.tr("Space switches one on or off, Enter edits it"))
        self.selectionModel().currentChanged.connect(self._current_changed)
        self._delegate.toggle_wanted.connect(self.toggle_wanted)
        self.doubleClicked.connect(lambda index: self.edit_wanted.emit(index.row()))
        model.modelReset.connect(self._was_reset)
        look.theme.changed.connect(self._look_changed)
        self.empty_text = self.tr(
            "No rule yet.\n\nA rule says what is done when something passes: answer it, change it, drop it, delay it, "
            "hold it for you. Ctrl+U writes one; Ctrl+Shift+U begins one from the selected message."
        )

    @property
    def rule_model(self) -> RuleModel:
        """What it shows."""
        return self._rules

    @property
    def chosen_rule(self) -> int | None:
        """Id of the chosen rule."""
        return self._chosen

    def choose(self, rule: int) -> None:
        """Choose a rule, and bring it into sight; nothing happens if there is none."""
        row = self._rules.row_of(rule)
        if row >= 0:
            self.setCurrentIndex(self._rules.index(row))
            self.scrollTo(self._rules.index(row))

    def switch_rect(self, row: int) -> QRect:
        """Where the switch of a row is, in the viewport."""
        return self._delegate.switch(self.visualRect(self._rules.index(row)))

    def _current_changed(self, current: Index) -> None:
        line = self._rules.line(current.row())
        if line is not None:
            self._chosen = line.rule.id

    def _was_reset(self) -> None:
        row = -1 if self._chosen is None else self._rules.row_of(self._chosen)
        if row >= 0:
            self.setCurrentIndex(self._rules.index(row))
        else:
            self._chosen = None

    def _look_changed(self) -> None:
        self._delegate.reload()
        self.viewport().update()

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: single letters do not search here."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        wanted: SignalInstance | None = {
            Qt.Key.Key_Space: self.toggle_wanted,
            Qt.Key.Key_Return: self.edit_wanted,
            Qt.Key.Key_Enter: self.edit_wanted,
            Qt.Key.Key_Delete: self.remove_wanted,
        }.get(Qt.Key(event.key()))
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if wanted is not None and plain:
            if self.currentIndex().isValid():
                wanted.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu_requested.emit(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._rules.rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(self._theme.color(ThemeRole.MUTED))
            area = self.viewport().rect().adjusted(16, 0, -16, 0)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.empty_text)


class RulePage(QWidget):
    """The list under its buttons."""

    ready_made_wanted = Signal(QMenu)
    """The menu of ready-made rules opens, and is to be filled."""

    def __init__(self, model: RuleModel, actions: Actions, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = RuleList(model, look)
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 5, 8, 5)
        bar.setSpacing(2)
        for identity in _BUTTONS:
            button = QToolButton(self)
            button.setDefaultAction(actions[identity])
            bar.addWidget(button)
        bar.addStretch(1)
        self._icons = look.icons
        self._more = self._make_more(actions)
        bar.addWidget(self._more)
        look.theme.changed.connect(self._tint)
        self._tint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.list, 1)
        self.setFocusProxy(self.list)

    def _make_more(self, actions: Actions) -> QToolButton:
        """Make the button with everything that there is no room for in a narrow column."""
        button = QToolButton(self)
        words = self.tr("More about rules, and those that come with Unmask")
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        ready_made = menu.addMenu(self.tr("&Ready-made rules"))
        ready_made.setToolTipsVisible(True)
        ready_made.aboutToShow.connect(lambda: self.ready_made_wanted.emit(ready_made))
        menu.addSeparator()
        for identity in _MORE:
            menu.addAction(actions[identity])
        button.setMenu(menu)
        return button

    def _tint(self) -> None:
        self._more.setIcon(self._icons.icon(IconName.MORE))


class _RuleDelegate(RowDelegate):
    weight = QFont.Weight.DemiBold
    toggle_wanted = Signal(int)

    def __init__(self, model: RuleModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._metrics.height() + 3 * (self._small_metrics.height() + 1) + 2 * PAD_Y

    def switch(self, row: QRect) -> QRect:
        """The switch at the left end of a row."""
        top = row.top() + PAD_Y + (self._metrics.height() - _SWITCH.height()) // 2
        return QRect(QPoint(row.left() + MARGIN, top), _SWITCH)

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        line = self._model.line(number)
        if line is None:
            return
        rule = line.rule
        self._paint_switch(painter, self.switch(row), is_on=rule.is_on)
        area = row.adjusted(_TEXT_LEFT, PAD_Y, -MARGIN, 0)
        painter.setFont(self._font)
        painter.setPen(self._theme.color(ThemeRole.TEXT if rule.is_on else ThemeRole.MUTED))
        name = self._metrics.elidedText(one_line(rule.name), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, name)
        area.setTop(area.top() + self._metrics.height() + 1)
        for text, role in (
            (self._model.when(rule.when), ThemeRole.TEXT if rule.is_on else ThemeRole.MUTED),
            (f"→ {self._model.then(rule.then)}", ThemeRole.TEXT if rule.is_on else ThemeRole.MUTED),
            (self._model.detail(line), ThemeRole.ERROR if line.problem else ThemeRole.MUTED),
        ):
            self._small_line(painter, area, text, role)
            area.setTop(area.top() + self._small_metrics.height() + 1)

    def _paint_switch(self, painter: QPainter, place: QRect, *, is_on: bool) -> None:
        """Paint a pill whose knob is at the right while it is on: not by colour alone."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color(ThemeRole.ACCENT if is_on else ThemeRole.MUTED))
        painter.setBrush(self._theme.color(ThemeRole.ACCENT if is_on else ThemeRole.SURFACE))
        pill = QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
        knob = QRectF(0, 0, pill.height() - 5, pill.height() - 5)
        knob.moveCenter(pill.center())
        knob.moveLeft(pill.right() - knob.width() - 3 if is_on else pill.left() + 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(ThemeRole.ON_ACCENT if is_on else ThemeRole.MUTED))
        painter.drawEllipse(knob)
        painter.restore()

    def editorEvent(
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """A click on the switch switches, and edits nothing."""
        clicks = (
            QEvent.Type.MouseButtonRelease,
            QEvent.Type.MouseButtonDblClick,
            QEvent.Type.MouseButtonPress,
        )
        if isinstance(event, QMouseEvent) and event.type() in clicks:
            place = self.switch(option.rect).adjusted(-4, -6, 4, 6)
            if place.contains(event.position().toPoint()):
                if event.type() is QEvent.Type.MouseButtonRelease:
                    self.toggle_wanted.emit(index.row())
                return True
            return False
        return super().editorEvent(event, model, option, index)
