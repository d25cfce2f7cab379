from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.look.look import Look
from app.runtime.jobs import Jobs
from app.views.detail_tabs import DetailTabs
from core.decoders.registry import Decoders
from core.protocol.anatomy import Part, anatomy
from tests.app.views.samples import BAD, CONNECTION, handshake, whole

HELLO = whole(b"Hello")


@pytest.fixture
def tabs(qtbot: QtBot, look: Look, jobs: Jobs, decoders: Decoders) -> Iterator[DetailTabs]:
    tabs = DetailTabs(look, jobs, decoders)
    tabs.resize(1100, 420)
    with qtbot.waitExposed(tabs):
        tabs.show()
    yield tabs
    tabs.close()
    jobs.stop()
    tabs.deleteLater()


def test_only_the_tab_in_sight_works(tabs: DetailTabs) -> None:
    tabs.show_frame(HELLO)
    tabs.show_handshake(handshake(CONNECTION))
    assert tabs.message.text.toPlainText() == "Hello"
    assert tabs.frame.table.rowCount() == 0
    assert tabs.bytes.status_text() == ""
    assert tabs.handshake.title.text() == ""
    tabs.set_current_tab("frame")
    assert tabs.frame.table.rowCount() == 9
    tabs.set_current_tab("bytes")
    assert tabs.bytes.status_text().startswith("11 bytes")
    tabs.set_current_tab("handshake")
    assert tabs.handshake.title.text().startswith("GET /chat")


def test_a_tab_out_of_sight_lets_go_of_what_it_showed(tabs: DetailTabs) -> None:
    tabs.show_frame(HELLO)
    tabs.set_current_tab("bytes")
    assert tabs.message.text.toPlainText() == "Hello"
    tabs.show_frame(whole(b"another"))
    assert tabs.message.text.toPlainText() == ""
    tabs.set_current_tab("message")
    assert tabs.message.text.toPlainText() == "another"
    tabs.show_frame(HELLO)
    assert tabs.bytes.status_text() == ""


def test_nothing_selected_says_what_to_do(tabs: DetailTabs) -> None:
    for name, view in (("message", tabs.message), ("frame", tabs.frame), ("bytes", tabs.bytes)):
        tabs.set_current_tab(name)
        assert not view.isVisible()
        tabs.show_frame(HELLO)
        assert view.isVisible()
        tabs.show_frame(None)
        assert not view.isVisible()
    tabs.set_current_tab("handshake")
    assert not tabs.handshake.isVisible()
    tabs.show_handshake(handshake(CONNECTION))
    assert tabs.handshake.isVisible()


def test_the_chosen_tab_stays_and_is_told(tabs: DetailTabs, qtbot: QtBot) -> None:
    with qtbot.waitSignal(tabs.tab_changed) as caught:
        tabs.set_current_tab("bytes")
    assert caught.args == ["bytes"]
    tabs.show_frame(BAD)
    tabs.show_frame(None)
    assert tabs.current_tab() == "bytes"
    tabs.set_current_tab("no such tab")
    assert tabs.current_tab() == "bytes"


def test_a_field_chosen_in_one_tab_is_marked_in_the_other(tabs: DetailTabs) -> None:
    tabs.set_current_tab("frame")
    tabs.show_frame(HELLO)
    key = next(field for field in anatomy(HELLO.outline.frame) if field.part is Part.MASKING_KEY)
    tabs.frame.field_selected.emit(key)
    tabs.set_current_tab("bytes")
    assert tabs.bytes.status_text().startswith("Masking key = ")
    tabs.bytes.dump.select(range(1))
    tabs.set_current_tab("frame")
    selected = tabs.frame.diagram.selected()
    assert selected is not None
    assert selected.part is Part.OPCODE


def test_enter_on_a_field_goes_to_its_bytes(tabs: DetailTabs) -> None:
    tabs.set_current_tab("frame")
    tabs.show_frame(HELLO)
    tabs.frame.field_activated.emit(anatomy(HELLO.outline.frame)[0])
    assert tabs.current_tab() == "bytes"
    assert tabs.bytes.status_text().startswith("FIN = 1: bit 0 of byte 0")


def test_a_violation_leads_to_its_bytes(tabs: DetailTabs) -> None:
    tabs.set_current_tab("frame")
    tabs.show_frame(BAD)
    QTest.keyClick(tabs.frame.violations.rows()[1], Qt.Key.Key_Return)
    assert tabs.current_tab() == "bytes"
    assert tabs.bytes.status_text() == "The payload length is not in its shortest form. 5 in 16 bits"


def test_pointing_marks_bytes_for_as_long_as_it_lasts(tabs: DetailTabs) -> None:
    tabs.show_frame(HELLO)
    tabs.set_current_tab("bytes")
    tabs.set_current_tab("frame")
    tabs.frame.field_hovered.emit(anatomy(HELLO.outline.frame)[-1])
    assert tabs.bytes.status_text().startswith("Payload data = ")
    tabs.frame.field_hovered.emit(None)
    assert tabs.bytes.status_text().startswith("11 bytes")
