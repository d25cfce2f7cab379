from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest
from pytestqt.qtbot import QtBot
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection, serve

from app.actions.registry import ActionId
from app.window.desktop import Desktop
from core.net.connect_request import parse_url
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.protocol.outgoing import OutgoingPing
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.waiting import PATIENCE_SECONDS

PATIENCE_MS = 20_000


@dataclass(slots=True)
class Behind:
    """A server behind a relay of the window, and the clients in front of it."""

    desktop: Desktop
    qtbot: QtBot
    port: int
    came: list[str | bytes] = field(default_factory=list)
    """What the server got, in order."""
    talks: list[ServerConnection] = field(default_factory=list)
    """The server's ends of the connections."""
    stack: ExitStack = field(default_factory=ExitStack)

    def client(self, path: str = "/chat") -> ClientConnection:
        """Connect another client through the relay."""
        before = len(self.talks)
        client = self.stack.enter_context(connect(f"ws://127.0.0.1:{self.port}{path}"))
        self.until(lambda: len(self.talks) > before)
        return client

    def rule(self, *rules: Rule) -> None:
        """Let these rules apply, and wait until they do."""
        self.desktop.window.rules.set_rules(rules)
        self.settle()

    def settle(self) -> None:
        """Wait until the engine has done what it was asked."""
        settle(self.desktop, self.qtbot)

    def until(self, holds: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(holds, timeout=PATIENCE_MS)

    def decide(self, action: ActionId) -> None:
        """Go to the queue, and decide about what is chosen there."""
        for each in (ActionId.FOCUS_HELD, action):
            self.desktop.window.actions_[each].trigger()

    def until_held(self, count: int) -> None:
        """Wait until so many rows are in the queue."""
        model = self.desktop.window.intercepting.model
        self.until(lambda: model.rowCount() == count)


def settle(desktop: Desktop, qtbot: QtBot) -> None:
    """Wait until the engine has done what it was asked: it does one after the other."""
    with qtbot.waitSignal(desktop.engine.sent, timeout=PATIENCE_MS):
        desktop.engine.send_to_all(OutgoingPing())


def hold(text: str = "", name: str = "hold", number: int = 1) -> Rule:
    """A rule that holds messages that match."""
    return Rule(number, name, Condition(Moment.MESSAGE, text), (ActionText("hold"),))


@pytest.fixture
def behind(desktop: Desktop, qtbot: QtBot) -> Iterator[Behind]:
    found: list[Behind] = []

    def talk(connection: ServerConnection) -> None:
        found[0].talks.append(connection)
        # A connection that is cut is no fault of the server.
        with suppress(ConnectionClosed):
            for message in connection:
                found[0].came.append(message)

    with serve(talk, "127.0.0.1", 0) as server:
        yield from _relayed(server, desktop, qtbot, found)


def _relayed(server: Server, desktop: Desktop, qtbot: QtBot, found: list[Behind]) -> Iterator[Behind]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        window = desktop.window
        source = window.sources.add("relay", Relay(ListenAddress("127.0.0.1", 0), parse_url(url)))

        def address() -> str:
            line = window.sources.line(source)
            return "" if line is None else line.address

        qtbot.waitUntil(lambda: address().rpartition(":")[2] not in ("", "0"), timeout=PATIENCE_MS)
        found.append(Behind(desktop, qtbot, int(address().rpartition(":")[2])))
        with found[0].stack:
            yield found[0]
    finally:
        server.shutdown()
        thread.join(PATIENCE_SECONDS)
