"""A line above a message that says what was done to its frame, and leads to the frames concerned."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from app.logic.shown_frame import ShownFrame
from app.logic.text import grouped
from app.models.handling_texts import handling_sentences

_MOST_LINKS = 3


class HandlingBar(QWidget):
    """Hidden where nothing was done."""

    frame_requested = Signal(int)
    """Id of a frame to go to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(self)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.links = [self._link() for _ in range(_MOST_LINKS)]
        self._frames: tuple[int, ...] = ()
        self.differences = self._button(self.tr("Compare what came with what went on"))
        self.differences.setText(self.tr("Differences"))
        self.differences.setCheckable(True)
        self.differences.setChecked(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 8, 4)
        layout.setSpacing(6)
        layout.addWidget(self.label, 1)
        for button in (*self.links, self.differences):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def show_frame(self, shown: ShownFrame | None) -> None:
        """Say what was done to a frame."""
        said = [] if shown is None else handling_sentences(shown.outline.row)
        self._frames = () if shown is None else shown.linked[:_MOST_LINKS]
        for number, button in enumerate(self.links):
            button.setVisible(number < len(self._frames))
            if number < len(self._frames):
                button.setText(self.tr("Go to frame {0}").format(grouped(self._frames[number])))
        self.differences.setVisible(shown is not None and shown.edit is not None)
        self.label.setText(" ".join(said))
        self.setVisible(bool(said or self._frames))

    def _button(self, tooltip: str) -> QToolButton:
        button = QToolButton(self)
        button.setToolTip(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _link(self) -> QToolButton:
        button = self._button(self.tr("Select this frame in the list"))
        button.clicked.connect(lambda: self._go(button))
        return button

    def _go(self, button: QToolButton) -> None:
        number = self.links.index(button)
        if number < len(self._frames):
            self.frame_requested.emit(self._frames[number])
