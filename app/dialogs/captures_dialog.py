"""Lists the captures that Unmask knows about, unsaved and recent ones, with what is in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.logic.known_captures import CaptureStanding, KnownCapture
from app.logic.text import counted
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.known_captures import KnownCaptureModel
from app.views.parts.row_delegate import ICON, MARGIN, PAD_Y, TEXT_LEFT, RowDelegate
from app.views.parts.row_table import RowTable

_SIZE = (640, 420)
_LOOKS = {
    CaptureStanding.BROKEN_OFF: (IconName.HISTORY, ThemeRole.WARNING),
    CaptureStanding.KEPT: (IconName.HISTORY, ThemeRole.ACCENT),
    CaptureStanding.SAVED: (IconName.FILE, ThemeRole.MUTED),
    CaptureStanding.RECORDING: (IconName.RECORD, ThemeRole.ACCENT),
    CaptureStanding.GONE: (IconName.CLOSE, ThemeRole.DISABLED),
    CaptureStanding.UNREADABLE: (IconName.ERROR, ThemeRole.ERROR),
}


class CapturesDialog(QDialog):
    """Emits what the person wants to do with a capture; its content is set anew after each change."""

    open_wanted = Signal(object)
    """A KnownCapture."""
    save_wanted = Signal(object)
    discard_wanted = Signal(object)
    forget_wanted = Signal(object)
    """A KnownCapture that should no longer be listed."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Recent and recovered captures"))
        self.resize(*_SIZE)
        self._model = KnownCaptureModel(self)
        self._intro = QLabel()
        self._intro.setTextFormat(Qt.TextFormat.PlainText)
        self._intro.setWordWrap(True)
        delegate = _CaptureDelegate(self._model, look, self)
        self.rows = RowTable(self.tr("Captures"), self._model, delegate, look.theme, self)
        self.rows.set_empty_text(self.tr("Looking…"))
        self.rows.entered_row.connect(lambda _row: self._open())
        self.rows.doubleClicked.connect(lambda _index: self._open())
        self.rows.selectionModel().currentRowChanged.connect(lambda: self._show_buttons())
        self.discard = self._button(self.tr("&Discard…"), self._discard)
        self.forget = self._button(self.tr("&Remove from the list"), self._forget)
        self.save = self._button(self.tr("&Save as…"), self._save)
        self.look = self._button(self.tr("&Open"), self._open)
        self.look.setDefault(True)
        close = self._button(self.tr("Close"), self.reject)
        card = QFrame()
        card.setProperty("look", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.rows)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        for button in (self.discard, self.forget):
            foot.addWidget(button)
        foot.addStretch(1)
        for button in (self.save, self.look, close):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 16)
        layout.setSpacing(14)
        layout.addWidget(self._intro)
        layout.addWidget(card, 1)
        layout.addLayout(foot)
        self.rows.setFocus()
        self._show_intro(0)
        self._show_buttons()

    def show_captures(self, captures: Sequence[KnownCapture]) -> None:
        """Show captures, unsaved ones first. The selection stays, or moves to the row that takes its place."""
        row = max(0, self.rows.currentIndex().row())
        self._model.set_captures(captures)
        self.rows.set_empty_text(self.tr("There are none yet. What you open or save is listed here."))
        if captures:
            self.rows.selectRow(min(row, len(captures) - 1))
        self._show_intro(self._model.unsaved_count())
        self._show_buttons()

    @property
    def chosen(self) -> KnownCapture | None:
        return self._model.capture(self.rows.currentIndex().row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.focusWidget() is self.rows:
            self._discard()
            self._forget()
        else:
            super().keyPressEvent(event)

    def _open(self) -> None:
        chosen = self.chosen
        if chosen is not None and chosen.can_be_opened:
            self.open_wanted.emit(chosen)

    def _save(self) -> None:
        if self.chosen is not None and self.chosen.unsaved:
            self.save_wanted.emit(self.chosen)

    def _discard(self) -> None:
        if self.chosen is not None and self.chosen.unsaved:
            self.discard_wanted.emit(self.chosen)

    def _forget(self) -> None:
        if self.chosen is not None and not self.chosen.unsaved:
            self.forget_wanted.emit(self.chosen)

    def _show_intro(self, unsaved: int) -> None:
        if unsaved:
            one = self.tr(
                "A capture of an earlier run is not saved. It is kept until you save or discard it."
            )
            many = self.tr(
                "{count} captures of earlier runs are not saved. They are kept until you save or discard them."
            )
            self._intro.setText(counted(unsaved, one, many))
        else:
            self._intro.setText(self.tr("Captures that you opened or saved lately, the last one first."))

    def _show_buttons(self) -> None:
        chosen = self.chosen
        unsaved = chosen is not None and chosen.unsaved
        self.discard.setVisible(unsaved)
        self.save.setVisible(unsaved)
        self.forget.setVisible(not unsaved)
        self.forget.setEnabled(chosen is not None)
        self.look.setEnabled(chosen is not None and chosen.can_be_opened)

    def _button(self, text: str, slot: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: slot())
        return button


class _CaptureDelegate(RowDelegate):
    def __init__(self, model: KnownCaptureModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._height_of(1) + 2

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        capture = self._model.capture(number)
        if capture is None:
            return
        icon, role = _LOOKS[capture.standing]
        self._icon(painter, row.left() + MARGIN, row.top() + PAD_Y + 1, icon, role, ICON)
        area = row.adjusted(TEXT_LEFT, PAD_Y, -MARGIN, 0)
        title = ThemeRole.MUTED if capture.standing is CaptureStanding.GONE else ThemeRole.TEXT
        area.setTop(self._text(painter, area, self._model.title(capture), title, 1) + 2)
        self._small_line(
            painter, area, self._model.detail(capture), ThemeRole.MUTED, Qt.TextElideMode.ElideMiddle
        )
