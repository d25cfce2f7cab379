"""What hangs below the filter line: what can come next, and a strip with an error or an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.logic.text import one_line
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from core.query.candidates import Candidate, CandidateKind

ROWS = 9
"""Visible candidates; the rest is reached by scrolling."""
_WIDTH = (380, 760)
_EDGE = 8
_BORDER = 1
_CANDIDATE = Qt.ItemDataRole.UserRole

_LOOKS = {
    CandidateKind.FIELD: (IconName.FIELD, ThemeRole.JSON_KEY),
    CandidateKind.OPERATOR: (IconName.OPERATOR, ThemeRole.JSON_PUNCTUATION),
    CandidateKind.VALUE: (IconName.VALUE, ThemeRole.JSON_STRING),
    CandidateKind.KEYWORD: (IconName.KEYWORD, ThemeRole.JSON_LITERAL),
}


class StripTone(Enum):
    """What kind of message the strip has."""

    HINT = auto()
    ERROR = auto()


class FilterPopup(QFrame):
    """Lies over its window, takes no focus, and is as large as its content."""

    accepted = Signal(object)
    """A Candidate that was clicked."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._theme = look.theme
        self._icons = look.icons
        self._tone = StripTone.HINT
        self.setProperty("look", "popup")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._delegate = _CandidateDelegate(look, self.list)
        self.list.setItemDelegate(self._delegate)
        self.list.itemClicked.connect(lambda item: self.accepted.emit(item.data(_CANDIDATE)))
        self.list.currentRowChanged.connect(self._show_strip)
        self.strip = QFrame()
        self.strip.setProperty("look", "strip")
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sentence = QLabel()
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        row = QHBoxLayout(self.strip)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addWidget(self.sentence, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self.list)
        layout.addWidget(self.strip)
        self._said = ""
        look.theme.changed.connect(self._delegate.reload)
        self.hide()

    @property
    def current(self) -> Candidate | None:
        """The chosen candidate; None if none is."""
        item = self.list.currentItem()
        found = None if item is None else item.data(_CANDIDATE)
        return found if isinstance(found, Candidate) else None

    @property
    def candidates(self) -> list[Candidate]:
        return [self.list.item(row).data(_CANDIDATE) for row in range(self.list.count())]

    def fill(self, candidates: Sequence[Candidate], tone: StripTone, sentence: str) -> None:
        """Set the content; nothing is chosen yet."""
        self._tone, self._said = tone, sentence
        self.list.clear()
        for candidate in candidates:
            item = QListWidgetItem(one_line(candidate.text), self.list)
            item.setData(_CANDIDATE, candidate)
        self.list.setVisible(bool(candidates))
        self.list.scrollToTop()
        self._delegate.set_texts([one_line(candidate.text) for candidate in candidates])
        self._show_strip()

    def step(self, by: int) -> None:
        """Choose the next candidate, or the previous one; beyond the ends none is chosen."""
        count = self.list.count()
        row = (self.list.currentRow() + 1 + by) % (count + 1) - 1
        self.list.setCurrentRow(row)
        if row < 0:
            self.list.clearSelection()
            self.list.scrollToTop()

    def show_below(self, line: QWidget) -> None:
        """Show it over the window, at the lower edge of the line."""
        window = line.window()
        if self.parentWidget() is not window:
            self.setParent(window)
        corner = line.mapTo(window, QPoint(0, line.height() + 2))
        least, most = _WIDTH
        width = min(max(least, min(line.width(), most)), window.width() - 2 * _EDGE)
        self.resize(width, self._height(width))
        left = max(_EDGE, min(corner.x(), window.width() - width - _EDGE))
        self.move(left, corner.y())
        self.show()
        self.raise_()

    def _height(self, width: int) -> int:
        rows = min(self.list.count(), ROWS)
        height = rows * self._delegate.row_height + (8 if rows else 0)
        self.list.setFixedHeight(height)
        if not self.strip.isHidden():
            height += self.strip.heightForWidth(width - 2) + 2 * _BORDER
        return height + 2

    def _show_strip(self) -> None:
        """Show the chosen candidate's help, else the sentence."""
        chosen = self.current
        error = chosen is None and self._tone is StripTone.ERROR
        text = self._said if chosen is None else chosen.help
        self.sentence.setText(one_line(text))
        self.sentence.setProperty("look", "error" if error else "muted")
        self.sentence.style().unpolish(self.sentence)
        self.sentence.style().polish(self.sentence)
        self._mark.setVisible(error)
        if error:
            self._mark.setPixmap(
                self._icons.pixmap(IconName.ERROR, ThemeRole.ERROR, 16, self.devicePixelRatioF())
            )
        self.strip.setVisible(bool(text))
        if self.isVisible():
            self.resize(self.width(), self._height(self.width()))


class _CandidateDelegate(QStyledItemDelegate):
    """Picture, name and help in three columns."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._icons = look.icons
        self._names = 0
        self.reload()

    def reload(self) -> None:
        """Take over the theme's fonts."""
        self._mono = self._theme.mono_font()
        self._ui = self._theme.ui_font()
        self.row_height = max(QFontMetrics(self._mono).height(), QFontMetrics(self._ui).height()) + 8

    def set_texts(self, texts: Sequence[str]) -> None:
        """Set the texts that decide the width of the column of names."""
        metrics = QFontMetrics(self._mono)
        self._names = max((metrics.horizontalAdvance(text[:60]) for text in texts), default=0)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, self.row_height)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        candidate = index.data(_CANDIDATE)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._theme.color(ThemeRole.SELECTION))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._theme.color(ThemeRole.HOVER))
        icon, role = _LOOKS[candidate.kind]
        pixmap = self._icons.pixmap(icon, role, 15, painter.device().devicePixelRatioF())
        painter.drawPixmap(rect.left() + 8, rect.top() + (rect.height() - 15) // 2, pixmap)
        left = rect.left() + 32
        names = min(self._names, int(rect.width() * 0.55))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        self._text(
            painter,
            QRect(left, rect.top(), names + 4, rect.height()),
            one_line(candidate.text),
            ThemeRole.TEXT,
            flags,
        )
        helped = QRect(left + names + 20, rect.top(), rect.right() - left - names - 30, rect.height())
        painter.setFont(self._ui)
        painter.setPen(self._theme.color(ThemeRole.MUTED))
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(
            helped, flags, QFontMetrics(self._ui).elidedText(candidate.help, elide, helped.width())
        )
        painter.restore()

    def _text(self, painter: QPainter, rect: QRect, text: str, role: ThemeRole, flags: int) -> None:
        painter.setFont(self._mono)
        painter.setPen(self._theme.color(role))
        elided = QFontMetrics(self._mono).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, flags, elided)
