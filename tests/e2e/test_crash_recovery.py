"""The real app is killed in mid-work; the next start offers what it had recorded, and all of it is there."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from websockets.sync.client import connect

from app.actions.registry import ActionId
from app.dialogs.captures_dialog import CapturesDialog
from app.dialogs.recovery_dialog import RecoveryDialog
from core.capture.reader import CaptureReader
from core.capture.session_files import default_folder
from core.errors import CaptureError
from core.protocol.frames import Opcode, make_frame
from tests.tools.person import Person, SitDown
from tests.tools.program import Program, command_of_unmask, port_in
from tests.tools.raw_end import answers
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.served import messages_of
from tests.tools.waiting import until

CHINESE = "你好，崩溃 💥"


@contextmanager
def window_on_a_port() -> Iterator[tuple[Program, int]]:
    """The app with its window, and where it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = command_of_unmask("--listen", f"127.0.0.1:{port}")
    with Program(command, changes={"QT_QPA_PLATFORM": "offscreen"}) as program:
        until(lambda: answers(port) or program.process.poll() is not None, "it listens")
        assert program.process.poll() is None, program.errors
        yield program, port


@contextmanager
def console_on_a_port() -> Iterator[tuple[Program, int]]:
    with Program(command_of_unmask("--json", "--listen", "127.0.0.1:0")) as program:
        yield program, port_in(program.line())


def captures() -> list[Path]:
    return sorted(default_folder().glob("*.unmask"))


def recorded(path: Path) -> list[bytes]:
    """Payloads of the messages in the file as it stands now."""
    try:
        with closing(CaptureReader(path)) as reader:
            return [each.payload for each in messages_of(reader)]
    except (CaptureError, sqlite3.Error):
        return []


def is_recorded(text: bytes, earlier: Collection[Path]) -> bool:
    """Whether this message alone is in a capture that was not there earlier.

    Those are left as they are: whoever reads one that was left behind puts it in order, which changes its time.
    """
    return any(recorded(path) == [text] for path in captures() if path not in earlier)


def offered(person: Person) -> RecoveryDialog:
    person.until(lambda: isinstance(person.question(), RecoveryDialog), "the capture is offered")
    dialog = person.question()
    assert isinstance(dialog, RecoveryDialog)
    return dialog


@pytest.mark.parametrize("start", [window_on_a_port, console_on_a_port], ids=["window", "console"])
def test_all_is_there_after_a_kill(start: object, sit_down: SitDown, tmp_path: Path) -> None:
    assert callable(start)
    texts = [f"{number} {CHINESE}".encode() for number in range(200)]
    with start() as (program, port), connect(f"ws://127.0.0.1:{port}/chat") as client:
        for text in texts:
            client.send(text.decode())
        (path,) = captures()
        until(lambda: recorded(path) == texts, "all is recorded")
        program.process.kill()
        assert program.wait() == -9
    person = sit_down(default_folder())
    dialog = offered(person)
    person.click(person.button(dialog, "Open"))
    person.wait_for_rows(200)
    assert [payload for _, _, payload in person.rows()] == [text.decode() for text in texts]
    assert [each.payload for each in messages_of(person.capture)] == texts
    (record,) = [each for each in person.capture.connections() if each.status == 101]
    assert record.path == "/chat"
    assert "/chat lost when Unmask ended" in person.connections()[-1]
    assert person.window.connection_model.open_count == 0
    person.wait_for_banner("not saved yet")
    assert not person.window.composer.isVisible()

    saved = tmp_path / "rescued.unmask"
    with person.naming(saved):
        person.click(person.button(person.window.banner, "Save as…"))
    person.until(lambda: person.desktop.desk.name == saved.name, "the saved one is on display")
    assert recorded(saved) == texts
    assert [each.name for each in captures()] == [person.desktop.desk.live_path.name]
    person.close()
    again = sit_down(default_folder())
    assert again.question() is None


def test_in_the_middle_of_a_flood_the_beginning_is_there(sit_down: SitDown) -> None:
    with window_on_a_port() as (program, port), RawPeer(port) as peer:
        peer.open()
        sent = 0
        (path,) = captures()

        def flood() -> bool:
            nonlocal sent
            frames = (make_frame(Opcode.TEXT, b"%d" % n, masking_key=MASK) for n in range(sent, sent + 1000))
            peer.send(b"".join(frame.wire() for frame in frames))
            sent += 1000
            return bool(recorded(path))

        until(flood, "something is recorded")
        program.process.kill()
        program.wait()
    person = sit_down(default_folder())
    person.click(person.button(offered(person), "Open"))
    person.until(lambda: person.window.frame_model.rowCount() > 0, "rows are there")
    texts = [int(each.payload) for each in messages_of(person.capture)]
    assert texts == list(range(len(texts)))
    assert 0 < len(texts) <= sent
    with closing(sqlite3.connect(person.capture.path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_later_means_asking_again_and_discard_removes(sit_down: SitDown) -> None:
    with window_on_a_port() as (program, port), connect(f"ws://127.0.0.1:{port}/") as client:
        client.send("once")
        (path,) = captures()
        until(lambda: recorded(path) == [b"once"], "it is recorded")
        program.process.kill()
        program.wait()
    person = sit_down(default_folder())
    person.click(person.button(offered(person), "Later"))
    person.close()
    assert path.exists()
    person = sit_down(default_folder())
    person.click(person.button(offered(person), "Discard"))
    person.until(lambda: not path.exists(), "it is gone")


def test_several_are_listed_and_stay_at_hand(sit_down: SitDown) -> None:
    for text in (b"first run", b"second run"):
        earlier = captures()
        with window_on_a_port() as (program, port), connect(f"ws://127.0.0.1:{port}/") as client:
            client.send(text.decode())
            until(partial(is_recorded, text, earlier), "it is recorded")
            program.process.kill()
            program.wait()
    person = sit_down(default_folder())
    person.until(lambda: isinstance(person.question(), CapturesDialog), "they are listed")
    listed = person.question()
    assert listed is not None
    person.click(person.button(listed, "Close"))
    person.do(ActionId.CAPTURES)
    person.until(lambda: isinstance(person.question(), CapturesDialog), "the list is there again")
    listed = person.question()
    assert isinstance(listed, CapturesDialog)
    person.until(lambda: listed.rows.model().rowCount() == 2, "both are in it")
    person.until(lambda: listed.rows.hasFocus(), "it has the keyboard")
    person.until(lambda: listed.rows.currentIndex().row() == 0, "the newest one is chosen")
    QTest.keyClick(listed.rows, Qt.Key.Key_Down)
    assert listed.rows.currentIndex().row() == 1
    chosen = listed.chosen
    assert chosen is not None
    # Usually the first run, unless the second one was killed while it put that in order.
    (text,) = recorded(chosen.path)
    QTest.keyClick(listed.rows, Qt.Key.Key_Return)
    person.wait_for_rows(1)
    assert [payload for _, _, payload in person.rows()] == [text.decode()]
    person.wait_for_banner("not saved yet")


def test_a_capture_in_use_is_not_offered(sit_down: SitDown) -> None:
    with window_on_a_port() as (_, port), connect(f"ws://127.0.0.1:{port}/") as client:
        client.send("mine")
        (path,) = captures()
        until(lambda: recorded(path) == [b"mine"], "it is recorded")
        assert sit_down(default_folder()).question() is None
