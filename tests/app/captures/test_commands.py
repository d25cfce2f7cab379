"""New, open, save and clear, with the real engine below."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QSplitter, QWidget
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.actions.registry import ActionId
from app.logic.capture_state import CaptureState
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.session_files import CaptureFolder
from tests.tools.at_window import frames_in, press
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def three_frames(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    """Three frames in the capture being recorded."""
    with connect(f"ws://{address}/", compression=None) as peer:
        for text in ("one", "two", "three"):
            peer.send(text)
    # And the two close frames.
    qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() == 5)


def question(desktop: Desktop) -> QMessageBox:
    return next(box for box in desktop.window.findChildren(QMessageBox) if box.isVisible())


@pytest.mark.usefixtures("three_frames")
def test_save_goes_on_in_the_named_file(desktop: Desktop, tmp_path: Path, qtbot: QtBot, address: str) -> None:
    window, path = desktop.window, tmp_path / "kept.unmask"
    unsaved = desktop.desk.live_path
    window.frames.go_to_row(1)
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.commands.save(path)
    assert desktop.desk.state is CaptureState.SAVED
    assert "kept.unmask" in window.windowTitle()
    assert "Saved" in window.banner.text
    assert not unsaved.exists()
    assert window.frames.current_frame == 2
    with connect(f"ws://{address}/", compression=None) as peer:
        peer.send("four")
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 6)
    assert frames_in(path) >= 6


@pytest.mark.usefixtures("three_frames")
def test_save_where_it_cannot_be_is_said(desktop: Desktop, tmp_path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(desktop.engine.capture_moved):
        desktop.window.commands.save(tmp_path / "missing" / "x.unmask")
    assert "cannot be saved" in desktop.window.banner.text
    assert desktop.desk.state is CaptureState.UNSAVED
    assert desktop.window.frame_model.rowCount() == 5


@pytest.mark.usefixtures("three_frames")
def test_open_shows_an_old_capture_and_back(desktop: Desktop, maker: CaptureMaker) -> None:
    window = desktop.window
    maker.peer("/old").flood(7)
    maker.reader()
    window.commands.open(maker.path)
    assert window.frame_model.rowCount() == 7
    assert desktop.desk.state is CaptureState.READ_ONLY
    assert not window.actions_[ActionId.CLEAR].isEnabled()
    assert "made.unmask" in window.banner.text
    window.actions_[ActionId.SHOW_LIVE].trigger()
    assert window.frame_model.rowCount() == 5
    assert window.banner.text == ""


def divided(desktop: Desktop) -> QSplitter:
    """What has the composer in it, divided otherwise than at first."""
    details = desktop.window.findChild(QSplitter, "details")
    assert details is not None
    details.setSizes([200, 200, 170])
    return details


@pytest.mark.usefixtures("three_frames")
def test_an_old_capture_has_the_room_of_the_composer(
    desktop: Desktop, maker: CaptureMaker, qtbot: QtBot
) -> None:
    window, composer = desktop.window, desktop.window.composer
    maker.reader()
    composer.set_text("to be sent later")
    composer.editor.setFocus()
    details = divided(desktop)
    sizes = details.sizes()
    sending = (ActionId.FOCUS_COMPOSER, ActionId.SEND, ActionId.SEND_ALL)
    window.commands.open(maker.path)
    assert not composer.isVisible()
    assert window.tabs.height() > sizes[1]
    assert not any(window.actions_[each].isEnabled() for each in sending)
    assert window.focusWidget() is window.frames
    window.actions_[ActionId.SHOW_LIVE].trigger()
    assert composer.isVisible()
    qtbot.waitUntil(lambda: details.sizes() == sizes)
    assert all(window.actions_[each].isEnabled() for each in sending)
    assert composer.editor.toPlainText() == "to be sent later"


def test_a_window_that_closes_over_an_old_capture_keeps_the_composers_room(
    desktop: Desktop, maker: CaptureMaker, settings: Settings, qtbot: QtBot
) -> None:
    window = desktop.window
    maker.reader()
    details = divided(desktop)
    sizes = details.sizes()
    window.commands.open(maker.path)
    window.leave()
    kept = settings.layout("details")
    assert kept is not None
    again = QSplitter()
    qtbot.addWidget(again)
    for number, stretch in enumerate((4, 5, 0)):
        again.addWidget(QWidget())
        again.setStretchFactor(number, stretch)
    again.restoreState(kept)
    again.resize(details.width(), sum(sizes) + 2 * again.handleWidth())
    again.show()
    assert again.sizes()[-1] == sizes[-1]


def test_open_what_is_no_capture(desktop: Desktop, tmp_path: Path) -> None:
    (tmp_path / "text.unmask").write_text("no capture")
    desktop.window.commands.open(tmp_path / "text.unmask")
    assert "text.unmask" in desktop.window.banner.text
    assert desktop.desk.shows_live


@pytest.mark.usefixtures("three_frames")
def test_a_save_onto_itself_ends_what_was_to_follow(
    desktop: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = desktop.window
    live = desktop.desk.live_path
    monkeypatch.setattr(window.commands, "ask_name", lambda _proposed: live)
    assert not window.close()
    press(question(desktop), "&Save as…")
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.commands.save(tmp_path / "kept.unmask")
    assert window.isVisible()


@pytest.mark.usefixtures("three_frames")
def test_new_asks_and_empties(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.window.actions_[ActionId.NEW_CAPTURE].trigger()
    box = question(desktop)
    assert "5 frames" in box.text()
    press(box, "&Discard")
    qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() == 0)
    assert desktop.desk.state is CaptureState.UNSAVED


@pytest.mark.usefixtures("three_frames")
def test_new_leaves_a_saved_capture_as_it_is(
    desktop: Desktop, tmp_path: Path, qtbot: QtBot, address: str
) -> None:
    window, path = desktop.window, tmp_path / "kept.unmask"
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.commands.save(path)
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.actions_[ActionId.NEW_CAPTURE].trigger()
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
    assert desktop.desk.state is CaptureState.UNSAVED
    with connect(f"ws://{address}/", compression=None) as peer:
        peer.send("new")
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    assert frames_in(path) == 5


@pytest.mark.usefixtures("three_frames")
def test_clear_of_a_saved_capture_asks(desktop: Desktop, tmp_path: Path, qtbot: QtBot) -> None:
    window = desktop.window
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.commands.save(tmp_path / "kept.unmask")
    window.actions_[ActionId.CLEAR].trigger()
    assert window.frame_model.rowCount() == 5
    press(question(desktop), "&Clear")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)


@pytest.mark.usefixtures("three_frames")
def test_clear_asks_where_anything_unsaved_is_worth_keeping(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    window.actions_[ActionId.CLEAR].trigger()
    box = question(desktop)
    assert box.text() == "The capture holds 5 frames that are not saved."
    box.reject()
    assert window.frame_model.rowCount() == 5
    window.actions_[ActionId.CLEAR].trigger()
    press(question(desktop), "&Clear")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
    qtbot.waitUntil(lambda: not window.commands.unsaved().worth_keeping)
    # Nothing is left to be asked about.
    window.actions_[ActionId.CLEAR].trigger()
    assert [box for box in window.findChildren(QMessageBox) if box.isVisible()] == []


@pytest.mark.usefixtures("three_frames")
def test_what_is_saved_instead_of_cleared_stays_whole(
    desktop: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, path = desktop.window, tmp_path / "kept.unmask"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    window.actions_[ActionId.CLEAR].trigger()
    press(question(desktop), "&Save as…")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0 and not desktop.desk.live_saved)
    assert frames_in(path) == 5


def test_clear_stands_away_from_freeze(desktop: Desktop, qtbot: QtBot) -> None:
    bar, actions = desktop.window.tool_bar, desktop.window.actions_
    clear = bar.widgetForAction(actions[ActionId.CLEAR])
    desktop.window.resize(1280, 800)
    qtbot.waitUntil(clear.isVisible)
    for identity in (ActionId.RECORD, ActionId.FREEZE, ActionId.FOLLOW, ActionId.ONLY_ORIGINS):
        other = bar.widgetForAction(actions[identity])
        assert clear.x() - other.geometry().right() > clear.width() // 2, identity


def test_one_connection_is_cleared_and_no_other(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    window = desktop.window
    with connect(f"ws://{address}/gone", compression=None) as one, connect(f"ws://{address}/stays") as two:
        for number in range(3):
            one.send(f"gone {number}")
            two.send(f"stays {number}")
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 6)
        window.connections.choose(1)
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 3)
        window.actions_[ActionId.CLEAR_CONNECTION].trigger()
        box = question(desktop)
        assert box.text() == "3 frames of connection #1 are removed from the capture."
        box.reject()
        assert window.frame_model.rowCount() == 3
        window.actions_[ActionId.CLEAR_CONNECTION].trigger()
        press(question(desktop), "&Clear")
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
        window.connections.choose(None)
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 3)
        assert window.connection_model.open_count == 2
        one.send("new")
        qtbot.waitUntil(lambda: window.frame_model.rowCount() == 4)
    qtbot.waitUntil(lambda: window.connection_model.open_count == 0)
    window.connections.choose(2)
    window.actions_[ActionId.CLEAR_CONNECTION].trigger()
    press(question(desktop), "&Clear")
    qtbot.waitUntil(lambda: window.connection_model.row_of(2) is None)
    # Nobody chose the other one.
    assert window.connections.chosen_connection is None
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 3)
    assert window.connection_model.row_of(1) is not None


@pytest.mark.usefixtures("three_frames")
def test_closing_asks_about_unsaved_frames(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    assert not window.close()
    assert window.isVisible()
    unsaved = desktop.desk.live_path
    with qtbot.waitSignal(window.closed):
        press(question(desktop), "&Don't save")
    desktop.close()
    assert not unsaved.exists()


def test_closing_with_nothing_to_lose_does_not_ask(desktop: Desktop, qtbot: QtBot) -> None:
    with qtbot.waitSignal(desktop.window.closed):
        assert desktop.window.close()


@pytest.mark.usefixtures("three_frames")
def test_what_is_not_asked_about_is_offered_at_the_next_start(
    desktop: Desktop, captures: CaptureFolder
) -> None:
    unsaved = desktop.desk.live_path
    desktop.close()
    assert [left.path for left in captures.left_behind()] == [unsaved]


def test_a_refused_handshake_is_asked_about(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port))) as peer:
        peer.sendall(b"GET /x HTTP/1.1\r\nHost: " + address.encode() + b"\r\nUpgrade: websocket\r\n\r\n")
        assert peer.recv(12) == b"HTTP/1.1 400"
    qtbot.waitUntil(lambda: desktop.window.commands.unsaved().refused == 1)
    assert not desktop.window.close()
    assert "1 refused handshake that" in question(desktop).text()
    press(question(desktop), "&Don't save")


def test_closing_where_the_capture_was_removed(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.desk.live_path.unlink()
    with qtbot.waitSignal(desktop.window.closed):
        assert desktop.window.close()
