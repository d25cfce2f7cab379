"""Asks for a rule: when, then; beside it, live, what it would do to what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.rules.action_card import ActionCard
from app.dialogs.rules.condition_fields import ConditionFields
from app.dialogs.rules.preview_pane import PreviewPane
from app.dialogs.sources.fields import Field, LineField
from app.logic.filter_assistant import FilterAssistant
from app.logic.rule_drafts import LONGEST_NAME, suggested_name
from app.look.icons import IconName
from app.look.look import Look
from app.models.rule_matches import MatchModel
from core.decoders.visible import visible
from core.errors import CallerError
from core.rules.action import ActionKinds
from core.rules.faults import RuleError
from core.rules.rule import ActionText, Rule

MOST_ACTIONS = 20
_SIZE = (980, 640)
_SETTLE_MS = 150
"""Pause in typing after which the preview follows."""
_MARGIN = 40
_LEAST_FORM = 400

CheckRule = Callable[[Rule], RuleError | None]
"""Tells what is wrong with a rule."""


class RuleDialog(QDialog):
    """After `accepted`, `rule` is what was asked for."""

    preview_wanted = Signal(object)
    """The Rule as it is filled in by now; None while it cannot be carried out."""

    def __init__(
        self,
        rule: Rule,
        check: CheckRule,
        others: Sequence[str],
        kinds: ActionKinds,
        assistant: FilterAssistant,
        look: Look,
        parent: QWidget,
        *,
        is_new: bool,
    ) -> None:
        """`others` are the names of the other rules."""
        super().__init__(parent)
        self._rule = rule
        self._check = check
        self._kinds = kinds
        self._look = look
        self._fault: RuleError | None = None
        self._cards: list[ActionCard] = []
        self.setWindowTitle(self.tr("New rule") if is_new else self.tr("Edit the rule"))
        self.matches = MatchModel(self)
        self.preview = PreviewPane(self.matches, look)
        self.condition = ConditionFields(rule.when, self._check_condition, assistant, look, others)
        self._make_form(rule)
        self._arrange(is_new=is_new)
        for action in rule.then or (ActionText(""),):
            self._add_card(action)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._show_preview)
        self.condition.changed.connect(self._edited)
        self.condition.moment_changed.connect(self._turn_actions)
        self.name.changed.connect(self._edited)
        self._edited()
        room = self.screen().availableGeometry()
        self.resize(min(_SIZE[0], room.width() - _MARGIN), min(_SIZE[1], room.height() - _MARGIN))
        self.condition.filter.setFocus()

    @property
    def rule(self) -> Rule:
        """What is filled in. Raises ValueError if it is no rule at all."""
        when, then = self.condition.value, tuple(card.value for card in self._cards)
        name = self.name.text or suggested_name(when, then)
        return replace(self._rule, name=name, when=when, then=then, is_on=self.on.isChecked())

    @property
    def cards(self) -> tuple[ActionCard, ...]:
        """The actions, in order."""
        return tuple(self._cards)

    def accept(self) -> None:
        self._look_for_faults()
        problem = self._problem_field()
        if problem is None and self._fault is None:
            super().accept()
            return
        for field in (self.name, *self.condition.fields):
            field.insist()
        for card in self._cards:
            card.insist()
        if problem is not None:
            problem.setFocus()
            self._scroll.ensureWidgetVisible(problem)

    # Building.

    def _make_form(self, rule: Rule) -> None:
        self.name = LineField(
            self.tr("Name"),
            rule.name,
            self.tr("What you call it. Empty: made of what it does."),
            self._check_name,
        )
        self.on = QCheckBox(self.tr("Switched on"))
        self.on.setChecked(rule.is_on)
        self.add = QPushButton(self.tr("&Add an action"))
        self.add.setAutoDefault(False)
        self.add.setIcon(self._look.icons.icon(IconName.ADD))
        self.add.clicked.connect(lambda: self._add_card(ActionText("")))
        self.problem = QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setWordWrap(True)
        self.problem.setProperty("look", "error")
        self.problem.hide()

    def _arrange(self, *, is_new: bool) -> None:
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(18, 14, 14, 10)
        self._column.setSpacing(10)
        self._actions = QVBoxLayout()
        self._actions.setSpacing(8)
        for title, content in (
            (self.tr("When"), self.condition),
            (self.tr("Then"), None),
        ):
            label = QLabel(title)
            label.setProperty("look", "title")
            self._column.addWidget(label)
            if content is not None:
                self._column.addWidget(content)
        self._column.addLayout(self._actions)
        below = QHBoxLayout()
        below.addWidget(self.add)
        below.addStretch(1)
        self._column.addLayout(below)
        self._column.addWidget(self.name)
        self._column.addWidget(self.on)
        self._column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(page)
        self._scroll.setMinimumWidth(_LEAST_FORM)
        self._scroll.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(14, 14, 18, 10)
        column.addWidget(self.preview)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self._scroll)
        split.addWidget(right)
        split.setSizes([520, 460])
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.ready = buttons.addButton(
            self.tr("&Add the rule") if is_new else self.tr("&Save"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.ready.setDefault(True)
        self.ready.setProperty("look", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(18, 0, 18, 14)
        foot.addWidget(self.problem, 1)
        foot.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split, 1)
        layout.addLayout(foot)

    def _add_card(self, action: ActionText) -> None:
        number = len(self._cards)
        card = ActionCard(
            action, self.condition.moment.currentData(), self._kinds, self._look, lambda _part: None
        )
        card.set_check(lambda part: self._check_action(card, part))
        self._cards.append(card)
        self._actions.insertWidget(number, card)
        card.changed.connect(self._edited)
        card.remove_wanted.connect(lambda: self._remove_card(card))
        self._count_cards()
        if self.isVisible():
            self._edited()
            card.kind.setFocus()
            QTimer.singleShot(0, card, lambda: self._scroll.ensureWidgetVisible(card))

    def _remove_card(self, card: ActionCard) -> None:
        if len(self._cards) > 1:
            self._cards.remove(card)
            self._actions.removeWidget(card)
            card.hide()
            card.deleteLater()
            self._count_cards()
            self._edited()

    def _count_cards(self) -> None:
        for card in self._cards:
            card.remove.setVisible(len(self._cards) > 1)
        self.add.setEnabled(len(self._cards) < MOST_ACTIONS)

    # Following what is typed.

    def _turn_actions(self) -> None:
        for card in self._cards:
            card.set_moment(self.condition.moment.currentData())

    def _edited(self) -> None:
        self._look_for_faults()
        for field in self.condition.fields:
            field.look()
        for card in self._cards:
            card.look_again()
        self._name_it()
        self._settle.start()

    def _look_for_faults(self) -> None:
        self._fault = None
        sentence = ""
        try:
            self._fault = self._check(self.rule)
        except ValueError as error:
            sentence = str(error)
        if self._fault is not None and self._fault_field() is None:
            sentence = str(self._fault)
        self.problem.setText(visible(sentence))
        self.problem.setVisible(bool(sentence))

    def _fault_field(self) -> Field | None:
        """The field in which the fault is."""
        fault = self._fault
        if fault is None:
            return None
        place = fault.place
        if place.action is None:
            return {"filter": self.condition.filter, "every": self.condition.seconds}.get(place.part)
        return self._cards[place.action].fields.get(place.part) if place.action < len(self._cards) else None

    def _problem_field(self) -> Field | None:
        every = (
            self.name,
            *self.condition.fields,
            *(f for card in self._cards for f in card.fields.values()),
        )
        return next((field for field in every if field.problem), None)

    def _check_condition(self, part: str) -> None:
        if self._fault is not None and self._fault.place.action is None and self._fault.place.part == part:
            raise self._fault

    def _check_action(self, card: ActionCard, part: str) -> None:
        fault = self._fault
        if fault is None or fault.place.action is None or fault.place.part != part:
            return
        if fault.place.action < len(self._cards) and self._cards[fault.place.action] is card:
            raise fault

    def _check_name(self, name: str) -> None:
        if len(name) > LONGEST_NAME:
            raise CallerError(f"A name has at most {LONGEST_NAME} characters.")

    def _name_it(self) -> None:
        try:
            when = self.condition.value
        except ValueError:
            return
        with QSignalBlocker(self.name.edit):
            self.name.edit.setPlaceholderText(suggested_name(when, tuple(card.value for card in self._cards)))

    def _show_preview(self) -> None:
        try:
            rule = self.rule
        except ValueError:
            self.preview_wanted.emit(None)
        else:
            self.preview_wanted.emit(rule if self._fault is None else None)
