"""The list of rules in the window, over the real engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QAction, QContextMenuEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.rules.rule_dialog import RuleDialog
from app.logic.frame_column import FrameColumn
from app.logic.remembered_rules import read_remembered
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.session_files import CaptureFolder
from core.net.settings import AutoReply
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.app.rules.conftest import Behind, hold, settle
from tests.tools.at_window import Connect, payloads, trigger
from tests.tools.qt import dispose

PONG = Rule(
    1,
    "Pong",
    Condition(Moment.MESSAGE, "payload contains ping", Role.CLIENT),
    (ActionText("reply", (("payload", "pong {counter}"),)),),
)


def dialog_of(desktop: Desktop) -> RuleDialog:
    return desktop.window.findChildren(RuleDialog)[-1]


def test_a_rule_answers_and_its_row_counts(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    rules = desktop.window.rules
    rules.set_rules([PONG])
    peer = client("/a")
    peer.send("ping")
    peer.send("ping")
    assert [peer.recv(timeout=20), peer.recv(timeout=20)] == ["pong 1", "pong 2"]
    qtbot.waitUntil(lambda: rules.model.lines[0].hits == 2, timeout=20_000)
    assert rules.model.lines[0].last_hit_ns is not None


def test_rules_apply_to_connections_that_are_open_already(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    peer = client("/a")
    desktop.window.rules.set_rules([PONG])
    settle(desktop, qtbot)
    peer.send("ping")
    assert peer.recv(timeout=20) == "pong 1"


def test_rules_are_remembered(
    desktop: Desktop, qapp: QApplication, settings: Settings, captures: CaptureFolder
) -> None:
    desktop.window.rules.set_rules([PONG, hold("x", number=2)])
    desktop.window.rules.switch([1], on=False)
    again = Desktop(qapp, settings, captures)
    try:
        assert again.window.rules.rules == desktop.window.rules.rules
        assert [rule.is_on for rule in again.window.rules.rules] == [False, True]
    finally:
        again.close()
        dispose(again.window)


def test_rules_of_the_command_line_are_not_remembered_until_they_are_changed(
    desktop: Desktop, settings: Settings
) -> None:
    rules = desktop.window.rules
    rules.set_rules([PONG])
    rules.take_for_this_run([hold("x")])
    assert [rule.name for rule in rules.rules] == ["Pong", "hold"]
    rules.switch([1], on=False)
    assert [rule.name for rule in read_remembered(settings.rules)] == ["Pong"]
    rules.switch([rules.rules[1].id], on=False)
    assert [rule.name for rule in read_remembered(settings.rules)] == ["Pong", "hold"]


def test_echo_is_the_switch_of_a_rule(desktop: Desktop, client: Connect) -> None:
    window = desktop.window
    trigger(desktop, ActionId.AUTO_REPLY)
    assert [rule.name for rule in window.rules.rules] == ["Echo"]
    peer = client("/a")
    peer.send("hello")
    assert peer.recv(timeout=20) == "hello"
    window.rules.switch([window.rules.rules[0].id], on=False)
    assert not window.actions_[ActionId.AUTO_REPLY].isChecked()
    trigger(desktop, ActionId.AUTO_REPLY)
    assert window.rules.rules[0].is_on
    assert len(window.rules.rules) == 1


def test_a_removed_rule_is_brought_back(desktop: Desktop) -> None:
    window = desktop.window
    window.rules.set_rules([PONG, hold("x", number=2)])
    window.rules.page.list.choose(1)
    trigger(desktop, ActionId.REMOVE_RULE)
    assert [rule.name for rule in window.rules.rules] == ["hold"]
    assert "“Pong” was removed." in window.banner.text
    undo = (each for each in window.banner.findChildren(QPushButton) if each.text() == "&Undo")
    next(undo).click()
    assert [rule.name for rule in window.rules.rules] == ["Pong", "hold"]


def test_rules_are_moved_with_keys(desktop: Desktop) -> None:
    window = desktop.window
    window.rules.set_rules([PONG, hold("x", number=2), hold("y", "third", 3)])
    window.rules.page.list.choose(1)
    trigger(desktop, ActionId.RULE_DOWN)
    assert [rule.id for rule in window.rules.rules] == [2, 1, 3]
    trigger(desktop, ActionId.RULE_DOWN)
    trigger(desktop, ActionId.RULE_DOWN)
    assert [rule.id for rule in window.rules.rules] == [2, 3, 1]
    trigger(desktop, ActionId.RULE_UP)
    assert [rule.id for rule in window.rules.rules] == [2, 1, 3]
    assert window.rules.page.list.chosen_rule == 1


def test_a_wrong_rule_cannot_be_switched_on(desktop: Desktop) -> None:
    window = desktop.window
    window.rules.set_rules([Rule(1, "a", Condition(Moment.MESSAGE, "payload contans x"), PONG.then, False)])
    window.rules.page.list.choose(1)
    trigger(desktop, ActionId.TOGGLE_RULE)
    assert not window.rules.rules[0].is_on
    assert "The filter cannot be used" in window.banner.text


def test_rules_go_to_a_file_and_come_from_one(desktop: Desktop, tmp_path: Path) -> None:
    window = desktop.window
    window.rules.set_rules([PONG])
    path = tmp_path / "rules.json"
    window.rules.files.give(path)
    window.rules.files.take(path)
    assert [(rule.name, rule.is_on) for rule in window.rules.rules] == [("Pong", True), ("Pong (2)", False)]
    path.write_text('{"version": 1,\n"rules": [{"name": 1}]}')
    before = window.rules.rules
    window.rules.files.take(path)
    assert "Line 2" in window.banner.text
    assert window.rules.rules == before


def test_a_rule_is_made_of_the_selected_frame(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    client("/chat").send('{"type": "login"}')
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 1, timeout=20_000)
    window.frames.go_to_frame(1)
    trigger(desktop, ActionId.RULE_OF_THIS)
    dialog = dialog_of(desktop)
    assert dialog.rule.when == Condition(
        Moment.MESSAGE, 'json("$.type") == "login" and path == "/chat"', Role.CLIENT
    )
    qtbot.waitUntil(lambda: dialog.matches.rowCount() == 1, timeout=60_000)
    qtbot.waitUntil(lambda: "Is held for you" in dialog.preview.effect.toPlainText(), timeout=20_000)
    dialog.accept()
    assert [rule.name for rule in window.rules.rules] == [dialog.rule.name]
    assert window.sides.currentWidget() is window.rules.page


def test_the_preview_shows_what_the_action_makes_of_a_frame(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    peer = client("/chat")
    for text in ("ping 1", "other", "ping 2"):
        peer.send(text)
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 3, timeout=20_000)
    window.rules.edit(PONG)
    dialog = dialog_of(desktop)
    qtbot.waitUntil(lambda: dialog.matches.rowCount() == 2, timeout=20_000)
    qtbot.waitUntil(lambda: dialog.preview.summary.text() == "2 of 3 recorded frames match.", timeout=20_000)
    qtbot.waitUntil(lambda: "pong 1" in dialog.preview.effect.toPlainText(), timeout=20_000)
    assert dialog.preview.effect.toPlainText().startswith("ping 2")
    dialog.cards[0].fields["payload"].set_text("you said {payload}")  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "you said ping 2" in dialog.preview.effect.toPlainText(), timeout=20_000)
    dialog.condition.filter.edit.setText("payload contains nothing")
    qtbot.waitUntil(lambda: dialog.preview.summary.text() == "0 of 3 recorded frames match.", timeout=20_000)
    dialog.reject()
    assert window.rules.rules == ()


@pytest.mark.parametrize("has_rule", [False, True])
def test_intercept_switches_what_holds_or_asks_what_to_hold(desktop: Desktop, has_rule: bool) -> None:
    window = desktop.window
    if has_rule:
        window.rules.set_rules([hold("x"), PONG])
        trigger(desktop, ActionId.INTERCEPT)
        assert [rule.is_on for rule in window.rules.rules] == [False, True]
        trigger(desktop, ActionId.INTERCEPT)
        assert window.rules.rules[0].is_on
        assert window.actions_[ActionId.INTERCEPT].isChecked()
        return
    trigger(desktop, ActionId.INTERCEPT)
    dialog = dialog_of(desktop)
    assert not window.actions_[ActionId.INTERCEPT].isChecked()
    dialog.condition.filter.edit.setText("payload contains login")
    dialog.accept()
    assert window.actions_[ActionId.INTERCEPT].isChecked()
    assert window.rules.rules[0].then == (ActionText("hold"),)


def test_a_rule_that_is_changed_in_the_window_applies_at_once(behind: Behind) -> None:
    behind.rule(Rule(1, "x", Condition(Moment.MESSAGE), (ActionText("drop"),)))
    client = behind.client()
    client.send("one")
    behind.until(lambda: behind.desktop.window.rules.known.hits.of(1) is not None)
    behind.desktop.window.rules.switch([1], on=False)
    behind.settle()
    client.send("two")
    behind.until(lambda: behind.came == ["two"])


def offers(menu: QMenu) -> dict[str, QAction]:
    """The ways to make a rule that a menu offers."""
    submenus = [action.menu() for action in menu.actions()]
    [made] = [each for each in submenus if isinstance(each, QMenu) and each.title() == "Make a rule: &when"]
    return {action.text(): action for action in made.actions()}


def test_a_rule_is_made_of_a_cell_or_a_connection(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    client("/chat").send('{"event": "join", "room": 3}')
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 1, timeout=20_000)
    menu = QMenu(window)
    place = window.frames.visualRect(window.frame_model.index(0, FrameColumn.PAYLOAD)).center()
    window.making.add_of_cell(menu, window.frames.viewport().mapToGlobal(place))
    found = offers(menu)
    assert 'json("$.event") == "join"' in found
    assert not any(text.startswith(("frame ", "time ", "connection ")) for text in found)
    found['json("$.event") == "join"'].trigger()
    when = dialog_of(desktop).rule.when
    assert when.filter == 'json("$.event") == "join" and path == "/chat"'
    dialog_of(desktop).reject()
    window.connections.choose(1)
    menu = QMenu(window)
    window.making.add_of_connection(menu, window.connections.chosen_record)
    found = offers(menu)
    found['path == "/chat"'].trigger()
    assert dialog_of(desktop).rule.when == Condition(Moment.MESSAGE, 'path == "/chat"')


def test_rules_that_come_with_unmask_are_added_switched_off(desktop: Desktop) -> None:
    window = desktop.window
    menu = QMenu(window)
    window.rules.page.ready_made_wanted.emit(menu)
    titles = [action.text() for action in menu.actions()]
    assert len(titles) >= 5
    assert all(titles)
    for action in menu.actions():
        action.trigger()
    rules = window.rules.rules
    assert len(rules) >= len(titles)
    assert not any(rule.is_on for rule in rules)
    assert not any(line.problem for line in window.rules.model.lines)


@pytest.mark.parametrize("is_given", [False, True])
def test_an_echo_of_the_settings_becomes_a_rule(
    qapp: QApplication, settings: Settings, captures: CaptureFolder, is_given: bool
) -> None:
    engine = replace(settings.engine, auto_reply=AutoReply.ECHO)
    if not is_given:
        settings.engine = engine
    adjust = (lambda _settings: engine) if is_given else (lambda settings: settings)
    desktop = Desktop(qapp, settings, captures, adjust=adjust)
    try:
        assert [(rule.name, rule.is_on) for rule in desktop.window.rules.rules] == [("Echo", True)]
        assert desktop.window.actions_[ActionId.AUTO_REPLY].isChecked()
        assert settings.engine.auto_reply is AutoReply.NONE
        assert len(read_remembered(settings.rules)) == (0 if is_given else 1)
    finally:
        desktop.close()
        dispose(desktop.window)


def test_a_rule_is_made_of_the_value_at_the_cursor(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    client("/chat").send('{"type": "login", "user": {"name": "ann"}}')
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 1, timeout=20_000)
    window.frames.go_to_frame(1)
    text = window.tabs.message.text
    qtbot.waitUntil(lambda: "ann" in text.toPlainText(), timeout=20_000)
    window.activateWindow()
    text.setFocus()
    qtbot.waitUntil(text.hasFocus, timeout=20_000)
    text.moveCursor(QTextCursor.MoveOperation.Start)
    assert text.find("name")
    trigger(desktop, ActionId.RULE_OF_THIS)
    assert dialog_of(desktop).rule.when.filter == 'json("$.user.name") == "ann" and path == "/chat"'
    dialog_of(desktop).reject()
    menus: list[list[str]] = []
    text.menu_opens.connect(lambda menu: menus.append([action.text() for action in menu.actions()]))
    place = text.cursorRect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, text.viewport().mapToGlobal(place))
    QApplication.sendEvent(text.viewport(), event)
    assert "&Make a rule of this…" in menus[0]
    popup = QApplication.activePopupWidget()
    assert popup is not None
    popup.close()


def test_echo_leaves_relays_alone(behind: Behind) -> None:
    trigger(behind.desktop, ActionId.AUTO_REPLY)
    behind.settle()
    client = behind.client()
    client.send("hello")
    behind.until(lambda: behind.came == ["hello"])
    behind.talks[0].send("done")
    assert client.recv(timeout=20) == "done"
