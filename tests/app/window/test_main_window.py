"""The real window over the real engine, with real clients on real sockets."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QMessageBox
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.settings_dialog import SettingsDialog
from app.logic.frame_column import FrameColumn
from app.logic.remembered_rules import read_remembered
from app.look.theme import ThemeChoice
from app.settings import Settings
from app.window.desktop import Desktop
from core.net.settings import ListenAddress, parse_address
from core.protocol.outgoing import OutgoingPing
from tests.tools.at_window import Connect, payloads, trigger
from tests.tools.recorded import CaptureMaker


def test_rows_appear_and_a_reply_arrives(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/chat")
    peer.send("你好 👋")
    qtbot.waitUntil(lambda: payloads(desktop) == ["你好 👋"])
    window.connections.choose(1)
    window.composer.set_text("welcome")
    with qtbot.waitSignal(desktop.engine.sent):
        trigger(desktop, ActionId.SEND)
    assert peer.recv(timeout=60) == "welcome"
    qtbot.waitUntil(lambda: payloads(desktop) == ["你好 👋", "welcome"])
    window.frames.go_to_row(0)
    qtbot.waitUntil(lambda: window.selection.connection is not None)
    assert window.selection.connection is not None
    assert window.selection.connection.path == "/chat"


def test_send_to_all(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    peers = [client("/one"), client("/two")]
    qtbot.waitUntil(lambda: desktop.window.connection_model.open_count == 2)
    desktop.window.composer.set_text("to everybody")
    trigger(desktop, ActionId.SEND_ALL)
    question = QApplication.activeModalWidget()
    assert isinstance(question, QMessageBox)
    next(each for each in question.buttons() if "2" in each.text()).click()
    assert [peer.recv(timeout=60) for peer in peers] == ["to everybody"] * 2


def test_a_failed_send_is_said_beside_the_editor(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    peer = client("/")
    qtbot.waitUntil(lambda: desktop.window.connection_model.open_count == 1)
    desktop.window.connections.choose(1)
    peer.close()
    qtbot.waitUntil(lambda: desktop.window.connection_model.open_count == 0)
    trigger(desktop, ActionId.SEND)
    assert "not open" in desktop.window.composer.status.text()


def test_echo_is_a_switch_that_is_remembered(
    desktop: Desktop, client: Connect, settings: Settings, qtbot: QtBot
) -> None:
    peer = client("/")
    trigger(desktop, ActionId.AUTO_REPLY)
    assert [rule.is_on for rule in read_remembered(settings.rules)] == [True]
    # What the engine is asked is done in order: when this is answered, it echoes.
    with qtbot.waitSignal(desktop.engine.sent):
        desktop.engine.send_to_all(OutgoingPing())
    peer.send("echo me")
    assert peer.recv(timeout=60) == "echo me"
    qtbot.waitUntil(lambda: payloads(desktop).count("echo me") == 2)


def test_port_in_use_is_said_in_the_window(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    with socket.create_server(("127.0.0.1", 0)) as taken:
        window.tool_bar.address.setText(f"127.0.0.1:{taken.getsockname()[1]}")
        with qtbot.waitSignal(desktop.engine.failed):
            trigger(desktop, ActionId.LISTEN)
    assert str(taken_port(window.banner.text)) in window.banner.text
    assert window.listening.addresses == ()


@pytest.mark.usefixtures("address")
def test_a_port_in_use_leaves_the_listener_that_works(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    before = window.listening.addresses
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        window.tool_bar.address.setText(f"ws://{busy}/chat")
        with qtbot.waitSignal(desktop.engine.failed):
            QTest.keyClick(window.tool_bar.address, Qt.Key.Key_Return)
    assert before[0] in window.banner.text
    assert window.listening.addresses == before
    assert window.tool_bar.address.text() == busy
    assert window.tool_bar.address.property("invalid")
    client("/")
    qtbot.waitUntil(lambda: window.connection_model.open_count == 1)


def taken_port(text: str) -> int:
    """The first number of five figures or so in a sentence."""
    digits = "".join(char if char.isdigit() else " " for char in text).split()
    return max(map(int, digits))


def test_a_bad_address_is_said_and_marked(desktop: Desktop) -> None:
    window = desktop.window
    window.tool_bar.address.setText("nowhere")
    trigger(desktop, ActionId.LISTEN)
    assert "nowhere" in window.banner.text
    assert window.tool_bar.address.property("invalid")


@pytest.mark.usefixtures("address")
def test_stop_and_start(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    assert window.actions_[ActionId.LISTEN].iconText() == "Stop"
    assert window.listening.test_page_url() == f"http://{window.listening.addresses[0]}/"
    with qtbot.waitSignal(desktop.engine.stopped_listening):
        trigger(desktop, ActionId.LISTEN)
    assert window.actions_[ActionId.LISTEN].iconText() == "Listen"
    assert not window.actions_[ActionId.OPEN_TEST_PAGE].isEnabled()
    with qtbot.waitSignal(desktop.engine.listening):
        QTest.keyClick(window.tool_bar.address, Qt.Key.Key_Return)


def test_freeze_holds_the_list_and_not_the_recording(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/")
    peer.send("one")
    qtbot.waitUntil(lambda: payloads(desktop) == ["one"])
    trigger(desktop, ActionId.FREEZE)
    peer.send("two")
    qtbot.waitUntil(lambda: window.frame_model.behind == 1)
    assert payloads(desktop) == ["one"]
    trigger(desktop, ActionId.FREEZE)
    assert payloads(desktop) == ["one", "two"]


def test_recording_stopped_frames_pass_unrecorded(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    trigger(desktop, ActionId.AUTO_REPLY)
    peer = client("/")
    peer.send("one")
    assert peer.recv(timeout=60) == "one"
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 2)
    trigger(desktop, ActionId.RECORD)
    peer.send("unseen")
    assert peer.recv(timeout=60) == "unseen"
    trigger(desktop, ActionId.RECORD)
    peer.send("seen")
    assert peer.recv(timeout=60) == "seen"
    # What passed has a row that says so.
    qtbot.waitUntil(lambda: payloads(desktop) == ["one", "one", "None", "seen", "seen"])


def test_control_frames_hide_with_a_count(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    peer = client("/")
    assert peer.ping().wait(10)
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    trigger(desktop, ActionId.SHOW_CONTROL)
    assert window.frame_model.rowCount() == 0
    assert window.status._hidden.text() == "2 control frames hidden"
    peer.send("data")
    qtbot.waitUntil(lambda: payloads(desktop) == ["data"])


def test_clear(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    peer = client("/")
    peer.send("one")
    qtbot.waitUntil(lambda: payloads(desktop) == ["one"])
    desktop.engine.clear()
    qtbot.waitUntil(lambda: payloads(desktop) == [])
    peer.send("two")
    qtbot.waitUntil(lambda: payloads(desktop) == ["two"])


@pytest.mark.parametrize(
    ("action", "copied"),
    [
        (ActionId.COPY_TEXT, "é\n😀"),
        (ActionId.COPY_HEX, "c3 a9\nf0 9f 98 80"),
        (ActionId.COPY_BASE64, "w6k=\n8J+YgA=="),
    ],
)
def test_copy(desktop: Desktop, client: Connect, qtbot: QtBot, action: ActionId, copied: str) -> None:
    peer = client("/")
    peer.send("é")
    peer.send("😀")
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 2)
    desktop.window.frames.selectAll()
    trigger(desktop, action)
    assert QGuiApplication.clipboard().text() == copied


def test_many_frames_are_copied_on_another_thread(
    desktop: Desktop, maker: CaptureMaker, qtbot: QtBot
) -> None:
    window = desktop.window
    maker.peer().flood(3000)
    maker.recorder.flush()
    window.commands.open(maker.path)
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 3000)
    window.frames.selectAll()
    QGuiApplication.clipboard().setText("before")
    trigger(desktop, ActionId.COPY_JSON)
    trigger(desktop, ActionId.COPY_TEXT)
    assert QGuiApplication.clipboard().text() == "before"
    assert window.banner.text == "Copying 3\u202f000 frames …"
    qtbot.waitUntil(lambda: window.banner.text == "Copied 3\u202f000 frames.")
    # The one that was asked for first is over too, and left no trace.
    qtbot.waitUntil(lambda: not desktop._jobs._waiting)
    assert QGuiApplication.clipboard().text().splitlines() == [str(number) for number in range(3000)]


def test_copy_as_json(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    client("/").send("é")
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 1)
    desktop.window.frames.selectAll()
    trigger(desktop, ActionId.COPY_JSON)
    frame = json.loads(QGuiApplication.clipboard().text())
    assert (frame["opcode_name"], frame["payload"], frame["fin"], frame["masked"]) == (
        "text",
        "é",
        True,
        True,
    )


def test_disconnect(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    client("/")
    qtbot.waitUntil(lambda: window.connection_model.open_count == 1)
    trigger(desktop, ActionId.DISCONNECT)
    assert "No connection is selected" in window.banner.text
    window.connections.choose(1)
    trigger(desktop, ActionId.DISCONNECT)
    qtbot.waitUntil(lambda: window.connection_model.open_count == 0)


def test_next_violation(desktop: Desktop, address: str, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    client("/").send("fine")
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in raw.recv(4096)
        raw.sendall(b"\x81\x05naked")
        qtbot.waitUntil(lambda: "naked" in payloads(desktop))
        trigger(desktop, ActionId.NEXT_VIOLATION)
        assert payloads(desktop)[window.frames.currentIndex().row()] == "naked"
        trigger(desktop, ActionId.NEXT_VIOLATION)
        assert "No frame after" in window.banner.text


def test_a_refused_handshake_is_there_to_be_seen(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    window = desktop.window
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(
            b"GET /old HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        )
        assert raw.recv(4096)
    qtbot.waitUntil(lambda: window.connection_model.rowCount() == 2)
    window.connections.choose(1)
    qtbot.waitUntil(lambda: window.selection.connection is not None)
    assert window.selection.connection is not None
    assert b"GET /old" in window.selection.connection.request
    assert window.frames._empty_title == "No WebSocket here"


def test_theme_and_columns_and_history_come_back(
    desktop: Desktop, settings: Settings, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    client("/")
    qtbot.waitUntil(lambda: window.connection_model.open_count == 1)
    window.connections.choose(1)
    window.composer.set_text("remember me")
    with qtbot.waitSignal(desktop.engine.sent):
        trigger(desktop, ActionId.SEND)
    trigger(desktop, ActionId.THEME)
    trigger(desktop, ActionId.TIME_FORMAT)
    window.frames.header.show_column(FrameColumn.DELTA, shown=False)
    window.resize(1000, 700)
    window.leave()
    assert settings.theme is ThemeChoice.DARK
    assert settings.time_format is window.frame_model.time_format
    assert settings.composer_history == ("text:remember me",)
    assert settings.layout("frame-columns") == window.frames.header.save()
    assert settings.layout("window") is not None


def test_what_was_kept_is_used(qtbot: QtBot, desktop: Desktop, settings: Settings) -> None:
    window = desktop.window
    window.frames.header.show_column(FrameColumn.FLAGS, shown=False)
    window._layout.keep(settings)
    window.frames.header.show_column(FrameColumn.FLAGS, shown=True)
    window._layout.restore(settings)
    assert window.frames.isColumnHidden(FrameColumn.FLAGS)
    qtbot.waitExposed(window)


def answer(desktop: Desktop, words: str) -> None:
    """Presses a button of the question that is open."""
    [box] = [box for box in desktop.window.findChildren(QMessageBox) if box.isVisible()]
    [button] = [button for button in box.buttons() if button.text() == words]
    button.click()


def test_an_address_that_others_reach_is_asked_about_once(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    address = ListenAddress("0.0.0.0", 0)
    window.listening.start_on(address)
    [box] = window.findChildren(QMessageBox)
    assert "without a password" in box.informativeText()
    answer(desktop, "Cancel")
    window.listening.start_on(address)
    with qtbot.waitSignal(desktop.engine.listening):
        answer(desktop, "&Let others connect")
    assert "everyone who can reach it" in window.banner.text
    assert window.listening.test_page_url().startswith("http://127.0.0.1:")
    with qtbot.waitSignal(desktop.engine.listening):
        window.listening.start_on(address)
    window.listening.start_on(ListenAddress("0.0.0.0", 1))
    answer(desktop, "Cancel")
    assert window.tool_bar.address.text() == "0.0.0.0:0"


def test_focus_actions(desktop: Desktop) -> None:
    window = desktop.window
    for action, widget in (
        (ActionId.FOCUS_CONNECTIONS, window.connections),
        (ActionId.FOCUS_FRAMES, window.frames),
        (ActionId.FOCUS_ADDRESS, window.tool_bar.address),
    ):
        trigger(desktop, action)
        assert window.focusWidget() is widget
    trigger(desktop, ActionId.FOCUS_COMPOSER)
    assert window.composer.isAncestorOf(window.focusWidget())
    trigger(desktop, ActionId.FOCUS_DETAILS)
    assert window.tabs.isAncestorOf(window.focusWidget())


def test_another_file_is_shown_from_all_its_connections(
    desktop: Desktop, client: Connect, qtbot: QtBot, maker: CaptureMaker, tmp_path: Path
) -> None:
    window = desktop.window
    client("/chat").send("one")
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 1)
    window.connections.choose(1)
    window.frames.go_to_row(0)
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.commands.save(tmp_path / "kept.unmask")
    assert (window.connections.chosen_connection, window.frames.current_frame) == (1, 1)
    maker.peer("/one").say("old one")
    maker.peer("/two").say("old two")
    maker.recorder.flush()
    window.commands.open(maker.path)
    assert (window.connections.chosen_connection, window.frames.current_frame) == (None, None)
    assert payloads(desktop) == ["old one", "old two"]
    window.connections.choose(2)
    window.actions_[ActionId.SHOW_LIVE].trigger()
    assert window.connections.chosen_connection is None
    assert payloads(desktop) == ["one"]


def test_nobody_can_begin_on_a_connection_that_is_over(
    desktop: Desktop, client: Connect, qtbot: QtBot, maker: CaptureMaker
) -> None:
    window = desktop.window
    client("/")
    qtbot.waitUntil(lambda: window.connection_model.open_count == 1)
    window.connections.choose(1)
    assert window.frames.empty_text == (
        "No frames yet",
        "The connection is open. Wait for its peer, or write below to begin.",
    )
    window.actions_[ActionId.DISCONNECT].trigger()
    qtbot.waitUntil(lambda: window.connection_model.open_count == 0)
    qtbot.waitUntil(lambda: window.frames.empty_text[0] == "No frames")
    maker.peer("/old")
    maker.recorder.flush()
    window.commands.open(maker.path)
    assert window.frames.empty_text[0] == "An empty capture"
    window.connections.choose(1)
    assert window.frames.empty_text[0] == "No frames"


def test_where_it_would_listen_is_what_the_tool_bar_says(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with qtbot.waitSignal(desktop.engine.failed):
            window.listening.start_on(parse_address(address))
    assert f"Press F5 to listen on {address}," in window.frames.empty_text[1]
    window.tool_bar.address.setText("127.0.0.1:1")
    assert "Press F5 to listen on 127.0.0.1:1," in window.frames.empty_text[1]


def test_an_address_is_remembered_once_it_is_listened_on(
    desktop: Desktop, settings: Settings, qtbot: QtBot
) -> None:
    window, before = desktop.window, settings.address
    window.tool_bar.address.setText("0.0.0.0:0")
    trigger(desktop, ActionId.LISTEN)
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    box.reject()
    assert settings.address == before
    with socket.create_server(("127.0.0.1", 0)) as taken:
        window.tool_bar.address.setText(f"127.0.0.1:{taken.getsockname()[1]}")
        with qtbot.waitSignal(desktop.engine.failed):
            trigger(desktop, ActionId.LISTEN)
    assert settings.address == before
    window.tool_bar.address.setText("localhost:0")
    with qtbot.waitSignal(desktop.engine.listening):
        trigger(desktop, ActionId.LISTEN)
    assert settings.address == ListenAddress("localhost", 0)


def test_each_result_confirms_its_own_request(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window, composer = desktop.window, desktop.window.composer
    peer = client("/")
    qtbot.waitUntil(lambda: window.connection_model.open_count == 1)
    window.connections.choose(1)
    composer.set_text("first")
    composer.send()
    composer.set_text("second")
    qtbot.waitUntil(lambda: composer.history() == ("text:first",))
    assert composer.editor.toPlainText() == "second"
    composer.send()
    assert [peer.recv(timeout=60) for _ in range(2)] == ["first", "second"]
    qtbot.waitUntil(lambda: composer.history() == ("text:first", "text:second"))
    assert composer.editor.toPlainText() == ""


def test_an_address_of_the_command_line_is_not_remembered(
    desktop: Desktop, settings: Settings, qtbot: QtBot
) -> None:
    window, before = desktop.window, settings.address
    with qtbot.waitSignal(desktop.engine.listening):
        window.listening.start_on(ListenAddress("localhost", 0))
    with qtbot.waitSignal(desktop.engine.stopped_listening):
        trigger(desktop, ActionId.LISTEN)
    with qtbot.waitSignal(desktop.engine.listening):
        trigger(desktop, ActionId.LISTEN)
    assert settings.address == before


def test_questions_and_buttons_carry_no_stock_pictures(desktop: Desktop, qapp: QApplication) -> None:
    window = desktop.window
    window.tool_bar.address.setText("0.0.0.0:0")
    trigger(desktop, ActionId.LISTEN)
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    assert box.icon() is QMessageBox.Icon.NoIcon
    assert not box.iconPixmap().isNull()
    assert [button.text() for button in box.buttons() if not button.icon().isNull()] == []
    # This platform has none anyway; others are told so.
    assert "dialogbuttonbox-buttons-have-icons: 0" in qapp.styleSheet()
    box.reject()
    trigger(desktop, ActionId.SETTINGS)
    (dialog,) = window.findChildren(SettingsDialog)
    (buttons,) = dialog.findChildren(QDialogButtonBox)
    assert [button.text() for button in buttons.buttons() if not button.icon().isNull()] == []


def test_in_a_narrow_window_nothing_is_cut_off(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    client("/").send("hello")
    qtbot.waitUntil(lambda: len(payloads(desktop)) == 1)
    window.resize(1024, 640)
    window.frames.go_to_row(0)
    window.tabs.set_current_tab("frame")
    diagram = window.tabs.frame.diagram
    qtbot.waitUntil(lambda: diagram.visibleRegion().boundingRect().width() == diagram.width())
    bar = window.tool_bar
    shown = [bar.widgetForAction(window.actions_[each]) for each in (ActionId.LISTEN, ActionId.SETTINGS)]
    qtbot.waitUntil(lambda: all(bar.rect().contains(button.geometry()) for button in shown))
    assert window.frames.horizontalScrollBar().maximum() == 0
    window.resize(1600, 900)
    record = bar.widgetForAction(window.actions_[ActionId.RECORD])
    qtbot.waitUntil(lambda: record.property("words") is True)
    window.resize(1024, 640)
    qtbot.waitUntil(lambda: record.property("words") is False)
