"""The filter in the real window: what it hides, marks, finds, follows and remembers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot
from websockets.sync.client import ClientConnection

from app.actions.registry import ActionId
from app.dialogs.filter_dialogs import SavedFiltersDialog, SaveFilterDialog
from app.logic.filter_mode import FilterMode
from app.logic.frame_column import FrameColumn
from app.settings import SavedFilter, Settings
from app.window.desktop import Desktop
from core.capture.session_files import CaptureFolder
from tests.tools.at_window import Connect, payloads, trigger
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker

Key = Qt.Key
_PROCESS_MS = 30_000
"""A process of its own may take long to start on a busy machine."""


def say(qtbot: QtBot, desktop: Desktop, peer: ClientConnection, *texts: str) -> None:
    """Send these texts, and wait until the capture has them."""
    model = desktop.window.frame_model
    wanted = model.view_count + len(texts)
    for text in texts:
        peer.send(text)
    qtbot.waitUntil(lambda: model.view_count == wanted)


def choose(qtbot: QtBot, desktop: Desktop, connection: int) -> None:
    """Choose a connection as soon as it is in the list."""
    qtbot.waitUntil(lambda: desktop.window.connection_model.row_of(connection) is not None)
    desktop.window.connections.choose(connection)


def enter(desktop: Desktop, text: str) -> None:
    """Types a filter and Enter."""
    edit = desktop.window.filter_bar.edit
    edit.clear()
    QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Key.Key_Return)


def complete(qtbot: QtBot, desktop: Desktop) -> None:
    """Waits until the filter has seen every frame there is."""
    filtering = desktop.window.filtering

    def done() -> bool:
        found = filtering.found
        return found is not None and found.progress.through == desktop.window.frame_model.view_count

    qtbot.waitUntil(done)


def test_what_does_not_match_is_hidden_also_what_comes_later(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    peer = client("/")
    say(qtbot, desktop, peer, "apple", "pear", "apple pie")
    enter(desktop, "apple")
    qtbot.waitUntil(lambda: payloads(desktop) == ["apple", "apple pie"])
    assert desktop.window.filter_bar.status.text() == "2 of 3 frames"
    assert desktop.window.frames.following
    say(qtbot, desktop, peer, "plum", "more apples")
    qtbot.waitUntil(lambda: payloads(desktop) == ["apple", "apple pie", "more apples"])
    assert desktop.window.filter_bar.edit.property("applied")
    QTest.keyClick(desktop.window.filter_bar.edit, Key.Key_Escape)
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 5)
    assert desktop.window.filter_bar.status.text() == ""


def test_an_error_changes_nothing_and_is_pointed_at(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    say(qtbot, desktop, client("/"), "a", "b")
    enter(desktop, "payload == b")
    qtbot.waitUntil(lambda: payloads(desktop) == ["b"])
    enter(desktop, "opcode == ")
    assert desktop.window.filter_bar.edit.property("standing") == "wrong"
    assert desktop.window.filtering.applied is not None
    assert desktop.window.filtering.applied.text == "payload == b"
    assert not desktop.window.filter_bar.edit.property("applied")
    assert payloads(desktop) == ["b"]


def test_connection_and_control_frames_narrow_it_further(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    one, two = client("/one"), client("/two")
    say(qtbot, desktop, one, "from one")
    say(qtbot, desktop, two, "from two")
    one.ping(b"from ping")
    qtbot.waitUntil(lambda: window.frame_model.view_count == 4)
    window.filtering.apply("from")
    qtbot.waitUntil(lambda: payloads(desktop) == ["from one", "from two", "from ping", "from ping"])
    choose(qtbot, desktop, 1)
    qtbot.waitUntil(lambda: payloads(desktop) == ["from one", "from ping", "from ping"])
    trigger(desktop, ActionId.SHOW_CONTROL)
    qtbot.waitUntil(lambda: payloads(desktop) == ["from one"])
    window.connections.choose(None)
    qtbot.waitUntil(lambda: payloads(desktop) == ["from one", "from two"])


def test_the_selected_frame_stays_the_selected_one(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), *(f"{number} {'odd' if number % 2 else 'even'}" for number in range(40)))
    window.frames.go_to_row(21)
    window.filtering.apply("odd")
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: window.frames.currentIndex().row() == 10)
    assert window.frames.current_frame == 22
    assert not window.frames.following
    # Hidden, it is still what the details show, and comes back with its row.
    window.filtering.apply("even")
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 20)
    assert window.frames.current_frame == 22
    assert window.frames.selected_frames(10) == []
    window.filtering.clear()
    assert window.frames.currentIndex().row() == 21


def test_only_what_came_since_counts_as_new(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/")
    say(qtbot, desktop, peer, *(["apple"] * 30), "pear")
    window.frames.go_to_row(0)
    window.filtering.apply("apple")
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 30)
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: not window.filter_bar.halt.isVisible())
    button = window.catch_up.button
    assert not button.isVisible()
    say(qtbot, desktop, peer, "apple", "pear")
    qtbot.waitUntil(button.isVisible)
    assert button.text() == "1 new"


def test_nothing_matches_is_said_in_the_list(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    say(qtbot, desktop, client("/"), "a")
    desktop.window.filtering.apply("nowhere")
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: desktop.window.frames.empty_text[0] == "No frame matches")
    assert desktop.window.filter_bar.status.text() == "0 of 1 frames"


def test_finding_marks_and_goes_from_hit_to_hit(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "hit 1", "miss", "hit 2", "miss", "hit 3")
    trigger(desktop, ActionId.FOCUS_FIND)
    enter(desktop, "hit")
    qtbot.waitUntil(lambda: window.frames.current_frame == 1)
    assert len(payloads(desktop)) == 5
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: window.filter_bar.status.text() == "hit 1 of 3")
    QTest.keyClick(window.filter_bar.edit, Key.Key_Return)
    assert window.frames.current_frame == 3
    trigger(desktop, ActionId.NEXT_HIT)
    assert window.frames.current_frame == 5
    trigger(desktop, ActionId.NEXT_HIT)
    assert window.frames.current_frame == 1
    assert window.filter_bar.status.text() == "hit 1 of 3 · went on from the first"
    trigger(desktop, ActionId.PREVIOUS_HIT)
    assert window.frames.current_frame == 5
    assert window.filter_bar.status.text() == "hit 3 of 3 · went on from the last"
    QTest.keyClick(window.filter_bar.edit, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert window.frames.current_frame == 3
    assert window.filter_bar.status.text() == "hit 2 of 3"


def test_of_several_words_the_one_that_is_there_is_marked_in_the_message(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "only an apple", "bold only here")
    window.filtering.set_mode(FilterMode.MARK)
    window.filtering.apply("apple or bold")
    complete(qtbot, desktop)
    bar = window.tabs.message.find_bar
    window.frames.go_to_frame(1)
    qtbot.waitUntil(lambda: (bar.input.text(), bar.result()) == ("apple", "1 of 1"))
    window.frames.go_to_frame(2)
    qtbot.waitUntil(lambda: (bar.input.text(), bar.result()) == ("bold", "1 of 1"))


def test_a_hit_that_comes_later_can_be_gone_to(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/")
    say(qtbot, desktop, peer, "miss")
    window.filtering.set_mode(FilterMode.MARK)
    window.filtering.apply("hit")
    complete(qtbot, desktop)
    trigger(desktop, ActionId.NEXT_HIT)
    assert window.filter_bar.status.text() == "0 hits"
    say(qtbot, desktop, peer, "a hit")
    complete(qtbot, desktop)
    trigger(desktop, ActionId.NEXT_HIT)
    assert window.frames.current_frame == 2


def test_in_a_narrow_window_the_line_keeps_its_room(desktop: Desktop, qtbot: QtBot) -> None:
    bar = desktop.window.filter_bar
    desktop.window.resize(1024, 640)
    desktop.window.filtering.set_mode(FilterMode.MARK)
    bar.show_status("hit 1 234 567 of 9 999 999 · went on from the first · stopped at 45 %")
    bar.show_halt("Continue", "")
    qtbot.waitUntil(lambda: bar.halt.width() > 0 and bar.edit.width() >= 200)
    assert bar.status.geometry().right() < bar.halt.geometry().left()


def test_the_other_mode_keeps_what_is_applied(
    desktop: Desktop, client: Connect, qtbot: QtBot, settings: Settings
) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "a", "b")
    window.filtering.apply("b")
    qtbot.waitUntil(lambda: payloads(desktop) == ["b"])
    QTest.mouseClick(window.filter_bar.modes[FilterMode.MARK], Qt.MouseButton.LeftButton)
    assert payloads(desktop) == ["a", "b"]
    assert settings.filter_mode is FilterMode.MARK
    assert window.filter_bar.after.isVisible()
    QTest.mouseClick(window.filter_bar.modes[FilterMode.HIDE], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: payloads(desktop) == ["b"])


def test_the_search_can_be_stopped_and_goes_on(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    bar = window.filter_bar
    say(qtbot, desktop, client("/"), "a")
    # Held, the thread begins nothing: what a large capture takes time for.
    with window.filtering.hits.scanner._condition:
        window.filtering.apply("a")
        assert bar.halt.text() == "Stop"
        assert window.frames.empty_text[0] == "Searching"
        QTest.mouseClick(bar.halt, Qt.MouseButton.LeftButton)
        assert bar.halt.text() == "Continue"
        assert bar.status.text() == "0 of 1 frames · stopped at 0 %"
        assert window.frames.empty_text[0] == "Nothing so far"
    window.frame_model.refresh()
    assert payloads(desktop) == []
    QTest.mouseClick(bar.halt, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: payloads(desktop) == ["a"])
    qtbot.waitUntil(lambda: not bar.halt.isVisible())
    assert bar.status.text() == "1 of 1 frames"


def test_a_hit_is_waited_for_while_the_search_goes_on(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "miss", "hit")
    window.filtering.set_mode(FilterMode.MARK)
    with window.filtering.hits.scanner._condition:
        enter(desktop, "hit")
        assert window.filter_bar.status.text() == "searching…"
        assert window.frames.current_frame is None
    qtbot.waitUntil(lambda: window.frames.current_frame == 2)
    assert window.filter_bar.status.text() == "hit 1 of 1"


def test_a_stopped_search_says_that_it_was_stopped(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "miss", "hit")
    told: list[str] = []
    window.filtering.note.connect(told.append)
    window.filtering.set_mode(FilterMode.MARK)
    with window.filtering.hits.scanner._condition:
        enter(desktop, "hit")
        QTest.mouseClick(window.filter_bar.halt, Qt.MouseButton.LeftButton)
        assert window.filter_bar.status.text() == "0 hits · stopped at 0 %"
        trigger(desktop, ActionId.NEXT_HIT)
        assert told == ["Nothing was found up to 0 %, where the search was stopped. Continue it."]
    enter(desktop, "nowhere")
    complete(qtbot, desktop)
    trigger(desktop, ActionId.NEXT_HIT)
    qtbot.waitUntil(lambda: told[1:2] == ["No frame matches."])


def test_a_wrong_filter_from_elsewhere_is_said_below_the_line(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "a")
    window.activateWindow()
    window.frames.setFocus()
    qtbot.waitUntil(window.frames.hasFocus)
    window.filtering.apply("opcode == ((")
    assert window.filter_bar.edit.hasFocus()
    assert window.filter_bar.edit.popup.isVisible()
    assert "cannot stand here" in window.filter_bar.edit.popup.sentence.text()


def test_a_filter_that_cannot_be_read_is_not_said_to_have_found_anything(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    bar = window.filter_bar
    say(qtbot, desktop, client("/"), "apple", "pear")
    enter(desktop, "apple")
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: bar.status.text() == "1 of 2 frames")
    enter(desktop, "length >> 4")
    assert bar.edit.property("standing") == "wrong"
    assert bar.status.text() == "still “apple”: 1 of 2 frames"
    assert bar.status.property("look") == "warning"
    assert payloads(desktop) == ["apple"]
    enter(desktop, "nowhere")
    qtbot.waitUntil(lambda: window.frames.empty_text[0] == "No frame matches")
    assert bar.status.text() == "0 of 2 frames"
    bar.edit.setText("nowhere (")
    assert bar.status.text() == "still “nowhere”: 0 of 2 frames"
    assert window.frames.empty_text[0] == "No frame matches the filter before"
    bar.edit.setText("nowhere")
    assert bar.status.text() == "0 of 2 frames"
    assert bar.status.property("look") == "muted"
    assert window.frames.empty_text[0] == "No frame matches"


def test_clear_and_a_new_capture_and_a_file_begin_anew(
    desktop: Desktop, client: Connect, maker: CaptureMaker, qtbot: QtBot, tmp_path: Path
) -> None:
    window = desktop.window
    peer = client("/")
    say(qtbot, desktop, peer, "old apple")
    window.filtering.apply("apple")
    qtbot.waitUntil(lambda: payloads(desktop) == ["old apple"])
    desktop.engine.clear()
    qtbot.waitUntil(lambda: payloads(desktop) == [])
    peer.send("new apple")
    qtbot.waitUntil(lambda: payloads(desktop) == ["new apple"])
    window.commands.save(tmp_path / "saved.unmask")
    qtbot.waitUntil(lambda: desktop.desk.live_saved)
    qtbot.waitUntil(lambda: payloads(desktop) == ["new apple"])
    maker.peer().say("apple in a file")
    maker.peer().say("nothing")
    maker.reader()
    assert window.commands.open(maker.path)
    qtbot.waitUntil(lambda: payloads(desktop) == ["apple in a file"])
    trigger(desktop, ActionId.SHOW_LIVE)
    qtbot.waitUntil(lambda: payloads(desktop) == ["new apple"])


def test_frozen_only_counts(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/")
    say(qtbot, desktop, peer, "apple")
    window.filtering.apply("apple")
    qtbot.waitUntil(lambda: payloads(desktop) == ["apple"])
    trigger(desktop, ActionId.FREEZE)
    peer.send("apple")
    peer.send("pear")
    qtbot.waitUntil(lambda: window.frame_model.behind == 1)
    assert payloads(desktop) == ["apple"]
    trigger(desktop, ActionId.FREEZE)
    assert payloads(desktop) == ["apple", "apple"]


def test_frozen_another_filter_shows_nothing_that_came_later(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    peer = client("/")
    say(qtbot, desktop, peer, "apple", "pear")
    trigger(desktop, ActionId.FREEZE)
    say(qtbot, desktop, peer, "apple", "apple")
    window.filtering.apply("apple")
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: window.filter_bar.status.text() == "1 of 4 frames")
    assert payloads(desktop) == ["apple"]
    qtbot.waitUntil(lambda: window.frame_model.behind == 2)
    trigger(desktop, ActionId.FREEZE)
    assert payloads(desktop) == ["apple"] * 3


def test_a_damaged_capture_is_told_once(desktop: Desktop, maker: CaptureMaker, qtbot: QtBot) -> None:
    maker.peer().say("x")
    maker.reader()
    window = desktop.window
    assert window.commands.open(maker.path)
    qtbot.waitUntil(lambda: payloads(desktop) == ["x"])
    told: list[str] = []
    window.filtering.problem.connect(told.append)
    with closing(sqlite3.connect(maker.path)) as database:
        database.execute("UPDATE block SET records = x'00'")
        database.commit()
    window.filtering.apply("fin")
    qtbot.waitUntil(lambda: len(told) == 1)
    assert window.filter_bar.status.text() == "Search failed"
    trigger(desktop, ActionId.NEXT_HIT)
    window.frame_model.refresh()
    assert len(told) == 1
    assert str(maker.path) in told[0]


# Filters from cells.


def entries(menu: QMenu, title: str) -> dict[str, Callable[[], None]]:
    """What a submenu offers."""
    for action in menu.actions():
        submenu = action.menu()
        if isinstance(submenu, QMenu) and action.text().replace("&", "") == title:
            return {each.text(): each.trigger for each in submenu.actions()}
    raise AssertionError(f"no {title} in {[each.text() for each in menu.actions()]}")


def cell_menu(desktop: Desktop, row: int, column: FrameColumn) -> QMenu:
    frames = desktop.window.frames
    menu = QMenu(desktop.window)
    cell = frames.visualRect(frames.model().index(row, column))
    desktop.window.filters.menus.add_of_cell(menu, frames.viewport().mapToGlobal(cell.center()))
    return menu


def test_a_filter_from_a_cell(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/")
    say(qtbot, desktop, peer, 'say "x" \\ & more', "y")
    peer.ping(b"y")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 4)
    entries(cell_menu(desktop, 0, FrameColumn.PAYLOAD), "Filter: only")[
        'payload == "say \\"x\\" \\\\ && more"'
    ]()
    qtbot.waitUntil(lambda: payloads(desktop) == ['say "x" \\ & more'])
    window.filtering.clear()
    entries(cell_menu(desktop, 2, FrameColumn.OPCODE), "Filter: not")["opcode == ping"]()
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 3)
    entries(cell_menu(desktop, 1, FrameColumn.LENGTH), "Filter: and also")["length == 1"]()
    assert window.filter_bar.edit.text() == "not opcode == ping and length == 1"
    qtbot.waitUntil(lambda: payloads(desktop) == ["y", "y"])


def test_a_filter_from_selected_text(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "plum", "one apple", "apple")
    window.frames.go_to_row(1)
    text = window.tabs.message.text
    qtbot.waitUntil(lambda: text.toPlainText() == "one apple")
    cursor = text.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(9, QTextCursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    entries(cell_menu(desktop, 1, FrameColumn.PAYLOAD), "Filter: only")['payload contains "apple"']()
    qtbot.waitUntil(lambda: payloads(desktop) == ["one apple", "apple"])


def test_selected_text_is_offered_only_where_the_payload_has_it(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), '{"a":1,"b":2}', "plum")
    window.frames.go_to_row(0)
    text = window.tabs.message.text
    qtbot.waitUntil(lambda: "\n" in text.toPlainText())

    def offered(row: int) -> str:
        return " ".join(entries(cell_menu(desktop, row, FrameColumn.PAYLOAD), "Filter: only"))

    text.selectAll()
    assert "\\n" not in offered(0)
    cursor = text.document().find('"b"')
    text.setTextCursor(cursor)
    assert 'payload contains "\\"b\\""' in offered(0)
    assert "b" not in offered(1).replace("subprotocol", "")


def test_a_filter_from_a_connection(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/one"), "a")
    say(qtbot, desktop, client("/two"), "b")
    choose(qtbot, desktop, 2)
    menu = QMenu(window)
    window.filters.menus.add_of_connection(menu, window.connections.chosen_record)
    entries(menu, "Filter: only")['path == "/two"']()
    window.connections.choose(None)
    qtbot.waitUntil(lambda: payloads(desktop) == ["b"])
    empty = QMenu(window)
    window.filters.menus.add_of_connection(empty, window.connections.chosen_record)
    assert empty.isEmpty()


def test_beside_the_rows_there_is_no_cell(desktop: Desktop) -> None:
    menu = QMenu(desktop.window)
    desktop.window.filters.menus.add_of_cell(menu, desktop.window.frames.mapToGlobal(QPoint(50, 90)))
    assert menu.isEmpty()


# What is remembered.


def shelf(desktop: Desktop) -> list[str]:
    menu = desktop.window.filter_bar.menu
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def pick(desktop: Desktop, title: str) -> None:
    (action,) = [each for each in desktop.window.filter_bar.menu.actions() if each.text() == title]
    action.trigger()


def test_recent_and_saved_filters_are_kept(
    desktop: Desktop, settings: Settings, qapp: QApplication, tmp_path: Path
) -> None:
    window = desktop.window
    assert shelf(desktop)[0] == "Filters that were used stand here"
    for text in ("apple", '"pear & plum"', "opcode == ", "apple"):
        window.filtering.apply(text)
    assert settings.recent_filters == ("apple", '"pear & plum"')
    trigger(desktop, ActionId.SAVE_FILTER)
    dialog = window.findChild(SaveFilterDialog)
    assert dialog is not None
    assert not dialog.keep.isEnabled()
    QTest.keyClicks(dialog.edit, "Fruit")
    dialog.accept()
    assert settings.saved_filters == (SavedFilter("Fruit", "apple"),)
    window.filtering.clear()
    assert {"Saved", "Fruit", "Recent", "apple"} <= set(shelf(desktop))
    pick(desktop, "Fruit")
    assert window.filtering.applied is not None
    assert window.filtering.applied.text == "apple"
    # Another window finds them again.
    settings.sync()
    again = Desktop(qapp, Settings.at(tmp_path / "settings.ini"), CaptureFolder(tmp_path / "others"))
    assert {"Fruit", "apple"} <= set(shelf(again))
    again.close()
    dispose(again.window)


def test_saved_filters_are_renamed_and_removed(desktop: Desktop, settings: Settings) -> None:
    settings.saved_filters = (SavedFilter("one", "a"), SavedFilter("two", "b"), SavedFilter("three", "c"))
    shelf(desktop)
    pick(desktop, "&Manage saved filters…")
    dialog = desktop.window.findChild(SavedFiltersDialog)
    assert dialog is not None
    name = dialog.table.item(0, 0)
    assert name is not None
    name.setText("  first ")
    dialog.table.selectRow(1)
    dialog.remove.click()
    dialog.accept()
    assert [(each.name, each.text) for each in settings.saved_filters] == [("first", "a"), ("three", "c")]


def test_recent_filters_can_be_forgotten(desktop: Desktop, settings: Settings) -> None:
    desktop.window.filtering.apply("secret")
    shelf(desktop)
    pick(desktop, "&Forget recent filters")
    assert settings.recent_filters == ()


def test_what_is_looked_for_is_marked_in_the_details(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    message = window.tabs.message
    say(qtbot, desktop, client("/"), "an apple", "two apples: one apple", "pear")
    trigger(desktop, ActionId.FOCUS_FIND)
    qtbot.waitUntil(window.filter_bar.edit.hasFocus)
    enter(desktop, "apple")
    qtbot.waitUntil(lambda: message.find_bar.result() == "1 of 1")
    trigger(desktop, ActionId.NEXT_HIT)
    qtbot.waitUntil(lambda: message.find_bar.result() == "1 of 2")
    assert window.filter_bar.edit.hasFocus()
    window.frames.go_to_row(2)
    qtbot.waitUntil(lambda: message.find_bar.result() == "Not found")
    # What the person looks for by hand stays as it is.
    message.find_bar.input.clear()
    QTest.keyClicks(message.find_bar.input, "pea")
    window.frames.go_to_row(0)
    qtbot.waitUntil(lambda: message.text.toPlainText() == "an apple")
    assert message.find_bar.result() == ""
    window.filtering.clear()
    assert not message.find_bar.isVisible()


def test_what_is_looked_for_is_marked_in_the_rows(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/"), "an apple")
    plain = window.frames.grab().toImage()
    window.filtering.set_mode(FilterMode.MARK)
    window.filtering.apply("apple")
    complete(qtbot, desktop)
    qtbot.waitUntil(lambda: window.frames.grab().toImage() != plain)


def test_a_pattern_narrowed_to_a_connection(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    say(qtbot, desktop, client("/one"), "a1", "b1")
    say(qtbot, desktop, client("/two"), "a2", "b2")
    choose(qtbot, desktop, 2)
    trigger(desktop, ActionId.SHOW_CONTROL)
    window.filtering.apply('payload ~ "^a" or payload ~ "^c"')
    qtbot.waitUntil(lambda: payloads(desktop) == ["a2"], timeout=_PROCESS_MS)
    window.connections.choose(None)
    qtbot.waitUntil(lambda: payloads(desktop) == ["a1", "a2"], timeout=_PROCESS_MS)
