from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.models.connections import ConnectionModel
from core.protocol.frames import Opcode
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def model(qapp: QApplication) -> Iterator[ConnectionModel]:
    model = ConnectionModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def details(model: ConnectionModel) -> list[str]:
    return [line.detail for row in range(1, model.rowCount()) if (line := model.line(row)) is not None]


def test_states_in_words(model: ConnectionModel, maker: CaptureMaker) -> None:
    maker.peer("/open").say("hello")
    maker.peer("/closed").frame(Opcode.CLOSE, b"\x03\xe9")
    maker.peer("/lost").vanish()
    model.set_reader(maker.reader())
    assert model.all_detail() == "1 open · 3 in all"
    assert [model.data(model.index(row)) for row in range(4)] == [
        "All connections",
        "#1 /open",
        "#2 /closed",
        "#3 /lost",
    ]
    assert details(model)[0] == "open · 1 frame"
    assert details(model)[2].startswith("closed · 1006 Abnormal closure")


def test_refresh_takes_over_only_what_changed(
    model: ConnectionModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    first = maker.peer()
    maker.peer()
    model.set_reader(maker.reader())
    first.say("hello")
    third = maker.peer("/third")
    maker.recorder.flush()
    with qtbot.waitSignals([model.rowsInserted, model.dataChanged]):
        model.refresh()
    assert details(model) == ["open · 1 frame", "open · 0 frames", "open · 0 frames"]
    assert model.row_of(third.id) == 3
    assert model.row_of(None) == 0
    assert model.row_of(99) is None
    first.vanish()
    maker.recorder.flush()
    model.refresh()
    assert model.open_count == 2


def test_a_path_cannot_act_on_the_list(model: ConnectionModel, maker: CaptureMaker) -> None:
    maker.peer("/\x85gnp").say("x")
    model.set_reader(maker.reader())
    line = model.line(1)
    assert line is not None
    assert line.title == "/\\x85gnp"


def test_raw_heads_are_not_held(model: ConnectionModel, maker: CaptureMaker) -> None:
    maker.peer()
    model.set_reader(maker.reader())
    line = model.line(1)
    assert line is not None
    assert (line.record.request, line.record.response) == (b"", b"")


def test_of_two_thousand_connections_only_the_changed_one_is_read(
    qapp: QApplication, maker: CaptureMaker
) -> None:
    model = ConnectionModel(qapp)
    peers = [maker.peer(f"/{number}") for number in range(2000)]
    reader = maker.reader()
    model.set_reader(reader)
    assert model.rowCount() == 2001
    peers[1000].say("hello")
    maker.recorder.flush()
    assert [record.id for record in reader.connections(model.totals.changes)] == [peers[1000].id]
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.refresh()
    # The row that changed, and the one that counts all of them.
    assert sorted(changed) == [(0, 0), (1001, 1001)]
    line = model.line(1001)
    assert line is not None
    assert line.record.frame_count == 1
    model.set_reader(None)
    dispose(model)
