"""The button over the last row of a list that says how many rows came since the list stopped following."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from app.icons import IconName, Icons
from app.text import grouped
from app.theme import Role, Theme

_ABOVE_EDGE = 10


class CatchUp(QPushButton):
    """Hidden until there is something to catch up with; stays at the lower edge of what it lies on."""

    def __init__(self, theme: Theme, icons: Icons, ground: QWidget) -> None:
        super().__init__(ground)
        self._ground = ground
        self._icons = icons
        self.setProperty("look", "primary")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.changed.connect(self._tint)
        self._tint()
        self.hide()

    def show_new(self, count: int) -> None:
        """`count` rows came; 0 hides it."""
        self.setVisible(count > 0)
        if count > 0:
            self.setText(self.tr("{count} new").format(count=grouped(count)))
            self.adjustSize()
            self.place()

    def place(self) -> None:
        """What it lies on has another size."""
        space, size = self._ground.size(), self.size()
        self.move((space.width() - size.width()) // 2, space.height() - size.height() - _ABOVE_EDGE)

    def _tint(self) -> None:
        self.setIcon(self._icons.icon(IconName.FOLLOW, Role.ON_ACCENT))
