"""A question in front of the window with the caller's buttons and Cancel, which is the default."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from app.look.icons import IconName, Icons
from app.look.theme import ThemeRole

_MARK = 36


class Question(QMessageBox):
    """Shows plain text, whoever wrote it, and is deleted once answered."""

    def __init__(self, title: str, text: str, more: str, icons: Icons, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIconPixmap(
            icons.pixmap(IconName.WARNING, ThemeRole.WARNING, _MARK, window.devicePixelRatioF())
        )
        self.setWindowTitle(title)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setInformativeText(more)
        self.setStandardButtons(QMessageBox.StandardButton.Cancel)
        self.setDefaultButton(QMessageBox.StandardButton.Cancel)

    def add(self, words: str, role: QMessageBox.ButtonRole, action: Callable[[], None]) -> QPushButton:
        """Add a button; `action` is called when it is pressed."""
        button = self.addButton(words, role)
        button.clicked.connect(lambda: action())
        return button
