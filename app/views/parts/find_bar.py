"""A line to find text with, shown when it is asked for."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QWidget

from core.decoders.search import Case


class FindBar(QWidget):
    """Asks for the next or the previous place where a text stands."""

    find_requested = Signal(str, bool)
    """The text, and whether to go backward."""
    edited = Signal()
    """What was found is of another text than the line holds."""
    stop_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input = QLineEdit(self)
        self.set_hint(self.tr("Find in the whole message"))
        self.input.setClearButtonEnabled(True)
        self.input.setMaxLength(1000)
        self.match_case = QToolButton(self)
        self.match_case.setText("Aa")
        self.match_case.setCheckable(True)
        self.match_case.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.match_case.setShortcut(QKeySequence("Alt+A"))
        self.match_case.setAccessibleName(self.tr("Match case"))
        self.match_case.setToolTip(self.tr("Match case: A is another letter than a (Alt+A)"))
        self._result = QLabel(self)
        self._result.setTextFormat(Qt.TextFormat.PlainText)
        self._result.setProperty("look", "muted")
        self.stop = self._button(self.tr("Stop"), self.tr("Search no further"))
        before = self._button(self.tr("Previous"), self.tr("Previous place (Shift+F3)"))
        after = self._button(self.tr("Next"), self.tr("Next place (F3)"))
        close = self._button(self.tr("Close"), self.tr("Close the find line (Esc)"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 10, 4)
        layout.addWidget(self.input, 1)
        layout.addWidget(self.match_case)
        layout.addWidget(self._result)
        for button in (self.stop, before, after, close):
            layout.addWidget(button)
        before.clicked.connect(lambda: self.search(backward=True))
        after.clicked.connect(lambda: self.search(backward=False))
        close.clicked.connect(self.close_bar)
        self.stop.clicked.connect(self.stop_requested)
        self.match_case.toggled.connect(lambda: self.search(backward=False))
        self.input.textEdited.connect(self.edited)
        self.show_result("")
        self.hide()

    @property
    def case(self) -> Case:
        """Whether capital letters are the same as small ones."""
        return Case.EXACT if self.match_case.isChecked() else Case.EITHER

    def take_either_case(self) -> None:
        """Capital letters are the same as small ones, until the person says otherwise."""
        with QSignalBlocker(self.match_case):
            self.match_case.setChecked(False)

    def set_hint(self, hint: str) -> None:
        """What can be found here."""
        self.input.setPlaceholderText(hint)

    def open(self) -> None:
        """Show the line and put the keyboard on it."""
        self.show()
        self.input.setFocus()
        self.input.selectAll()

    def search(self, *, backward: bool) -> None:
        """Ask for the next place, or the previous one."""
        if self.input.text():
            self.find_requested.emit(self.input.text(), backward)

    def show_result(self, sentence: str, *, running: bool = False) -> None:
        """Say how it goes, and offer to stop while it does."""
        self._result.setText(sentence)
        self.stop.setVisible(running)

    def result(self) -> str:
        """What it says."""
        return self._result.text()

    def close_bar(self) -> None:
        """Hide the line."""
        self.hide()
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.search(backward=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        else:
            super().keyPressEvent(event)

    def _button(self, text: str, tooltip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("look", "quiet")
        button.setToolTip(tooltip)
        return button
