"""Asks what to do with a capture that an earlier run left unsaved."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.look.icons import IconName, Icons
from app.look.theme import ThemeRole
from app.models.known_captures import holdings_text, moment_of
from core.capture.session_files import LeftBehind
from core.sizes import byte_size


class RecoveryChoice(Enum):
    """What the person wants."""

    OPEN = auto()
    SAVE_AS = auto()
    DISCARD = auto()
    LATER = auto()
    """The capture stays in the list and is offered again at the next start."""


class RecoveryDialog(QDialog):
    """`choice` holds the answer when the dialog has finished; closing it means LATER."""

    def __init__(self, left: LeftBehind, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = RecoveryChoice.LATER
        self.setWindowTitle(self.tr("Unsaved capture"))
        mark = QLabel()
        mark.setPixmap(icons.pixmap(IconName.HISTORY, ThemeRole.ACCENT, 36, self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        title = QLabel(self._title(left))
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setProperty("look", "title")
        note = QLabel(
            self.tr("Unmask was ended without saving it, and kept it. Nothing of it is lost.")
            if left.finished
            else self.tr("Unmask broke off before it was saved. All that was recorded is there.")
        )
        note.setProperty("look", "muted")
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(title)
        words.addWidget(note)
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(mark)
        head.addLayout(words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 16)
        layout.setSpacing(20)
        layout.addLayout(head)
        layout.addLayout(self._buttons())

    def _title(self, left: LeftBehind) -> str:
        text = self.tr("An unsaved capture from {when} with {what} ({size}).")
        what = holdings_text(left.holdings)
        return text.format(when=moment_of(left.modified), what=what, size=byte_size(left.size))

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        later = self._button(self.tr("&Later"), RecoveryChoice.LATER)
        discard = self._button(self.tr("&Discard"), RecoveryChoice.DISCARD)
        save = self._button(self.tr("&Save as…"), RecoveryChoice.SAVE_AS)
        look = self._button(self.tr("&Open"), RecoveryChoice.OPEN)
        look.setDefault(True)
        row.addWidget(later)
        row.addStretch(1)
        for button in (discard, save, look):
            row.addWidget(button)
        return row

    def _button(self, text: str, choice: RecoveryChoice) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(choice is RecoveryChoice.OPEN)
        button.clicked.connect(lambda: self._decide(choice))
        return button

    def _decide(self, choice: RecoveryChoice) -> None:
        self.choice = choice
        if choice is RecoveryChoice.LATER:
            self.reject()
        else:
            self.accept()
