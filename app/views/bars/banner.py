"""A message across the window that does not interrupt the work, such as that a port is in use."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from core.decoders.visible import visible


class Tone(Enum):
    """How serious the message is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_LOOKS = {
    Tone.ERROR: (IconName.ERROR, ThemeRole.ERROR),
    Tone.WARNING: (IconName.WARNING, ThemeRole.WARNING),
    Tone.NOTE: (IconName.NOTE, ThemeRole.NOTE),
}


class Banner(QFrame):
    """Hidden until there is a message; a new message replaces the previous one."""

    def __init__(self, look: Look, parent: QWidget | None = None, *, lasting: bool = False) -> None:
        """A `lasting` banner cannot be dismissed by the person."""
        super().__init__(parent)
        self._icons = look.icons
        self._tone = Tone.NOTE
        self._mark = QLabel()
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._close = QToolButton()
        self._close.setToolTip(self.tr("Dismiss (Esc)"))
        if not lasting:
            self._close.setShortcut(QKeySequence(Qt.Key.Key_Escape))
        self._close.clicked.connect(self.dismiss)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(6)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 7, 8, 7)
        layout.setSpacing(10)
        layout.addWidget(self._mark)
        layout.addWidget(self._text, 1)
        layout.addLayout(self._buttons)
        layout.addWidget(self._close)
        self._close.setVisible(not lasting)
        look.theme.changed.connect(self._tint)
        self._tint()
        self.hide()

    @property
    def text(self) -> str:
        """The current message; "" while hidden."""
        return "" if self.isHidden() else self._text.text()

    def say(self, tone: Tone, text: str, *buttons: QPushButton) -> None:
        """Show `text` as plain text with invisible characters spelled out, and the caller's buttons beside it."""
        self._drop_buttons()
        self._tone = tone
        self._text.setText(visible(text))
        for button in buttons:
            self._buttons.addWidget(button)
        self.setProperty("look", f"banner-{tone.value}")
        self.style().unpolish(self)
        self.style().polish(self)
        self._tint()
        self.show()

    def reword(self, text: str) -> None:
        """Change the words of the message; the buttons stay."""
        self._text.setText(visible(text))

    def dismiss(self) -> None:
        self._drop_buttons()
        self.hide()

    def _drop_buttons(self) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def _tint(self) -> None:
        icon, role = _LOOKS[self._tone]
        self._mark.setPixmap(self._icons.pixmap(icon, role, 18, self.devicePixelRatioF()))
        self._close.setIcon(self._icons.icon(IconName.CLOSE))
