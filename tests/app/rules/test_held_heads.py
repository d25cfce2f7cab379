"""Requests and responses that wait for a person, in a relay and where Unmask is the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pytestqt.qtbot import QtBot
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from app.actions.registry import ActionId
from app.window.desktop import Desktop
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.app.rules.conftest import PATIENCE_MS, Behind
from tests.tools.waiting import PATIENCE_SECONDS

HOLD = (ActionText("hold"),)
REQUESTS = Rule(1, "requests", Condition(Moment.REQUEST), HOLD)
RESPONSES = Rule(2, "responses", Condition(Moment.RESPONSE), HOLD)


class Asking:
    """A client that connects on a thread of its own, because its answer waits for the window."""

    def __init__(self, url: str) -> None:
        self.came: list[ClientConnection | Exception] = []
        self._url = url
        self._stack = ExitStack()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        try:
            client = connect(self._url, open_timeout=PATIENCE_SECONDS, compression=None)
            self.came.append(self._stack.enter_context(client))
        except (OSError, InvalidHandshake, EOFError) as error:
            self.came.append(error)

    def end(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        self._stack.close()


@contextmanager
def asking(url: str) -> Iterator[Asking]:
    asking = Asking(url)
    try:
        yield asking
    finally:
        asking.end()


def until_held(desktop: Desktop, qtbot: QtBot, count: int) -> None:
    model = desktop.window.intercepting.model
    qtbot.waitUntil(lambda: model.rowCount() == count, timeout=PATIENCE_MS)


def test_a_request_is_changed_on_its_way_to_the_server(behind: Behind) -> None:
    behind.rule(REQUESTS)
    with asking(f"ws://127.0.0.1:{behind.port}/chat") as client:
        behind.until_held(1)
        pane = behind.desktop.window.intercepting.pane
        assert behind.talks == []
        text = pane.editor.text.toPlainText()
        assert text.startswith("GET /chat HTTP/1.1\n")
        pane.editor.text.setPlainText(text.rstrip() + "\nX-Added: by hand\n\n")
        behind.decide(ActionId.FORWARD_HELD)
        behind.until(lambda: len(client.came) == 1)
        assert isinstance(client.came[0], ClientConnection)
        request = behind.talks[0].request
        assert request is not None
        assert request.headers["X-Added"] == "by hand"
        client.came[0].send("hello")
        behind.until(lambda: behind.came == ["hello"])


def test_a_response_is_held_and_goes_on_as_it_came(behind: Behind) -> None:
    behind.rule(RESPONSES)
    with asking(f"ws://127.0.0.1:{behind.port}/chat") as client:
        behind.until_held(1)
        line = behind.desktop.window.intercepting.model.line(0)
        assert line is not None
        assert line.payload.startswith(b"HTTP/1.1 101 ")
        behind.until(lambda: len(behind.talks) == 1)
        # It may come before the client knows that it is connected.
        behind.talks[0].send("early")
        behind.decide(ActionId.FORWARD_HELD)
        behind.until(lambda: len(client.came) == 1)
        assert isinstance(client.came[0], ClientConnection)
        assert client.came[0].recv(timeout=20) == "early"


def test_a_request_is_answered_instead(behind: Behind) -> None:
    behind.rule(REQUESTS)
    with asking(f"ws://127.0.0.1:{behind.port}/chat") as client:
        behind.until_held(1)
        behind.desktop.window.intercepting.pane.editor.status_code.setValue(429)
        behind.decide(ActionId.ANSWER_HELD)
        behind.until(lambda: len(client.came) == 1)
        assert isinstance(client.came[0], InvalidStatus)
        assert client.came[0].response.status_code == 429
        assert behind.talks == []


@pytest.mark.parametrize("rules", [(REQUESTS,), (RESPONSES,), (REQUESTS, RESPONSES)])
def test_where_unmask_is_the_server_heads_wait_too(
    desktop: Desktop, address: str, qtbot: QtBot, rules: tuple[Rule, ...]
) -> None:
    desktop.window.rules.set_rules(rules)
    with asking(f"ws://{address}/chat") as client:
        for _ in rules:
            until_held(desktop, qtbot, 1)
            for action in (ActionId.FOCUS_HELD, ActionId.FORWARD_HELD):
                desktop.window.actions_[action].trigger()
        qtbot.waitUntil(lambda: len(client.came) == 1, timeout=PATIENCE_MS)
        assert isinstance(client.came[0], ClientConnection)
    until_held(desktop, qtbot, 0)


def test_a_head_goes_on_when_its_time_is_up(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    short = ActionText("hold", (("seconds", "200ms"),))
    desktop.window.rules.set_rules([Rule(1, "a", Condition(Moment.REQUEST), (short,))])
    with asking(f"ws://{address}/chat") as client:
        qtbot.waitUntil(lambda: len(client.came) == 1, timeout=PATIENCE_MS)
        assert isinstance(client.came[0], ClientConnection)


def test_a_client_that_leaves_takes_its_request_with_it(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    desktop.window.rules.set_rules([REQUESTS])
    with asking(f"ws://{address}/chat"):
        until_held(desktop, qtbot, 1)
        for action in (ActionId.FOCUS_HELD, ActionId.CLOSE_HELD):
            desktop.window.actions_[action].trigger()
        until_held(desktop, qtbot, 0)
