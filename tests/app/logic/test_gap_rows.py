"""A list whose gaps have rows of their own, among the frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.logic.frame_column import FrameColumn
from app.models.frames import FrameModel
from core.capture.gaps import GapReason
from core.capture.records import View
from core.protocol.frames import Opcode
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker, Peer

OFF, DROPPED = "off", "dropped"
_WORDS = {GapReason.NOT_RECORDED: OFF, GapReason.DROPPED: DROPPED, GapReason.NOT_WRITTEN: "lost"}


@pytest.fixture
def model(qapp: QApplication) -> Iterator[FrameModel]:
    """A model under Qt's own tester, which fails on any broken promise."""
    model = FrameModel(qapp)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, qapp)
    yield model
    model.set_reader(None)
    dispose(tester)
    dispose(model)


def shown(model: FrameModel) -> list[int | str | None]:
    """Ids of frames, and such as `3 off`."""
    rows: list[int | str | None] = []
    for row in range(model.rowCount()):
        gap = model.gap_at(row)
        rows.append(model.frame_id(row) if gap is None else f"{gap.frames} {_WORDS[gap.reason]}")
    return rows


def passes(maker: CaptureMaker, peer: Peer, frames: int) -> None:
    """Frames that are not recorded."""
    maker.recorder.set_recording(False)
    peer.flood(frames)
    maker.recorder.flush()
    maker.recorder.set_recording(True)


def comes(maker: CaptureMaker, peer: Peer, frames: int) -> None:
    peer.flood(frames)
    maker.recorder.flush()


def test_a_gap_grows_in_its_row_and_frames_come_behind_it(
    model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    peer = maker.peer()
    comes(maker, peer, 2)
    model.set_reader(maker.reader())
    passes(maker, peer, 3)
    model.refresh()
    assert shown(model) == [1, 2, "3 off"]
    passes(maker, peer, 4)
    with qtbot.waitSignal(model.dataChanged) as changed:
        model.refresh()
    assert (changed.args or [])[0].row() == 2
    assert shown(model) == [1, 2, "7 off"]
    comes(maker, peer, 1)
    model.refresh()
    assert shown(model) == [1, 2, "7 off", 3]
    passes(maker, peer, 1)
    comes(maker, peer, 2)
    with qtbot.waitSignal(model.rowsInserted) as inserted:
        model.refresh()
    assert (inserted.args or [])[1:] == [4, 6]
    assert shown(model) == [1, 2, "7 off", 3, "1 off", 4, 5]
    assert [model.position(frame) for frame in (1, 2, 3, 4, 5)] == [0, 1, 3, 5, 6]
    assert (model.first_row, model.last_row, model.frame_count) == (0, 6, 5)
    assert [model.row_from(frame) for frame in (3, 4, 9)] == [3, 5, 6]
    assert model.frames_between(1, 4) == 2


def test_a_gap_is_no_frame(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    passes(maker, peer, 2)
    comes(maker, peer, 1)
    model.set_reader(maker.reader())
    index = model.index(0, FrameColumn.NUMBER)
    assert str(model.data(index)).startswith("2 frames were not recorded: Record was off  ·  ")
    assert model.data(model.index(0, FrameColumn.PAYLOAD)) is None
    assert not model.flags(index) & (Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
    assert (model.line(0), model.first_row) == (None, 1)


def test_only_gaps(model: FrameModel, maker: CaptureMaker) -> None:
    passes(maker, maker.peer(), 2)
    model.set_reader(maker.reader())
    assert (shown(model), model.first_row, model.last_row) == (["2 off"], 1, -1)


def test_each_connection_has_its_own_share(model: FrameModel, maker: CaptureMaker) -> None:
    one, two = maker.peer(), maker.peer()
    comes(maker, one, 1)
    passes(maker, one, 3)
    passes(maker, two, 1)
    comes(maker, two, 1)
    passes(maker, two, 2)
    comes(maker, one, 1)
    model.set_reader(maker.reader())
    assert shown(model) == [1, "4 off", 2, "2 off", 3]
    model.set_view(View(one.id))
    assert shown(model) == [1, "3 off", 3]
    model.set_view(View(two.id))
    assert shown(model) == ["1 off", 2, "2 off"]


def test_hidden_control_frames_are_in_no_gap(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    maker.recorder.set_recording(False)
    peer.frame(Opcode.PONG)
    maker.recorder.flush()
    maker.recorder.set_recording(True)
    comes(maker, peer, 1)
    model.set_reader(maker.reader())
    assert shown(model) == ["1 off", 1]
    model.set_view(View(control=False))
    assert shown(model) == [1]


def test_a_ring_takes_gaps_along_with_the_frames_around_them(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    for frames in (2, 3, 1, 2):
        comes(maker, peer, frames)
        passes(maker, peer, 5)
    model.set_reader(maker.reader())
    assert shown(model) == [1, 2, "5 off", 3, 4, 5, "5 off", 6, "5 off", 7, 8, "5 off"]
    maker.keep_last(4)
    model.refresh()
    assert shown(model) == ["2 dropped", "5 off", 3, 4, 5, "5 off", 6, "5 off", 7, 8, "5 off"]
    maker.keep_last(3)
    model.refresh()
    assert shown(model) == ["5 dropped", "5 off", 6, "5 off", 7, 8, "5 off"]
    comes(maker, peer, 1)
    maker.keep_last(1)
    model.refresh()
    assert shown(model) == ["8 dropped", "5 off", 9]
    assert [model.position(frame) for frame in (8, 9)] == [None, 2]


def test_while_frozen_no_gap_comes_or_grows(model: FrameModel, maker: CaptureMaker) -> None:
    peer = maker.peer()
    comes(maker, peer, 1)
    passes(maker, peer, 1)
    model.set_reader(maker.reader())
    model.set_frozen(True)
    passes(maker, peer, 1)
    comes(maker, peer, 1)
    passes(maker, peer, 1)
    model.refresh()
    assert (shown(model), model.behind) == ([1, "1 off"], 1)
    model.set_frozen(False)
    assert shown(model) == [1, "2 off", 2, "1 off"]


def test_every_row_is_the_right_one_whatever_happens(model: FrameModel, maker: CaptureMaker) -> None:
    """The list that was followed is the one that is opened at the end."""
    peer = maker.peer()
    model.set_reader(maker.reader())
    for step in range(30):
        comes(maker, peer, 1 + 37 * (step % 3))
        if step % 2:
            passes(maker, peer, step)
        if step % 7 == 6:
            maker.keep_last(150)
        model.refresh()
    followed = shown(model)
    model.set_reader(maker.reader())
    assert shown(model) == followed
    assert sum(isinstance(each, str) for each in followed) > 3
