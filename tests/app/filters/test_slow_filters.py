"""Filters that take long or fail, in the real window."""

from __future__ import annotations

from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.export_progress import ExportProgress
from app.logic.exporting import ExportPart
from app.window.desktop import Desktop
from core.capture.records import View
from core.formats.jsonl import JsonLines
from core.query.language import default_language
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.recorded import CaptureMaker

_PROCESS_MS = 30_000


def opened(desktop: Desktop, maker: CaptureMaker, qtbot: QtBot, *texts: str) -> None:
    """A capture in which this was said is shown."""
    peer = maker.peer()
    for text in texts:
        peer.say(text)
    with closing(maker.reader()):
        assert desktop.window.commands.open(maker.path)
    qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() == len(texts))


def test_an_export_says_how_far_it_is_and_can_be_cancelled(
    desktop: Desktop, maker: CaptureMaker, tmp_path: Path, qtbot: QtBot
) -> None:
    exports = desktop.window.exports
    opened(desktop, maker, qtbot, TRAP)
    exports.export(JsonLines(), tmp_path / "out.jsonl", ExportPart(default_language().filter(HOPELESS)))
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PROCESS_MS)
    [dialog] = desktop.window.findChildren(ExportProgress)
    qtbot.waitUntil(dialog.isVisible, timeout=_PROCESS_MS)
    assert not dialog.isModal()
    [button] = dialog.findChildren(QPushButton)
    with qtbot.waitSignal(exports.done, timeout=_PROCESS_MS):
        button.click()
    assert desktop.window.banner.text == "The export was cancelled; nothing was written."
    assert not active_children()
    assert not [each for each in tmp_path.iterdir() if each.name.startswith("out")]
    assert not dialog.isVisible()


def test_the_window_does_not_wait_for_an_export(
    desktop: Desktop, maker: CaptureMaker, tmp_path: Path, qtbot: QtBot
) -> None:
    opened(desktop, maker, qtbot, TRAP)
    target = tmp_path / "out.jsonl"
    desktop.window.exports.export(JsonLines(), target, ExportPart(default_language().filter(HOPELESS)))
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PROCESS_MS)
    desktop.window.leave()
    qtbot.waitUntil(lambda: not active_children(), timeout=_PROCESS_MS)
    assert not target.exists()


def test_a_search_that_failed_is_begun_again_with_the_same_text(
    desktop: Desktop, maker: CaptureMaker, qtbot: QtBot
) -> None:
    window = desktop.window
    opened(desktop, maker, qtbot, TRAP)
    window.filtering.apply(HOPELESS)
    for _ in range(2):
        qtbot.waitUntil(lambda: bool(active_children()), timeout=_PROCESS_MS)
        for process in active_children():
            process.kill()
        qtbot.waitUntil(lambda: window.filter_bar.status.text() == "Search failed", timeout=_PROCESS_MS)
        assert "Apply the filter again" in window.banner.text
        QTest.keyClick(window.filter_bar.edit, Qt.Key.Key_Return)
        assert window.filter_bar.status.text() != "Search failed"


def test_a_filter_that_is_as_deep_as_may_be_also_narrows_one_connection(
    desktop: Desktop, maker: CaptureMaker, qtbot: QtBot
) -> None:
    window = desktop.window
    opened(desktop, maker, qtbot, "a", "b", "ab")
    window.frames.set_view(View(1, control=False))
    window.filtering.apply("(" * 50 + 'payload matches "a"' + ")" * 50)
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2, timeout=_PROCESS_MS)
    assert window.filter_bar.status.text() == "2 of 3 frames"
