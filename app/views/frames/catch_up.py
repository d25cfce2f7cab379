"""The strip below the table of frames: whether it follows the newest row, and how many rows came since it stopped."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.logic.text import grouped
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.frames.table import FrameTable

_HEIGHT = 24
_ICON = 13


class CatchUp(QFrame):
    """Always keeps its room, so that nothing new moves or covers a row."""

    def __init__(self, frames: FrameTable, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frames = frames
        self._icons = look.icons
        self.setProperty("look", "foot")
        self.setFixedHeight(_HEIGHT)
        self.button = QToolButton()
        self.button.setProperty("look", "pill")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(QSize(_ICON, _ICON))
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.setToolTip(self.tr("Go to the newest frame and follow"))
        self.button.clicked.connect(lambda: frames.set_following(True))
        self.state = QLabel()
        self.state.setProperty("look", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(self.state)
        row.addWidget(self.button)
        row.addStretch(1)
        frames.newer_changed.connect(self._show)
        look.theme.changed.connect(self._tint)
        self._tint()
        self._show()

    def _show(self) -> None:
        following, newer = self._frames.following, self._frames.newer
        text = self.tr("Following the newest frame") if following else self.tr("Not following")
        self.state.setText(text)
        self.state.setVisible(not newer)
        self.button.setText(self.tr("{count} new").format(count=grouped(newer)))
        self.button.setVisible(newer > 0)

    def _tint(self) -> None:
        self.button.setIcon(self._icons.icon(IconName.FOLLOW, ThemeRole.ON_ACCENT))
