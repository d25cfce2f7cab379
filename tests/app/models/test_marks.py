from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.models.marks import CACHED_PAGES, PAGE_ROWS, MarkModel, note_lines
from core.capture.marks import DropAllMarks, DropMarks, KeepMarks, Mark
from core.errors import UnmaskError
from core.protocol.frames import Opcode
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def model(qapp: QApplication) -> Iterator[MarkModel]:
    """A model under Qt's own tester, which fails on any broken promise."""
    model = MarkModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def fail(error: UnmaskError) -> None:
    raise AssertionError(str(error))


def keep(maker: CaptureMaker, frames: Iterable[int], note: str = "") -> None:
    maker.recorder.change_marks(KeepMarks(tuple(Mark(frame, note) for frame in frames)), fail)
    maker.recorder.flush()


def shown(model: MarkModel) -> list[int]:
    found = [model.line(row) for row in range(model.rowCount())]
    return [each.mark.frame for each in found if each is not None]


def test_marks_with_their_frames(model: MarkModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.say("hello")
    peer.frame(Opcode.PING, b"x")
    peer.say("bye")
    model.set_reader(maker.reader())
    assert model.rowCount() == 0
    keep(maker, [1])
    keep(maker, [2], "two\nlines \u202e")
    model.refresh()
    assert shown(model) == [1, 2]
    first, second = (model.index(row) for row in range(2))
    assert str(model.data(first)).startswith("frame 1 · text · ")
    assert model.data(second) == "two↵lines \\u202e"
    assert str(model.data(second, Qt.ItemDataRole.AccessibleDescriptionRole)).startswith("frame 2 · ping · ")
    told = str(model.data(second, Qt.ItemDataRole.ToolTipRole))
    assert told.startswith("<qt>frame 2")
    assert told.endswith("<br>two<br>lines \\u202e</qt>")
    assert [model.note(frame) for frame in (1, 2, 3)] == ["", "two\nlines \u202e", None]
    assert [model.row_of(frame) for frame in (1, 2, 3)] == [0, 1, None]
    assert model.line(2) is model.line(-1) is None


def test_nothing_is_read_while_nothing_has_changed(
    model: MarkModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    maker.peer().flood(10)
    model.set_reader(maker.reader())
    keep(maker, [3])
    model.refresh()
    maker.peer().flood(10)
    maker.recorder.flush()
    with qtbot.assertNotEmitted(model.changed):
        model.refresh()
    keep(maker, [3], "another note")
    with qtbot.waitSignal(model.changed):
        model.refresh()
    assert model.note(3) == "another note"


def test_rows_that_stay_stay_where_they_are(model: MarkModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    """Whatever is added and removed, in few rows or many."""
    maker.peer().flood(600)
    model.set_reader(maker.reader())
    dice = random.Random(1)
    held: set[int] = set()
    for _ in range(25):
        some = dice.sample(range(1, 601), dice.choice((1, 1, 3, 200)))
        if dice.random() < 0.5:
            keep(maker, some)
            held |= set(some)
        else:
            maker.recorder.change_marks(DropMarks(tuple(some)), fail)
            maker.recorder.flush()
            held -= set(some)
        model.refresh()
        assert shown(model) == sorted(held)
    keep(maker, [100, 200, 300])
    model.refresh()
    maker.recorder.change_marks(DropMarks((200,)), fail)
    maker.recorder.flush()
    row = model.row_of(200)
    with qtbot.waitSignal(model.rowsRemoved) as removed:
        model.refresh()
    assert removed.args is not None
    assert removed.args[1:] == [row, row]
    keep(maker, [200])
    with qtbot.waitSignal(model.rowsInserted) as inserted:
        model.refresh()
    assert inserted.args is not None
    assert inserted.args[1:] == [row, row]
    maker.recorder.change_marks(DropAllMarks(), fail)
    maker.recorder.flush()
    model.refresh()
    assert model.rowCount() == 0


def test_only_pages_lately_looked_at_are_held(model: MarkModel, maker: CaptureMaker) -> None:
    count = PAGE_ROWS * (CACHED_PAGES + 5)
    maker.peer().flood(count)
    keep(maker, range(1, count + 1), "n")
    model.set_reader(maker.reader())
    assert shown(model) == [*range(1, count + 1)]
    assert {model.note(frame) for frame in range(1, count + 1)} == {"n"}
    assert len(model._notes._pages) == len(model._lines._pages) == CACHED_PAGES


def test_from_one_to_the_next(model: MarkModel, maker: CaptureMaker) -> None:
    maker.peer().flood(50)
    keep(maker, [3, 7, 40])
    model.set_reader(maker.reader())
    assert list(model.frames_after(0)) == [3, 7, 40]
    assert list(model.frames_after(7)) == [40]
    assert list(model.frames_after(40)) == []
    assert list(model.frames_before(41)) == [40, 7, 3]
    assert list(model.frames_before(7)) == [3]
    assert list(model.frames_before(3)) == []


def test_a_cleared_capture_has_none(model: MarkModel, maker: CaptureMaker) -> None:
    maker.peer().flood(5)
    keep(maker, [3])
    model.set_reader(maker.reader())
    maker.recorder.clear()
    maker.recorder.flush()
    model.refresh()
    assert model.rowCount() == 0
    model.set_reader(None)
    assert model.note(3) is None


def test_a_damaged_capture_is_said_once(model: MarkModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    maker.peer().flood(5)
    keep(maker, [3])
    reader = maker.reader()
    with closing(sqlite3.connect(maker.path)) as db:
        db.execute("UPDATE mark SET note = X'ff'")
        db.commit()
    with qtbot.waitSignal(model.failed) as failed:
        model.set_reader(reader)
        assert model.note(3) == ""
    assert failed.args is not None
    assert "cannot be read" in failed.args[0]
    with qtbot.assertNotEmitted(model.failed):
        assert model.data(model.index(0))


def test_a_long_note_in_a_tooltip() -> None:
    assert note_lines("a\nb") == ["a", "b"]
    assert len(note_lines("x\n" * 100)) == 30
    assert note_lines("x\n" * 100)[-1] == "…"
