"""One action of a rule: which, and its parts as fields, made from what the action says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.sources.fields import ChoiceField, Field, LineField, TextField
from app.look.icons import IconName
from app.look.look import Look
from core.rules.action import ActionKind, ActionKinds, Parameter, ParameterKind
from core.rules.moment import Moment
from core.rules.rule import ActionText

CheckPart = Callable[[str], None]
"""Gets the name of a part; raises UnmaskError with a sentence if that part cannot be used."""
_SHORT = (ParameterKind.COUNT, ParameterKind.DURATION, ParameterKind.RATE, ParameterKind.CHOICE)
_LONG = (ParameterKind.TEMPLATE, ParameterKind.JSON)


class ActionCard(QFrame):
    """Edits an `ActionText`."""

    changed = Signal()
    remove_wanted = Signal()

    def __init__(
        self, action: ActionText, moment: Moment, kinds: ActionKinds, look: Look, check: CheckPart
    ) -> None:
        super().__init__()
        self._look = look
        self._kinds = kinds
        self._check = check
        self._moment = moment
        self._written: dict[str, str] = dict(action.parameters)
        """What was filled in, also for parts that the present action does not have."""
        self.fields: dict[str, Field] = {}
        self.setProperty("look", "card")
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Action"))
        self.help = QLabel()
        self.help.setTextFormat(Qt.TextFormat.PlainText)
        self.help.setWordWrap(True)
        self.help.setProperty("look", "muted")
        self.remove = QToolButton()
        self.remove.setToolTip(self.tr("Remove this action"))
        self.remove.setAccessibleName(self.tr("Remove this action"))
        self.remove.clicked.connect(self.remove_wanted)
        head = QHBoxLayout()
        head.addWidget(self.kind, 1)
        head.addWidget(self.remove)
        self._box = QWidget()
        self._parts = QGridLayout(self._box)
        self._parts.setContentsMargins(0, 0, 0, 0)
        self._parts.setSpacing(8)
        for column in (0, 1):
            self._parts.setColumnStretch(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 10)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.help)
        layout.addWidget(self._box)
        self.set_moment(moment, action.name)
        self.kind.currentIndexChanged.connect(self._turned)
        look.theme.changed.connect(self._tint)
        self._tint()

    @property
    def value(self) -> ActionText:
        """The action as it is filled in; parts that are as by default are left out."""
        name: str = self.kind.currentData()
        return ActionText(
            name,
            tuple(
                (part.name, self.fields[part.name].text)
                for part in self._parameters()
                if self.fields[part.name].text != (part.default or "")
            ),
        )

    def set_moment(self, moment: Moment, name: str = "") -> None:
        """Offer the actions of a moment; the chosen one stays if it is among them."""
        name = name or self.kind.currentData() or ""
        self._moment = moment
        self.kind.blockSignals(True)
        self.kind.clear()
        for each, title in self._titles(moment).items():
            self.kind.addItem(title, each)
        self.kind.setCurrentIndex(max(self.kind.findData(name), 0))
        self.kind.blockSignals(False)
        self._build()

    def set_check(self, check: CheckPart) -> None:
        """Ask this from now on what is wrong with a part."""
        self._check = check

    def look_again(self) -> None:
        """Show what is wrong by now."""
        for field in self.fields.values():
            field.look()

    def insist(self) -> None:
        """Say what is wrong even where the person has not been yet."""
        for field in self.fields.values():
            field.insist()

    # Internals.

    def _titles(self, moment: Moment) -> Mapping[str, str]:
        return {each.name: each.title for each in self._every() if moment in each.moments}

    def _every(self) -> Iterator[ActionKind[Any]]:
        yield from self._kinds.events()
        yield from self._kinds.handshakes()

    def _parameters(self) -> tuple[Parameter, ...]:
        return self._description()[1]

    def _description(self) -> tuple[str, tuple[Parameter, ...]]:
        name = self.kind.currentData()
        for each in self._every():
            if each.name == name and self._moment in each.moments:
                return each.help, each.parameters
        return "", ()

    def _turned(self) -> None:
        self._build()
        self.changed.emit()

    def _build(self) -> None:
        for name, field in self.fields.items():
            self._written[name] = field.text
            self._parts.removeWidget(field)
            field.hide()
            field.deleteLater()
        text, parameters = self._description()
        self.help.setText(text)
        self.fields = {part.name: self._field(part) for part in parameters}
        at = 0
        for part in parameters:
            field = self.fields[part.name]
            # Texts get a line of their own, two short ones share one.
            if part.kind not in _SHORT:
                at += at % 2
                self._parts.addWidget(field, at // 2, 0, 1, 2)
                at += 2
            else:
                self._parts.addWidget(field, at // 2, at % 2, Qt.AlignmentFlag.AlignTop)
                at += 1
            field.changed.connect(self.changed)
        self._box.setVisible(bool(self.fields))

    def _field(self, part: Parameter) -> Field:
        title = part.name[:1].upper() + part.name[1:]
        text = self._written.get(part.name, part.default or "")

        def check(_text: str) -> None:
            self._check(part.name)

        if part.kind is ParameterKind.CHOICE:
            choices = [(each, each, part.help) for each in part.choices]
            chosen = text if text in part.choices else part.choices[0]
            return ChoiceField(title, choices, chosen)
        if part.kind in _LONG:
            field = TextField(title, text, part.help, check, lines=2)
            field.edit.document().setDefaultFont(self._look.theme.mono_font())
            return field
        hint = "" if part.default else part.kind.value
        return LineField(title, text, part.help, check, hint=hint)

    def _tint(self) -> None:
        self.remove.setIcon(self._look.icons.icon(IconName.CLOSE))
