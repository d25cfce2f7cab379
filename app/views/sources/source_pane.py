"""The place of the sources: their list, and the button that adds one."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.actions.menus import add_source_menu
from app.actions.registry import Actions
from app.look.icons import IconName
from app.look.look import Look
from app.models.sources import SourceModel
from app.views.sources.source_list import SourceList

_ROWS = 5
"""Rows for which there is room at first."""


class SourcePane(QWidget):
    """Shows a `SourceModel`."""

    def __init__(
        self, model: SourceModel, actions: Actions, look: Look, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icons = look.icons
        self.list = SourceList(model, look)
        title = QLabel(self.tr("Sources"))
        title.setProperty("look", "title")
        self.add = QToolButton()
        self.add.setText(self.tr("Add"))
        self.add.setToolTip(self.tr("Add a way for traffic to come in"))
        self.add.setAccessibleName(self.tr("Add a source"))
        self.add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setIconSize(QSize(15, 15))
        self.add.setMenu(add_source_menu(self.add, actions))
        bar = QFrame()
        bar.setProperty("look", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(11, 2, 6, 2)
        row.addWidget(title)
        row.addStretch(1)
        row.addWidget(self.add)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self.list, 1)
        self._bar = bar
        self.setFocusProxy(self.list)
        look.theme.changed.connect(self._tint)
        self._tint()

    @property
    def wanted_height(self) -> int:
        """Height at which no source is hidden."""
        return self._bar.sizeHint().height() + self.list.wanted_height

    def sizeHint(self) -> QSize:
        row = self.list.sizeHintForRow(0)
        return QSize(super().sizeHint().width(), self._bar.sizeHint().height() + _ROWS * row)

    def minimumSizeHint(self) -> QSize:
        row = self.list.sizeHintForRow(0)
        return QSize(super().minimumSizeHint().width(), self._bar.sizeHint().height() + 2 * row)

    def _tint(self) -> None:
        self.add.setIcon(self._icons.icon(IconName.ADD))
