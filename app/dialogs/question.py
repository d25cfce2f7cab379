"""A question in front of the window, with buttons of the caller's; Cancel is one of them and the one to press."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from app.look.icons import IconName, Icons
from app.look.theme import ThemeRole

_MARK = 36


class Question(QMessageBox):
    """Plain text, whoever wrote it. Goes away with its answer."""

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
        """Another button; `action` is done when it is pressed."""
        button = self.addButton(words, role)
        button.clicked.connect(lambda: action())
        return button
