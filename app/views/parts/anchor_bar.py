"""A row of words above a long page; each scrolls to a part of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget


class AnchorBar(QWidget):
    """Words for the parts of a page; `refresh` leaves out those of hidden parts."""

    asked = Signal(QWidget)
    """The part that the person wants to see."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: dict[QToolButton, QWidget] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(6, 4, 6, 2)
        self._row.setSpacing(2)
        self._row.addStretch(1)

    def add(self, words: str, part: QWidget) -> QToolButton:
        """Add a part after the others."""
        button = QToolButton(self)
        button.setText(words)
        button.setProperty("look", "anchor")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.asked.emit(part))
        self._row.insertWidget(self._row.count() - 1, button)
        self._parts[button] = part
        return button

    def refresh(self) -> None:
        """Take over which parts are hidden."""
        for button, part in self._parts.items():
            button.setHidden(part.isHidden())

    def words(self) -> list[str]:
        """The words shown now."""
        return [button.text() for button in self._parts if not button.isHidden()]
