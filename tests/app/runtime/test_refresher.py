from __future__ import annotations

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.runtime.refresher import Refresher
from tests.tools.qt import dispose


def test_many_pokes_one_refresh(qapp: QApplication, qtbot: QtBot) -> None:
    refresher = Refresher(qapp, interval_ms=40)
    due: list[None] = []
    refresher.due.connect(lambda: due.append(None))
    refresher.poke()
    qtbot.waitUntil(lambda: len(due) == 1)
    for _ in range(1000):
        refresher.poke()
    with qtbot.waitSignal(refresher.due):
        pass
    assert len(due) == 2
    refresher.poke()
    refresher.stop()
    with qtbot.assertNotEmitted(refresher.due, wait=60):
        pass
    dispose(refresher)
