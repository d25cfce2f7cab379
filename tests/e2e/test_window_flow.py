"""Journeys through the real window, by keys and mouse, with real clients on the other side."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QRadioButton, QSplitter, QToolButton
from websockets.sync.client import ClientConnection, connect

from app.actions.registry import ActionId
from app.dialogs.export_dialog import ExportDialog
from app.logic.compose import ComposeKind
from app.logic.frame_column import FrameColumn
from core.capture.reader import CaptureReader
from core.protocol.frames import Opcode, make_frame
from tests.tools.person import Person, SitDown
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.served import messages_of

GREETING = "你好，WebSocket 👋"
Client = Callable[..., ClientConnection]


@pytest.fixture
def client(person: Person) -> Iterator[Client]:
    """Connects clients; closed at the end."""
    with ExitStack() as clients:

        def new(path: str = "/", *, compression: str | None = None) -> ClientConnection:
            return clients.enter_context(connect(person.url + path, compression=compression))

        yield new


def press(person: Person, text: str) -> None:
    """Presses the button of the tool bar with this name."""
    buttons = [each for each in person.window.tool_bar.findChildren(QToolButton) if each.text() == text]
    assert len(buttons) == 1
    person.click(buttons[0])


def message_text(person: Person) -> str:
    return person.window.tabs.message.text.toPlainText()


def facts(person: Person) -> dict[str, str]:
    """Field and value of the Frame tab."""
    table = person.window.tabs.frame.table
    rows = (table.text_of(row) for row in range(table.rowCount()))
    return {row[0]: row[1] for row in rows}


def payloads(person: Person) -> list[str]:
    return person.column(FrameColumn.PAYLOAD)


def test_a_conversation(person: Person, client: Client) -> None:
    assert person.connections() == []
    peer = client("/chat?room=1")
    person.until(lambda: len(person.connections()) == 1, "it is in the list")
    assert person.connections() == ["/chat?room=1 open · 0 frames"]
    peer.send(GREETING)
    peer.send('{"name":"阿达","tags":[1,null]}')
    peer.send(bytes(range(40)))
    person.wait_for_rows(3)
    assert person.rows()[0] == ("client → server", "text", GREETING)

    person.choose_row(0)
    person.open_tab("message")
    assert message_text(person) == GREETING
    person.choose_row(1)
    assert message_text(person).splitlines()[:2] == ["{", '  "name": "阿达",']
    person.choose_row(2)
    assert message_text(person).startswith("00000000  00 01 02 03")

    person.choose_row(0)
    frame = person.capture.frame(1)
    assert frame is not None
    assert frame.frame.masking_key is not None
    person.open_tab("frame")
    found = facts(person)
    assert found["FIN"].startswith("1")
    assert found["Opcode"] == "0x1 text"
    assert found["Masking key"].replace(" ", "").lower().endswith(frame.frame.masking_key.hex())
    person.open_tab("bytes")
    person.window.tabs.bytes.select_all()
    person.window.tabs.bytes.copy_wire()
    copied = QGuiApplication.clipboard().text()
    assert bytes.fromhex(copied.replace(" ", "").replace("\n", "")) == frame.frame.wire()
    person.open_tab("handshake")
    request = person.window.tabs.handshake.request_headers
    assert ("Upgrade", "websocket") in [request.text_of(row)[:2] for row in range(request.rowCount())]

    person.compose(f"heard: {GREETING}")
    assert peer.recv() == f"heard: {GREETING}"
    person.wait_for_rows(4)
    assert person.rows()[3] == ("server → client", "text", f"heard: {GREETING}")
    assert "you" in person.column(FrameColumn.FLAGS)[3]

    peer.close(4000, "走了")
    person.until(lambda: "closed · 4000" in person.connections()[0], "the list says that it closed")
    person.wait_for_rows(6)
    assert person.rows()[4][1] == "close"
    assert person.rows()[4][2].startswith("4000 ")
    assert person.rows()[4][2].endswith(" · 走了")
    assert "automatic" in person.column(FrameColumn.FLAGS)[5]
    person.until(
        lambda: "Connection #1 is not open" in person.window.composer.status.text(), "the composer says why"
    )
    assert not person.window.composer.send_button.isEnabled()


def test_all_kinds_of_replies(person: Person, client: Client, tmp_path: Path) -> None:
    peer = client(compression="deflate")
    person.until(lambda: len(person.connections()) == 1, "it is in the list")
    person.choose_connection(1)
    person.compose("in four frames 之", fragments=4)
    assert peer.recv() == "in four frames 之"
    person.compose("3q2+7w==", ComposeKind.BASE64, fragments=1)
    assert peer.recv() == b"\xde\xad\xbe\xef"
    composer = person.window.composer
    file = tmp_path / "a file.bin"
    file.write_bytes(bytes(range(256)) * 300)
    composer.kinds.setCurrentIndex(composer.kinds.findData(ComposeKind.FILE))
    with person.naming(file):
        person.click(composer.file.browse)
    person.click(composer.send_button)
    assert peer.recv() == file.read_bytes()
    person.click(composer.compress)
    person.compose("not compressed")
    assert peer.recv() == "not compressed"
    person.wait_for_rows(7)
    assert [each.compressed for each in messages_of(person.capture)] == [True, True, True, False]
    assert [each.frames for each in messages_of(person.capture)] == [4, 1, 1, 1]


def test_json_that_is_none_is_not_sent(person: Person, client: Client) -> None:
    client()
    person.until(lambda: len(person.connections()) == 1, "it is in the list")
    person.choose_connection(1)
    composer = person.window.composer
    composer.kinds.setCurrentIndex(composer.kinds.findData(ComposeKind.JSON))
    person.write('{"a": }')
    QTest.keyClick(composer.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    person.until(lambda: composer.status.property("look") == "error", "it is said beside the editor")
    assert composer.editor.toPlainText() == '{"a": }'
    assert person.rows() == []


def test_a_port_in_use_and_another_one(person: Person) -> None:
    address, before = person.window.tool_bar.address, person.port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        person.do(ActionId.FOCUS_ADDRESS)
        assert address.hasFocus()
        QTest.keyClicks(address, f"127.0.0.1:{port}")
        QTest.keyClick(address, Qt.Key.Key_Return)
        person.wait_for_banner(f"Port {port} on 127.0.0.1 is in use by another program.")
        person.wait_for_status(f"Listening on ws://127.0.0.1:{before}")
    QTest.keyClick(address, Qt.Key.Key_Return)
    person.wait_for_status(f"Listening on ws://127.0.0.1:{port}")
    person.until(lambda: person.window.banner.text == "", "the banner is gone, as its reason is")
    with connect(f"ws://127.0.0.1:{port}/"):
        person.until(lambda: len(person.connections()) == 1, "it is in the list")


def test_an_address_that_is_none(person: Person) -> None:
    person.do(ActionId.FOCUS_ADDRESS)
    QTest.keyClicks(person.window.tool_bar.address, "nonsense")
    QTest.keyClick(person.window.tool_bar.address, Qt.Key.Key_Return)
    person.wait_for_banner("“nonsense” is no address to listen on")
    assert person.window.listening.addresses, "it listens where it did before"


def test_stop_and_start_leave_open_connections(person: Person, client: Client) -> None:
    peer = client()
    port = person.port
    person.do(ActionId.LISTEN)
    person.wait_for_status("Not listening")
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0
    peer.send("still here")
    person.wait_for_rows(1)
    person.do(ActionId.LISTEN)
    person.until(lambda: bool(person.window.listening.addresses), "it listens again")


def test_a_refused_handshake_and_a_broken_rule_are_seen(person: Person) -> None:
    with RawPeer(person.port) as peer:
        peer.send(b"GET /\x1b[31m<b>x HTTP/1.1\r\nHost: localhost\r\nUpgrade websocket\r\n\r\n")
        peer.rest()
    person.until(lambda: "refused, 400" in "".join(person.connections()), "it is in the list")
    person.choose_connection(1)
    person.open_tab("handshake")
    assert "\x1b" not in person.connections()[0]
    with RawPeer(person.port) as peer:
        peer.open()
        peer.send(make_frame(Opcode.TEXT, b"bare").wire())
        peer.rest()
    person.choose_connection(None)
    person.wait_for_rows(2)
    person.do(ActionId.NEXT_VIOLATION)
    person.until(lambda: person.window.frames.current_frame == 1, "the broken frame is selected")
    person.open_tab("frame")
    violations = person.window.tabs.frame.violations
    person.until(lambda: violations.row_count() == 1, "it says which rule")


def test_freeze(person: Person, client: Client) -> None:
    peer = client()
    peer.send("before")
    person.wait_for_rows(1)
    press(person, "Freeze")
    for number in range(3):
        peer.send(f"while {number}")
    person.wait_for_status("Frozen, 3 newer")
    assert payloads(person) == ["before"]
    person.do(ActionId.FREEZE)
    person.wait_for_rows(4)
    assert "Frozen" not in "".join(person.status())


def test_stop_recording(person: Person, client: Client) -> None:
    person.do(ActionId.AUTO_REPLY)
    peer = client()
    peer.send("kept")
    assert peer.recv() == "kept"
    person.wait_for_rows(2)
    person.do(ActionId.RECORD)
    person.wait_for_status("Recording is stopped")
    peer.send("not kept")
    assert peer.recv() == "not kept"
    person.do(ActionId.RECORD)
    peer.send("kept again")
    assert peer.recv() == "kept again"
    person.wait_for_rows(5)
    assert payloads(person) == ["kept", "kept", "", "kept again", "kept again"]
    assert person.column(FrameColumn.NUMBER)[2].startswith("2 frames were not recorded: Record was off")
    assert [row.number for row in person.capture.rows(person.window.frame_model.view, 0, 9)] == [1, 2, 5, 6]


def test_clear(person: Person, client: Client) -> None:
    gone, stays = client("/gone"), client("/stays")
    gone.send("1")
    stays.send("2")
    person.wait_for_rows(2)
    gone.close()
    person.until(lambda: "closed" in "".join(person.connections()), "one is closed")
    person.choose_row(0)
    person.do(ActionId.CLEAR)
    person.until(lambda: person.question() is not None, "it is asked")
    box = person.question()
    assert box is not None
    person.click(person.button(box, "Clear"))
    person.until(lambda: person.rows() == [], "the table is empty")
    person.until(lambda: len(person.connections()) == 1, "only the open one is in the list")
    assert person.connections()[0].startswith("/stays open")
    stays.send("3")
    person.wait_for_rows(1)
    assert payloads(person) == ["3"]


def test_control_frames_hide_with_their_count(person: Person, client: Client) -> None:
    peer = client()
    peer.send("one")
    assert peer.ping(b"p").wait(30)
    peer.send("two")
    person.wait_for_rows(4)
    person.choose_row(3)
    press(person, "Control")
    person.wait_for_status("2 control frames hidden")
    assert payloads(person) == ["one", "two"]
    assert person.window.frames.current_frame == 4
    assert person.window.frames.currentIndex().row() == 1
    assert peer.ping(b"q").wait(30)
    person.wait_for_status("4 control frames hidden")
    person.do(ActionId.SHOW_CONTROL)
    person.wait_for_rows(6)
    assert "hidden" not in "".join(person.status())


def test_the_tail_is_followed_only_at_the_tail(person: Person, client: Client) -> None:
    peer, table = client(), person.window.frames
    for number in range(300):
        peer.send(f"{number}")
    person.wait_for_rows(300)
    bar = table.verticalScrollBar()
    person.until(lambda: bar.value() == bar.maximum() > 0, "it is at the tail")
    peer.send("one more")
    person.wait_for_rows(301)
    person.until(lambda: bar.value() == bar.maximum(), "it is still at the tail")

    person.do(ActionId.GO_TOP)
    assert (bar.value(), table.current_frame) == (0, 1)
    assert not person.window.actions_[ActionId.FOLLOW].isChecked()
    for number in range(50):
        peer.send(f"more {number}")
    person.wait_for_rows(351)
    assert (bar.value(), table.current_frame) == (0, 1)
    pill = person.window.catch_up.button
    person.until(lambda: pill.text() == "50 new", "the strip says so")
    person.click(pill)
    person.until(lambda: bar.value() == bar.maximum(), "it is at the tail again")
    assert table.current_frame == 1
    peer.send("last")
    person.wait_for_rows(352)
    person.until(lambda: bar.value() == bar.maximum(), "it follows again")


def test_save_goes_on_and_open_is_read_only(person: Person, client: Client, tmp_path: Path) -> None:
    peer = client()
    peer.send("first")
    person.wait_for_rows(1)
    assert "Unsaved" in person.status()
    saved = tmp_path / "mine.unmask"
    with person.naming(saved):
        person.do(ActionId.SAVE_AS)
    person.wait_for_status("Saved in mine.unmask")
    peer.send("second")
    person.wait_for_rows(2)
    assert payloads(person) == ["first", "second"]

    old = tmp_path / "old.unmask"
    with person.naming(old):
        person.do(ActionId.SAVE_AS)
    person.wait_for_status("Saved in old.unmask")
    with person.naming(saved):
        person.do(ActionId.OPEN_CAPTURE)
    person.wait_for_status("mine.unmask, read-only")
    assert payloads(person) == ["first", "second"]
    person.wait_for_banner("You are looking at mine.unmask.")
    assert not person.window.composer.isVisible()
    peer.send("third")
    person.do(ActionId.SHOW_LIVE)
    person.wait_for_rows(3)
    assert payloads(person) == ["first", "second", "third"]
    person.close()
    for path, texts in ((saved, ["first", "second"]), (old, ["first", "second", "third"])):
        reader = CaptureReader(path)
        assert [each.payload.decode() for each in messages_of(reader)] == texts
        reader.close()
    assert list((tmp_path / "captures").iterdir()) == []


def export(person: Person, target: Path, *keys: Qt.Key) -> None:
    """Export by the keyboard alone: press `keys` in the dialog, then Enter."""
    person.do(ActionId.EXPORT)
    person.until(lambda: isinstance(person.question(), ExportDialog), "it is asked what")
    dialog = person.question()
    assert dialog is not None
    person.until(lambda: isinstance(QApplication.focusWidget(), QRadioButton), "it has the keyboard")
    with person.naming(target):
        for key in keys:
            QTest.keyClick(dialog.focusWidget() or dialog, key)
        QTest.keyClick(dialog, Qt.Key.Key_Return)


def test_export(person: Person, client: Client, tmp_path: Path) -> None:
    client().send(GREETING)
    person.wait_for_rows(1)
    target = tmp_path / "out.jsonl"
    export(person, target)
    person.wait_for_banner(f"Exported to {target}.")
    lines = target.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        '{"event":"handshake"',
        '{"event":"frame"',
        '{"event":"message"',
    ]


def test_export_of_one_connection_has_nothing_of_another(
    person: Person, client: Client, tmp_path: Path
) -> None:
    client().send("mine")
    client().send("not mine")
    person.wait_for_rows(2)
    person.choose_connection(1)
    person.wait_for_rows(1)
    target = tmp_path / "one.jsonl"
    export(person, target)
    person.wait_for_banner(f"Exported to {target}.")
    told = list(map(json.loads, target.read_text().splitlines()))
    assert {line["connection"] for line in told} == {1}
    assert [line["payload"] for line in told if line["event"] == "message"] == ["mine"]
    everything = tmp_path / "all.jsonl"
    export(person, everything, Qt.Key.Key_Down)
    person.wait_for_banner(f"Exported to {everything}.")
    assert {json.loads(line)["connection"] for line in everything.read_text().splitlines()} == {1, 2}


def test_opening_what_is_no_capture(person: Person, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with person.naming(text):
        person.do(ActionId.OPEN_CAPTURE)
    person.wait_for_banner("notes.txt")
    assert "Unsaved" in person.status()


def test_settings_come_back_at_the_next_start(sit_down: SitDown) -> None:
    person = sit_down()
    dark = person.desktop.theme.is_dark
    for action in (ActionId.THEME, ActionId.AUTO_REPLY, ActionId.TOLERANT, ActionId.SHOW_CONTROL):
        person.do(action)
    person.do(ActionId.TIME_FORMAT)
    person.open_tab("bytes")
    layout = person.window.findChild(QSplitter, "details")
    assert isinstance(layout, QSplitter)
    layout.setSizes([layout.sizes()[0] + 60, layout.sizes()[1] - 60, layout.sizes()[2]])
    sizes = layout.sizes()
    header = person.window.frames.horizontalHeader()
    person.window.frames.header.show_column(FrameColumn.DELTA, shown=False)
    header.resizeSection(FrameColumn.OPCODE, 123)
    with connect(person.url) as peer:
        person.until(lambda: len(person.connections()) == 1, "it is in the list")
        person.choose_connection(1)
        person.compose("for the history")
        assert peer.recv() == "for the history"
    person.close()

    person = sit_down()
    assert person.desktop.theme.is_dark is not dark
    for action, on in (
        (ActionId.AUTO_REPLY, True),
        (ActionId.TOLERANT, True),
        (ActionId.SHOW_CONTROL, False),
        (ActionId.RECORD, True),
    ):
        assert person.window.actions_[action].isChecked() is on
    assert person.window.tabs.current_tab() == "bytes"
    layout = person.window.findChild(QSplitter, "details")
    assert isinstance(layout, QSplitter)
    assert layout.sizes()[0] / sum(layout.sizes()) == pytest.approx(sizes[0] / sum(sizes), abs=0.02)
    header = person.window.frames.horizontalHeader()
    assert header.isSectionHidden(FrameColumn.DELTA)
    # A screen as narrow as this has no room for it, but it is kept until there is.
    window, table = person.window, person.window.frames

    def has_room() -> bool:
        # Again where the window is fitted to its screen only now.
        window.resize(1600, window.height())
        return table.horizontalHeader().sectionSize(FrameColumn.OPCODE) == 123

    person.until(has_room, "the column is as wide as it was")
    title = person.window.frame_model.headerData(FrameColumn.TIME, Qt.Orientation.Horizontal)
    assert title == "Since start"
    editor = person.window.composer.editor
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Up)
    assert editor.toPlainText() == "for the history"
    with connect(person.url, compression=None) as peer:
        peer.send("echo?")
        assert peer.recv() == "echo?"


def test_leaving_with_unsaved_frames_asks(sit_down: SitDown, tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    person = sit_down()
    with connect(person.url) as peer:
        peer.send("precious")
        person.wait_for_rows(1)
    person.do(ActionId.QUIT)
    person.until(lambda: person.question() is not None, "it asks")
    question = person.question()
    assert question is not None
    saved = tmp_path / "kept.unmask"
    with person.naming(saved):
        person.click(person.button(question, "Save as…"))
        person.until(lambda: not person.window.isVisible(), "the window is gone")
    person.close()
    reader = CaptureReader(saved)
    assert [each.payload for each in messages_of(reader)] == [b"precious"]
    reader.close()
    assert list(folder.iterdir()) == []

    person = sit_down()
    with connect(person.url) as peer:
        peer.send("worthless")
        person.wait_for_rows(1)
    person.do(ActionId.QUIT)
    person.until(lambda: person.question() is not None, "it asks again")
    question = person.question()
    assert question is not None
    person.click(person.button(question, "Don't save"))
    person.until(lambda: not person.window.isVisible(), "the window is gone")
    person.close()
    assert list(folder.iterdir()) == []


def test_many_frames_in_a_flood_are_all_there(person: Person) -> None:
    wire = make_frame(Opcode.TEXT, b"flood", masking_key=MASK).wire()
    with RawPeer(person.port) as peer:
        peer.open()
        for _ in range(50):
            peer.send(wire * 1000)
        peer.frame(Opcode.CLOSE, b"\x03\xe8")
        peer.rest()
    person.wait_for_rows(50_002)
    assert person.capture.totals().frames == 50_002
    person.do(ActionId.GO_BOTTOM)
    assert person.window.frames.current_frame == 50_002
    assert payloads(person)[49_999] == "flood"
