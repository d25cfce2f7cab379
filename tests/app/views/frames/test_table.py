from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolTip
from pytestqt.qtbot import QtBot

from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import Badge
from app.look.look import Look
from app.look.theme import Theme, ThemeChoice, ThemeRole
from app.models.frames import FrameModel
from app.views.frames.painter import FramePainter
from app.views.frames.table import FrameTable
from core.capture.records import View
from core.protocol.frames import Opcode
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def model(qapp: QApplication) -> Iterator[FrameModel]:
    model = FrameModel(qapp)
    yield model
    model.set_reader(None)
    dispose(model)


@pytest.fixture
def table(model: FrameModel, look: Look, qtbot: QtBot) -> Iterator[FrameTable]:
    table = FrameTable(model, look)
    table.resize(1100, 300)
    table.show()
    qtbot.waitExposed(table)
    yield table
    dispose(table)


def more(model: FrameModel, maker: CaptureMaker) -> None:
    maker.recorder.flush()
    model.refresh()


def at_tail(table: FrameTable) -> bool:
    return table.verticalScrollBar().value() == table.verticalScrollBar().maximum()


def test_it_follows_the_tail_from_the_start(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    peer = maker.peer()
    peer.flood(100)
    model.set_reader(maker.reader())
    assert table.following
    assert at_tail(table)
    peer.flood(100)
    more(model, maker)
    assert at_tail(table)
    assert table.current_frame is None


def test_a_selection_stops_following_and_stays(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    peer = maker.peer()
    peer.flood(100)
    model.set_reader(maker.reader())
    with qtbot.waitSignals([table.current_frame_changed, table.following_changed]):
        table.go_to_row(98)
    scroll = table.verticalScrollBar().value()
    peer.flood(1000)
    more(model, maker)
    assert not table.following
    assert table.current_frame == 99
    assert table.verticalScrollBar().value() == scroll


def test_a_frame_that_the_list_has_not_heard_of_can_be_gone_to(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    peer = maker.peer()
    peer.flood(10)
    model.set_reader(maker.reader())
    peer.flood(10)
    maker.recorder.flush()
    assert table.go_to_frame(15)
    assert (table.current_frame, model.newest) == (15, 20)
    assert not table.go_to_frame(21)
    model.set_frozen(True)
    peer.flood(10)
    maker.recorder.flush()
    assert not table.go_to_frame(25)


def test_scrolling_up_stops_and_scrolling_down_to_the_end_follows_again(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    maker.peer().flood(100)
    model.set_reader(maker.reader())
    bar = table.verticalScrollBar()
    bar.setValue(10)
    assert not table.following
    bar.setValue(bar.maximum())
    assert table.following


def test_the_wheel_at_the_end_follows_again(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    maker.peer().flood(100)
    model.set_reader(maker.reader())
    table.go_to_row(99)
    assert not table.following
    middle = QPointF(table.viewport().rect().center())
    wheel = QWheelEvent(
        middle,
        table.viewport().mapToGlobal(middle),
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(table.viewport(), wheel)
    assert table.following


def test_what_is_newer_is_counted_until_it_catches_up(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    peer = maker.peer()
    peer.flood(100)
    model.set_reader(maker.reader())
    table.go_to_row(3)
    assert table.newer == 0
    peer.flood(7)
    more(model, maker)
    assert table.newer == 7
    table.set_following(True)
    assert at_tail(table)
    assert table.newer == 0


@pytest.mark.parametrize("height", [300, 215])
@pytest.mark.parametrize("row", [0, 3, 50, 96, 99])
def test_a_row_jumped_to_is_in_the_middle_as_far_as_can_be(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, row: int, height: int
) -> None:
    table.resize(1100, height)
    peer = maker.peer()
    peer.flood(100)
    model.set_reader(maker.reader())
    table.go_to_row(row)
    assert table.currentIndex().row() == row
    bar = table.verticalScrollBar()
    off = abs(table.visualRect(table.currentIndex()).center().y() - table.viewport().height() // 2)
    assert off <= table.rowHeight(row) // 2 + 1 or bar.value() in (bar.minimum(), bar.maximum())
    peer.flood(7)
    top = bar.value()
    more(model, maker)
    # Also where that is the last page: it was jumped to, not scrolled to.
    assert bar.value() == top
    assert not table.following
    assert table.newer == 7


def test_keys(table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot) -> None:
    maker.peer().flood(100)
    model.set_reader(maker.reader())

    def press(key: Qt.Key) -> int | None:
        QTest.keyClick(table, key)
        return table.current_frame

    assert press(Qt.Key.Key_Home) == 1
    assert press(Qt.Key.Key_Down) == 2
    assert press(Qt.Key.Key_Up) == 1
    page = press(Qt.Key.Key_PageDown)
    assert page is not None
    assert page > 5
    assert press(Qt.Key.Key_PageUp) == 1
    assert not table.following
    assert press(Qt.Key.Key_End) == 100
    assert table.following
    with qtbot.waitSignal(table.opened):
        QTest.keyClick(table, Qt.Key.Key_Return)


def test_letters_do_not_search(table: FrameTable, model: FrameModel, maker: CaptureMaker) -> None:
    maker.peer().flood(50)
    model.set_reader(maker.reader())
    table.go_to_row(0)
    QTest.keyClicks(table, "te")
    assert table.current_frame == 1


def test_hiding_control_frames_keeps_selection_and_place(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    peer = maker.peer()
    for _ in range(60):
        peer.say("text")
        peer.frame(Opcode.PONG)
    model.set_reader(maker.reader())
    # Row 60 is a text.
    table.go_to_row(60)
    with qtbot.assertNotEmitted(table.current_frame_changed):
        table.set_view(View(control=False))
    assert table.current_frame == 61
    assert table.newer == 0
    assert table.currentIndex().row() == 30
    assert table.visualRect(table.currentIndex()).intersects(table.viewport().rect())
    assert not table.following


def test_a_view_without_the_selected_frame_selects_none(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    first, second = maker.peer(), maker.peer()
    first.say("one")
    second.say("two")
    model.set_reader(maker.reader())
    table.go_to_row(0)
    with qtbot.waitSignal(table.current_frame_changed) as changed:
        table.set_view(View(second.id))
    assert changed.args == [None]
    assert table.current_frame is None


def test_clearing_selects_none_and_follows(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    peer = maker.peer()
    peer.flood(50)
    model.set_reader(maker.reader())
    table.go_to_row(5)
    maker.recorder.clear()
    with qtbot.waitSignal(table.current_frame_changed) as changed:
        more(model, maker)
    assert changed.args == [None]
    assert table.following


def test_several_frames_selected(table: FrameTable, model: FrameModel, maker: CaptureMaker) -> None:
    maker.peer().flood(50)
    model.set_reader(maker.reader())
    table.selectAll()
    assert table.selected_count() == 50
    assert table.selected_frames(3) == [1, 2, 3]
    assert len(table.selected_frames(1000)) == 50


def test_columns_can_be_hidden_but_not_all(table: FrameTable) -> None:
    menu = QMenu()
    table.header.fill_menu(menu)
    actions = menu.actions()
    assert len(actions) == len(FrameColumn)
    for action in actions[:-1]:
        action.setChecked(False)
    assert table.isColumnHidden(FrameColumn.NUMBER)
    menu.clear()
    table.header.fill_menu(menu)
    assert [action.isEnabled() for action in menu.actions()] == [True] * (len(FrameColumn) - 1) + [False]


def picture(table: FrameTable) -> QImage:
    return table.viewport().grab().toImage()


def test_rows_are_painted_with_tint_arrow_and_violation(
    model: FrameModel, maker: CaptureMaker, theme: Theme, table: FrameTable
) -> None:
    theme.set_choice(ThemeChoice.LIGHT)
    peer = maker.peer()
    peer.say("from the client")
    peer.answer("from the server")
    peer.frame(Opcode.TEXT, b"unmasked", key=None)
    model.set_reader(maker.reader())
    # Painted once, the columns take the room that they need.
    picture(table)
    QApplication.processEvents()
    image = picture(table)
    height = table.rowHeight(0)

    def colours(row: int, columns: tuple[FrameColumn, ...]) -> set[str]:
        found: set[str] = set()
        for column in columns:
            left, width = table.columnViewportPosition(column), table.columnWidth(column)
            found |= {
                image.pixelColor(x, y).name()
                for x in range(max(left, 0), left + width)
                for y in range(row * height, (row + 1) * height)
            }
        return found

    arrow = (FrameColumn.DIRECTION,)
    assert {theme.name(ThemeRole.CLIENT_TINT), theme.name(ThemeRole.CLIENT)} <= colours(0, arrow)
    assert {theme.name(ThemeRole.SERVER_TINT), theme.name(ThemeRole.SERVER)} <= colours(1, arrow)
    assert theme.name(ThemeRole.ERROR) in colours(2, (FrameColumn.FLAGS,))
    assert theme.name(ThemeRole.ERROR) in colours(2, (FrameColumn.NUMBER,))
    assert theme.name(ThemeRole.ERROR) not in colours(0, (FrameColumn.FLAGS, FrameColumn.NUMBER))


def test_the_empty_table_says_what_to_do(table: FrameTable) -> None:
    before = picture(table)
    table.set_empty_text("Nothing here", "Do something about it.")
    assert picture(table) != before


def test_the_look_follows_the_theme(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, theme: Theme
) -> None:
    maker.peer().flood(3)
    model.set_reader(maker.reader())
    theme.set_choice(ThemeChoice.LIGHT)
    light = picture(table).pixelColor(300, 2)
    theme.set_choice(ThemeChoice.DARK)
    dark = picture(table).pixelColor(300, 2)
    theme.set_choice(ThemeChoice.LIGHT)
    assert light.lightness() > 200
    assert dark.lightness() < 60


def test_a_row_lights_up_under_the_mouse(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, theme: Theme
) -> None:
    maker.peer().flood(3)
    model.set_reader(maker.reader())
    centre = table.visualRect(model.index(1, FrameColumn.PAYLOAD)).center()
    edge = QPoint(table.viewport().width() - 2, centre.y())
    QTest.mouseMove(table.viewport(), centre)
    assert picture(table).pixelColor(edge) == theme.color(ThemeRole.HOVER)
    QTest.mouseMove(table.viewport(), table.visualRect(model.index(0, FrameColumn.PAYLOAD)).center())
    assert picture(table).pixelColor(edge) == theme.color(ThemeRole.CLIENT_TINT)


def test_badges_are_shown_whole_or_counted(look: Look) -> None:
    painter = FramePainter(look)
    badges = (Badge.FRAGMENT_LAST, Badge.COMPRESSED, Badge.COMPOSED)
    shown = [painter.fitting_badges(badges, room) for room in range(400)]
    assert shown[0] == 0
    assert sorted(shown) == shown
    assert set(shown) == {0, 1, 2, 3}
    assert painter.fitting_badges((), 0) == 0


def test_badges_are_named_in_a_tooltip(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    peer = maker.peer()
    peer.frame(Opcode.TEXT, b"a", fin=False)
    model.set_reader(maker.reader())

    def point_at(column: FrameColumn) -> None:
        place = table.visualRect(model.index(0, column)).center()
        event = QHelpEvent(QEvent.Type.ToolTip, place, table.viewport().mapToGlobal(place))
        QApplication.sendEvent(table.viewport(), event)

    point_at(FrameColumn.FLAGS)
    assert QToolTip.text() == "first part"
    point_at(FrameColumn.OPCODE)
    qtbot.waitUntil(lambda: QToolTip.text() == "")


def floods(maker: CaptureMaker, *counts: int) -> None:
    """A peer sends so many frames, a block for each of `counts`."""
    peer = maker.peer()
    for count in counts:
        peer.flood(count)
        maker.recorder.flush()


def in_sight(table: FrameTable) -> list[int]:
    return table._visible_ids()


def test_frames_that_go_in_front_move_nothing_that_is_in_sight(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    floods(maker, 100, 100, 100)
    model.set_reader(maker.reader())
    table.go_to_frame(250)
    table.verticalScrollBar().setValue(240)
    seen = in_sight(table)
    for kept, gone in ((200, 100), (100, 200)):
        maker.keep_last(kept)
        with qtbot.assertNotEmitted(table.current_frame_changed):
            model.refresh()
            QApplication.processEvents()
        assert in_sight(table) == seen
        gap = model.gap_at(0)
        assert gap is not None
        assert (gap.frames, table.current_frame, table.following) == (gone, 250, False)
        assert table.selected_frames(10) == [250]


def test_following_goes_on_while_frames_go_in_front(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    floods(maker, 100, 100)
    model.set_reader(maker.reader())
    maker.keep_last(100)
    floods(maker, 50)
    model.refresh()
    QApplication.processEvents()
    assert table.following
    assert at_tail(table)
    assert in_sight(table)[-1] == 250


def test_where_the_chosen_frame_goes_nothing_is_chosen(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    floods(maker, 100, 100)
    model.set_reader(maker.reader())
    table.go_to_frame(50)
    maker.keep_last(100)
    with qtbot.waitSignal(table.current_frame_changed) as changed:
        model.refresh()
    QApplication.processEvents()
    assert changed.args == [None]
    assert (table.current_frame, table.selected_frames(9), table.following) == (None, [], False)
    # What was in sight is gone: the list is at its beginning.
    assert in_sight(table)[0] == 101


def test_what_counts_as_newer_is_what_came_not_what_went(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    floods(maker, 100, 100)
    model.set_reader(maker.reader())
    table.go_to_frame(150)
    floods(maker, 7)
    maker.keep_last(107)
    model.refresh()
    assert table.newer == 7


def test_what_is_newer_leaves_out_what_came_and_went(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    floods(maker, 100)
    model.set_reader(maker.reader())
    table.go_to_frame(50)
    floods(maker, 100)
    model.refresh()
    assert table.newer == 100
    floods(maker, 7)
    maker.keep_last(7)
    model.refresh()
    assert table.newer == 7


@pytest.mark.parametrize("key", [Qt.Key.Key_Home, Qt.Key.Key_Up, Qt.Key.Key_PageUp])
def test_the_keyboard_reaches_the_row_of_the_gap(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, key: Qt.Key
) -> None:
    floods(maker, 100, 50)
    maker.keep_last(50)
    model.set_reader(maker.reader())
    table.go_to_frame(101)
    table.verticalScrollBar().setValue(1)
    QTest.keyClick(table, key)
    assert table.verticalScrollBar().value() == 0
    assert table.current_frame == 101


def test_a_click_on_the_row_of_the_gap_leaves_the_frame_chosen(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    floods(maker, 100, 5)
    maker.keep_last(5)
    model.set_reader(maker.reader())
    table.go_to_frame(103)
    gap = table.visualRect(model.index(0, 1)).center()
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(table.viewport(), button, none, gap)
    QTest.mouseMove(table.viewport(), gap + QPoint(30, 1))
    QTest.mouseRelease(table.viewport(), button, none, gap + QPoint(30, 1))
    assert (table.current_frame, table.selected_frames(9)) == (103, [103])


def test_the_row_of_the_gap_cannot_be_chosen(
    table: FrameTable, model: FrameModel, maker: CaptureMaker
) -> None:
    floods(maker, 100, 5)
    maker.keep_last(5)
    model.set_reader(maker.reader())
    table.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Up, Qt.Key.Key_PageUp):
        QTest.keyClick(table, key)
        assert table.current_frame == 101
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(model.index(0, 1)).center()
    )
    assert table.current_frame == 101
    table.selectAll()
    assert (table.selected_count(), table.selected_frames(9)) == (5, [101, 102, 103, 104, 105])


def test_the_row_of_the_gap_looks_like_none_of_the_others(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, theme: Theme
) -> None:
    floods(maker, 100, 5)
    maker.keep_last(5)
    model.set_reader(maker.reader())
    image = table.viewport().grab().toImage()
    rows = [table.visualRect(model.index(row, 0)).top() + 3 for row in (0, 1)]
    grounds = [{image.pixelColor(x, y).name() for x in range(5, 300)} for y in rows]
    assert theme.name(ThemeRole.RAISED) in grounds[0] - grounds[1]


def test_a_double_click_on_whose_frame_it_is_asks_for_that_connection(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, qtbot: QtBot
) -> None:
    maker.peer().say("one")
    maker.peer().say("two")
    model.set_reader(maker.reader())

    def double_click(column: FrameColumn) -> None:
        place = table.visualRect(model.index(1, column)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    with qtbot.waitSignal(table.connection_opened) as caught, qtbot.assertNotEmitted(table.opened):
        double_click(FrameColumn.CONNECTION)
    assert caught.args == [2]
    with qtbot.waitSignal(table.opened), qtbot.assertNotEmitted(table.connection_opened):
        double_click(FrameColumn.PAYLOAD)


def test_a_connections_mark_has_its_colour(
    table: FrameTable, model: FrameModel, maker: CaptureMaker, theme: Theme
) -> None:
    for path in ("/one", "/two"):
        maker.peer(path).say("hello")
    model.set_reader(maker.reader())
    table.set_names(lambda connection: f"/{connection}")
    image = picture(table)
    left = table.columnViewportPosition(FrameColumn.CONNECTION)
    height = table.rowHeight(0)
    for row, role in enumerate((ThemeRole.CONNECTION_1, ThemeRole.CONNECTION_2)):
        y = row * height + height // 2
        assert theme.name(role) in {image.pixelColor(left + x, y).name() for x in range(20)}
