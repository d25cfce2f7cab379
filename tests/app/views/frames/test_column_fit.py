from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.logic.frame_column import FrameColumn
from app.look.look import Look
from app.look.theme import Theme
from app.models.frames import FrameModel
from app.views.frames.column_fit import LEAST_PAYLOAD
from app.views.frames.table import FrameTable
from core.capture.records import View
from core.protocol.frames import Opcode
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def table(qapp: QApplication, look: Look, qtbot: QtBot) -> Iterator[FrameTable]:
    table = FrameTable(FrameModel(qapp), look)
    table.resize(1200, 300)
    table.show()
    qtbot.waitExposed(table)
    yield table
    model_of(table).set_reader(None)
    dispose(table)


def model_of(table: FrameTable) -> FrameModel:
    model = table.model()
    assert isinstance(model, FrameModel)
    return model


def widths(table: FrameTable) -> dict[FrameColumn, int]:
    return {column: table.columnWidth(column) for column in FrameColumn}


def scrolls(table: FrameTable) -> bool:
    return table.horizontalScrollBar().maximum() > 0


def test_the_payload_keeps_its_room_and_the_others_come_back(table: FrameTable) -> None:
    first = widths(table)
    assert all(first.values())
    for width in (1000, 900, 820, 760, 700):
        table.resize(width, 300)
        assert table.columnWidth(FrameColumn.PAYLOAD) >= LEAST_PAYLOAD
        assert not scrolls(table)
    table.resize(600, 300)
    assert table.isColumnHidden(FrameColumn.DELTA)
    assert table.columnWidth(FrameColumn.NUMBER) == first[FrameColumn.NUMBER]
    table.resize(1200, 300)
    assert widths(table) == first


def test_where_nothing_gives_way_any_more_it_scrolls(table: FrameTable) -> None:
    table.resize(300, 300)
    assert table.columnWidth(FrameColumn.PAYLOAD) == LEAST_PAYLOAD
    assert scrolls(table)


def test_columns_are_as_wide_as_what_they_show(
    table: FrameTable, maker: CaptureMaker, qtbot: QtBot, theme: Theme
) -> None:
    peer = maker.peer("/chat")
    peer.say("short")
    model_of(table).set_reader(maker.reader())
    qtbot.waitUntil(lambda: "F···M" in flags(table))
    narrow = widths(table)
    assert narrow[FrameColumn.FLAGS] < 100, "the flags take no more than they need"
    for number in range(3):
        peer.frame(Opcode.TEXT if not number else Opcode.CONTINUATION, bytes([97]) * 160_252, fin=number == 2)
    maker.recorder.flush()
    model_of(table).refresh()
    qtbot.waitUntil(lambda: table.columnWidth(FrameColumn.LENGTH) > narrow[FrameColumn.LENGTH])
    wide = widths(table)
    line = model_of(table).line(3)
    assert line is not None
    assert line.length == "160\u202f252 → 480\u202f756"
    assert table.columnWidth(FrameColumn.LENGTH) >= theme_width(theme, line.length)
    assert wide[FrameColumn.FLAGS] > narrow[FrameColumn.FLAGS]
    assert wide[FrameColumn.OPCODE] > narrow[FrameColumn.OPCODE]
    assert sum(wide.values()) == table.viewport().width(), "the payload has the rest"


def flags(table: FrameTable) -> str:
    return str(model_of(table).data(model_of(table).index(0, FrameColumn.FLAGS)))


def theme_width(theme: Theme, text: str) -> int:
    return QFontMetrics(theme.mono_font()).horizontalAdvance(text)


def test_a_column_shrinks_only_when_something_else_is_shown(
    table: FrameTable, maker: CaptureMaker, qtbot: QtBot
) -> None:
    loud, quiet = maker.peer("/loud"), maker.peer("/quiet")
    quiet.say("a")
    loud.frame(Opcode.BINARY, bytes(1_234_567))
    quiet.flood(200)
    model_of(table).set_reader(maker.reader())
    table.go_to_row(0)
    qtbot.waitUntil(lambda: table.columnWidth(FrameColumn.LENGTH) > 80)
    wide = table.columnWidth(FrameColumn.LENGTH)
    table.go_to_last()
    table.grab()
    qtbot.wait(1)
    assert table.columnWidth(FrameColumn.LENGTH) == wide
    table.set_view(View(connection=quiet.id))
    qtbot.waitUntil(lambda: table.columnWidth(FrameColumn.LENGTH) < wide)


def test_whose_frames_they_are_is_told_where_there_are_several(
    table: FrameTable, maker: CaptureMaker
) -> None:
    peer = maker.peer("/chat?a=b")
    peer.say("hello")
    model_of(table).set_reader(maker.reader())
    table.set_names(lambda _connection: "/chat?a=b")
    assert not table.isColumnHidden(FrameColumn.CONNECTION)
    assert model_of(table).data(model_of(table).index(0, FrameColumn.CONNECTION)) == "#1 /chat?a=b"
    table.set_view(View(connection=1))
    assert table.isColumnHidden(FrameColumn.CONNECTION)
    menu = QMenu(table)
    table.header.fill_menu(menu)
    switch = menu.actions()[FrameColumn.CONNECTION]
    assert (switch.isChecked(), switch.isEnabled()) == (True, False)
    table.set_view(View())
    assert not table.isColumnHidden(FrameColumn.CONNECTION)
    table.header.show_column(FrameColumn.CONNECTION, shown=False)
    table.set_view(View(connection=1))
    table.set_view(View())
    assert table.isColumnHidden(FrameColumn.CONNECTION), "the person does not want it"


def test_a_width_of_the_persons_choice_is_kept(table: FrameTable) -> None:
    header = table.horizontalHeader()
    header.resizeSection(FrameColumn.FLAGS, 250)
    assert not scrolls(table)
    table.resize(700, 300)
    assert table.columnWidth(FrameColumn.FLAGS) < 250
    state = table.header.save()
    assert table.isColumnHidden(FrameColumn.DELTA)
    header.resizeSection(FrameColumn.FLAGS, 60)
    table.resize(1200, 300)
    assert table.columnWidth(FrameColumn.FLAGS) == 60
    table.header.restore(state)
    assert table.columnWidth(FrameColumn.FLAGS) == 250
    assert not table.isColumnHidden(FrameColumn.DELTA)
    header.sectionHandleDoubleClicked.emit(int(FrameColumn.FLAGS))
    assert table.columnWidth(FrameColumn.FLAGS) < 250, (
        "a double click on its edge gives it the width it needs"
    )


def test_order_and_choice_come_back(table: FrameTable, look: Look) -> None:
    header = table.header
    header.moveSection(header.visualIndex(FrameColumn.LENGTH), 0)
    header.show_column(FrameColumn.OPCODE, shown=False)
    other = FrameTable(FrameModel(table), look)
    other.header.restore(header.save())
    assert other.header.visualIndex(FrameColumn.LENGTH) == 0
    assert other.isColumnHidden(FrameColumn.OPCODE)
    assert other.header.save() == header.save()
    dispose(other)


@pytest.mark.parametrize(
    "state",
    [b"", b"\x00\x01", b"[1]", b'[["NUMBER"]]', b'[["OTHER", true, 1]]', b"{}", b'[["TIME", 1, "x"]]'],
)
def test_a_state_that_cannot_be_read_changes_nothing(table: FrameTable, state: bytes) -> None:
    before = table.header.save()
    table.header.restore(QByteArray(state))
    assert table.header.save() == before


def test_a_column_of_the_persons_choice_stays(table: FrameTable, qtbot: QtBot) -> None:
    table.resize(600, 300)
    menu = QMenu(table)
    table.header.fill_menu(menu)
    delta, payload = menu.actions()[FrameColumn.DELTA], menu.actions()[FrameColumn.PAYLOAD]
    assert not delta.isChecked()
    delta.toggle()
    assert not table.isColumnHidden(FrameColumn.DELTA)
    assert table.columnWidth(FrameColumn.PAYLOAD) >= LEAST_PAYLOAD
    payload.toggle()
    qtbot.waitUntil(lambda: table.isColumnHidden(FrameColumn.PAYLOAD))
    assert sum(widths(table).values()) >= table.viewport().width(), "the last column has the rest"
    payload.toggle()
    delta.toggle()
    table.resize(1200, 300)
    assert table.isColumnHidden(FrameColumn.DELTA)
