from __future__ import annotations

from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.crash_dialog import CrashDialog
from app.logic.source_lines import SourceLine, SourceState
from app.window.desktop import Desktop
from core.net.engine import Engine
from core.net.settings import ListenAddress
from core.net.sources import Listen


def fail(_engine: Engine) -> None:
    raise ZeroDivisionError("a bug")


def test_sources_run_again_on_their_ports_with_the_next_engine(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    number = window.sources.add("second", Listen(ListenAddress("127.0.0.1", 0)))
    stopped = window.sources.add("stopped", Listen(ListenAddress("127.0.0.1", 0)))

    def line(source: int) -> SourceLine:
        found = window.sources.line(source)
        assert found is not None
        return found

    qtbot.waitUntil(lambda: line(number).state is SourceState.RUNNING)
    qtbot.waitUntil(lambda: line(stopped).state is SourceState.RUNNING)
    window.sources.stop(stopped)
    qtbot.waitUntil(lambda: line(stopped).state is SourceState.STOPPED)
    address = line(number).address
    desktop.engine._host.ask(fail)
    qtbot.waitUntil(lambda: bool(window.findChildren(CrashDialog)))
    assert line(number).state is SourceState.STOPPED
    [dialog] = window.findChildren(CrashDialog)
    [restart] = [each for each in dialog.findChildren(QPushButton) if each.text() == "&Restart engine"]
    restart.click()
    qtbot.waitUntil(lambda: line(number).state is SourceState.RUNNING)
    assert line(number).address == address
    assert line(stopped).state is SourceState.STOPPED
