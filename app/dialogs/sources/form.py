"""What the forms of all kinds of sources share: a picture, fields, and a button that is only ready when they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.sources.fields import Field, LineField
from app.logic.text import one_line
from app.look.look import Look
from app.views.parts.sketch import Sketch
from core.errors import CallerError, UnmaskError

_WIDTH = 600
_MOST_HEIGHT = 620
_FOOT = 64
"""Pixels for the buttons."""
_MARGIN = 60
LONGEST_NAME = 60

_W = TypeVar("_W")


class SourceForm(QDialog, Generic[_W]):
    """Asks for one source. After `accepted`, `name` and `what` hold it."""

    def __init__(self, look: Look, parent: QWidget, *, is_new: bool) -> None:
        super().__init__(parent)
        self._look = look
        self._fields: list[Field] = []
        self._folds: dict[Field, QToolButton] = {}
        """The button that shows a field, where there is one."""
        self._name: LineField | None = None
        self._taken: Sequence[str] = ()
        self._page = QWidget()
        self._column = QVBoxLayout(self._page)
        self._column.setContentsMargins(20, 14, 20, 10)
        self._column.setSpacing(12)
        self._said = QLabel()
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        self._said.setWordWrap(True)
        self._said.setProperty("look", "muted")
        self._said.hide()
        self._problem = QLabel()
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        self._problem.setProperty("look", "error")
        self._problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        words = self.tr("&Start") if is_new else self.tr("&Save")
        self.ready = buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
        self.ready.setDefault(True)
        self.ready.setProperty("look", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._page)
        scroll.viewport().setAutoFillBackground(False)
        self._page.setAutoFillBackground(False)
        self._scroll = scroll
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 14)
        layout.addWidget(scroll, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(20, 0, 20, 0)
        foot.addWidget(self._said)
        foot.addWidget(self._problem)
        foot.addWidget(buttons)
        layout.addLayout(foot)

    @property
    def name(self) -> str:
        """What the person calls the source; never empty."""
        return (self._name.text if self._name is not None else "") or self.suggested_name()

    @property
    def what(self) -> _W:
        """What was asked for. Raises UnmaskError if a field cannot be used."""
        raise NotImplementedError

    def suggested_name(self) -> str:
        """A name for a source whose name is left empty."""
        raise NotImplementedError

    def say(self, note: str) -> None:
        """Show a sentence above the buttons; "" shows none."""
        self._said.setText(note)
        self._said.setVisible(bool(note))

    def accept(self) -> None:
        problem = self._first_problem()
        if problem is not None:
            for field in self._fields:
                field.insist()
            if problem in self._folds:
                self._folds[problem].setChecked(True)
            problem.setFocus()
            self._scroll.ensureWidgetVisible(problem)
            return
        try:
            _ = self.what
        except (UnmaskError, ValueError) as error:
            self._problem.setText(one_line(str(error)))
            self._problem.show()
            return
        super().accept()

    # For subclasses.

    def _picture(self, title: str, sentence: str, names: Sequence[str]) -> None:
        """Comes first: the title of the window, a picture with these names, and what it means."""
        self.setWindowTitle(title)
        text = QLabel(sentence)
        text.setWordWrap(True)
        self._column.addWidget(Sketch(names, self._look))
        self._column.addWidget(text)

    def _add(self, *fields: Field) -> None:
        for field in fields:
            self._fields.append(field)
            self._column.addWidget(field)
            field.changed.connect(self._look_again)

    def _add_name(self, name: str, taken: Sequence[str]) -> None:
        """The last field. `taken` are the names of other sources."""
        self._taken = taken
        note = self.tr("What you call it; its connections are found by it. Empty: as suggested.")
        self._name = LineField(self.tr("Name"), name, note, self._check_name)
        self._add(self._name)
        self._look_again()

    def _add_more(self, words: str, *fields: Field, shown: bool = False) -> None:
        """Fields that few need, behind a button."""
        button = QToolButton()
        button.setText(words)
        button.setProperty("look", "fold")
        button.setCheckable(True)
        button.setArrowType(Qt.ArrowType.RightArrow)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        box = QWidget()
        inner = QVBoxLayout(box)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(12)
        for field in fields:
            self._fields.append(field)
            self._folds[field] = button
            inner.addWidget(field)
            field.changed.connect(self._look_again)

        def fold(on: bool) -> None:
            box.setVisible(on)
            button.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
            if on and self.isVisible():
                self._grow()
                self._scroll.ensureWidgetVisible(box)

        button.toggled.connect(fold)
        button.setChecked(shown)
        fold(shown)
        self._column.addWidget(button)
        self._column.addWidget(box)

    def _finish(self) -> None:
        """All fields are added."""
        self._column.addStretch(1)
        self.resize(_WIDTH, 300)
        self._grow()
        self._fields[0].setFocus()

    def _grow(self) -> None:
        """Be as high as all that is shown, or as there is room for."""
        self._column.activate()
        wanted = self._column.totalHeightForWidth(self.width()) + _FOOT
        room = self.screen().availableGeometry().height() - _MARGIN
        self.resize(self.width(), max(self.height(), min(wanted, _MOST_HEIGHT, room)))

    def _look_again(self) -> None:
        self._problem.hide()
        if self._name is not None:
            self._name.edit.setPlaceholderText(self.suggested_name())

    def _first_problem(self) -> Field | None:
        return next((field for field in self._fields if field.problem), None)

    def _check_name(self, name: str) -> None:
        if len(name) > LONGEST_NAME:
            raise CallerError(f"A name has at most {LONGEST_NAME} characters.")
        if (name or self.suggested_name()).casefold() in {each.casefold() for each in self._taken}:
            raise CallerError("Another source has this name already: choose a different one.")
