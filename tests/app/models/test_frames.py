from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import TimeFormat
from app.logic.row_pages import CACHED_PAGES, PAGE_ROWS
from app.logic.rows import ViewRows
from app.models.frames import FrameModel
from core.capture.records import View
from core.protocol.events import Completes, Decided, FrameReceived, Ruled
from core.protocol.frames import Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from tests.tools.qt import dispose
from tests.tools.recorded import STEP_NS, CaptureMaker


@pytest.fixture
def model(qapp: QApplication) -> Iterator[FrameModel]:
    """A model under Qt's own tester, which fails on any broken promise."""
    model = FrameModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def cell(model: FrameModel, row: int, column: FrameColumn) -> str:
    return str(model.data(model.index(row, column)))


def test_rows_of_a_capture(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.say("hello")
    peer.frame(Opcode.PING, b"x")
    model.set_reader(maker.reader())
    assert [
        cell(model, 0, column) for column in (FrameColumn.NUMBER, FrameColumn.DIRECTION, FrameColumn.OPCODE)
    ] == [
        "1",
        "client → server",
        "text",
    ]
    assert cell(model, 0, FrameColumn.PAYLOAD) == "hello"
    # The ping and the automatic pong.
    assert [cell(model, row, FrameColumn.OPCODE) for row in range(model.rowCount())] == [
        "text",
        "ping",
        "pong",
    ]
    assert cell(model, 1, FrameColumn.DELTA) == "1.00 ms"


def test_new_rows_come_in_one_insertion(model: FrameModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    peer = maker.peer()
    peer.say("one")
    model.set_reader(maker.reader())
    peer.flood(PAGE_ROWS * 2)
    maker.recorder.flush()
    assert model.rowCount() == 1
    with qtbot.waitSignal(model.rowsInserted) as inserted:
        model.refresh()
    assert inserted.args is not None
    assert inserted.args[1:] == [1, PAGE_ROWS * 2]
    # The page that was only begun has grown.
    assert cell(model, 1, FrameColumn.PAYLOAD) == "0"
    assert cell(model, PAGE_ROWS * 2, FrameColumn.PAYLOAD) == str(PAGE_ROWS * 2 - 1)


def test_every_row_is_the_right_one_and_few_pages_are_held(model: FrameModel, maker: CaptureMaker) -> None:
    rows = PAGE_ROWS * (CACHED_PAGES + 4) + 3
    maker.peer().flood(rows)
    model.set_reader(maker.reader())
    assert model.rowCount() == rows
    for row in (*range(0, rows, 97), rows - 1, 0):
        assert cell(model, row, FrameColumn.PAYLOAD) == str(row)
        assert model.frame_id(row) == row + 1
    assert len(model._pages) <= CACHED_PAGES


def test_delta_across_the_edge_of_a_page(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    for number in range(PAGE_ROWS + 1):
        peer.say(str(number))
    model.set_reader(maker.reader())
    assert cell(model, 0, FrameColumn.DELTA) == ""
    assert cell(model, PAGE_ROWS, FrameColumn.DELTA) == "1.00 ms"


def test_a_view_of_one_connection_without_control_frames(model: FrameModel, maker: CaptureMaker) -> None:
    first, second = maker.peer(), maker.peer()
    first.say("from one")
    second.say("from two")
    second.frame(Opcode.PING)
    model.set_reader(maker.reader())
    model.set_view(View(second.id, control=False))
    assert [cell(model, row, FrameColumn.PAYLOAD) for row in range(model.rowCount())] == ["from two"]
    assert model.control_count == 2
    assert model.position(1) is None
    assert model.position(2) == 0


def test_frozen_it_only_counts(model: FrameModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    peer = maker.peer()
    peer.say("one")
    model.set_reader(maker.reader())
    model.set_frozen(True)
    peer.flood(10)
    maker.recorder.flush()
    with qtbot.assertNotEmitted(model.rowsInserted):
        model.refresh()
    assert (model.rowCount(), model.behind) == (1, 10)
    model.set_frozen(False)
    assert (model.rowCount(), model.behind) == (11, 0)


def test_frozen_another_view_still_shows_its_rows(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.say("one")
    model.set_reader(maker.reader())
    model.set_frozen(True)
    model.set_view(View(peer.id))
    assert (model.rowCount(), model.behind, model.frozen) == (1, 0, True)


def test_frozen_no_other_rows_show_what_came_later(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.flood(10)
    model.set_reader(maker.reader())
    model.set_frozen(True)
    peer.flood(20)
    maker.recorder.flush()
    model.set_view(View(peer.id))
    assert (model.rowCount(), model.behind) == (10, 20)
    model.set_rows(ViewRows)
    assert (model.rowCount(), model.behind) == (10, 20)
    model.set_frozen(False)
    assert (model.rowCount(), model.behind) == (30, 0)


def test_a_cleared_capture_starts_again(model: FrameModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    peer = maker.peer()
    peer.flood(5)
    model.set_reader(maker.reader())
    maker.recorder.clear()
    peer.say("after")
    maker.recorder.flush()
    with qtbot.waitSignal(model.modelReset):
        model.refresh()
    assert [cell(model, row, FrameColumn.PAYLOAD) for row in range(model.rowCount())] == ["after"]


def test_time_formats(model: FrameModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    peer = maker.peer()
    peer.say("one")
    peer.say("two")
    model.set_reader(maker.reader())
    with qtbot.waitSignal(model.headerDataChanged):
        model.set_time_format(TimeFormat.SINCE_START)
    assert model.headerData(FrameColumn.TIME, Qt.Orientation.Horizontal) == "Since start"
    assert [cell(model, row, FrameColumn.TIME) for row in (0, 1)] == ["0.000000", f"{STEP_NS / 1e9:.6f}"]


def test_no_reader_no_rows(model: FrameModel, maker: CaptureMaker) -> None:
    maker.peer().say("one")
    model.set_reader(maker.reader())
    model.set_reader(None)
    assert model.rowCount() == 0
    assert model.line(0) is None


def test_every_header_explains_itself(model: FrameModel) -> None:
    for column in FrameColumn:
        assert model.headerData(column, Qt.Orientation.Horizontal)
        assert model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)


def test_a_refresh_asks_once_how_far_the_lists_go(model: FrameModel, maker: CaptureMaker) -> None:
    maker.peer().flood(3)
    reader = maker.reader()
    model.set_reader(reader)
    asked: list[str] = []
    reader._db.connection.set_trace_callback(asked.append)
    model.refresh()
    reader._db.connection.set_trace_callback(None)
    # Where it begins and ends, with control frames and without.
    assert len([each for each in asked if each.startswith("SELECT position")]) == 4


def test_what_is_decided_of_rows_that_were_read(model: FrameModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    peer = maker.peer()
    came = FrameReceived(make_frame(Opcode.TEXT, b"came"), (), Completes.ITSELF)
    peer.say("before")
    peer.tell([Ruled(came, Handling(Fate.HELD), 1)])
    model.set_reader(maker.reader())
    assert "held" in cell(model, 1, FrameColumn.FLAGS)
    with qtbot.assertNotEmitted(model.handled):
        model.refresh()
    peer.tell([Decided(1, Handling(Fate.DROPPED, DecidedBy.PERSON, 3_200_000_000))])
    maker.recorder.flush()
    with qtbot.waitSignals([model.handled, model.dataChanged]):
        model.refresh()
    assert cell(model, 1, FrameColumn.FLAGS) == "F···· dropped held 3.20 s"
    assert cell(model, 0, FrameColumn.FLAGS) == "F···M"
