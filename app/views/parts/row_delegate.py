"""What the rows of our lists share: fonts, background, and text on a number of lines."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.index import Index
from app.views.parts.wrapped import lay_out
from core.capture.records import Direction

MARGIN = 10
"""Left and right margin of a row."""
ICON = 16
TEXT_LEFT = 34
"""Where text begins beside an icon."""
PAD_Y = 7
ARROWS = {
    Direction.CLIENT_TO_SERVER: (IconName.TO_SERVER, ThemeRole.CLIENT),
    Direction.SERVER_TO_CLIENT: (IconName.TO_CLIENT, ThemeRole.SERVER),
}
"""Icon and colour of a direction."""
_SMALL = 0.9
_LEAST_WIDTH = 120
_STRIPE = 3


class RowDelegate(QStyledItemDelegate):
    """Paints rows in two sizes of the window's font, or in that of bytes. Subclasses paint the content."""

    weight = QFont.Weight.Normal
    """Weight of the larger font."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._icons = look.icons
        self.reload()

    def reload(self) -> None:
        """Take over the theme's current fonts."""
        self._font, self._small = QFont(self._theme.ui_font()), QFont(self._theme.ui_font())
        self._font.setWeight(self.weight)
        self._small.setPointSizeF(self._small.pointSizeF() * _SMALL)
        self._metrics, self._small_metrics = QFontMetrics(self._font), QFontMetrics(self._small)
        self._mono = QFont(self._theme.mono_font())
        self._mono_metrics = QFontMetrics(self._mono)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: QRect = option.rect
        painter.save()
        self._ground(painter, row, option.state)
        self.content(painter, row, index.row())
        painter.restore()

    @property
    def row_height(self) -> int:
        """Height of every row."""
        raise NotImplementedError

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(_LEAST_WIDTH, self.row_height)

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        """Paint row `number` into `row`."""
        raise NotImplementedError

    def _height_of(self, lines: int) -> int:
        """Height of a row with so many lines of the larger font and one of the smaller."""
        return lines * self._metrics.height() + self._small_metrics.height() + 2 * PAD_Y + 3

    def _ground(self, painter: QPainter, row: QRect, state: QStyle.StateFlag) -> None:
        role = ThemeRole.SURFACE
        if state & QStyle.StateFlag.State_Selected:
            role = (
                ThemeRole.SELECTION
                if state & QStyle.StateFlag.State_HasFocus
                else ThemeRole.SELECTION_INACTIVE
            )
        elif state & QStyle.StateFlag.State_MouseOver:
            role = ThemeRole.HOVER
        painter.fillRect(row, self._theme.color(role))
        painter.fillRect(row.left(), row.bottom(), row.width(), 1, self._theme.color(ThemeRole.GRID))
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(
                row.left(), row.top(), _STRIPE, row.height() - 1, self._theme.color(ThemeRole.ACCENT)
            )

    def _icon(
        self, painter: QPainter, left: int, top: int, icon: IconName, role: ThemeRole, size: int
    ) -> None:
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(left, top, self._icons.pixmap(icon, role, size, ratio))

    def _text(self, painter: QPainter, area: QRect, text: str, role: ThemeRole, lines: int) -> int:
        """Paint `text` from the top of `area`, cut to `lines`; gives its lower edge."""
        painter.setPen(self._theme.color(role))
        layout = lay_out(self._shortened(text, area.width(), lines), self._font, area.width())
        layout.draw(painter, QPointF(area.topLeft()))
        return area.top() + min(layout.lineCount(), lines) * self._metrics.height()

    def _small_line(
        self,
        painter: QPainter,
        area: QRect,
        text: str,
        role: ThemeRole,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        """Paint one line at the top of `area`."""
        painter.setFont(self._small)
        painter.setPen(self._theme.color(role))
        shown = self._small_metrics.elidedText(text, elide, area.width())
        line = QRect(area.left(), area.top(), area.width(), self._small_metrics.height())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, shown)

    def _shortened(self, text: str, width: int, lines: int) -> str:
        """`text` cut to what fits in the lines."""
        layout = lay_out(text[: width * lines], self._font, width)
        if layout.lineCount() <= lines:
            return text
        last = layout.lineAt(lines - 1)
        # QTextLayout counts in UTF-16 units.
        units = text.encode("utf-16-le", "surrogatepass")
        start = 2 * last.textStart()
        head = units[:start].decode("utf-16-le", "replace")
        rest = units[start : start + 2 * width].decode("utf-16-le", "replace")
        return head + self._metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
