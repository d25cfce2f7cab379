"""Where and how large the window opens, on the screen of the tests and on real ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.views.bars.banner import Tone
from app.window.desktop import Desktop
from app.window.screen_fit import ScreenFit
from core.capture.session_files import CaptureFolder
from tests.tools.display import xvfb_with_openbox
from tests.tools.qt import dispose

OPENED = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from app.window.desktop import Desktop
from app.settings import Settings
from core.capture.session_files import CaptureFolder

application, folder = QApplication([]), Path(sys.argv[1])
desktop = Desktop(application, Settings.at(folder / "settings.ini"), CaptureFolder(folder / "captures"))
window = desktop.window
window.show()
for _ in range(3000):
    if window.isActiveWindow():
        break
    application.processEvents()
    window.thread().msleep(10)
application.processEvents()
outer, room = window.frameGeometry(), window.screen().availableGeometry()
print(window.isActiveWindow(), outer != window.geometry(), room.contains(outer), *room.size().toTuple())
desktop.close()
"""


def room_of(window: QWidget) -> QRect:
    return window.screen().availableGeometry()


def test_the_first_window_fits(desktop: Desktop) -> None:
    assert room_of(desktop.window).width() < 1280, "the screen of the tests is small"
    assert room_of(desktop.window).contains(desktop.window.frameGeometry())


def test_what_is_remembered_of_a_larger_screen_fits(
    qapp: QApplication, qtbot: QtBot, settings: Settings, captures: CaptureFolder
) -> None:
    before = QWidget()
    before.setGeometry(900, 500, 2400, 1300)
    settings.set_layout("window", before.saveGeometry())
    dispose(before)
    desktop = Desktop(qapp, settings, captures)
    desktop.window.show()
    qtbot.waitExposed(desktop.window)
    assert room_of(desktop.window).contains(desktop.window.frameGeometry())
    desktop.close()
    dispose(desktop.window)


@pytest.mark.parametrize(
    "place", [QRect(-50, -50, 300, 200), QRect(700, 700, 300, 200), QRect(100, 90, 300, 200)]
)
def test_a_window_that_was_placed_comes_into_sight(qtbot: QtBot, place: QRect) -> None:
    window = QWidget()
    window.setGeometry(place)
    fit = ScreenFit(window)
    fit.open_at(place.size(), placed=True)
    window.show()
    qtbot.waitExposed(window)
    assert room_of(window).contains(window.frameGeometry())
    assert window.size() == place.size()
    assert room_of(window).contains(place) == (window.geometry() == place)
    dispose(window)


def test_a_banner_makes_the_least_window_no_larger(desktop: Desktop, qtbot: QtBot) -> None:
    window, least = desktop.window, desktop.window.minimumSize()
    assert least == least.boundedTo(QSize(780, 460)), "it fits half of 1600×1000, with a frame and a panel"
    window.resize(least)
    window.banner.say(Tone.ERROR, "Something could not be done, which takes long to explain. " * 4)
    qtbot.waitUntil(window.banner.isVisible)
    qtbot.waitUntil(lambda: window.size() == least)
    assert window.status.geometry().bottom() < least.height()
    assert (
        window.composer.mapTo(window, window.composer.rect().bottomLeft()).y()
        <= window.status.geometry().top()
    )


@pytest.mark.parametrize(("size", "scale"), [("1366x768x24", 1), ("1600x1000x24", 2)])
def test_it_fits_a_real_screen_with_its_frame(tmp_path: Path, size: str, scale: int) -> None:
    with xvfb_with_openbox(size) as display:
        ended = subprocess.run(
            [sys.executable, "-c", OPENED, str(tmp_path)],
            env=display.environment | {"QT_SCALE_FACTOR": str(scale)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    width, height = (int(part) // scale for part in size.split("x")[:2])
    assert (ended.stdout.split(), ended.stderr) == (["True", "True", "True", str(width), str(height)], "")
