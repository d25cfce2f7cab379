from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.look.theme import Theme
from app.runtime.jobs import Jobs
from app.views.bytes import view as bytes_view
from app.views.bytes.dump import Pane
from app.views.bytes.view import BytesView
from core.protocol.anatomy import Part
from core.protocol.frames import Frame, Opcode, make_frame
from tests.app.views.samples import BAD, KEY, record, whole

MASKED = whole(b"Hello, world: more than one line of it")


@pytest.fixture
def view(qtbot: QtBot, theme: Theme, jobs: Jobs) -> Iterator[BytesView]:
    view = BytesView(theme, jobs)
    view.resize(1100, 420)
    with qtbot.waitExposed(view):
        view.show()
    yield view
    view.close()
    jobs.stop()
    view.deleteLater()


def click(view: BytesView, offset: int, pane: Pane = Pane.WIRE) -> None:
    at = view.dump.rect_of(offset, pane).center().toPoint()
    QTest.mouseClick(view.dump.viewport(), Qt.MouseButton.LeftButton, pos=at)


@pytest.mark.parametrize("width", [1100, 620])
@pytest.mark.parametrize("pane", list(Pane))
def test_every_byte_is_where_it_is_drawn(view: BytesView, width: int, pane: Pane) -> None:
    view.resize(width, 420)
    view.show_frame(MASKED)
    for offset in range(len(MASKED.outline.frame.wire())):
        assert view.dump.byte_at(view.dump.rect_of(offset, pane).center().toPoint()) == offset


def test_a_click_names_the_field(view: BytesView, qtbot: QtBot) -> None:
    view.show_frame(MASKED)
    with qtbot.waitSignal(view.field_selected) as caught:
        click(view, 3)
    assert caught.args[0].part is Part.MASKING_KEY
    assert view.status_text() == "Byte 3: Masking key"
    with qtbot.waitSignal(view.field_selected) as caught:
        click(view, 8, Pane.PLAIN)
    assert caught.args[0].part is Part.PAYLOAD
    click(view, 0)
    assert view.status_text() == "Byte 0: FIN, RSV1, RSV2, RSV3, Opcode"


def test_a_field_marks_its_bytes(view: BytesView) -> None:
    view.show_frame(MASKED)
    before = view.dump.viewport().grab().toImage()
    view.highlight(Part.MASKING_KEY)
    assert view.status_text() == "Masking key = 37 fa 21 3d: 4 bytes from byte 2"
    assert view.dump.viewport().grab().toImage() != before
    view.highlight(Part.OPCODE)
    assert view.status_text() == "Opcode = 0x1 text: bits 4 to 7 of byte 0"
    view.highlight(None)
    assert view.status_text() == "44 bytes: 6 bytes of header, 38 bytes of payload"


def test_keyboard_selects_and_copies_as_on_the_wire(view: BytesView) -> None:
    view.show_frame(MASKED)
    QTest.keyClick(view.dump, Qt.Key.Key_Home)
    shift = Qt.KeyboardModifier.ShiftModifier
    for _ in range(7):
        QTest.keyClick(view.dump, Qt.Key.Key_Right, shift)
    assert view.dump.selection() == range(8)
    QTest.keyClick(view.dump, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == MASKED.outline.frame.wire()[:8].hex(" ")
    view.copy_plain()
    assert QGuiApplication.clipboard().text() == (MASKED.outline.frame.header() + b"He").hex(" ")
    QTest.keyClick(view.dump, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(view.dump.selection()) == len(MASKED.outline.frame.wire())
    QTest.keyClick(view.dump, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert view.dump.selection() == range(43, 44)


def test_dragging_selects_over_the_edge_of_fields(view: BytesView) -> None:
    view.show_frame(MASKED)
    viewport = view.dump.viewport()
    start = view.dump.rect_of(4, Pane.WIRE).center().toPoint()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    view.dump.select(range(4, 8))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start)
    assert view.status_text() == "Bytes 4 to 7, 4 bytes: Masking key, Payload data"


def test_too_much_to_copy_is_said(view: BytesView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytes_view, "COPY_LIMIT", 4)
    QGuiApplication.clipboard().setText("before")
    view.show_frame(MASKED)
    view.select_all()
    view.copy_wire()
    assert "at most 4 bytes can be copied" in view.status_text()
    assert QGuiApplication.clipboard().text() == "before"


def test_broken_bytes_are_underlined(view: BytesView) -> None:
    view.show_frame(record(BAD.outline.frame))
    plain = view.dump.viewport().grab().toImage()
    view.show_frame(BAD)
    assert view.dump.viewport().grab().toImage() != plain


def test_a_truncated_frame_says_what_is_missing(view: BytesView) -> None:
    view.show_frame(record(Frame(0x82, None, b"abc", 1, 1000)))
    assert view.status_text().endswith("; 997 bytes that the header declares are not here")


def test_a_hundred_megabytes_cost_no_more_than_what_is_in_sight(view: BytesView) -> None:
    view.show_frame(record(make_frame(Opcode.BINARY, bytes(100_000_000), masking_key=KEY)))
    bar = view.dump.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert not view.grab().isNull()
    end = view.dump.rect_of(100_000_013, Pane.WIRE)
    assert view.dump.viewport().rect().contains(end.center().toPoint())


def test_nothing_is_shown_for_no_frame(view: BytesView) -> None:
    view.show_frame(MASKED)
    view.show_frame(None)
    assert view.status_text() == ""
    click(view, 0)
    QTest.keyClick(view.dump, Qt.Key.Key_Right)
    assert view.dump.selection() == range(0)


def test_find_with_the_capitals_as_they_are(view: BytesView) -> None:
    view.show_frame(whole(b"one Two two"))
    view.find_bar.open()
    view.find_bar.input.setText("two")
    view.find_text()
    assert view.find_bar.result() == "1 of 2"
    view.find_bar.match_case.click()
    assert view.find_bar.result() == "1 of 1"
    assert view.status_text().startswith("Found at byte 8 of the payload")
