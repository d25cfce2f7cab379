"""Ctrl+C, SIGTERM and SIGHUP end the window: peers get their close, the capture is whole."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from app.runtime.signals import QuitSignals
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState
from tests.tools.program import Program, command_of_unmask
from tests.tools.waiting import PATIENCE_SECONDS, until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_told_within_the_event_loop(qtbot: QtBot, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    signals = QuitSignals()
    try:
        with qtbot.waitSignal(signals.asked):
            signal.raise_signal(number)
    finally:
        signals.close()
        signals.close()
    assert signal.getsignal(number) == before
    QCoreApplication.processEvents()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_window_ends_as_if_it_were_closed(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    capture = tmp_path / "c.unmask"
    command = command_of_unmask("--listen", f"127.0.0.1:{port}", "--capture", capture)
    with Program(command, changes={"QT_QPA_PLATFORM": "offscreen"}) as program:
        until(lambda: _answers(port), "it listens")
        with connect(f"ws://127.0.0.1:{port}/") as client:
            client.send("hello")
            assert client.ping().wait(PATIENCE_SECONDS)
            program.process.send_signal(number)
            with pytest.raises(ConnectionClosedOK):
                client.recv()
            assert client.close_code == 1001
        assert program.wait() == 0
        assert "Traceback" not in program.errors
    reader = CaptureReader(capture)
    (record,) = [each for each in reader.connections() if each.frame_count]
    assert (record.state, record.close_code) == (ConnectionState.CLOSED, 1001)
    reader.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
