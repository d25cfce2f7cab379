"""The list of sources: what each is, where, how it stands, and a button that starts or stops it."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QPoint, QRect, Qt, Signal, SignalInstance
from PySide6.QtGui import QContextMenuEvent, QFont, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem, QWidget

from app.logic.source_lines import SourceLine, SourceState
from app.logic.text import one_line
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.index import Index
from app.models.sources import SourceModel
from app.views.parts.row_delegate import ICON, MARGIN, TEXT_LEFT, RowDelegate
from app.views.parts.row_list import RowList
from core.capture.records import Mode

KIND_ICONS = {
    Mode.LISTEN: IconName.LISTEN,
    Mode.RELAY: IconName.RELAY,
    Mode.PROXY: IconName.PROXY,
    Mode.CONNECT: IconName.CONNECT,
}
_STATE_ROLES = {
    SourceState.STOPPED: ThemeRole.MUTED,
    SourceState.STARTING: ThemeRole.WARNING,
    SourceState.RUNNING: ThemeRole.SUCCESS,
    SourceState.FAILED: ThemeRole.ERROR,
}
_PAD = 5
_BUTTON = 26


class SourceList(RowList):
    """Shows a `SourceModel`; the chosen source stays chosen while others come and go."""

    chosen = Signal(object)
    """Id of the chosen source, or None for all."""
    toggle_wanted = Signal(int)
    """The person wants to start or stop a source."""
    edit_wanted = Signal(int)
    remove_wanted = Signal(int)
    context_menu_requested = Signal(QPoint)

    def __init__(self, model: SourceModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sources = model
        self._chosen: int | None = None
        self._delegate = _SourceDelegate(model, look, self)
        self._show_rows(model, self._delegate)
        self.setAccessibleName(self.tr("Sources"))
        self.setAccessibleDescription(self.tr("Space starts or stops one, Enter edits it"))
        self.selectionModel().currentChanged.connect(self._current_changed)
        self._delegate.toggle_wanted.connect(self.toggle_wanted)
        self.doubleClicked.connect(lambda index: self._want(self.edit_wanted, index))
        model.modelReset.connect(self._was_reset)
        look.theme.changed.connect(self._look_changed)
        self._was_reset()

    @property
    def source_model(self) -> SourceModel:
        """What it shows."""
        return self._sources

    @property
    def chosen_source(self) -> int | None:
        """The chosen source; None for all."""
        return self._chosen

    def choose(self, source: int | None) -> None:
        """Choose a source, or all."""
        self.setCurrentIndex(self._sources.index(self._sources.row_of(source)))

    @property
    def wanted_height(self) -> int:
        """Height at which no row is hidden."""
        hidden = sum(self.isRowHidden(row) for row in range(self._sources.rowCount()))
        return (self._sources.rowCount() - hidden) * self._delegate.row_height

    def button_rect(self, source: int) -> QRect:
        """Where the button of a source is, in the viewport."""
        return self._delegate.button(self.visualRect(self._sources.index(self._sources.row_of(source))))

    def _current_changed(self, current: Index) -> None:
        line = self._sources.line(current.row())
        chosen = None if line is None else line.id
        if chosen != self._chosen:
            self._chosen = chosen
            self.chosen.emit(chosen)

    def _was_reset(self) -> None:
        # A single source is all there is.
        self.setRowHidden(0, self._sources.rowCount() <= 2)
        self.choose(self._chosen)

    def _want(self, signal: SignalInstance, index: Index) -> None:
        line = self._sources.line(index.row())
        if line is not None and not line.is_recorded:
            signal.emit(line.id)

    def _look_changed(self) -> None:
        self._delegate.reload()
        self.viewport().update()

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: single letters do not search here."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        wanted = {
            Qt.Key.Key_Space: self.toggle_wanted,
            Qt.Key.Key_Return: self.edit_wanted,
            Qt.Key.Key_Enter: self.edit_wanted,
            Qt.Key.Key_Delete: self.remove_wanted,
        }.get(Qt.Key(event.key()))
        if wanted is not None and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self._want(wanted, self.currentIndex())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu_requested.emit(event.globalPos())


class _SourceDelegate(RowDelegate):
    weight = QFont.Weight.DemiBold
    toggle_wanted = Signal(int)

    def __init__(self, model: SourceModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._metrics.height() + self._small_metrics.height() + 2 * _PAD + 2

    def button(self, row: QRect) -> QRect:
        """The button at the right end of a row."""
        top = row.top() + (row.height() - _BUTTON) // 2
        return QRect(row.right() - MARGIN - _BUTTON + 4, top, _BUTTON, _BUTTON)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        line = self._model.line(index.row())
        if line is not None and not line.is_recorded:
            hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
            self._paint_button(painter, self.button(option.rect), line, hovered=hovered)

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        line = self._model.line(number)
        top = row.top() + _PAD
        if line is None:
            self._icon(painter, row.left() + MARGIN, top + 1, IconName.CONNECTIONS, ThemeRole.MUTED, ICON)
            self._texts(
                painter, row.adjusted(0, 0, -MARGIN, 0), self._model.all_title(), self._model.all_detail()
            )
            return
        role = _STATE_ROLES[line.state]
        self._icon(painter, row.left() + MARGIN, top + 1, KIND_ICONS[line.kind], role, ICON)
        detail_role = ThemeRole.ERROR if line.state is SourceState.FAILED else ThemeRole.MUTED
        area = row.adjusted(0, 0, -MARGIN - _BUTTON, 0)
        self._texts(painter, area, one_line(line.name), self._model.detail(line), detail_role)

    def _texts(
        self, painter: QPainter, row: QRect, title: str, detail: str, role: ThemeRole = ThemeRole.MUTED
    ) -> None:
        left, top = row.left() + TEXT_LEFT - 2, row.top() + _PAD
        painter.setFont(self._font)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        area = QRect(left, top, row.right() - left, self._metrics.height())
        shown = self._metrics.elidedText(title, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, shown)
        area.moveTop(area.bottom() + 2)
        self._small_line(painter, area, detail, role)

    def _paint_button(self, painter: QPainter, place: QRect, line: SourceLine, *, hovered: bool) -> None:
        if hovered:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(self._theme.color(ThemeRole.BORDER))
            painter.setBrush(self._theme.color(ThemeRole.RAISED))
            painter.drawRoundedRect(place, 5, 5)
            painter.restore()
        icon = IconName.STOP if line.is_on else IconName.START
        role = ThemeRole.TEXT if hovered else ThemeRole.MUTED
        inner = (_BUTTON - ICON) // 2
        self._icon(painter, place.left() + inner, place.top() + inner, icon, role, ICON)

    def editorEvent(
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """A click on the button starts or stops, and chooses nothing."""
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseButtonRelease:
            line = self._model.line(index.row())
            on_button = self.button(option.rect).contains(event.position().toPoint())
            if line is not None and not line.is_recorded and on_button:
                self.toggle_wanted.emit(line.id)
                return True
        return super().editorEvent(event, model, option, index)
