"""An edited message in the details: what was done to it, what differs, and the way to its other end."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.logic.differing import Content
from app.logic.shown_edit import ShownEdit
from app.logic.shown_frame import ShownFrame
from app.look.theme import Theme, ThemeChoice, ThemeRole
from app.runtime.jobs import Jobs
from app.views.message.view import MessageView
from core.decoders.context import Context
from core.decoders.source import Held
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate, Handling
from tests.app.views.samples import whole


class Slow(Held):
    """Is read by another thread."""

    is_held = False


def content(payload: bytes, kind: type[Held] = Held) -> Content:
    return Content(kind(payload), Context(Opcode.TEXT))


def edited(before: bytes, after: bytes, kind: type[Held] = Held) -> ShownFrame:
    """The frame that came."""
    shown = whole(before)
    row = replace(
        shown.outline.row, handling=Handling(Fate.REPLACED, DecidedBy.PERSON, 3_200_000_000, ("<b>Hold</b>",))
    )
    edit = ShownEdit(1, 2, content(before, kind), content(after, kind))
    return replace(shown, outline=replace(shown.outline, row=row), edit=edit, linked=(2,))


def test_most_messages_have_no_line_about_it(view: MessageView) -> None:
    view.show_frame(whole(b"hello"))
    assert not view.handling.isVisible()
    assert not view.differences.isVisible()
    assert view.text.isVisible()


def test_what_was_done_and_what_differs(view: MessageView) -> None:
    view.show_frame(edited(b'{"price":10}', b'{"price":12}'))
    said = "It was held for 3.20 s, then replaced by you. Rule: <b>Hold</b>."
    assert view.handling.label.text() == said
    assert view.handling.label.textFormat() is Qt.TextFormat.PlainText
    assert view.differences.isVisible()
    assert not view.text.isVisible()
    shown = view.differences.text.toPlainText()
    assert shown == '  {\n−   "price": 10\n+   "price": 12\n  }'
    assert view.differences.remark.text() == "− frame 1, which came · + frame 2, which went on · as JSON"


def test_lines_have_a_tint_and_changed_words_a_line(view: MessageView, theme: Theme) -> None:
    view.show_frame(edited("😀 10".encode(), "😀 12".encode()))
    gone, come = (view.differences.text.document().findBlockByNumber(number) for number in (0, 1))
    assert gone.blockFormat().background().color() == theme.color(ThemeRole.ERROR_TINT)
    assert come.blockFormat().background().color() == theme.color(ThemeRole.SUCCESS_TINT)
    underlined = []
    ranges = come.begin()
    while not ranges.atEnd():
        if ranges.fragment().charFormat().fontUnderline():
            underlined.append(ranges.fragment().text())
        ranges += 1
    assert underlined == ["12"]
    theme.set_choice(ThemeChoice.DARK)
    gone = view.differences.text.document().findBlockByNumber(0)
    assert gone.blockFormat().background().color() == theme.color(ThemeRole.ERROR_TINT)
    theme.set_choice(ThemeChoice.LIGHT)


def test_back_to_the_message_and_the_choice_stays(view: MessageView) -> None:
    view.show_frame(edited(b"one", b"two"))
    QTest.mouseClick(view.handling.differences, Qt.MouseButton.LeftButton)
    assert view.text.isVisible()
    assert view.text.toPlainText() == "one"
    view.show_frame(edited(b"three", b"four"))
    assert not view.differences.isVisible()
    QTest.mouseClick(view.handling.differences, Qt.MouseButton.LeftButton)
    assert view.differences.text.toPlainText() == "− three\n+ four"


def test_the_chosen_decoder_shows_both(view: MessageView) -> None:
    view.show_frame(edited(b"abc", b"abd"))
    view.choice.setCurrentText("Hex")
    assert view.differences.remark.text().endswith("as Hex")
    assert "61 62 63" in view.differences.text.toPlainText()


def test_finding_looks_through_the_message(view: MessageView) -> None:
    view.show_frame(edited(b"one", b"two"))
    QTest.keyClick(view, Qt.Key.Key_F3)
    assert view.text.isVisible()
    assert view.find_bar.isVisible()


def test_the_way_to_the_other_end(view: MessageView, qtbot: QtBot) -> None:
    view.show_frame(edited(b"one", b"two"))
    assert [button.text() for button in view.handling.links if button.isVisible()] == ["Go to frame 2"]
    with qtbot.waitSignal(view.handling.frame_requested) as asked:
        QTest.mouseClick(view.handling.links[0], Qt.MouseButton.LeftButton)
    assert asked.args == [2]


def test_what_is_not_at_hand_is_compared_elsewhere(view: MessageView, qtbot: QtBot) -> None:
    view.show_frame(edited(b"slow", b"slower", Slow))
    assert view.differences.remark.text() == "Comparing …"
    qtbot.waitUntil(lambda: view.differences.text.toPlainText() == "− slow\n+ slower")


def test_answers_about_another_message_are_ignored(view: MessageView, qtbot: QtBot, jobs: Jobs) -> None:
    view.show_frame(edited(b"slow", b"slower", Slow))
    view.show_frame(edited(b"one", b"two"))
    qtbot.waitUntil(lambda: not jobs._waiting)
    assert view.differences.text.toPlainText() == "− one\n+ two"


def test_what_does_not_differ_and_what_is_long(view: MessageView, qtbot: QtBot) -> None:
    view.show_frame(edited(b"same", b"same"))
    assert "Nothing differs." in view.differences.remark.text()
    long = b"x" * 300_000
    view.show_frame(edited(long, b"y" + long))
    qtbot.waitUntil(lambda: "Only the first" in view.differences.remark.text())


def test_hostile_text_is_shown_as_it_is(view: MessageView) -> None:
    view.show_frame(edited(b"<b>bold</b>", "\u202e<i>x</i>\x07".encode()))
    shown = view.differences.text.toPlainText()
    assert "<b>bold</b>" in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown
