from __future__ import annotations

import gc
import weakref
from pathlib import Path

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.look.theme import ThemeChoice
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.session_files import CaptureFolder
from core.net.settings import ListenAddress
from tests.tools.qt import dispose


def _use(qapp: QApplication, qtbot: QtBot, folder: Path) -> weakref.ref[Desktop]:
    """Opens a window, has it listen, and closes it."""
    settings = Settings.at(folder / "settings.ini")
    settings.theme = ThemeChoice.LIGHT
    desktop = Desktop(qapp, settings, CaptureFolder(folder / "captures"))
    desktop.show(ListenAddress("127.0.0.1", 0))
    qtbot.waitUntil(lambda: bool(desktop.window.listening.addresses))
    desktop.close()
    dispose(desktop.window)
    return weakref.ref(desktop)


def test_a_closed_window_is_let_go(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    """Otherwise each would keep 10 MB, and its theme would style the application again and again."""
    used = [_use(qapp, qtbot, tmp_path / str(number)) for number in range(2)]

    def are_gone() -> bool:
        gc.collect()
        return all(desktop() is None for desktop in used)

    qtbot.waitUntil(are_gone)
