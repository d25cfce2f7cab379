from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.logic.rule_lines import RuleLine
from app.models.rules import RuleModel
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.qt import dispose

NOW = 10**18
SECOND = 10**9


@pytest.fixture
def model(qapp: QApplication) -> Iterator[RuleModel]:
    model = RuleModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    dispose(tester)
    dispose(model)


def line(number: int, text: str = "", *, hits: int = 0, problem: str = "", on: bool = True) -> RuleLine:
    when = Condition(Moment.MESSAGE, text, Role.CLIENT)
    rule = Rule(number, f"rule {number}", when, (ActionText("reply", (("payload", "a\nb"),)),), on)
    return RuleLine(rule, hits, NOW - 2 * SECOND if hits else None, problem)


def test_a_row_says_when_and_then_in_words(model: RuleModel) -> None:
    rule = line(1, "payload contains <b>\n").rule
    assert model.when(rule.when) == "message from the client: payload contains <b>"
    assert model.then(rule.then) == "reply a↵b"
    assert model.when(Condition(Moment.TIMER, every_seconds=2.5)) == "every 2.5 s"
    assert model.then(()) == "nothing"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (line(1), "no hit yet"),
        (line(1, on=False), "off"),
        (line(1, hits=1), "1 hit · 2.00 s ago"),
        (line(1, hits=1234, on=False), "off · 1\u202f234 hits · 2.00 s ago"),
        (line(1, problem="It is wrong."), "It is wrong."),
    ],
)
def test_a_row_says_how_it_went(model: RuleModel, shown: RuleLine, words: str) -> None:
    model.set_lines([shown], NOW)
    assert model.detail(shown) == words


def test_rows_are_kept_while_only_their_figures_change(model: RuleModel) -> None:
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    model.set_lines([line(1), line(2)], NOW)
    model.set_lines([line(1, hits=3), line(2)], NOW)
    assert len(resets) == 1
    assert model.data(model.index(0), Qt.ItemDataRole.CheckStateRole) is Qt.CheckState.Checked
    model.set_lines([line(2), line(1)], NOW)
    assert len(resets) == 2
    assert model.row_of(1) == 1


def test_a_dragged_row_asks_to_be_moved(model: RuleModel, qtbot: QtBot) -> None:
    moves: list[tuple[int, int]] = []
    model.moved.connect(lambda row, to: moves.append((row, to)))
    model.set_lines([line(number) for number in (1, 2, 3)], NOW)
    nowhere = QModelIndex()
    for row, to in ((0, 3), (0, 0), (0, 1), (2, 0)):
        assert model.moveRow(nowhere, row, nowhere, to)
    qtbot.waitUntil(lambda: moves == [(0, 3), (2, 0)])
    assert model.mimeData([model.index(0)]).formats() == model.mimeTypes()


def test_the_switch_asks_for_a_change(model: RuleModel) -> None:
    switched: list[int] = []
    model.switched.connect(switched.append)
    model.set_lines([line(1)], NOW)
    assert model.setData(model.index(0), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert not model.setData(model.index(0), "x")
    assert switched == [0]


def test_the_tooltip_shows_what_a_person_wrote_as_plain_text(model: RuleModel) -> None:
    shown = line(1)
    model.set_lines([replace(shown, rule=replace(shown.rule, name="<b>bold</b>"))], NOW)
    tip = model.data(model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;bold" in str(tip)
