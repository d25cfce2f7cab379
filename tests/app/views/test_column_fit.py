from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.icons import Icons
from app.models.frame_columns import Column
from app.models.frames import FrameModel
from app.theme import Theme
from app.views.column_fit import LEAST_PAYLOAD
from app.views.frame_table import FrameTable
from tests.tools.qt import dispose


@pytest.fixture
def table(qapp: QApplication, theme: Theme, icons: Icons, qtbot: QtBot) -> Iterator[FrameTable]:
    table = FrameTable(FrameModel(qapp), theme, icons)
    table.resize(1200, 300)
    table.show()
    qtbot.waitExposed(table)
    yield table
    dispose(table)


def widths(table: FrameTable) -> dict[Column, int]:
    return {column: table.columnWidth(column) for column in Column}


def scrolls(table: FrameTable) -> bool:
    return table.horizontalScrollBar().maximum() > 0


def test_the_payload_keeps_its_room_and_the_others_come_back(table: FrameTable) -> None:
    first = widths(table)
    assert all(first.values())
    for width in (1000, 900, 820, 760, 700):
        table.resize(width, 300)
        assert table.columnWidth(Column.PAYLOAD) >= LEAST_PAYLOAD
        assert not scrolls(table)
    assert table.isColumnHidden(Column.DELTA)
    assert table.columnWidth(Column.NUMBER) == first[Column.NUMBER]
    table.resize(1200, 300)
    assert widths(table) == first


def test_where_nothing_gives_way_any_more_it_scrolls(table: FrameTable) -> None:
    table.resize(300, 300)
    assert table.columnWidth(Column.PAYLOAD) == LEAST_PAYLOAD
    assert scrolls(table)


def test_a_width_of_the_persons_choice_is_kept(table: FrameTable) -> None:
    header = table.horizontalHeader()
    header.resizeSection(Column.FLAGS, 250)
    assert not scrolls(table)
    table.resize(700, 300)
    assert table.columnWidth(Column.FLAGS) < 250
    state = table.header.save()
    assert table.isColumnHidden(Column.DELTA)
    header.resizeSection(Column.FLAGS, 60)
    table.resize(1200, 300)
    assert table.columnWidth(Column.FLAGS) == 60
    table.header.restore(state)
    assert table.columnWidth(Column.FLAGS) == 250
    assert not table.isColumnHidden(Column.DELTA)


def test_a_column_of_the_persons_choice_stays(table: FrameTable, qtbot: QtBot) -> None:
    table.resize(760, 300)
    menu = QMenu(table)
    table.header.fill_menu(menu)
    delta, payload = menu.actions()[Column.DELTA], menu.actions()[Column.PAYLOAD]
    assert not delta.isChecked()
    delta.toggle()
    table.resize(750, 300)
    assert not table.isColumnHidden(Column.DELTA)
    assert table.columnWidth(Column.PAYLOAD) >= LEAST_PAYLOAD
    payload.toggle()
    qtbot.waitUntil(lambda: table.columnWidth(Column.FLAGS) > 200)
    payload.toggle()
    delta.toggle()
    table.resize(1200, 300)
    assert table.isColumnHidden(Column.DELTA)
