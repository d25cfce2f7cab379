from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.dialogs.rules.rule_dialog import RuleDialog
from app.logic.filter_assistant import FilterAssistant
from app.logic.known_rules import KnownRules
from app.look.look import Look
from app.look.theme import ThemeChoice
from core.protocol.state import Role
from core.query.language import default_language
from core.rules.book import RuleCompiler
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.qt import dispose

REPLY = ActionText("reply", (("payload", '{"id":{json("$.id")}}'),))
START = Rule(0, "", Condition(Moment.MESSAGE, "payload contains ping", Role.CLIENT), (REPLY,))

Ask = Callable[[Rule], RuleDialog]


@pytest.fixture(scope="module")
def compiler() -> RuleCompiler:
    return RuleCompiler(default_language())


@pytest.fixture
def ask(qtbot: QtBot, look: Look, compiler: RuleCompiler) -> Iterator[Ask]:
    """Opens the dialog, which knows of another rule called Hello."""
    window = QMainWindow()
    assistant = FilterAssistant(lambda _field: ())
    known = KnownRules(lambda: compiler)
    known.set_rules([Rule(1, "Hello", Condition(Moment.OPEN), (ActionText("send", (("payload", "hi"),)),))])

    def opened(rule: Rule) -> RuleDialog:
        dialog = RuleDialog(
            rule, known.fault, ["Hello"], compiler.actions, assistant, look, window, is_new=True
        )
        dialog.show()
        qtbot.waitExposed(dialog)
        return dialog

    yield opened
    dispose(window)


def test_what_is_filled_in_is_the_rule(ask: Ask) -> None:
    dialog = ask(START)
    rule = dialog.rule
    assert (rule.when, rule.then) == (START.when, START.then)
    assert rule.name == "Reply payload contains ping"
    dialog.accept()
    assert dialog.result() == RuleDialog.DialogCode.Accepted


def test_a_wrong_filter_is_told_beside_its_field(ask: Ask) -> None:
    dialog = ask(START)
    dialog.condition.filter.edit.setText("payload contans x")
    assert "payload" in dialog.condition.filter.note.text()
    assert dialog.condition.filter.note.property("look") == "error"
    assert dialog.problem.isHidden()
    dialog.accept()
    assert dialog.isVisible()
    dialog.condition.filter.edit.setText("")
    assert dialog.condition.filter.note.property("look") == "muted"


def test_a_wrong_template_is_told_beside_its_field_with_the_character(ask: Ask) -> None:
    dialog = ask(START)
    field = dialog.cards[0].fields["payload"]
    field.edit.setPlainText('{"id":{json("$.id}}')  # type: ignore[attr-defined]
    assert "character" in field.note.text()
    assert field.note.property("look") == "error"
    dialog.accept()
    assert dialog.isVisible()


def test_numbers_are_checked_beside_their_fields(ask: Ask) -> None:
    dialog = ask(START)
    dialog.condition.most.edit.setText("none")
    assert "no number of times" in dialog.condition.most.note.text()
    dialog.accept()
    assert dialog.isVisible()
    dialog.condition.most.edit.setText("1")
    dialog.condition.percent.edit.setText("12.5")
    dialog.condition.after.choose("Hello")
    assert (dialog.rule.when.most, dialog.rule.when.percent, dialog.rule.when.after) == (1, 12.5, "Hello")


def test_other_moments_have_other_actions(ask: Ask) -> None:
    dialog = ask(START)
    moment = dialog.condition.moment
    moment.setCurrentIndex(moment.findData(Moment.REQUEST))
    card = dialog.cards[0]
    assert card.kind.findData("reply") < 0
    assert card.kind.findData("answer") >= 0
    assert dialog.condition.side.isHidden()
    moment.setCurrentIndex(moment.findData(Moment.TIMER))
    assert dialog.condition.seconds.isVisible()
    assert dialog.rule.when == Condition(Moment.TIMER, "payload contains ping", None, 5.0)


def test_actions_are_added_and_removed(ask: Ask) -> None:
    dialog = ask(START)
    assert dialog.cards[0].remove.isHidden()
    dialog.add.click()
    second = dialog.cards[1]
    second.kind.setCurrentIndex(second.kind.findData("drop"))
    assert [action.name for action in dialog.rule.then] == ["reply", "drop"]
    dialog.cards[0].remove.click()
    assert [action.name for action in dialog.rule.then] == ["drop"]


def test_what_was_filled_in_is_there_again_when_the_action_is_chosen_again(ask: Ask) -> None:
    dialog = ask(START)
    card = dialog.cards[0]
    card.kind.setCurrentIndex(card.kind.findData("drop"))
    assert card.value == ActionText("drop")
    card.kind.setCurrentIndex(card.kind.findData("reply"))
    assert card.value == REPLY


def test_every_action_of_every_moment_can_be_filled_in(ask: Ask, compiler: RuleCompiler) -> None:
    dialog = ask(START)
    moments = dialog.condition.moment
    for moment in Moment:
        moments.setCurrentIndex(moments.findData(moment))
        card = dialog.cards[0]
        for name in compiler.actions.names(moment):
            card.kind.setCurrentIndex(card.kind.findData(name))
            assert card.value.name == name
            assert card.help.text()


def test_the_preview_follows_what_is_typed(ask: Ask, qtbot: QtBot) -> None:
    dialog = ask(START)
    with qtbot.waitSignal(dialog.preview_wanted) as asked:
        pass
    assert asked.args[0].when == START.when
    with qtbot.waitSignal(dialog.preview_wanted) as asked:
        QTest.keyClicks(dialog.condition.filter.edit, "x")
    assert asked.args[0].when.filter != START.when.filter
    with qtbot.waitSignal(dialog.preview_wanted) as asked:
        dialog.condition.filter.edit.setText("payload contans x")
    assert asked.args == [None]


def test_the_look_can_change_after_it_was_closed(ask: Ask, look: Look) -> None:
    dispose(ask(START))
    before = look.theme.choice
    for choice in (ThemeChoice.DARK, ThemeChoice.LIGHT, before):
        look.theme.set_choice(choice)
