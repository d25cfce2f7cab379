from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.look.icons import Icons
from app.look.look import Look
from app.look.theme import Theme, ThemeChoice
from app.runtime.scanning import ScanThread
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.session_files import CaptureFolder
from core.net.settings import ListenAddress
from tests.tools.at_window import Connect
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    theme = Theme(qapp, ThemeChoice.LIGHT)
    theme.dress()
    return theme


@pytest.fixture(scope="session")
def icons(theme: Theme) -> Icons:
    return Icons(theme)


@pytest.fixture(scope="session")
def look(theme: Theme, icons: Icons) -> Look:
    return Look(theme, icons)


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[CaptureMaker]:
    """A capture to fill."""
    with CaptureMaker(tmp_path / "made.unmask") as maker:
        yield maker


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings.at(tmp_path / "settings.ini")
    settings.address = ListenAddress("127.0.0.1", 0)
    settings.theme = ThemeChoice.LIGHT
    return settings


@pytest.fixture
def captures(tmp_path: Path) -> CaptureFolder:
    """The folder of unsaved captures."""
    return CaptureFolder(tmp_path / "captures")


@pytest.fixture
def desktop(
    qapp: QApplication, qtbot: QtBot, settings: Settings, captures: CaptureFolder
) -> Iterator[Desktop]:
    """The real window over the real engine, shown but not yet listening."""
    desktop = Desktop(qapp, settings, captures)
    desktop.window.show()
    qtbot.waitExposed(desktop.window)
    yield desktop
    desktop.close()
    dispose(desktop.window)


@pytest.fixture
def address(desktop: Desktop, qtbot: QtBot) -> str:
    """Where the window listens, as `127.0.0.1:8080`."""
    with qtbot.waitSignal(desktop.engine.listening):
        desktop.window.listening.start()
    return desktop.window.listening.addresses[0]


@pytest.fixture
def client(address: str) -> Iterator[Connect]:
    """Connects clients, and disconnects them at the end."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(connect(f"ws://{address}{path}", compression=None))


@pytest.fixture
def scan_thread(qapp: QApplication) -> Iterator[ScanThread]:
    """What runs filters, with nothing to do yet."""
    del qapp
    thread = ScanThread()
    yield thread
    thread.stop()
    dispose(thread)
