"""Messages of many megabytes from a real capture: this thread reads and renders none of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.logic.shown_frame import ShownFrame, shown_frame
from app.logic.text import grouped
from app.look.theme import Theme
from app.runtime import stepping
from app.runtime.jobs import Jobs
from app.views.bytes.view import BytesView
from app.views.message import view as message_view
from app.views.message.view import MessageView
from app.views.parts import payload_carrier
from core.decoders.registry import Decoders
from core.decoders.source import Source
from core.protocol.frames import Opcode
from tests.tools.recorded import CaptureMaker

LINES = [f"line {number} 世界 lorem ipsum\n" for number in range(90_000)]
TEXT = "".join(LINES)
RECORDS = json.dumps([{"id": number, "name": f"user {number}"} for number in range(60_000)])
BROKEN = RECORDS[:-1] + ",]"
LINE = "0123456789" * 100_000
BYTES = bytes(range(256)) * 4000


class Overseen:
    """A source that notes which threads read it."""

    is_held = False

    def __init__(self, source: Source) -> None:
        self._source = source
        self.threads: set[int] = set()
        self.gate = threading.Event()
        """Nothing is read before it is set."""
        self.gate.set()

    def __len__(self) -> int:
        return len(self._source)

    def read(self, start: int, end: int) -> bytes:
        self.threads.add(threading.get_ident())
        self.gate.wait()
        return self._source.read(start, end)


@pytest.fixture
def shown(maker: CaptureMaker) -> list[ShownFrame]:
    """The frames of a capture, whose payloads tell who reads them."""
    peer = maker.peer()
    for text in (TEXT, RECORDS, BROKEN, LINE, "short"):
        peer.say(text)
    peer.frame(Opcode.BINARY, BYTES)
    reader = maker.reader()
    found = []
    for number in range(1, 7):
        one = shown_frame(reader, number)
        assert one is not None
        if not one.content.is_held:
            overseen = Overseen(one.content)
            one = ShownFrame(one.outline, overseen, overseen, one.context)
        found.append(one)
    return found


@pytest.fixture
def view(qtbot: QtBot, theme: Theme, jobs: Jobs, decoders: Decoders) -> Iterator[MessageView]:
    view = MessageView(theme, jobs, decoders)
    view.resize(1000, 500)
    with qtbot.waitExposed(view):
        view.show()
    yield view
    view.stop()
    view.close()
    jobs.stop()
    view.deleteLater()


def settle(view: MessageView, qtbot: QtBot) -> str:
    """What is shown once all is there."""
    qtbot.waitUntil(
        lambda: view.is_settled and not view.finder.is_running and not view.carrier.is_running, timeout=60_000
    )
    return view.text.toPlainText()


def overseen(one: ShownFrame) -> Overseen:
    assert isinstance(one.content, Overseen)
    return one.content


def find(view: MessageView, qtbot: QtBot, wanted: str, *, backward: bool = False) -> str:
    view.find_bar.open()
    if view.find_bar.input.text() != wanted:
        view.find_bar.input.clear()
        QTest.keyClicks(view.find_bar.input, wanted)
    view.find_bar.search(backward=backward)
    settle(view, qtbot)
    return view.text.textCursor().selectedText()


def test_a_long_text_is_shown_in_pages_that_say_where_they_are(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    view.show_frame(shown[0])
    assert view.text.toPlainText() == ""
    size = len(TEXT.encode())
    assert view.notice.text() == f"Reading {grouped(size)} bytes …"
    page = settle(view, qtbot)
    bar = view.page_bar
    assert bar.isVisible()
    assert not view.notice.isVisible()
    assert TEXT.startswith(page)
    end = len(page.encode())
    assert bar.part.text() == f"Bytes 0 to {grouped(end - 1)} of {grouped(size)}"
    assert bar.of.text().strip() == f"of {bar.page.maximum()}"
    assert (bar.previous.isEnabled(), bar.next.isEnabled()) == (False, True)
    bar.next.click()
    following = settle(view, qtbot)
    assert TEXT.startswith(page + following)
    assert bar.page.value() == 2
    assert bar.part.text().startswith(f"Bytes {grouped(end)} to ")
    bar.last.click()
    assert TEXT.endswith(settle(view, qtbot))
    assert (bar.previous.isEnabled(), bar.next.isEnabled()) == (True, False)
    bar.previous.click()
    bar.first.click()
    assert settle(view, qtbot) == page
    bar.page.setValue(3)
    settle(view, qtbot)
    assert bar.part.text().endswith(f" of {grouped(size)}")
    assert overseen(shown[0]).threads
    assert threading.get_ident() not in overseen(shown[0]).threads


def test_any_byte_can_be_gone_to(view: MessageView, shown: list[ShownFrame], qtbot: QtBot) -> None:
    view.show_frame(shown[0])
    settle(view, qtbot)
    wanted = TEXT.encode().index(b"line 70000 ")
    view.page_bar.byte.setText(hex(wanted))
    QTest.keyClick(view.page_bar.byte, Qt.Key.Key_Return)
    settle(view, qtbot)
    cursor = view.text.textCursor()
    assert (cursor.block().text(), cursor.selectedText()) == (LINES[70_000].strip(), "l")
    view.page_bar.byte.setText(str(10**12))
    QTest.keyClick(view.page_bar.byte, Qt.Key.Key_Return)
    assert view.notice.text() == f"The last byte is {grouped(len(TEXT.encode()) - 1)}."
    assert view.text.textCursor() == cursor


def test_long_json_is_laid_out_in_pages(view: MessageView, shown: list[ShownFrame], qtbot: QtBot) -> None:
    view.show_frame(shown[1])
    pages = [settle(view, qtbot)]
    assert view.choice.currentText() == "Auto: JSON"
    while view.page_bar.next.isEnabled():
        view.page_bar.next.click()
        pages.append(settle(view, qtbot))
    assert len(pages) > 10
    assert "\n".join(pages) == json.dumps(json.loads(RECORDS), indent=2)
    assert threading.get_ident() not in overseen(shown[1]).threads


def test_reading_can_be_given_up_and_taken_up_again(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "SLICE_SECONDS", 0)
    view.loader.changed.connect(lambda: view.preparing.cancel.click() if knows(view, 3) else None)
    view.show_frame(shown[1])
    settle(view, qtbot)
    pages = view.loader.pages
    assert pages is not None
    assert pages.count == 3
    size = grouped(len(RECORDS))
    assert (
        view.notice.text() == f"Stopped: pages are known of the first {grouped(pages.known)} of {size} bytes."
    )
    assert view.page_bar.of.text().strip() == "of 3 so far"
    assert not view.preparing.isVisible()
    view.copy.click()
    assert view.notice.text().startswith("Not all pages are known yet.")
    view.loader.changed.disconnect()
    view.loader.changed.connect(view._show_reading)
    view.page_bar.next.click()
    before = settle(view, qtbot)
    view.go_on.click()
    assert settle(view, qtbot) == before
    assert view.page_bar.page.value() == 2
    assert view.page_bar.page.maximum() > 10
    assert not view.go_on.isVisible()


def knows(view: MessageView, count: int) -> bool:
    return view.loader.pages is not None and view.loader.pages.count == count


def test_json_that_turns_out_to_be_none_is_text_at_the_same_place(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "SLICE_SECONDS", 0)

    def go_on() -> None:
        if knows(view, 12) and not view.loader.number:
            view.loader.show_page(11)
            qtbot.waitUntil(lambda: view.loader.number == 11)

    view.loader.changed.connect(go_on)
    view.show_frame(shown[2])
    text = settle(view, qtbot).replace("\n", "")
    assert view.choice.currentText() == "Auto: Text"
    assert text in BROKEN
    assert view.page_bar.page.value() > 1
    assert view.notice.text() == (
        f"JSON: a value expected at byte {len(BROKEN) - 1:,}, not ']'. Shown as Text."
    )


def test_a_selection_that_moves_on_drops_what_is_on_its_way(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    source = overseen(shown[0])
    source.gate.clear()
    try:
        view.show_frame(shown[0])
        qtbot.waitUntil(lambda: bool(source.threads))
        view.show_frame(shown[4])
        assert view.text.toPlainText() == "short"
    finally:
        source.gate.set()
    view.show_frame(shown[0])
    view.show_frame(shown[1])
    view.show_frame(shown[3])
    assert LINE.startswith(settle(view, qtbot).replace("\n", ""))
    assert view.choice.currentText() == "Auto: Text"
    view.show_frame(shown[4])
    assert settle(view, qtbot) == "short"
    assert not view.page_bar.isVisible()


def test_only_the_last_of_many_pages_is_shown(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    view.show_frame(shown[0])
    settle(view, qtbot)
    source = overseen(shown[0])
    source.gate.clear()
    numbers: list[int] = []
    view.loader.page_ready.connect(lambda: numbers.append(view.loader.number))
    last = view.page_bar.page.maximum() - 1
    for number in range(last + 1):
        view.loader.show_page(number)
    source.gate.set()
    assert TEXT.endswith(settle(view, qtbot))
    assert numbers == [last]


def test_a_line_of_a_megabyte_is_broken_and_says_so(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    view.show_frame(shown[3])
    page = settle(view, qtbot)
    assert max(map(len, page.split("\n"))) == 8192
    assert view.folded.isVisible()
    view.page_bar.copy.click()
    assert QGuiApplication.clipboard().text() == page.replace("\n", "")
    view.copy.click()
    settle(view, qtbot)
    assert QGuiApplication.clipboard().text() == LINE
    assert view.notice.text() == f"Copied {grouped(len(LINE))} characters."


def test_a_text_is_found_on_pages_that_are_not_shown(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    view.show_frame(shown[0])
    settle(view, qtbot)
    assert find(view, qtbot, "LINE 8000") == "line 8000"
    assert view.find_bar.result() == "1 of 11"
    assert view.page_bar.page.value() == 1
    assert find(view, qtbot, "LINE 8000") == "line 8000"
    assert view.text.textCursor().block().text() == LINES[80_000].strip()
    assert view.find_bar.result() == "2 of 11"
    assert view.page_bar.page.value() > 5
    assert find(view, qtbot, "LINE 8000", backward=True) == "line 8000"
    assert find(view, qtbot, "LINE 8000", backward=True) == "line 8000"
    assert view.find_bar.result() == "11 of 11"
    view.find_bar.match_case.click()
    settle(view, qtbot)
    assert view.find_bar.result() == "Not found"
    assert find(view, qtbot, "line 8000") == "line 8000"
    find(view, qtbot, "nowhere")
    assert view.find_bar.result() == "Not found"
    assert threading.get_ident() not in overseen(shown[0]).threads


def test_what_is_found_in_json_is_marked_where_it_is_laid_out(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    view.show_frame(shown[1])
    settle(view, qtbot)
    assert find(view, qtbot, '"id":59999,"name"').replace("\u2029", "\n") == '"id": 59999,\n    "name"'
    assert view.find_bar.result() == "1 of 1"
    assert not view.page_bar.next.isEnabled()
    find(view, qtbot, '"name"')
    view.grab()
    first = view.text.firstVisibleBlock()
    marked = [
        piece.format.background().color() for piece in first.next().next().layout().formats() if piece.length
    ]
    assert marked


@pytest.mark.parametrize("wanted", ["fd fe ff 00 01", "FDFEFF0001"])
def test_bytes_are_found_in_a_dump(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot, wanted: str
) -> None:
    view.show_frame(shown[5])
    settle(view, qtbot)
    view.page_bar.last.click()
    settle(view, qtbot)
    assert find(view, qtbot, wanted) == "fd fe ff"
    assert view.find_bar.result().endswith(f" of {grouped(3999)}")
    assert len(view.text.extraSelections()) == 4


def test_a_search_can_be_stopped(
    view: MessageView, shown: list[ShownFrame], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "SLICE_SECONDS", 0)
    view.show_frame(shown[0])
    settle(view, qtbot)

    def stop() -> None:
        if view.finder.is_running and view.finder.summary() != "0 so far, 0 %":
            assert view.find_bar.stop.isVisible()
            view.find_bar.stop.click()

    view.finder.changed.connect(stop)
    find(view, qtbot, "ipsum")
    assert "stopped at" in view.find_bar.result()
    assert not view.find_bar.stop.isVisible()


def test_what_cannot_be_copied_is_said_and_can_be_saved(
    view: MessageView,
    shown: list[ShownFrame],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(payload_carrier, "COPY_LIMIT", 1_000_000)
    monkeypatch.setattr(message_view, "COPY_LIMIT", 1_000_000)
    QGuiApplication.clipboard().setText("before")
    for one in (0, 5):
        view.show_frame(shown[one])
        settle(view, qtbot)
        view.copy.click()
        settle(view, qtbot)
        assert view.notice.text().startswith("The text has more than the 1\u202f000\u202f000 characters")
        assert QGuiApplication.clipboard().text() == "before"
    view.carrier.save(shown[5].content, tmp_path / "bytes.bin")
    assert view.carrying.isVisible()
    view.show_frame(shown[4])
    settle(view, qtbot)
    assert not view.carrying.isVisible()
    assert (tmp_path / "bytes.bin").read_bytes() == BYTES
    assert view.notice.text() == f"Saved as {tmp_path / 'bytes.bin'}."


def test_a_copy_can_be_cancelled(view: MessageView, shown: list[ShownFrame], qtbot: QtBot) -> None:
    QGuiApplication.clipboard().setText("before")
    view.show_frame(shown[3])
    settle(view, qtbot)
    view.copy.click()
    assert view.carrying.isVisible()
    view.carrying.cancel.click()
    assert not view.carrying.isVisible()
    settle(view, qtbot)
    assert QGuiApplication.clipboard().text() == "before"


def test_the_bytes_of_a_long_frame_come_when_they_are_looked_at(
    theme: Theme, jobs: Jobs, shown: list[ShownFrame], qtbot: QtBot
) -> None:
    view = BytesView(theme, jobs)
    view.resize(1000, 400)
    with qtbot.waitExposed(view):
        view.show()
    source = overseen(shown[5])
    view.show_frame(shown[5])
    view.grab()
    qtbot.waitUntil(lambda: view.window_.peek(0, 100) is not None)
    for place in (999_000, 500_000, 20):
        view.dump.mark(range(place, place + 1))
        view.grab()
        qtbot.waitUntil(lambda place=place: view.window_.peek(place, place + 100) is not None)  # type: ignore[misc]
        assert view.window_.peek(place, place + 100) == BYTES[place : place + 100]
    view.select_all()
    view.copy_plain()
    qtbot.waitUntil(lambda: not view.carrier.is_running)
    assert QGuiApplication.clipboard().text().endswith(BYTES[-1000:].hex(" "))
    view.find_text()
    view.find_bar.input.setText("fe ff 00 01")
    view.find_text()
    qtbot.waitUntil(lambda: not view.finder.is_running)
    assert view.find_bar.result() == f"1 of {grouped(3999)}"
    assert view.status_text() == "Found at byte 254 of the payload, 268 of the frame."
    assert threading.get_ident() not in source.threads
    view.close()
    jobs.stop()
    view.deleteLater()
