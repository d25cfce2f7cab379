"""Sources that the command line gives to the window."""

from __future__ import annotations

from contextlib import closing

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.dialogs.question import Question
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.reader import CaptureReader
from core.capture.records import Mode
from core.net.connect_request import ConnectRequest, parse_url
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.net.sources import Connect, Listen, SourceState

ANYWHERE = ListenAddress("127.0.0.1", 0)
OTHERS = ListenAddress("0.0.0.0", 0)
RUNNING, STOPPED = SourceState.RUNNING, SourceState.STOPPED


def states(desktop: Desktop) -> dict[str, SourceState]:
    return {line.name: line.state for line in desktop.window.sources.lines}


def test_they_run_in_this_run_alone(desktop: Desktop, settings: Settings, address: str, qtbot: QtBot) -> None:
    relay = Relay(ANYWHERE, parse_url(f"ws://{address}/"))
    request = ConnectRequest(parse_url(f"ws://{address}/out"), headers=(("X-Token", "abc"),))
    desktop.show(None, others=(("mine", Listen(ANYWHERE)), ("between", relay), ("out", Connect(request))))
    wanted = {"mine": RUNNING, "between": RUNNING, "out": RUNNING}
    qtbot.waitUntil(lambda: states(desktop).items() >= wanted.items(), timeout=30_000)
    lines = {line.name: line for line in desktop.window.sources.lines}
    assert (lines["between"].kind, lines["out"].target) == (Mode.RELAY, f"ws://{address}/out")
    with connect(f"ws://{lines['between'].address}/through") as client:
        client.ping()
        model = desktop.window.connection_model
        qtbot.waitUntil(lambda: model.rowCount() == 5, timeout=30_000)
    with closing(CaptureReader(desktop.engine.recorder.path)) as reader:
        records = reader.connections()
    told = {(each.mode, None if each.source is None else each.source.name) for each in records}
    assert told == {(Mode.CONNECT, "out"), (Mode.LISTEN, "Listen"), (Mode.RELAY, "between")}
    assert [b"X-Token: abc" in each.request for each in records if each.path == "/out"] == [True, True]
    desktop.window.sources.keep()
    assert settings.sources == ()


def test_one_that_is_known_already_is_started(desktop: Desktop, settings: Settings, qtbot: QtBot) -> None:
    sources = desktop.window.sources
    number = sources.add("mine", Listen(ANYWHERE))
    qtbot.waitUntil(lambda: states(desktop)["mine"] is RUNNING, timeout=30_000)
    sources.stop(number)
    qtbot.waitUntil(lambda: states(desktop)["mine"] is STOPPED, timeout=30_000)
    desktop.show(None, others=(("listen", Listen(ANYWHERE)),))
    qtbot.waitUntil(lambda: states(desktop)["mine"] is RUNNING, timeout=30_000)
    assert [each.name for each in sources.known] == ["mine"]
    sources.keep()
    assert [(each.name, each.was_on) for each in settings.sources] == [("mine", True)]


def test_one_that_is_changed_is_remembered(desktop: Desktop, settings: Settings, qtbot: QtBot) -> None:
    desktop.show(None, others=(("mine", Listen(ANYWHERE)),))
    qtbot.waitUntil(lambda: states(desktop).get("mine") is RUNNING, timeout=30_000)
    [known] = desktop.window.sources.known
    desktop.window.sources.replace(known.id, "ours", Listen(ListenAddress("localhost", 0)))
    assert [each.name for each in settings.sources] == ["ours"]


@pytest.mark.parametrize("allowed", [False, True])
def test_others_are_let_in_only_when_that_is_settled(desktop: Desktop, qtbot: QtBot, allowed: bool) -> None:
    desktop.show(None, others=(("wide", Listen(OTHERS)),), allow_network=allowed)
    if not allowed:
        [question] = desktop.window.findChildren(Question)
        assert states(desktop)["wide"] is STOPPED
        let = next(each for each in question.findChildren(QPushButton) if "Let others" in each.text())
        let.click()
    qtbot.waitUntil(lambda: states(desktop)["wide"] is RUNNING, timeout=30_000)
