"""What the window says and does when peers, the disk or the engine fail."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.actions.registry import ActionId
from app.dialogs.crash_dialog import CrashDialog
from app.dialogs.question import Question
from app.logic.capture_state import CaptureState
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.gaps import GapReason
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.session_files import CaptureFolder
from core.errors import CaptureError
from core.net.engine import Engine
from core.net.settings import ListenAddress
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingMessage
from tests.tools.qt import dispose
from tests.tools.raw_peer import RawPeer


def previews(path: Path) -> list[bytes]:
    with closing(CaptureReader(path)) as reader:
        return [row.preview for row in reader.rows(View(), 0, 1000)]


def press(desktop: Desktop, words: str) -> None:
    """A button of the lasting banner."""
    buttons = desktop.window.fault_banner.findChildren(QPushButton)
    next(button for button in buttons if button.text() == words and not button.isHidden()).click()


@pytest.fixture
def peer(desktop: Desktop, address: str, qtbot: QtBot) -> Iterator[RawPeer]:
    del address
    port = int(desktop.window.listening.addresses[0].rpartition(":")[2])
    with RawPeer(port) as peer:
        peer.open("/peer")
        qtbot.waitUntil(lambda: desktop.window.connection_model.open_count == 1)
        yield peer


def fill_disk(desktop: Desktop, pages: int | None = None) -> None:
    recorder = desktop.engine.recorder
    recorder.flush()
    database = recorder._writer._db
    (count,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages or count}")


def test_a_peer_that_does_not_read_is_said(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    assert window.composer.targets.currentText() == "To #1 /peer", "the only one that is open"
    desktop.engine.send_to_all(OutgoingMessage(Opcode.BINARY, bytes(12_000_000)))
    qtbot.waitUntil(lambda: window.connection_model.queued(1) > 1_000_000)
    line = window.connection_model.line(1)
    assert line is not None
    detail = window.connection_model.detail(line)
    assert detail.startswith("peer is not reading, ")
    assert detail.endswith(" MB queued")
    qtbot.waitUntil(lambda: "The peer is not reading" in window.composer.status.text())
    peer.take(12_000_010)
    qtbot.waitUntil(lambda: window.connection_model.queued(1) == 0)
    qtbot.waitUntil(lambda: "not reading" not in window.composer.status.text())


def test_a_disk_slower_than_the_wire_is_said(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = desktop.window
    monkeypatch.setattr("core.capture.recorder.BACKLOG_BYTES", -1)
    peer.frame(Opcode.TEXT, b"more than the disk takes")
    qtbot.waitUntil(lambda: window.watch.recording_lags)
    qtbot.waitUntil(lambda: window.status._lagging.isVisible())
    assert "the disk is slower than the wire" in window.status._lagging.text()
    monkeypatch.undo()
    desktop.engine.recorder.set_recording(True)
    qtbot.waitUntil(lambda: not window.status._lagging.isVisible())


def test_a_full_disk_is_said_for_as_long_as_it_lasts(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    peer.frame(Opcode.TEXT, b"kept")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    fill_disk(desktop)
    peer.frame(Opcode.BINARY, bytes(500_000))
    qtbot.waitUntil(lambda: not window.fault_banner.isHidden())
    assert "Make room on the disk" in window.fault_banner.text
    qtbot.waitUntil(lambda: "1 frame is lost so far." in window.fault_banner.text)
    assert window.banner.text == ""
    peer.frame(Opcode.BINARY, bytes(500_000))
    qtbot.waitUntil(lambda: "2 frames are lost so far." in window.fault_banner.text)
    fill_disk(desktop, 1_000_000)
    peer.frame(Opcode.TEXT, b"kept too")
    qtbot.waitUntil(lambda: window.fault_banner.isHidden())
    assert "2 frames were lost in between" in window.banner.text
    desktop.engine.recorder.flush()
    assert previews(desktop.desk.live_path) == [b"kept", b"kept too"]


def test_from_a_full_disk_the_capture_is_saved_elsewhere(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, elsewhere = desktop.window, tmp_path / "elsewhere.unmask"
    peer.frame(Opcode.TEXT, b"kept")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    fill_disk(desktop)
    peer.frame(Opcode.BINARY, bytes(500_000))
    qtbot.waitUntil(lambda: not window.fault_banner.isHidden())
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(elsewhere), ""))
    with qtbot.waitSignal(desktop.engine.capture_moved):
        press(desktop, "&Save as…")
    qtbot.waitUntil(lambda: window.fault_banner.isHidden())
    assert desktop.desk.state is CaptureState.SAVED
    peer.frame(Opcode.TEXT, b"and on")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 3)
    lost = window.frame_model.gap_at(1)
    assert lost is not None
    assert (lost.reason, lost.frames) == (GapReason.NOT_WRITTEN, 1)
    desktop.engine.recorder.flush()
    assert previews(elsewhere) == [b"kept", b"and on"]


@pytest.mark.parametrize("saved", [False, True])
def test_a_capture_that_was_removed_goes_on_beside_it(
    desktop: Desktop, captures: CaptureFolder, peer: RawPeer, qtbot: QtBot, tmp_path: Path, saved: bool
) -> None:
    window, desk = desktop.window, desktop.desk
    peer.frame(Opcode.TEXT, b"kept")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    if saved:
        with qtbot.waitSignal(desktop.engine.capture_moved):
            window.commands.save(tmp_path / "saved.unmask")
    window.frames.go_to_row(0)
    removed = desk.live_path
    with qtbot.waitSignal(desktop.engine.capture_moved):
        removed.unlink()
    assert window.banner.text == (
        f"{removed} was removed or moved away. Nothing is lost: all of it is in {desk.live_path}, where recording "
        "goes on."
    )
    assert desk.live_path == removed.with_name(f"{removed.stem}_2.unmask")
    assert desk.state is (CaptureState.SAVED if saved else CaptureState.UNSAVED)
    assert window.fault_banner.isHidden()
    assert window.frames.current_frame == 1
    peer.frame(Opcode.TEXT, b"and on")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    desktop.engine.recorder.flush()
    assert previews(desk.live_path) == [b"kept", b"and on"]
    # Nobody else takes it for one that was left behind.
    assert captures.left_behind() == []


def test_a_capture_that_was_removed_with_no_place_to_go_on_can_still_be_saved(
    desktop: Desktop, captures: CaptureFolder, peer: RawPeer, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    window, elsewhere = desktop.window, tmp_path / "elsewhere.unmask"
    peer.frame(Opcode.TEXT, b"kept")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    shutil.rmtree(captures.folder)
    captures.folder.touch()
    qtbot.waitUntil(lambda: "was removed or moved away, and cannot go on" in window.fault_banner.text)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(elsewhere), ""))
    with qtbot.waitSignal(desktop.engine.capture_moved):
        press(desktop, "&Save as…")
    qtbot.waitUntil(lambda: window.fault_banner.isHidden())
    peer.frame(Opcode.TEXT, b"and on")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    desktop.engine.recorder.flush()
    assert previews(elsewhere) == [b"kept", b"and on"]


@pytest.mark.parametrize("saved", [False, True])
def test_who_leaves_while_the_capture_has_no_place_is_asked_first(
    desktop: Desktop,
    peer: RawPeer,
    qtbot: QtBot,
    tmp_path: Path,
    saved: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of it would be lost, whether or not it had been saved where it was removed."""
    window, folder, desk = desktop.window, tmp_path / "folder", desktop.desk
    peer.frame(Opcode.TEXT, b"kept")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    if saved:
        folder.mkdir()
        with qtbot.waitSignal(desktop.engine.capture_moved):
            window.commands.save(folder / "saved.unmask")
    place = desk.live_path
    shutil.rmtree(place.parent)
    place.parent.touch()
    qtbot.waitUntil(lambda: "was removed or moved away, and cannot go on" in window.fault_banner.text)
    assert not window.close()
    [box] = window.findChildren(Question)
    assert box.text() == "The capture holds 1 frame that is not saved."
    place.parent.unlink()
    place.parent.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    with qtbot.waitSignal(window.closed):
        next(button for button in box.buttons() if button.text() == "&Save as…").click()
    assert previews(place) == [b"kept"]


def fail(_engine: Engine) -> None:
    raise ZeroDivisionError("a bug")


def test_an_engine_that_dies_is_begun_anew_on_the_same_capture(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot
) -> None:
    window = desktop.window
    peer.frame(Opcode.TEXT, b"before")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    desktop.engine._host.ask(fail)
    qtbot.waitUntil(lambda: bool(window.findChildren(CrashDialog)))
    [dialog] = window.findChildren(CrashDialog)
    assert "ZeroDivisionError: a bug" in dialog._report.summary
    assert list(window.listening.addresses) == []
    assert "nobody can connect" in window.fault_banner.text
    qtbot.waitUntil(lambda: window.connection_model.open_count == 0)
    restart = next(
        button for button in dialog.findChildren(QPushButton) if button.text() == "&Restart engine"
    )
    with qtbot.waitSignal(desktop.engine.listening):
        restart.click()
    assert window.fault_banner.isHidden()
    with connect(f"ws://{window.listening.addresses[0]}/after", compression=None) as second:
        second.send("after")
        qtbot.waitUntil(lambda: window.connection_model.open_count == 1)
        desktop.engine.send_to_all(OutgoingMessage(Opcode.TEXT, b"reply"))
        assert second.recv(timeout=60) == "reply"
    desktop.engine.recorder.flush()
    shown = previews(desktop.desk.live_path)
    assert [text for text in shown if text in (b"before", b"after", b"reply")] == [
        b"before",
        b"after",
        b"reply",
    ]


def test_the_banner_too_begins_it_anew_and_closing_without_is_well(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot
) -> None:
    window = desktop.window
    assert peer.port
    for _ in range(2):
        desktop.engine._host.ask(fail)
        qtbot.waitUntil(lambda: "nobody can connect" in window.fault_banner.text)
        for dialog in window.findChildren(CrashDialog):
            dialog.accept()
        with qtbot.waitSignal(desktop.engine.listening):
            press(desktop, "&Restart engine")
    desktop.engine._host.ask(fail)
    qtbot.waitUntil(lambda: "nobody can connect" in window.fault_banner.text)


def test_two_instances_on_one_capture(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot, qapp: QApplication, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "shared.unmask"
    peer.frame(Opcode.TEXT, b"one")
    with qtbot.waitSignal(desktop.engine.capture_moved):
        desktop.window.commands.save(path)
    folder = CaptureFolder(tmp_path / "others")
    with pytest.raises(CaptureError, match="exists already"):
        Desktop(qapp, settings, folder, capture=path)
    other = Desktop(qapp, settings, folder)
    other.window.commands.open(path)
    assert other.desk.state is CaptureState.READ_ONLY
    qtbot.waitUntil(lambda: other.window.frame_model.rowCount() == 1)
    with qtbot.waitSignal(other.engine.capture_moved):
        other.window.commands.save(path)
    assert "in use" in other.window.banner.text
    peer.frame(Opcode.TEXT, b"two")
    qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() == 2)
    other.close()
    dispose(other.window)
    desktop.engine.recorder.flush()
    assert previews(path) == [b"one", b"two"]


def test_a_new_capture_does_not_copy_the_saved_one(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, kept = desktop.window, tmp_path / "kept.unmask"
    peer.frame(Opcode.TEXT, b"old")
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.commands.save(kept)
    monkeypatch.setattr("core.capture.capture_file.copy_database", fail)
    with qtbot.waitSignal(desktop.engine.capture_moved):
        window.actions_[ActionId.NEW_CAPTURE].trigger()
    assert desktop.desk.state is CaptureState.UNSAVED
    assert window.connection_model.open_count == 1
    peer.frame(Opcode.TEXT, b"new")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    desktop.engine.recorder.flush()
    assert (previews(kept), previews(desktop.desk.live_path)) == ([b"old"], [b"new"])


@pytest.mark.parametrize("listened", [False, True])
def test_a_named_capture_goes_with_a_start_that_failed(
    qapp: QApplication, qtbot: QtBot, settings: Settings, tmp_path: Path, listened: bool
) -> None:
    path = tmp_path / "named.unmask"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        desktop = Desktop(qapp, settings, CaptureFolder(tmp_path / "captures"), capture=path)
        try:
            with qtbot.waitSignal(desktop.engine.failed):
                desktop.show(ListenAddress("127.0.0.1", taken.getsockname()[1]))
            if listened:
                with qtbot.waitSignal(desktop.engine.listening):
                    desktop.engine.listen(ListenAddress("127.0.0.1", 0))
        finally:
            desktop.close()
            dispose(desktop.window)
    assert path.exists() == listened
