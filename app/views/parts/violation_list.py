"""The rules that a frame or a handshake broke, each with severity, section and value."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QTextLayout
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.parts.wrapped import lay_out
from core.decoders.visible import visible
from core.protocol.violations import Severity, Violation

MORE_SHOWN = 60
_PAD_Y = 5
_TEXT_LEFT = 34

_ICONS = {
    Severity.ERROR: IconName.ERROR,
    Severity.WARNING: IconName.WARNING,
    Severity.NOTE: IconName.NOTE,
}
_ROLES = {
    Severity.ERROR: (ThemeRole.ERROR, ThemeRole.ERROR_TINT),
    Severity.WARNING: (ThemeRole.WARNING, ThemeRole.WARNING_TINT),
    Severity.NOTE: (ThemeRole.NOTE, ThemeRole.NOTE_TINT),
}


class _Row(QWidget):
    """One violation: rule, value, severity, section."""

    chosen = Signal()

    def __init__(self, violation: Violation, whose: str, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._icons = look.icons
        self._violation = violation
        rule = violation.rule
        self._colour, self._tint = _ROLES[rule.severity]
        detail = visible(violation.detail)
        self._text = f"{rule.sentence}  {detail}" if detail else rule.sentence
        named = (self._severity_name(rule.severity), whose, rule.section)
        self._aside = " · ".join(filter(None, named))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(f"{self._aside}: {self._text}")

    def _severity_name(self, severity: Severity) -> str:
        names = {
            Severity.ERROR: self.tr("Error"),
            Severity.WARNING: self.tr("Warning"),
            Severity.NOTE: self.tr("Note"),
        }
        return names[severity]

    def sizeHint(self) -> QSize:
        return QSize(480, self.heightForWidth(max(self.width(), 480)))

    def heightForWidth(self, width: int) -> int:
        return round(self._laid_out(width).boundingRect().height()) + 2 * _PAD_Y

    def _laid_out(self, width: int) -> QTextLayout:
        """The sentence in bold and the detail after it, wrapped before the aside."""
        room = max(width - _TEXT_LEFT - self._aside_width() - 24, 80)
        return lay_out(self._text, self._theme.ui_font(), room, bold=len(self._violation.rule.sentence))

    def _aside_width(self) -> int:
        return QFontMetrics(self._theme.ui_font()).horizontalAdvance(self._aside)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color(self._colour) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(self._tint))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        icon = self._icons.pixmap(
            _ICONS[self._violation.rule.severity], self._colour, 16, self.devicePixelRatioF()
        )
        painter.drawPixmap(10, _PAD_Y, icon)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        self._laid_out(self.width()).draw(painter, QPointF(_TEXT_LEFT, _PAD_Y))
        painter.setPen(self._theme.color(self._colour))
        painter.setFont(self._theme.ui_font())
        aside = self.rect().adjusted(0, _PAD_Y, -12, 0)
        painter.drawText(aside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, self._aside)

    def make_link(self) -> None:
        """Let mouse and keyboard choose it."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(self.tr("Show its bytes"))

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


class ViolationList(QWidget):
    """Violations below each other, the worst first; takes no room if there are none."""

    violation_chosen = Signal(object)
    """A `Violation` whose bytes the person wants to see."""

    def __init__(self, look: Look, first_shown: int, parent: QWidget | None = None) -> None:
        """`first_shown` violations are unfolded from the start."""
        super().__init__(parent)
        self._look = look
        self._first_shown = first_shown
        self._violations: tuple[Violation, ...] = ()
        self._whose: Callable[[Violation], str] | None = None
        self._shown = self._first_shown
        self._rows: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.more = QPushButton(self)
        self.more.setProperty("look", "quiet")
        self.more.clicked.connect(self._show_all)
        self._layout.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def set_violations(
        self, violations: tuple[Violation, ...], whose: Callable[[Violation], str] | None = None
    ) -> None:
        """Show these; more than a few fold behind a button with their number. `whose` names what broke one."""
        self._whose = whose
        self._violations = tuple(sorted(violations, key=lambda one: -one.rule.severity))
        self._shown = self._first_shown
        self._build()

    def row_count(self) -> int:
        """Number of unfolded violations."""
        return len(self._rows)

    def rows(self) -> tuple[QWidget, ...]:
        """The unfolded rows, the worst first."""
        return tuple(self._rows)

    def _show_all(self) -> None:
        self._shown += MORE_SHOWN
        self._build()

    def _build(self) -> None:
        for row in self._rows:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = []
        for violation in self._violations[: self._shown]:
            row = _Row(violation, self._whose(violation) if self._whose else "", self._look, self)
            if violation.length:
                row.make_link()
                row.chosen.connect(lambda one=violation: self.violation_chosen.emit(one))
            self._layout.insertWidget(len(self._rows), row)
            self._rows.append(row)
        left_out = len(self._violations) - len(self._rows)
        self.more.setText(self.tr("Show {0} more").format(left_out))
        self.more.setVisible(left_out > 0)
        self.setVisible(bool(self._rows))
