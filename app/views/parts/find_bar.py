"""A line for finding text, shown on request."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QWidget

from core.decoders.search import Case


class FindBar(QWidget):
    """Asks for the next or the previous occurrence of a text."""

    find_requested = Signal(str, bool)
    """The text, and whether to go backward."""
    edited = Signal()
    """The line no longer holds the text that was found."""
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
        """Whether upper and lower case count as equal."""
        return Case.EXACT if self.match_case.isChecked() else Case.EITHER

    def take_either_case(self) -> None:
        """Ignore case until the person chooses otherwise."""
        with QSignalBlocker(self.match_case):
            self.match_case.setChecked(False)

    def set_hint(self, hint: str) -> None:
        """Set the hint about what can be found."""
        self.input.setPlaceholderText(hint)

    def open(self) -> None:
        """Show the line and put the keyboard on it."""
        self.show()
        self.input.setFocus()
        self.input.selectAll()

    def open_or_go_on(self) -> None:
        """Show the line; where it is open and has a text, ask for the next place."""
        if self.isVisible() and self.input.text():
            self.search(backward=False)
        else:
            self.open()

    def search(self, *, backward: bool) -> None:
        """Ask for the next occurrence, or the previous one."""
        if self.input.text():
            self.find_requested.emit(self.input.text(), backward)

    def show_result(self, sentence: str, *, running: bool = False) -> None:
        """Show the state of the search; while it runs, offer to stop it."""
        self._result.setText(sentence)
        self.stop.setVisible(running)

    def result(self) -> str:
        """The shown state."""
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
