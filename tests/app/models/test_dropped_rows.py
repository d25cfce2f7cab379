"""A list of frames whose oldest go while it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.logic.found import FoundFrames, FoundRows, MarkedRows
from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import TimeFormat
from app.logic.row_pages import PAGE_ROWS
from app.logic.rows import ViewRows
from app.logic.scan_run import ScanRun
from app.models.frames import FrameModel
from core.capture.records import View
from core.protocol.frames import Opcode
from core.query.language import default_language
from core.query.scan import Scan
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def model(qapp: QApplication) -> Iterator[FrameModel]:
    """A model under Qt's own tester, which fails on any broken promise."""
    model = FrameModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def floods(maker: CaptureMaker, *counts: int) -> None:
    """A peer sends so many frames, a block for each of `counts`."""
    peer = maker.peer()
    for count in counts:
        peer.flood(count)
        maker.recorder.flush()


def ids(model: FrameModel) -> list[int | None]:
    return [model.frame_id(row) for row in range(model.rowCount())]


def missing(model: FrameModel, row: int) -> int:
    """How many frames the row says to be missing."""
    gap = model.gap_at(row)
    return 0 if gap is None else gap.frames


def test_rows_that_are_gone_leave_one_that_says_so(
    model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    floods(maker, 30, 20, 10)
    model.set_reader(maker.reader())
    assert (ids(model), model.first_row) == (list(range(1, 61)), 0)
    maker.keep_last(25)
    with qtbot.waitSignal(model.rowsRemoved) as removed, qtbot.waitSignal(model.rowsInserted) as inserted:
        model.refresh()
    assert (removed.args or [])[1:] == [0, 29]
    assert (inserted.args or [])[1:] == [0, 0]
    assert ids(model) == [None, *range(31, 61)]
    assert (model.first_row, missing(model, 0), missing(model, 1)) == (1, 30, 0)
    assert (model.position(31), model.position(60), model.position(30)) == (1, 30, None)
    maker.keep_last(10)
    with qtbot.waitSignal(model.rowsRemoved) as removed:
        model.refresh()
    assert (removed.args or [])[1:] == [1, 20]
    assert ids(model) == [None, *range(51, 61)]
    assert missing(model, 0) == 50


def test_the_row_in_front_is_no_frame(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 1, 1)
    maker.keep_last(1)
    model.set_reader(maker.reader())
    index = model.index(0, FrameColumn.NUMBER)
    assert str(model.data(index)).startswith("1 frame was dropped: only the newest are kept  ·  ")
    assert model.data(model.index(0, FrameColumn.PAYLOAD)) is None
    assert not model.flags(index) & (Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
    assert model.line(0) is None
    assert model.data(model.index(1, FrameColumn.NUMBER)) == "2"
    assert model.flags(model.index(1, 0)) & Qt.ItemFlag.ItemIsSelectable


def test_a_capture_that_has_dropped_is_opened(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 700, 700, 5)
    maker.keep_last(600)
    model.set_reader(maker.reader())
    assert model.rowCount() == 706
    assert ids(model) == [None, *range(701, 1406)]
    assert (model.view_count, model.control_count) == (705, 0)
    first = model.line(1)
    assert first is not None
    assert (first.number, first.delta) == ("701", "")
    model.set_time_format(TimeFormat.SINCE_START)
    assert model.data(model.index(1, FrameColumn.TIME)) == "0.000000"


def test_every_row_is_the_right_one_while_the_front_goes(model: FrameModel, maker: CaptureMaker) -> None:
    """Cached pages may begin before the front, which may also be far from their edges."""
    reader = maker.reader()
    model.set_reader(reader)
    sent = 0
    for count in (100, 300, 77, PAGE_ROWS, 1, 500, 33):
        floods(maker, count)
        sent += count
        maker.keep_last(400)
        model.refresh()
        begin = reader.dropped(View())
        assert ids(model) == [*([None] if begin else []), *range(begin + 1, sent + 1)]
        for row in range(model.first_row, model.rowCount(), 50):
            line = model.line(row)
            assert line is not None
            assert line.number == str(model.frame_id(row))
            assert line.delta or row == model.first_row


def test_between_two_looks_rows_that_went_are_blank(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 300, 300, 300)
    model.set_reader(maker.reader())
    maker.keep_last(300)
    assert model.rowCount() == 900
    assert model.line(270) is None
    assert model.frame_id(899) == 900


def test_while_frozen_only_the_front_changes(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 10, 10)
    model.set_reader(maker.reader())
    model.set_frozen(True)
    floods(maker, 5)
    maker.keep_last(15)
    model.refresh()
    assert (ids(model), model.behind) == ([None, *range(11, 21)], 5)
    floods(maker, 7)
    maker.keep_last(1)
    model.refresh()
    assert (ids(model), missing(model, 0)) == ([None], 25)
    model.set_frozen(False)
    assert ids(model) == [None, *range(26, 33)]


def test_a_connection_whose_frames_are_gone(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 10)
    floods(maker, 20)
    maker.keep_last(20)
    model.set_reader(maker.reader())
    model.set_view(View(1))
    assert (model.rowCount(), missing(model, 0), model.view_count) == (1, 10, 0)
    model.set_view(View(2))
    assert (model.rowCount(), missing(model, 0)) == (20, 0)


def test_hidden_control_frames_are_counted_while_they_are_kept(
    model: FrameModel, maker: CaptureMaker
) -> None:
    peer = maker.peer()
    for _ in range(2):
        peer.frame(Opcode.PING, b"x")
        peer.say("data")
        maker.recorder.flush()
    maker.keep_last(3)
    model.set_reader(maker.reader())
    assert (model.rowCount(), model.control_count) == (4, 2)
    model.set_view(View(control=False))
    assert (model.rowCount(), missing(model, 0), model.control_count) == (2, 1, 2)


def test_cleared_frames_are_not_counted_as_gone(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 10, 10)
    maker.keep_last(1)
    model.set_reader(maker.reader())
    maker.recorder.clear()
    floods(maker, 3)
    model.refresh()
    assert ids(model) == [21, 22, 23]


def found_in(maker: CaptureMaker, text: str) -> FoundFrames:
    """What a finished scan found, not taken over yet."""
    wanted = default_language().filter(text)
    run = ScanRun(maker.path, wanted)
    with closing(Scan(maker.path, wanted.expression)) as scan:
        for each in scan.run():
            run.add(each)
    return FoundFrames(run)


def test_a_list_of_hits_loses_those_that_are_gone(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 10, 10)
    reader = maker.reader()
    found = found_in(maker, 'payload == "3" or payload == "7"')
    model.set_rows(lambda reader, _view: FoundRows(reader, found))
    model.set_reader(reader)
    assert ids(model) == [4, 8, 14, 18]
    maker.keep_last(1)
    model.refresh()
    assert (ids(model), len(found), missing(model, 0)) == ([14, 18], 2, 0)
    assert (model.position(14), model.position(4)) == (0, None)
    assert (found.next_after(0), found.last_before(14), found.place(4)) == (14, None, None)


def test_hits_go_with_their_rows_and_not_later(model: FrameModel, maker: CaptureMaker) -> None:
    floods(maker, 10, 10)
    reader = maker.reader()
    found = found_in(maker, 'payload == "3" or payload == "7"')
    model.set_rows(lambda reader, view: MarkedRows(reader, found, ViewRows(reader, view)))
    model.set_reader(reader)
    assert (len(ids(model)), len(found)) == (20, 4)
    maker.keep_last(1)
    told: list[tuple[int, int | None]] = []
    model.counts_changed.connect(lambda: told.append((len(found), found.number(14))))
    model.refresh()
    assert told == [(2, 1)]
    assert (missing(model, 0), model.position(14)) == (10, 4)
