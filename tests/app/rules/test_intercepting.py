"""The queue in the window, over the real engine, a real client and a real server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.actions.registry import ActionId
from app.logic.held_edit import EditMode
from app.logic.text import grouped
from tests.app.rules.conftest import Behind, hold
from tests.tools.at_window import trigger

LOGIN = '{"type": "login", "n": 2.50}'


def test_a_held_message_is_edited_and_goes_on(behind: Behind) -> None:
    behind.rule(hold("payload contains login"))
    client = behind.client()
    client.send("before")
    client.send(LOGIN)
    client.send("after")
    behind.until_held(1)
    pane = behind.desktop.window.intercepting.pane
    assert behind.came == ["before"]
    assert pane.line is not None
    assert (pane.line.payload, pane.line.behind) == (LOGIN.encode(), 1)
    pane.editor.text.setPlainText(LOGIN.replace("login", "out"))
    behind.decide(ActionId.FORWARD_HELD)
    behind.until(lambda: len(behind.came) == 3)
    assert behind.came == ["before", LOGIN.replace("login", "out"), "after"]
    behind.until_held(0)


def test_what_is_not_edited_goes_on_as_it_came(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    client.send([LOGIN[:5], LOGIN[5:]])
    behind.until_held(1)
    behind.decide(ActionId.FORWARD_HELD)
    behind.until(lambda: behind.came == [LOGIN])


def test_a_dropped_message_does_not_go_on_and_the_next_does(behind: Behind) -> None:
    behind.rule(hold("payload contains login"))
    client = behind.client()
    client.send(LOGIN)
    client.send("after")
    behind.until_held(1)
    behind.decide(ActionId.DROP_HELD)
    behind.until(lambda: behind.came == ["after"])


def test_the_sender_is_answered_instead(behind: Behind) -> None:
    behind.rule(hold("payload contains login"))
    client = behind.client()
    client.send(LOGIN)
    behind.until_held(1)
    behind.desktop.window.intercepting.pane.editor.text.setPlainText("no")
    behind.decide(ActionId.ANSWER_HELD)
    assert client.recv(timeout=20) == "no"
    assert behind.came == []


def test_all_go_on_in_order(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    texts = [f"message {number}" for number in range(20)]
    for text in texts:
        client.send(text)
    behind.until_held(20)
    trigger(behind.desktop, ActionId.FORWARD_ALL)
    behind.until(lambda: len(behind.came) == 20)
    assert behind.came == texts
    behind.until_held(0)


def test_decisions_in_any_order_keep_the_order_of_the_wire(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    for text in ("one", "two", "three"):
        client.send(text)
    behind.until_held(3)
    window = behind.desktop.window
    window.intercepting.pane.list.setCurrentIndex(window.intercepting.model.index(2))
    for _ in range(3):
        behind.decide(ActionId.FORWARD_HELD)
        trigger(behind.desktop, ActionId.PREVIOUS_HELD)
    behind.until(lambda: behind.came == ["one", "two", "three"])


def test_intercepting_stops_here(behind: Behind) -> None:
    behind.rule(hold("payload contains login"), hold("payload contains out", "other", 2))
    client = behind.client()
    client.send(LOGIN)
    client.send("out")
    client.send(LOGIN)
    behind.until_held(3)
    behind.decide(ActionId.STOP_HOLDING)
    behind.until(lambda: behind.came == [LOGIN])
    behind.until_held(1)
    assert [rule.is_on for rule in behind.desktop.window.rules.rules] == [False, True]


def test_the_connection_is_closed(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    client.send(LOGIN)
    behind.until_held(1)
    behind.decide(ActionId.CLOSE_HELD)
    behind.until_held(0)
    behind.until(lambda: behind.desktop.window.connection_model.open_count == 0)
    assert behind.came == []


def test_both_directions_are_held(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    behind.talks[0].send("from the server")
    behind.until_held(1)
    model = behind.desktop.window.intercepting.model
    behind.until(lambda: model.where(model.lines[0]) == "#1 /chat · server → client")
    behind.decide(ActionId.FORWARD_HELD)
    assert client.recv(timeout=20) == "from the server"


def test_heartbeats_pass_and_are_held_where_that_is_wanted(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    client.send("ping")
    behind.until(lambda: behind.came == ["ping"])
    trigger(behind.desktop, ActionId.PASS_HEARTBEATS)
    behind.settle()
    client.send("ping")
    behind.until_held(1)


def test_the_keyboard_does_it_all(behind: Behind) -> None:
    window = behind.desktop.window
    behind.rule(hold())
    client = behind.client()
    for text in ("one", "two", "three", "four"):
        client.send(text)
    behind.until_held(4)
    window.activateWindow()
    behind.until(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.ControlModifier)
    pane = window.intercepting.pane
    assert pane.list.hasFocus()
    QTest.keyClick(pane.list, Qt.Key.Key_Return)
    assert pane.editor.text.hasFocus()
    QTest.keyClick(pane.editor.text, Qt.Key.Key_End)
    QTest.keyClicks(pane.editor.text, "!")
    QTest.keyClick(pane.editor.text, Qt.Key.Key_F11)
    behind.until(lambda: behind.came == ["one!"])
    QTest.keyClick(window, Qt.Key.Key_F12)
    QTest.keyClick(window, Qt.Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    behind.until(lambda: behind.came == ["one!", "three", "four"])


def test_the_queue_is_reachable_while_thousands_of_others_pass(behind: Behind) -> None:
    window = behind.desktop.window
    behind.rule(hold("path == /held"))
    held, flood = behind.client("/held"), behind.client("/flood")
    held.send("wait")
    for number in range(3000):
        flood.send(str(number))
    behind.until_held(1)
    trigger(behind.desktop, ActionId.FOCUS_HELD)
    pane = window.intercepting.pane
    pane.editor.set_mode(EditMode.HEX)
    behind.until(lambda: len(behind.came) == 3000)
    assert pane.line is not None
    assert pane.line.payload == b"wait"
    behind.decide(ActionId.FORWARD_HELD)
    behind.until(lambda: behind.came[-1] == "wait")


def test_a_strip_says_what_is_held_while_the_queue_is_out_of_sight(behind: Behind) -> None:
    window = behind.desktop.window
    bar = window.intercepting.bar
    assert bar.isHidden()
    behind.rule(hold())
    client = behind.client()
    client.send("one")
    client.send("two")
    behind.until_held(2)
    assert bar.isVisible()
    assert bar.words.text().startswith(f"{grouped(2)} are held for you, the oldest for ")
    chosen = window.tabs.current_tab()
    assert chosen == "message"
    bar.show_queue.click()
    assert window.tabs.current_tab() == "intercept"
    assert bar.isHidden()
    window.tabs.set_current_tab("message")
    bar.forward_all.click()
    behind.until(lambda: behind.came == ["one", "two"])
    behind.until(bar.isHidden)


def test_what_is_held_stays_held_when_its_rule_goes(behind: Behind) -> None:
    behind.rule(hold())
    client = behind.client()
    client.send("one")
    behind.until_held(1)
    behind.rule()
    client.send("two")
    with pytest.raises(TimeoutError):
        client.recv(timeout=0.2)
    assert behind.came == []
    behind.decide(ActionId.FORWARD_HELD)
    behind.until(lambda: behind.came == ["one", "two"])


def test_what_nobody_decides_goes_on_when_its_time_is_up(behind: Behind) -> None:
    rule = hold()
    behind.rule(replace(rule, then=(replace(rule.then[0], parameters=(("seconds", "300ms"),)),)))
    client = behind.client()
    client.send("one")
    behind.until(lambda: behind.came == ["one"])
    words = "1 message went on unchanged: nobody decided in time."
    behind.until(lambda: behind.desktop.window.banner.text == words)
    behind.until_held(0)


def test_nothing_is_decided_while_the_queue_is_out_of_sight(behind: Behind) -> None:
    window = behind.desktop.window
    behind.rule(hold())
    client = behind.client()
    client.send("one")
    behind.until_held(1)
    assert window.tabs.current_tab() == "message"
    trigger(behind.desktop, ActionId.DROP_HELD)
    assert window.tabs.current_tab() == "intercept"
    assert window.intercepting.pane.line is not None
    trigger(behind.desktop, ActionId.DROP_HELD)
    behind.until_held(0)
    client.send("ping")
    behind.until(lambda: behind.came == ["ping"])
