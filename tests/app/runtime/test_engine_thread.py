from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.runtime.engine_thread import EngineThread
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.errors import CaptureError
from core.net.engine import Engine
from core.net.failures import Failure, FailureKind
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, SendResult
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import Listen, Source, SourceState, SourceStatus
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingMessage, OutgoingPing
from core.protocol.violations import Judgement
from tests.tools.raw_peer import RawPeer
from tests.tools.served import to_client

ANYWHERE = ListenAddress("127.0.0.1", 0)
HELLO = OutgoingMessage(Opcode.TEXT, b"hello")
PATIENCE_MS = 60_000


@pytest.fixture
def thread(qtbot: QtBot, tmp_path: Path) -> Iterator[EngineThread]:  # noqa: ARG001
    thread = EngineThread(tmp_path / "a.unmask", "1", EngineSettings(), load_test_page())
    yield thread
    thread.stop()
    assert not thread.isRunning()


def listen(qtbot: QtBot, thread: EngineThread) -> int:
    """Starts the thread; the port."""
    with qtbot.waitSignal(thread.listening, timeout=PATIENCE_MS) as told:
        if not thread.isRunning():
            thread.start()
        thread.listen(ANYWHERE)
    [[address]] = told.args
    return int(address.rpartition(":")[2])


def test_sources_tell_what_becomes_of_them(qtbot: QtBot, thread: EngineThread) -> None:
    thread.start()
    told: list[SourceStatus] = []
    thread.source.connect(told.append)
    with qtbot.waitSignal(thread.source, check_params_cb=lambda status: status.state is SourceState.RUNNING):
        thread.start_source(Source(3, "mine", Listen(ANYWHERE)))
    assert [each.id for each in thread.sources] == [3]
    with qtbot.waitSignal(thread.source, check_params_cb=lambda status: status.state is SourceState.STOPPED):
        thread.stop_source(3)
    assert [each.state for each in told] == [SourceState.STARTING, SourceState.RUNNING, SourceState.STOPPED]
    assert thread.sources == ()


def wait_for_capture(qtbot: QtBot, thread: EngineThread, holds: Callable[[CaptureReader], bool]) -> None:
    with closing(CaptureReader(thread.recorder.path)) as reader:
        qtbot.waitUntil(lambda: holds(reader), timeout=PATIENCE_MS)


def open_connection(qtbot: QtBot, thread: EngineThread, port: int) -> RawPeer:
    peer = RawPeer(port)
    peer.open()
    wait_for_capture(qtbot, thread, lambda reader: any(each.is_open for each in reader.connections()))
    return peer


def send(qtbot: QtBot, thread: EngineThread, connection: int | None = None) -> SendResult:
    with qtbot.waitSignal(thread.sent, timeout=PATIENCE_MS) as told:
        if connection is None:
            request = thread.send_to_all(HELLO)
        else:
            request = thread.send_to([to_client(connection)], HELLO)
    [result] = told.args
    assert isinstance(result, SendResult)
    assert result.request_id == request
    return result


def test_a_thread_that_never_ran_can_be_stopped_twice(thread: EngineThread) -> None:
    thread.listen(ANYWHERE)
    thread.send_to_all(HELLO)
    thread.stop()
    thread.stop()
    assert not thread.recorder._thread.is_alive()


def test_stop_before_the_loop_exists(thread: EngineThread) -> None:
    thread.start()
    thread.stop()
    thread.stop()
    assert thread.isFinished()


def test_starting_after_stop_ends_by_itself(qtbot: QtBot, thread: EngineThread) -> None:
    thread.stop()
    with qtbot.waitSignal(thread.finished, timeout=PATIENCE_MS), qtbot.assertNotEmitted(thread.crashed):
        thread.start()


@pytest.mark.parametrize("repetition", range(10))
def test_stop_at_any_moment_of_the_start(qtbot: QtBot, thread: EngineThread, repetition: int) -> None:
    with qtbot.assertNotEmitted(thread.crashed):
        thread.start()
        thread.listen(ANYWHERE)
        for _ in range(repetition):
            QThread.yieldCurrentThread()
        thread.stop()


def test_listening_is_told_with_the_real_address(qtbot: QtBot, thread: EngineThread) -> None:
    port = listen(qtbot, thread)
    with RawPeer(port) as peer:
        peer.open()
    with qtbot.waitSignal(thread.stopped_listening, timeout=PATIENCE_MS):
        thread.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        RawPeer(port)


def test_what_was_asked_before_the_start_is_done(qtbot: QtBot, thread: EngineThread) -> None:
    thread.listen(ANYWHERE)
    with qtbot.waitSignals([thread.listening, thread.sent], timeout=PATIENCE_MS):
        thread.send_to_all(HELLO)
        thread.start()


def test_a_port_in_use_is_said_in_a_sentence(qtbot: QtBot, thread: EngineThread, tmp_path: Path) -> None:
    port = listen(qtbot, thread)
    other = EngineThread(tmp_path / "b.unmask", "1", EngineSettings(), load_test_page())
    try:
        other.start()
        with (
            qtbot.waitSignal(other.stopped_listening, timeout=PATIENCE_MS),
            qtbot.waitSignal(other.failed, timeout=PATIENCE_MS) as told,
        ):
            other.listen(ListenAddress("127.0.0.1", port))
        sentence = (
            f"Port {port} on 127.0.0.1 is in use by another program. "
            "Stop that program, or listen on another port (0 picks a free one)."
        )
        assert told.args == [Failure(FailureKind.LISTEN, f"127.0.0.1:{port}", sentence)]
    finally:
        other.stop()


def test_traffic_is_told_and_a_reply_arrives(qtbot: QtBot, thread: EngineThread) -> None:
    port = listen(qtbot, thread)
    with open_connection(qtbot, thread, port) as peer:
        with qtbot.waitSignal(thread.changed, timeout=PATIENCE_MS):
            peer.frame(Opcode.TEXT, b"hi")
        wait_for_capture(qtbot, thread, lambda reader: reader.count(View(1)) == 1)
        assert send(qtbot, thread, 1) == SendResult(2 - 1, None, 1)
        assert peer.take(7) == b"\x81\x05hello"
        assert send(qtbot, thread).count == 1


def test_what_could_not_be_sent_says_why(qtbot: QtBot, thread: EngineThread) -> None:
    listen(qtbot, thread)
    assert "No connection is open" in (send(qtbot, thread).error or "")
    assert "Connection #9 is closed" in (send(qtbot, thread, 9).error or "")


def test_a_peer_can_be_cut_off_once(qtbot: QtBot, thread: EngineThread) -> None:
    port = listen(qtbot, thread)
    with open_connection(qtbot, thread, port):
        thread.disconnect_peer(1)
        wait_for_capture(qtbot, thread, lambda reader: reader.connections()[0].closed_ns is not None)
        with qtbot.waitSignal(thread.failed, timeout=PATIENCE_MS) as told:
            thread.disconnect_peer(1)
    assert told.args == [Failure(FailureKind.COMMAND, "", "Connection #1 is closed already.")]


def test_settings_reach_the_engine(qtbot: QtBot, thread: EngineThread) -> None:
    port = listen(qtbot, thread)
    thread.set_settings(EngineSettings(judgement=Judgement.TOLERANT))
    thread.set_judgement(Judgement.STRICT)
    thread.set_auto_reply(AutoReply.ECHO)
    with open_connection(qtbot, thread, port) as peer:
        peer.frame(Opcode.TEXT, b"hello")
        assert peer.take(7) == b"\x81\x05hello"
        peer.frame(3)
        assert peer.take(4)[2:] == (1002).to_bytes(2, "big")


def test_recording_can_be_stopped_and_cleared(qtbot: QtBot, thread: EngineThread) -> None:
    port = listen(qtbot, thread)
    with open_connection(qtbot, thread, port) as peer:
        for on, text in ((True, b"forgotten"), (False, b"unseen"), (True, b"seen")):
            thread.set_recording(on)
            peer.frame(Opcode.PING, text)
            assert peer.take(2 + len(text))[2:] == text
            thread.recorder.flush()
            if text == b"forgotten":
                thread.clear()
    thread.recorder.flush()
    with closing(CaptureReader(thread.recorder.path)) as reader:
        rows = reader.rows(View(), 0, 9)
    assert [(row.number, row.preview) for row in rows] == [(5, b"seen"), (6, b"seen")]


def test_the_capture_moves(qtbot: QtBot, thread: EngineThread, tmp_path: Path) -> None:
    for path, moves in ((tmp_path / "b.unmask", True), (tmp_path / "no" / "c.unmask", False)):
        with qtbot.waitSignal(thread.capture_moved, timeout=PATIENCE_MS) as told:
            thread.save_as(path)
        [moved] = told.args
        assert isinstance(moved, CaptureMoved)
        assert (moved.path, moved.error is None) == (path, moves)
    assert thread.recorder.path == tmp_path / "b.unmask"


def test_saving_after_the_end_is_answered_too(qtbot: QtBot, thread: EngineThread, tmp_path: Path) -> None:
    thread.stop()
    with qtbot.waitSignal(thread.capture_moved, timeout=PATIENCE_MS) as told:
        thread.save_as(tmp_path / "b.unmask")
    [moved] = told.args
    assert "Recording is over" in moved.error


def test_a_full_disk_is_told_and_traffic_goes_on(qtbot: QtBot, thread: EngineThread) -> None:
    port = listen(qtbot, thread)
    with open_connection(qtbot, thread, port) as peer:
        thread.recorder.flush()
        thread.recorder._writer._db.execute("PRAGMA max_page_count = 1")
        with qtbot.waitSignal(thread.failed, timeout=PATIENCE_MS) as told:
            peer.frame(Opcode.BINARY, bytes(1_000_000))
        [failure] = told.args
        assert isinstance(failure, Failure)
        assert (failure.kind, failure.subject) == (FailureKind.CAPTURE, str(thread.recorder.path))
        assert "database or disk is full" in failure.sentence
        peer.frame(Opcode.PING)
        assert peer.take(2) == b"\x8a\x00"


def test_a_fault_in_the_loop_ends_the_engine_and_keeps_the_capture(
    qtbot: QtBot, thread: EngineThread
) -> None:
    def fault(_engine: Engine) -> None:
        raise ZeroDivisionError("a fault of ours")

    port = listen(qtbot, thread)
    with open_connection(qtbot, thread, port) as peer:
        peer.frame(Opcode.PING, b"kept")
        assert peer.take(6)[2:] == b"kept"
        with (
            qtbot.waitSignal(thread.finished, timeout=PATIENCE_MS),
            qtbot.waitSignal(thread.crashed, timeout=PATIENCE_MS) as told,
        ):
            thread._host.ask(fault)
        [error] = told.args
        assert isinstance(error, ZeroDivisionError)
        assert peer.take(2)[0] == 0x88
    thread.send_to_all(OutgoingPing())
    thread.stop()
    with closing(CaptureReader(thread.recorder.path)) as reader:
        assert reader.rows(View(), 0, 1)[0].preview == b"kept"


def test_a_capture_that_cannot_be_made_makes_no_thread(tmp_path: Path) -> None:
    (tmp_path / "a.unmask").touch()
    before = threading.active_count()
    with pytest.raises(CaptureError, match="There is a file"):
        EngineThread(tmp_path / "a.unmask", "1", EngineSettings(), load_test_page())
    assert threading.active_count() == before
