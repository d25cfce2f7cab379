from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.logic.shown_frame import AT_ONCE, ShownFrame
from app.look.theme import Theme, ThemeRole
from app.views.message.facts import describe_message, shown_content
from app.views.message.text_pane import FOLD
from app.views.message.view import MessageView
from core.capture.records import MessageInfo
from core.decoders.search import Case
from core.protocol.frames import RSV1, Frame, Opcode, make_frame
from core.query.needles import Needle
from tests.app.views.samples import record, whole


def shown_whole(view: MessageView, text: str) -> bool:
    return view.text.toPlainText() == text


def test_text_as_it_is_and_nothing_of_it_is_markup(view: MessageView) -> None:
    view.show_frame(whole("<b>世界</b> 🎉\x07\u202e".encode()))
    shown = view.text.toPlainText()
    assert shown.startswith("<b>世界</b> 🎉")
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert view.choice.currentText() == "Auto: Text"


def test_json_is_indented_and_coloured(view: MessageView, theme: Theme) -> None:
    view.show_frame(whole('{"名":"🎉","n":1}'.encode()))
    assert view.choice.currentText() == "Auto: JSON"
    assert view.text.toPlainText() == '{\n  "名": "🎉",\n  "n": 1\n}'
    view.grab()
    block = view.text.document().findBlockByNumber(1)
    colours = {
        block.text().encode("utf-16-le")[2 * f.start : 2 * (f.start + f.length)].decode("utf-16-le"): (
            f.format.foreground().color()
        )
        for f in block.layout().formats()
    }
    assert colours['"名"'] == theme.color(ThemeRole.JSON_KEY)
    assert colours['"🎉"'] == theme.color(ThemeRole.JSON_STRING)
    assert colours[","] == theme.color(ThemeRole.JSON_PUNCTUATION)


def test_the_decoder_can_be_chosen_by_hand_and_stays(view: MessageView) -> None:
    view.show_frame(whole(b'{"a":1}'))
    view.choice.setCurrentText("Hex")
    assert view.text.toPlainText().startswith("00000000  7b 22 61")
    view.show_frame(whole(b'{"b":1}'))
    assert view.text.toPlainText().startswith("00000000  7b 22 62")
    view.choice.setCurrentIndex(0)
    assert view.text.toPlainText().startswith("{\n")


def test_a_decoder_that_fails_says_so(view: MessageView) -> None:
    view.show_frame(whole(b"{broken}"))
    assert view.text.toPlainText() == "{broken}"
    assert view.notice.text().startswith("JSON: ")
    assert view.notice.isVisible()
    view.show_frame(whole(b"fine"))
    assert not view.notice.isVisible()


def test_binary_is_a_hex_dump_that_never_wraps(view: MessageView) -> None:
    view.show_frame(whole(bytes(range(64)), Opcode.BINARY))
    assert view.text.toPlainText().splitlines()[1].startswith("00000010  10 11 12")
    assert view.text.lineWrapMode() is view.text.LineWrapMode.NoWrap
    view.show_frame(whole(b"text"))
    assert view.text.lineWrapMode() is view.text.LineWrapMode.WidgetWidth
    view.wrap.setChecked(False)
    assert view.text.lineWrapMode() is view.text.LineWrapMode.NoWrap


def test_an_endless_line_is_folded_but_copied_whole(view: MessageView, qtbot: QtBot) -> None:
    line = "0123456789" * 5000
    view.show_frame(whole(line.encode()))
    qtbot.waitUntil(lambda: view.text.toPlainText().replace("\n", "") == line)
    assert view.text.document().blockCount() == -(-len(line) // FOLD)
    assert view.folded.text().startswith("Lines are broken after 8\u202f192 characters")
    assert view.folded.isVisible()
    view.text.selectAll()
    view.text.copy()
    assert QGuiApplication.clipboard().text() == line
    QGuiApplication.clipboard().clear()
    view.copy.click()
    assert QGuiApplication.clipboard().text() == line


def test_only_the_last_of_many_selections_is_shown(view: MessageView, qtbot: QtBot) -> None:
    for number in range(20):
        view.show_frame(whole(f"{number} ".encode() * AT_ONCE))
    view.show_frame(whole(b"the last"))
    assert view.text.toPlainText() == "the last"
    view.show_frame(whole(b"big" * AT_ONCE))
    qtbot.waitUntil(lambda: view.text.toPlainText().startswith("bigbig"))


def test_find(view: MessageView) -> None:
    view.show_frame(whole(b"one Two three two"))
    view.find_text()
    assert view.find_bar.isVisible()
    view.find_bar.input.setText("TWO")
    QTest.keyClick(view.find_bar.input, Qt.Key.Key_Return)
    assert view.text.textCursor().selectedText() == "Two"
    view.find_text()
    assert view.text.textCursor().selectionStart() == 14
    view.find_text()
    assert view.text.textCursor().selectionStart() == 4
    view.find_bar.input.setText("four")
    view.find_text()
    QTest.keyClick(view.find_bar.input, Qt.Key.Key_Escape)
    assert not view.find_bar.isVisible()


def test_find_with_the_capitals_as_they_are(view: MessageView, qtbot: QtBot) -> None:
    view.show_frame(whole(b"one Two three two"))
    view.find_text()
    view.find_bar.input.setText("two")
    view.find_text()
    assert view.find_bar.result() == "1 of 2"
    QTest.keyClick(view.find_bar.input, Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: view.find_bar.result() == "1 of 1")
    assert view.text.textCursor().selectionStart() == 14
    view.find_bar.input.setText("TWO")
    view.find_text()
    assert view.find_bar.result() == "Not found"
    QTest.keyClick(view.find_bar.input, Qt.Key.Key_Escape)
    view.show_frame(whole(b"Two TWO"))
    view.find_bar.open()
    view.find_text()
    assert view.text.textCursor().selectedText() == "TWO", "what was chosen holds for the next message"
    view.find_bar.match_case.click()
    assert view.find_bar.result() == "1 of 2"
    assert view.text.textCursor().selectedText() == "Two"


def test_what_a_filter_found_in_other_capitals_is_marked_whatever_was_chosen(view: MessageView) -> None:
    view.show_frame(whole(b"one Two three"))
    view.find_bar.match_case.click()
    view.look_for([Needle(b"two", folded=True)])
    assert (view.find_bar.result(), view.find_bar.case) == ("1 of 1", Case.EITHER)
    view.find_bar.match_case.click()
    assert view.find_bar.result() == "Not found"
    view.look_for([Needle(b"Two", folded=False)])
    assert (view.find_bar.result(), view.find_bar.case) == ("1 of 1", Case.EXACT)


@pytest.mark.parametrize(
    ("shown", "facts"),
    [
        (whole(b"Hello"), "text · 5 bytes · complete"),
        (
            record(make_frame(0, b"x"), (), MessageInfo(1, 1234, 456, True, 3), b"y" * 1234),
            "text · 1\u202f234 bytes · inflated from 456 bytes (2.7×) · 3 frames · complete",
        ),
        (
            record(make_frame(1, b"Hel", fin=False)),
            "text · 3 bytes · a piece of a message that is not complete here",
        ),
        (
            record(make_frame(1, b"Hel", fin=False, rsv=RSV1)),
            "text · 3 bytes · a compressed piece of a message that is not complete here",
        ),
        (
            record(make_frame(8, b"\x03\xe9bye")),
            "close · 1001 Going away: The server stops, or the browser leaves the page. · reason below",
        ),
        (record(make_frame(8)), "close · without a code"),
        (record(make_frame(8, b"\x03")), "close · half a code, which is one byte too few"),
        (record(make_frame(9, b"tick")), "ping · 4 bytes"),
        (
            record(Frame(0x81, None, b"abc", 1, 1000)),
            "text · 3 bytes · of 1\u202f000 bytes declared · not a message: see the Frame tab",
        ),
    ],
)
def test_line_of_facts(shown: ShownFrame, facts: str) -> None:
    assert describe_message(shown.outline) == facts


def decoded_of(shown: ShownFrame) -> tuple[bytes, int]:
    source, context = shown_content(shown)
    return source.read(0, len(source)), context.opcode


def test_what_is_decoded() -> None:
    assert decoded_of(record(make_frame(8, b"\x03\xe9bye"))) == (b"bye", Opcode.TEXT)
    assert decoded_of(whole(json.dumps([1]).encode())) == (b"[1]", Opcode.TEXT)
    assert decoded_of(record(make_frame(9, b"tick"))) == (b"tick", Opcode.BINARY)
    joined = record(make_frame(0, b"lo"), (), MessageInfo(1, 5, 5, False, 2), b"Hello")
    assert decoded_of(joined) == (b"Hello", Opcode.TEXT)
