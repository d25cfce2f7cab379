"""A new capture begins at #1, and what is sent still goes to whom the person sees."""

from __future__ import annotations

from functools import partial

import pytest
from pytestqt.qtbot import QtBot
from websockets.sync.client import ClientConnection, connect

from app.window.desktop import Desktop
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingMessage
from tests.tools.served import to_client


def ids(desktop: Desktop) -> list[int]:
    reader = desktop.desk.reader
    assert reader is not None
    return [record.id for record in reader.connections()]


def frames(desktop: Desktop) -> list[int | None]:
    model = desktop.window.frame_model
    return [model.frame_id(row) for row in range(model.rowCount())]


def begin_anew(desktop: Desktop, qtbot: QtBot) -> None:
    before = desktop.desk.live_path
    desktop.window.commands.new()
    qtbot.waitUntil(lambda: desktop.desk.live_path != before)


def text(words: str) -> OutgoingMessage:
    return OutgoingMessage(Opcode.TEXT, words.encode())


def client(address: str) -> ClientConnection:
    return connect(f"ws://{address}/", compression=None)


@pytest.mark.parametrize("saved", [False, True])
def test_connections_and_frames_begin_at_one(
    desktop: Desktop, address: str, qtbot: QtBot, tmp_path_factory: pytest.TempPathFactory, saved: bool
) -> None:
    with client(address) as gone:
        gone.send("old")
    with client(address) as stays:
        qtbot.waitUntil(lambda: ids(desktop) == [1, 2])
        if saved:
            with qtbot.waitSignal(desktop.engine.capture_moved):
                desktop.window.commands.save(tmp_path_factory.mktemp("mine") / "mine.unmask")
        begin_anew(desktop, qtbot)
        assert (ids(desktop), frames(desktop)) == ([1], [])
        stays.send("first")
        qtbot.waitUntil(lambda: frames(desktop) == [1])
        with client(address) as fresh:
            fresh.send("second")
            qtbot.waitUntil(lambda: frames(desktop) == [1, 2])
            assert ids(desktop) == [1, 2]


def test_what_is_sent_goes_to_whom_the_new_number_names(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    with client(address):
        qtbot.waitUntil(lambda: ids(desktop) == [1])
    with client(address) as stays:
        qtbot.waitUntil(lambda: ids(desktop) == [1, 2])
        desktop.engine.send_to([to_client(2)], text("to the old #2"))
        assert stays.recv(timeout=60) == "to the old #2"
        begin_anew(desktop, qtbot)
        with client(address) as fresh:
            qtbot.waitUntil(lambda: ids(desktop) == [1, 2])
            desktop.engine.send_to([to_client(1)], text("to #1"))
            desktop.engine.send_to([to_client(2)], text("to #2"))
            assert (stays.recv(timeout=60), fresh.recv(timeout=60)) == ("to #1", "to #2")
        with qtbot.waitSignal(
            desktop.engine.sent, check_params_cb=lambda result: result.error is not None
        ) as said:
            qtbot.waitUntil(partial(_is_over, desktop, 2))
            desktop.engine.send_to([to_client(2)], text("too late"))
        assert said.args is not None
        assert said.args[0].error == "Connection #2 is closed: nothing can be sent on it."


def _is_over(desktop: Desktop, connection: int) -> bool:
    reader = desktop.desk.reader
    record = None if reader is None else reader.connection(connection)
    return record is not None and record.closed_ns is not None


def test_the_composer_has_no_other_target_than_before(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    """Its target was #2, which is #1 in the new capture, where another client is #2."""
    window = desktop.window
    with client(address):
        qtbot.waitUntil(lambda: ids(desktop) == [1])
    with client(address) as stays:
        qtbot.waitUntil(lambda: window.connection_model.open_ids == (2,))
        window.composer.address(2)
        window.composer.set_text("only for you")
        begin_anew(desktop, qtbot)
        with client(address):
            qtbot.waitUntil(lambda: window.connection_model.open_count == 2)
            assert window.composer.targets.recipients == (1,)
            qtbot.waitUntil(lambda: window.composer.targets.currentText().startswith("To #1 "))
            window.composer.send()
            assert stays.recv(timeout=60) == "only for you"
