"""A strip that says how much is held while the queue is out of sight."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app.actions.registry import ActionId, Actions
from app.logic.held_lines import waiting_time
from app.logic.text import counted
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole


class HeldBar(QFrame):
    """Shows a number, and the ways to the queue and past it."""

    def __init__(self, actions: Actions, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setProperty("look", "banner-warning")
        self._icon = QLabel()
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.show_queue = QPushButton(self.tr("Show"))
        self.show_queue.setToolTip(actions[ActionId.FOCUS_HELD].toolTip())
        self.show_queue.clicked.connect(actions[ActionId.FOCUS_HELD].trigger)
        self.forward_all = QPushButton(self.tr("Forward all"))
        self.forward_all.setToolTip(actions[ActionId.FORWARD_ALL].toolTip())
        self.forward_all.clicked.connect(actions[ActionId.FORWARD_ALL].trigger)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 3, 8, 3)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self.words, 1)
        for button in (self.show_queue, self.forward_all):
            button.setProperty("look", "quiet")
            row.addWidget(button)
        look.theme.changed.connect(self._tint)
        self._tint()
        self.hide()

    def sizeHint(self) -> QSize:
        return QSize(200, super().sizeHint().height())

    def show_held(self, count: int, *, is_stuck: bool, oldest_ns: int | None) -> None:
        """Say how many wait, for how long, and whether a side is no longer read because of them."""
        text = counted(count, self.tr("1 is held for you"), self.tr("{count} are held for you"))
        if oldest_ns is not None:
            text += self.tr(", the oldest for {0}").format(waiting_time(oldest_ns))
        text += "."
        if is_stuck:
            text += " " + self.tr("No more can wait: the sender is not read until you decide.")
        self.words.setText(text)

    def _tint(self) -> None:
        icon = self._look.icons.icon(IconName.INTERCEPT, ThemeRole.WARNING)
        self._icon.setPixmap(icon.pixmap(QSize(16, 16)))
