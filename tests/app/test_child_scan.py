"""Filters with patterns run in a process of their own, which can be ended at any time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.models.found import FoundFrames
from app.scanning import RunState, ScanRun, ScanThread
from core.errors import CaptureError
from core.query.child_scan import ChildScan, may_take_long
from core.query.language import default_language
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker

LANGUAGE = default_language()
_ENDLESS = 'payload matches "(a+)+$"'
"""Takes some 2^40 steps over `_TRAP`."""
_TRAP = "a" * 40 + "b"
_PATIENCE_MS = 30_000


@pytest.fixture
def thread(qapp: QApplication) -> Iterator[ScanThread]:
    del qapp
    thread = ScanThread()
    yield thread
    thread.stop()
    dispose(thread)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payload ~ x", True),
        ("not (fin and path matches x)", True),
        ("fin or masked", False),
        ("payload contains x", False),
        ('json("$.a") == 1', True),
        ("""not json("$[?search(@, '(a+)+$')]")""", True),
    ],
)
def test_which_filters_may_take_long(text: str, expected: bool) -> None:
    assert may_take_long(LANGUAGE.parse(text)) is expected


def test_it_finds_follows_and_says_what_is_wrong(maker: CaptureMaker, tmp_path: Path) -> None:
    peer = maker.peer()
    for text in ("one", "two", "three"):
        peer.say(text)
    maker.reader()
    with closing(ChildScan(maker.path, LANGUAGE.filter('payload ~ "^t"'), lambda: True)) as scan:
        assert [frame for found in scan.run() for frame in found.frames] == [2, 3]
        peer.say("ten")
        maker.recorder.flush()
        assert [frame for found in scan.run(3) for frame in found.frames] == [4]
    with (
        closing(ChildScan(tmp_path / "nowhere", LANGUAGE.filter("payload ~ x"), lambda: True)) as scan,
        pytest.raises(CaptureError, match="nowhere"),
    ):
        list(scan.run())


def test_a_pattern_without_an_end_stops_nothing(
    maker: CaptureMaker, thread: ScanThread, qtbot: QtBot
) -> None:
    maker.peer().say(_TRAP)
    maker.reader()
    stuck = FoundFrames(ScanRun(maker.path, LANGUAGE.filter(_ENDLESS)))
    thread.search(stuck.run)
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PATIENCE_MS)
    # The window goes on, and the next filter has its turn.
    other = FoundFrames(ScanRun(maker.path, LANGUAGE.filter("fin")))
    thread.search(other.run)
    qtbot.waitUntil(lambda: other.progress.state is RunState.COMPLETE, timeout=_PATIENCE_MS)
    assert other.pull() == 1
    assert stuck.progress.state is RunState.SEARCHING
    assert not active_children()


def test_it_can_be_stopped_and_the_thread_ended(
    maker: CaptureMaker, thread: ScanThread, qtbot: QtBot
) -> None:
    maker.peer().say(_TRAP)
    maker.reader()
    stuck = FoundFrames(ScanRun(maker.path, LANGUAGE.filter(_ENDLESS)))
    thread.search(stuck.run)
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PATIENCE_MS)
    stuck.run.set_paused(True)
    qtbot.waitUntil(lambda: not active_children(), timeout=_PATIENCE_MS)
    stuck.run.set_paused(False)
    thread.poke()
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PATIENCE_MS)
    began = time.monotonic()
    thread.stop()
    assert time.monotonic() - began < 10
    assert not active_children()


def test_a_process_that_dies_is_told(maker: CaptureMaker, thread: ScanThread, qtbot: QtBot) -> None:
    maker.peer().say(_TRAP)
    maker.reader()
    stuck = FoundFrames(ScanRun(maker.path, LANGUAGE.filter(_ENDLESS)))
    thread.search(stuck.run)
    qtbot.waitUntil(lambda: bool(active_children()), timeout=_PATIENCE_MS)
    for process in active_children():
        process.kill()
    qtbot.waitUntil(lambda: stuck.progress.state is RunState.FAILED, timeout=_PATIENCE_MS)
    assert "Apply the filter again" in stuck.progress.problem
