"""The fields of a rule's condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.dialogs.sources.fields import Check, ChoiceField, Field, LineField
from app.logic.filter_assistant import FilterAssistant
from app.logic.text import one_line
from app.look.look import Look
from app.views.filter.edit import FilterEdit
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.rule import Condition

_WITH_SENDER = (Moment.MESSAGE, Moment.FRAME)


class FilterField(Field):
    """A line of the filter language, with what can come next below it."""

    entered = Signal()

    def __init__(
        self, title: str, text: str, note: str, check: Check, assistant: FilterAssistant, look: Look
    ) -> None:
        self.edit = FilterEdit(assistant, look)
        self.edit.setText(text)
        self.edit.setCursorPosition(0)
        super().__init__(title, self.edit, note, check)
        self.edit.textChanged.connect(self._edited)
        self.edit.entered.connect(self.entered)

    @property
    def text(self) -> str:
        return self.edit.text().strip()


class ConditionFields(QWidget):
    """When a rule applies."""

    changed = Signal()
    moment_changed = Signal()

    def __init__(
        self,
        when: Condition,
        check: Callable[[str], object],
        assistant: FilterAssistant,
        look: Look,
        others: Sequence[str] = (),
    ) -> None:
        """`check` gets the name of a part of the condition, and raises UnmaskError if that cannot be used.

        `others` are the names of the rules that may have to come first.
        """
        super().__init__()
        self.moment = QComboBox()
        self.moment.setAccessibleName(self.tr("When"))
        for moment, words in self._moments().items():
            self.moment.addItem(words, moment)
        self.moment.setCurrentIndex(self.moment.findData(when.moment))
        self.side = QComboBox()
        self.side.setAccessibleName(self.tr("From whom"))
        for role, words in (
            (None, self.tr("from either side")),
            (Role.CLIENT, self.tr("from the client")),
            (Role.SERVER, self.tr("from the server")),
        ):
            self.side.addItem(words, role)
        self.side.setCurrentIndex(self.side.findData(when.sender))
        self.seconds = LineField(
            self.tr("Every"),
            f"{when.every_seconds:g}" if when.every_seconds else "5",
            self.tr("Seconds between two times, counted from the opening of the connection."),
            lambda text: _seconds(text) and check("every"),
        )
        self.filter = FilterField(
            self.tr("Only if"), when.filter,
            self.tr("A filter, such as json(\"$.type\") == \"ping\" and path == /chat; empty: always."),
            lambda _text: check("filter"), assistant, look,
        )  # fmt: skip
        self.after = ChoiceField(
            self.tr("After"),
            (
                (
                    "",
                    self.tr("At any time"),
                    self.tr("Or only once another rule has applied on the connection."),
                ),
                *((name, one_line(name), self.tr("Only once this rule has applied.")) for name in others),
            ),
            when.after,
        )
        self.skip = LineField(
            self.tr("Leave out the first"), str(when.skip), self.tr("So many matches of a connection pass."),
            lambda text: _count(text, 0),
        )  # fmt: skip
        self.most = LineField(
            self.tr("At most"), "" if when.most is None else str(when.most),
            self.tr("So many times on a connection; 1: once. Empty: always."), lambda text: text and _count(text, 1),
            hint=self.tr("always"),
        )  # fmt: skip
        self.percent = LineField(
            self.tr("Percent"),
            f"{when.percent:g}",
            self.tr("In so many of a hundred cases, by chance."),
            _percent,
        )
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.moment, 1)
        row.addWidget(self.side, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.seconds)
        column.addWidget(self.filter)
        column.addWidget(self._make_more(shown=self._has_more(when)))
        self.moment.currentIndexChanged.connect(self._turned)
        self.side.currentIndexChanged.connect(self.changed)
        self.seconds.changed.connect(self.changed)
        for field in (self.filter, self.after, self.skip, self.most, self.percent):
            field.changed.connect(self.changed)
        self._fit()

    @property
    def value(self) -> Condition:
        """What is filled in. Raises ValueError if a number is none."""
        moment: Moment = self.moment.currentData()
        return Condition(
            moment,
            self.filter.text,
            self.side.currentData() if moment in _WITH_SENDER else None,
            _seconds(self.seconds.text) if moment is Moment.TIMER else 0.0,
            self.after.value,
            _count(self.skip.text, 0),
            _count(self.most.text, 1) if self.most.text else None,
            _percent(self.percent.text),
        )

    @property
    def fields(self) -> tuple[Field, ...]:
        return (self.seconds, self.filter, self.after, self.skip, self.most, self.percent)

    @staticmethod
    def _has_more(when: Condition) -> bool:
        return bool(when.after or when.skip or when.most is not None or when.percent < 100)

    def _make_more(self, *, shown: bool) -> QWidget:
        """The fields that few need, behind a button."""
        fold = QToolButton()
        fold.setText(self.tr("How often"))
        fold.setProperty("look", "fold")
        fold.setCheckable(True)
        fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        for at, field in enumerate((self.after, self.skip, self.most, self.percent)):
            grid.addWidget(field, at // 2, at % 2, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)

        def turn(on: bool) -> None:
            box.setVisible(on)
            fold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)

        fold.toggled.connect(turn)
        fold.setChecked(shown)
        turn(shown)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(fold)
        column.addWidget(box)
        return whole

    def _moments(self) -> dict[Moment, str]:
        return {
            Moment.MESSAGE: self.tr("A message comes"),
            Moment.FRAME: self.tr("A frame comes"),
            Moment.REQUEST: self.tr("A client asks for a connection"),
            Moment.RESPONSE: self.tr("The server answers that"),
            Moment.OPEN: self.tr("A connection opens"),
            Moment.CLOSE: self.tr("A connection ends"),
            Moment.TIMER: self.tr("Time passes"),
        }

    def _turned(self) -> None:
        self._fit()
        self.moment_changed.emit()
        self.changed.emit()

    def _fit(self) -> None:
        moment = self.moment.currentData()
        self.side.setVisible(moment in _WITH_SENDER)
        self.seconds.setVisible(moment is Moment.TIMER)


def _count(text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise ValueError(f"“{text}” is no number of times: write a whole number from {least} on.")
    return int(text)


def _percent(text: str) -> float:
    try:
        percent = float(text.replace(",", ".").removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:
        raise ValueError(f"“{text}” is no percentage: write a number above 0, at most 100.")
    return percent


def _seconds(text: str) -> float:
    try:
        seconds = float(text.replace(",", "."))
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 86_400:
        raise ValueError(f"“{text}” is no time: write a number of seconds from 0.01 to 86400.")
    return seconds
