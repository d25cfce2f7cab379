"""A filter on its thread: what it finds, how it follows, stops, goes on, and gives up."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from app.logic.found import FoundFrames, FoundRows
from app.logic.scan_run import RunState, ScanRun
from app.models.frames import FrameModel
from app.runtime.scanning import ScanThread
from core.capture.reader import CaptureReader
from core.errors import FilterError
from core.protocol.frames import Opcode
from core.query.language import default_language
from core.query.scan import Found
from tests.tools.filters import RandomCaptures, asked, filters
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker

LANGUAGE = default_language()


Search = Callable[..., FoundFrames]


@pytest.fixture
def search(scan_thread: ScanThread) -> Search:
    def begin(path: Path, text: str, limit: int = 1000) -> FoundFrames:
        run = ScanRun(path, LANGUAGE.filter(text), limit)
        scan_thread.search(run)
        return FoundFrames(run)

    return begin


def wait_for(qtbot: QtBot, found: FoundFrames, state: RunState) -> list[int]:
    """The ids, once the run stands so."""
    qtbot.waitUntil(lambda: found.progress.state is state)
    found.pull()
    return list(found.ids(0, len(found)))


def test_it_finds_what_is_there_and_what_comes(
    maker: CaptureMaker, search: Search, scan_thread: ScanThread, qtbot: QtBot
) -> None:
    peer = maker.peer()
    peer.say("one needle")
    peer.say("straw")
    maker.reader()
    found = search(maker.path, "needle")
    assert wait_for(qtbot, found, RunState.COMPLETE) == [1]
    peer.say("another needle")
    maker.recorder.flush()
    with qtbot.waitSignal(scan_thread.found):
        scan_thread.poke()
    assert found.pull() == 2
    assert list(found.ids(0, 9)) == [1, 3]
    assert found.progress.through == found.progress.last == 3
    assert found.progress.share == 1.0


def test_another_run_takes_its_place(maker: CaptureMaker, search: Search, qtbot: QtBot) -> None:
    peer = maker.peer()
    peer.frame(Opcode.PING)
    peer.say("x")
    maker.reader()
    first = search(maker.path, "control")
    second = search(maker.path, "not control")
    assert wait_for(qtbot, second, RunState.COMPLETE) == [3]
    assert search(maker.path, "fin").run is not first.run


def test_a_stopped_run_keeps_what_it_found_and_goes_on(
    maker: CaptureMaker, search: Search, scan_thread: ScanThread, qtbot: QtBot
) -> None:
    maker.peer().flood(10)
    maker.reader()
    found = FoundFrames(ScanRun(maker.path, LANGUAGE.filter("fin")))
    found.run.set_paused(True)
    scan_thread.search(found.run)
    peer = maker.peer()
    peer.say("later")
    maker.recorder.flush()
    scan_thread.poke()
    # Something else is worked on meanwhile, so it was passed over.
    other = search(maker.path, "fin")
    wait_for(qtbot, other, RunState.COMPLETE)
    assert found.progress.state is RunState.PAUSED
    assert found.pull() == 0
    found.run.set_paused(False)
    scan_thread.search(found.run)
    assert len(wait_for(qtbot, found, RunState.COMPLETE)) == 11


def test_what_it_holds_is_bounded(
    maker: CaptureMaker, search: Search, scan_thread: ScanThread, qtbot: QtBot
) -> None:
    maker.peer().flood(10)
    maker.reader()
    found = search(maker.path, "fin", limit=4)
    assert wait_for(qtbot, found, RunState.FULL) == [1, 2, 3, 4]
    maker.peer().say("more")
    maker.recorder.flush()
    scan_thread.poke()
    assert wait_for(qtbot, found, RunState.FULL) == [1, 2, 3, 4]


def test_exactly_as_many_as_fit_are_not_too_many(maker: CaptureMaker, search: Search, qtbot: QtBot) -> None:
    maker.peer().flood(4)
    maker.reader()
    assert len(wait_for(qtbot, search(maker.path, "fin", limit=4), RunState.COMPLETE)) == 4


def test_a_damaged_capture_ends_the_run_and_not_the_thread(
    maker: CaptureMaker, search: Search, tmp_path: Path, qtbot: QtBot
) -> None:
    maker.peer().flood(3)
    maker.reader()
    maker.recorder.close()
    broken = tmp_path / "broken.unmask"
    broken.write_bytes(maker.path.read_bytes())
    with closing(sqlite3.connect(broken)) as database:
        database.execute("UPDATE block SET records = x'00'")
        database.commit()
    failed = search(broken, "opcode == text")
    wait_for(qtbot, failed, RunState.FAILED)
    assert str(broken) in failed.progress.problem
    missing = search(tmp_path / "nowhere", "fin")
    wait_for(qtbot, missing, RunState.FAILED)
    assert len(wait_for(qtbot, search(maker.path, "fin"), RunState.COMPLETE)) == 3


def test_after_its_end_nothing_is_begun(maker: CaptureMaker, search: Search, scan_thread: ScanThread) -> None:
    maker.peer().say("one")
    maker.reader()
    search(maker.path, "one")
    scan_thread.stop()
    search(maker.path, "one")
    assert not scan_thread.isRunning()


def test_the_window_is_told_once_until_it_takes() -> None:
    run = ScanRun(Path("a"), LANGUAGE.filter("fin"))
    assert run.add(Found((1, 2), 2, 9))
    assert not run.add(Found((3,), 3, 9))
    assert list(run.take()) == [1, 2, 3]
    assert run.add(Found((), 9, 9))
    run.take()
    assert run.end(RunState.COMPLETE)
    run.take()
    assert not run.end(RunState.COMPLETE)


def test_from_one_found_frame_to_the_next() -> None:
    run = ScanRun(Path("a"), LANGUAGE.filter("fin"))
    run.add(Found((3, 7, 20), 20, 20))
    found = FoundFrames(run)
    assert found.next_after(0) is None
    assert found.pull() == 3
    assert [found.next_after(each) for each in (0, 3, 8, 20)] == [3, 7, 20, None]
    assert [found.last_before(each) for each in (99, 20, 4, 3)] == [20, 7, 3, None]
    assert [found.place(each) for each in (3, 20, 4)] == [0, 2, None]


@pytest.fixture(scope="module")
def captures() -> Iterator[RandomCaptures]:
    with tempfile.TemporaryDirectory() as folder:
        yield RandomCaptures(Path(folder))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 12), text=filters(LANGUAGE))
def test_the_list_has_exactly_the_frames_that_match(
    captures: RandomCaptures, search: Search, qtbot: QtBot, seed: int, text: str
) -> None:
    try:
        expression = LANGUAGE.parse(text)
    except FilterError:
        assume(False)
    found = search(captures[seed], text, limit=100_000)
    wait_for(qtbot, found, RunState.COMPLETE)
    expected = asked(captures[seed], expression)
    model = FrameModel()
    with closing(CaptureReader(captures[seed])) as reader:
        model.set_rows(lambda reader, _view: FoundRows(reader, found))
        model.set_reader(reader)
        assert [model.frame_id(row) for row in range(model.rowCount())] == expected
        assert [model.position(each) for each in expected] == list(range(len(expected)))
        assert model.view_count == sum(1 for _ in reader.frames_after(0, 1_000_000))
        model.set_reader(None)
    dispose(model)
