"""A disk that is nearly full is said before it is."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.settings_dialog import SettingsDialog
from app.settings import Settings
from app.terminal.console import Console, ConsoleOptions
from app.window.desktop import Desktop
from core.capture.disk_space import LOW_BYTES, DiskSpace, SpaceGauge
from core.capture.session_files import CaptureFolder
from core.net.fronts.test_page import load_test_page
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Listen, named
from tests.tools.qt import dispose
from tests.tools.waiting import until

PLENTY = 100 * LOW_BYTES


class Disk:
    """A disk with as much room as one likes."""

    free = PLENTY

    def gauge(self) -> SpaceGauge:
        return SpaceGauge(lambda _path: self.free, interval=0.02)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def low(
    disk: Disk, qapp: QApplication, qtbot: QtBot, settings: Settings, captures: CaptureFolder
) -> Iterator[Desktop]:
    """A window whose disk becomes nearly full, and that has said so."""
    desktop = Desktop(qapp, settings, captures, gauge=disk.gauge())
    desktop.window.show()
    qtbot.waitExposed(desktop.window)
    desktop.window.watch.look()
    assert desktop.window.fault_banner.text == ""
    disk.free = 310_000_000
    qtbot.waitUntil(lambda: desktop.window.fault_banner.text != "")
    yield desktop
    desktop.close()
    dispose(desktop.window)


def button(desktop: Desktop, words: str) -> QPushButton:
    buttons = desktop.window.fault_banner.findChildren(QPushButton)
    return next(button for button in buttons if button.text() == words and not button.isHidden())


def test_the_window_says_how_much_is_left(low: Desktop, disk: Disk, qtbot: QtBot) -> None:
    assert low.window.fault_banner.text == (
        "The disk of the capture has only 310 MB left. Stop recording, save the capture to another disk, "
        "or keep only the last part of it."
    )
    kept = button(low, "&Save as…")
    disk.free = 250_000_000
    qtbot.waitUntil(lambda: "only 250 MB left" in low.window.fault_banner.text)
    assert button(low, "&Save as…") is kept
    disk.free = int(LOW_BYTES * 1.1)
    qtbot.waitUntil(lambda: "only 1.2 GB left" in low.window.fault_banner.text)
    disk.free = PLENTY
    qtbot.waitUntil(lambda: low.window.fault_banner.text == "")


def test_who_stops_recording_is_not_warned_any_more(low: Desktop) -> None:
    button(low, "S&top recording").click()
    assert not low.window.actions_[ActionId.RECORD].isChecked()
    assert low.window.fault_banner.text == ""


def test_the_warning_leads_to_the_settings(low: Desktop, qtbot: QtBot) -> None:
    button(low, "&Keep less…").click()
    [dialog] = low.window.findChildren(SettingsDialog)
    qtbot.waitUntil(dialog.isVisible)
    dialog.reject()


def test_a_fault_goes_before_the_warning(
    low: Desktop, captures: CaptureFolder, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.recorder._AGAIN_SECONDS", 0.01)
    folder, aside = captures.folder, captures.folder.with_name("aside")
    folder.rename(aside)
    folder.touch()
    qtbot.waitUntil(lambda: "was removed or moved away" in low.window.fault_banner.text)
    folder.unlink()
    aside.rename(folder)
    qtbot.waitUntil(lambda: "has only 310 MB left" in low.window.fault_banner.text)


def test_the_console_warns_once_until_there_is_more_room(
    disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ConsoleOptions(
        named((Listen(ListenAddress("127.0.0.1", 0)),)), EngineSettings(), tmp_path / "a.unmask", json=False
    )
    console = Console(options, "0", load_test_page(), io.StringIO(), disk.gauge())
    thread = threading.Thread(target=console.run)
    said: list[str] = []

    def warned(times: int) -> bool:
        said.append(capsys.readouterr().err)
        return "".join(said).count("unmask: warning: the disk of the capture has only 310 MB left") == times

    thread.start()
    try:
        disk.free = 310_000_000
        until(lambda: warned(1), "it has warned")
        disk.free = PLENTY
        until(lambda: not console._room_is_low, "there is room again")
        disk.free = 310_000_000
        until(lambda: warned(2), "it has warned again")
    finally:
        console.stop()
        thread.join()
    assert warned(2)
    assert "keep only the last part (--keep)" in "".join(said)


@pytest.mark.parametrize(
    ("growth", "said"),
    [
        (0.0, "The disk of the capture has only 310 MB left. "),
        (31_000.0, "The disk of the capture has only 310 MB left. "),
        (7_750_000.0, "About 40 s of disk space left at the present rate (310 MB free). "),
        (310_000.0, "About 17 min of disk space left at the present rate (310 MB free). "),
    ],
)
def test_how_long_the_room_lasts_is_said(desktop: Desktop, growth: float, said: str) -> None:
    assert desktop.window.watch._room_text(DiskSpace(1, 310_000_000, growth)).startswith(said)
