"""The person goes by the rows of gaps as if they were not there, and sees what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.look.look import Look
from app.models.frames import FrameModel
from app.views.frames.table import FrameTable
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def table(qapp: QApplication, maker: CaptureMaker, look: Look, qtbot: QtBot) -> Iterator[FrameTable]:
    """Frames 1 and 2, a gap, 3 and 4, a gap."""
    peer = maker.peer()
    for _ in range(2):
        peer.flood(2)
        maker.recorder.set_recording(False)
        peer.flood(5)
        maker.recorder.set_recording(True)
    model = FrameModel(qapp)
    model.set_reader(maker.reader())
    table = FrameTable(model, look)
    table.resize(1100, 300)
    table.show()
    qtbot.waitExposed(table)
    yield table
    dispose(table)
    model.set_reader(None)
    dispose(model)


def test_keys_go_past_gaps(table: FrameTable) -> None:
    table.go_to_first()
    went = [table.current_frame]
    for key in (
        Qt.Key.Key_Down,
        Qt.Key.Key_Down,
        Qt.Key.Key_Down,
        Qt.Key.Key_Down,
        Qt.Key.Key_Up,
        Qt.Key.Key_Up,
    ):
        QTest.keyClick(table, key)
        went.append(table.current_frame)
    assert went == [1, 2, 3, 4, 4, 3, 2]


def test_the_last_frame_is_the_last_also_ahead_of_a_gap(table: FrameTable) -> None:
    QTest.keyClick(table, Qt.Key.Key_End)
    assert (table.current_frame, table.following) == (4, True)
    QTest.keyClick(table, Qt.Key.Key_Home)
    assert (table.current_frame, table.following) == (1, False)


def test_a_selection_over_a_gap_counts_frames(table: FrameTable) -> None:
    table.go_to_first()
    for _ in range(2):
        QTest.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert (table.selected_count(), table.selected_frames(10)) == (3, [1, 2, 3])
    assert table.selected_frames(3) == [1, 2, 3]
    table.selectAll()
    assert table.selected_count() == 4


def test_a_click_on_a_gap_chooses_nothing(table: FrameTable) -> None:
    table.go_to_frame(2)
    gap = table.visualRect(table.model().index(2, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=gap)
    assert (table.current_frame, table.selected_frames(10)) == (2, [2])
    assert table.cell_at(table.viewport().mapToGlobal(gap)) is None
