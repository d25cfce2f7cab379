"""Fields of a form that explain themselves, and say what is wrong while the person types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.decoders.visible import visible
from core.errors import UnmaskError

Check = Callable[[str], object]
"""Takes the text of a field; raises UnmaskError or ValueError with a sentence if it cannot be used."""


class Field(QWidget):
    """A title, an editor, and a sentence below it: what it is for, or what is wrong with it."""

    changed = Signal()

    def __init__(self, title: str, editor: QWidget, note: str, check: Check | None = None) -> None:
        super().__init__()
        self._editor = editor
        self._note = note
        self._check = check
        self._touched = False
        self._demanded = False
        self.title = QLabel(title)
        self.title.setProperty("look", "title")
        self.title.setBuddy(editor)
        self.note = QLabel(note)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.note.setProperty("look", "muted")
        self.note.setVisible(bool(note))
        editor.setAccessibleName(title)
        editor.setAccessibleDescription(note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.title)
        self._row = QHBoxLayout()
        self._row.addWidget(editor, 1)
        layout.addLayout(self._row)
        layout.addWidget(self.note)
        self.setFocusProxy(editor)

    @property
    def text(self) -> str:
        """What the person wrote."""
        raise NotImplementedError

    @property
    def problem(self) -> str:
        """Why the text cannot be used; "" if it can."""
        if self._check is None or self.isHidden():
            return ""
        try:
            self._check(self.text)
        except (UnmaskError, ValueError) as error:
            return visible(str(error))
        return ""

    def set_note(self, note: str) -> None:
        """Change the sentence."""
        self._note = note
        self.look()

    def insist(self) -> None:
        """Say what is wrong even if the person has not been here yet."""
        self._demanded = True
        self.look()

    def look(self) -> None:
        """Show the sentence, or the problem."""
        problem = self.problem if self._touched or self._demanded else ""
        self.note.setText(problem or self._note)
        self.note.setVisible(bool(problem or self._note))
        self._restyle(self.note, "look", "error" if problem else "muted")
        self._restyle(self._editor, "invalid", bool(problem))
        self._editor.setAccessibleDescription(problem or self._note)

    def _edited(self) -> None:
        self._touched = True
        self.look()
        self.changed.emit()

    @staticmethod
    def _restyle(widget: QWidget, name: str, value: object) -> None:
        if widget.property(name) != value:
            widget.setProperty(name, value)
            widget.style().unpolish(widget)
            widget.style().polish(widget)


class LineField(Field):
    """One line of text."""

    def __init__(
        self, title: str, text: str, note: str, check: Check | None = None, *, hint: str = ""
    ) -> None:
        self.edit = QLineEdit(text)
        self.edit.setPlaceholderText(hint)
        super().__init__(title, self.edit, note, check)
        self.edit.textChanged.connect(self._edited)

    @property
    def text(self) -> str:
        return self.edit.text().strip()

    def set_text(self, text: str) -> None:
        self.edit.setText(text)


class SecretField(LineField):
    """One line that is not shown."""

    def __init__(self, title: str, text: str, note: str, check: Check | None = None) -> None:
        super().__init__(title, text, note, check)
        self.edit.setEchoMode(QLineEdit.EchoMode.PasswordEchoOnEdit)

    @property
    def text(self) -> str:
        return self.edit.text()


class FileField(LineField):
    """The path of a file, with a button that looks for one."""

    def __init__(self, title: str, text: str, note: str, check: Check | None, names: str) -> None:
        """`names` is the filter of the file dialog."""
        super().__init__(title, text, note, check)
        self._names = names
        self.browse = QPushButton(self.tr("Choose…"))
        self.browse.setAccessibleName(self.tr("Choose: {0}").format(title))
        # Enter is for the form.
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._ask)
        self._row.addWidget(self.browse)

    def _ask(self) -> None:
        dialog = QFileDialog(self, self.title.text(), str(Path(self.text).parent), self._names)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.set_text)
        dialog.open()


class TextField(Field):
    """Several lines of text."""

    def __init__(
        self, title: str, text: str, note: str, check: Check | None = None, *, lines: int = 3, hint: str = ""
    ) -> None:
        self.edit = QPlainTextEdit(text)
        self.edit.setTabChangesFocus(True)
        self.edit.setPlaceholderText(hint)
        super().__init__(title, self.edit, note, check)
        height = self.edit.fontMetrics().lineSpacing() * lines + 16
        self.edit.setFixedHeight(height)
        self.edit.textChanged.connect(self._edited)

    @property
    def text(self) -> str:
        return self.edit.toPlainText()

    def set_text(self, text: str) -> None:
        self.edit.setPlainText(text)


class ChoiceField(Field):
    """One of several; the sentence below is that of the chosen one."""

    def __init__(self, title: str, choices: Sequence[tuple[Any, str, str]], chosen: object) -> None:
        """`choices` are value, words and sentence of each."""
        self.box = QComboBox()
        self._notes = [note for _, _, note in choices]
        for value, words, _ in choices:
            self.box.addItem(words, value)
        self.box.setCurrentIndex(max([value for value, _, _ in choices].index(chosen), 0))
        super().__init__(title, self.box, self._notes[self.box.currentIndex()])
        self.box.currentIndexChanged.connect(self._chosen)

    @property
    def value(self) -> Any:
        return self.box.currentData()

    @property
    def text(self) -> str:
        return self.box.currentText()

    def choose(self, value: object) -> None:
        """Choose another one; nothing happens if it is not among them."""
        at = self.box.findData(value)
        if at >= 0:
            self.box.setCurrentIndex(at)

    def _chosen(self, index: int) -> None:
        self.set_note(self._notes[index])
        self._edited()


class SwitchField(Field):
    """Yes or no."""

    def __init__(self, title: str, note: str, *, on: bool) -> None:
        self.switch = QCheckBox(title)
        self.switch.setChecked(on)
        super().__init__(title, self.switch, note)
        self.title.hide()
        self.switch.toggled.connect(self._edited)

    @property
    def is_on(self) -> bool:
        return self.switch.isChecked()

    @property
    def text(self) -> str:
        return ""
