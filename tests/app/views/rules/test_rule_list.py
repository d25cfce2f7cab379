from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.actions.registry import Actions
from app.logic.rule_lines import RuleLine
from app.look.look import Look
from app.look.theme import ThemeChoice
from app.models.rules import RuleModel
from app.views.rules.rule_list import RulePage
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.qt import dispose


@pytest.fixture
def page(qtbot: QtBot, look: Look) -> Iterator[RulePage]:
    window = QMainWindow()
    page = RulePage(RuleModel(window), Actions(window, look), look)
    window.setCentralWidget(page)
    window.resize(280, 400)
    window.show()
    qtbot.waitExposed(window)
    yield page
    dispose(window)


def fill(page: RulePage, *numbers: int) -> None:
    page.list.rule_model.set_lines(
        [
            RuleLine(Rule(number, f"rule {number}", Condition(Moment.MESSAGE), (ActionText("drop"),)))
            for number in numbers
        ],
        0,
    )


def test_the_chosen_rule_stays_chosen_wherever_it_moves(page: RulePage) -> None:
    fill(page, 1, 2, 3)
    page.list.choose(2)
    fill(page, 3, 1, 2)
    assert page.list.chosen_rule == 2
    assert page.list.currentIndex().row() == 2
    fill(page, 3, 1)
    assert page.list.chosen_rule is None


def test_keys_switch_edit_and_remove(page: RulePage) -> None:
    heard: list[tuple[str, int]] = []
    page.list.toggle_wanted.connect(lambda row: heard.append(("toggle", row)))
    page.list.edit_wanted.connect(lambda row: heard.append(("edit", row)))
    page.list.remove_wanted.connect(lambda row: heard.append(("remove", row)))
    QTest.keyClick(page.list, Qt.Key.Key_Space)
    fill(page, 1, 2)
    page.list.choose(2)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Delete):
        QTest.keyClick(page.list, key)
    assert heard == [("toggle", 1), ("edit", 1), ("remove", 1)]


def test_a_click_on_the_switch_switches_and_a_double_click_beside_it_edits(page: RulePage) -> None:
    toggled: list[int] = []
    edited: list[int] = []
    page.list.toggle_wanted.connect(toggled.append)
    page.list.edit_wanted.connect(edited.append)
    fill(page, 1, 2)
    viewport, left = page.list.viewport(), Qt.MouseButton.LeftButton
    QTest.mouseClick(viewport, left, pos=page.list.switch_rect(1).center())
    assert (toggled, edited) == ([1], [])
    beside = page.list.visualRect(page.list.rule_model.index(0)).center()
    QTest.mouseClick(viewport, left, pos=beside)
    QTest.mouseDClick(viewport, left, pos=beside)
    assert (toggled, edited) == ([1], [0])


def test_an_empty_list_says_how_to_begin(page: RulePage) -> None:
    assert "Ctrl+U" in page.list.empty_text
    page.grab()


def test_the_look_can_change(page: RulePage, look: Look) -> None:
    fill(page, 1, 2)
    before = look.theme.choice
    for choice in (ThemeChoice.DARK, ThemeChoice.LIGHT):
        look.theme.set_choice(choice)
        page.grab()
    dispose(page)
    for choice in (ThemeChoice.DARK, before):
        look.theme.set_choice(choice)
