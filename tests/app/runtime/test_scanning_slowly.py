"""The thread of the filter while the filter takes its time."""

from __future__ import annotations

from multiprocessing import active_children

import pytest
from pytestqt.qtbot import QtBot

from app.logic.found import FoundFrames
from app.logic.scan_run import RunState, ScanRun
from app.runtime.scanning import ScanThread
from core.query.language import default_language
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.recorded import CaptureMaker

LANGUAGE = default_language()
_PATIENCE_MS = 60_000


@pytest.fixture
def stuck(maker: CaptureMaker, scan_thread: ScanThread, qtbot: QtBot) -> FoundFrames:
    """A search that is under way, in a process of its own."""
    maker.peer().say(TRAP)
    maker.reader()
    found = FoundFrames(ScanRun(maker.path, LANGUAGE.filter(HOPELESS)))
    scan_thread.search(found.run)
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PATIENCE_MS)
    return found


def test_a_pattern_without_an_end_stops_nothing(
    stuck: FoundFrames, maker: CaptureMaker, scan_thread: ScanThread, qtbot: QtBot
) -> None:
    # The window goes on, and the next filter has its turn.
    other = FoundFrames(ScanRun(maker.path, LANGUAGE.filter("fin")))
    scan_thread.search(other.run)
    qtbot.waitUntil(lambda: other.progress.state is RunState.COMPLETE, timeout=_PATIENCE_MS)
    assert other.pull() == 1
    assert stuck.progress.state is RunState.SEARCHING
    assert not active_children()


def test_it_can_be_stopped_and_the_thread_ended(
    stuck: FoundFrames, scan_thread: ScanThread, qtbot: QtBot
) -> None:
    stuck.run.set_paused(True)
    qtbot.waitUntil(lambda: not active_children(), timeout=_PATIENCE_MS)
    stuck.run.set_paused(False)
    scan_thread.poke()
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PATIENCE_MS)
    scan_thread.stop()
    assert not active_children()
    assert stuck.progress.state is RunState.SEARCHING


def test_a_process_that_dies_is_told(stuck: FoundFrames, qtbot: QtBot) -> None:
    for process in active_children():
        process.kill()
    qtbot.waitUntil(lambda: stuck.progress.state is RunState.FAILED, timeout=_PATIENCE_MS)
    assert "Apply the filter again" in stuck.progress.problem
