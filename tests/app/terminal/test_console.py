from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest
from websockets.sync.client import connect

from app.terminal.console import Console, ConsoleOptions
from core.capture.reader import CaptureReader
from core.errors import CaptureError
from core.net.fronts.test_page import load_test_page
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import Listen, named
from core.protocol.frames import Opcode
from core.query.language import default_language
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.program import port_in
from tests.tools.raw_peer import RawPeer
from tests.tools.waiting import PATIENCE_SECONDS, until

ANYWHERE = ListenAddress("127.0.0.1", 0)
LISTENING = named((Listen(ANYWHERE),))


class Output(io.StringIO):
    """What was written, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()

    def write(self, text: str) -> int:
        with self._news:
            count = super().write(text)
            self._news.notify_all()
        return count

    def line_with(self, text: str) -> str:
        """The first whole line that contains `text`, when it has come."""
        with self._news:
            assert self._news.wait_for(lambda: self._found(text), PATIENCE_SECONDS), self.getvalue()
        return self._found(text)[0]

    def _found(self, text: str) -> list[str]:
        return [line for line in self.getvalue().split("\n")[:-1] if text in line]


class Running:
    """A console on a thread of its own."""

    def __init__(
        self,
        capture: Path,
        out: Output,
        *,
        json: bool,
        address: ListenAddress = ANYWHERE,
        filter: str | None = None,
    ) -> None:
        settings = EngineSettings(auto_reply=AutoReply.ECHO)
        wanted = None if filter is None else default_language().filter(filter)
        options = ConsoleOptions(named((Listen(address),)), settings, capture, json, filter=wanted)
        self.out = out
        self.console = Console(options, "0", load_test_page(), out)
        self.status: int | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="console")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.status = self.console.run()
        except Exception as error:
            self.error = error

    def port(self) -> int:
        return port_in(self.out.line_with("127.0.0.1"))

    def end(self) -> int | None:
        self.console.stop()
        return self.wait()

    def wait(self) -> int | None:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.status


Start = Callable[..., Running]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return tmp_path / "a.unmask"


@pytest.fixture
def start(capture: Path) -> Iterator[Start]:
    running: list[Running] = []

    def start(
        *,
        json: bool = False,
        address: ListenAddress = ANYWHERE,
        out: Output | None = None,
        filter: str | None = None,
    ) -> Running:
        running.append(Running(capture, out or Output(), json=json, address=address, filter=filter))
        return running[-1]

    yield start
    for each in running:
        each.end()


def test_it_tells_what_happens_as_it_happens(start: Start) -> None:
    running = start()
    port = running.port()
    assert running.out.getvalue() == f"Listening on ws://127.0.0.1:{port}/\n"
    with connect(f"ws://127.0.0.1:{port}/chat", compression=None) as client:
        assert running.out.line_with("handshake").endswith("101 /chat")
        client.send("你好")
        assert client.recv() == "你好"
        assert re.fullmatch(r".* #1 → text fin 6 B key=[0-9a-f]{8}", running.out.line_with("→ text"))
        assert running.out.line_with("← text").endswith("fin 6 B rule")
    assert "1000 Normal closure (by the client; 4 frames)" in running.out.line_with(" closed ")
    assert running.end() == 0
    assert "\x1b" not in running.out.getvalue()


def test_json_is_one_object_a_line_in_order(start: Start) -> None:
    running = start(json=True)
    port = running.port()
    with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
        for number in range(200):
            client.send(f"message {number}")
        for _ in range(200):
            client.recv()
    running.out.line_with('"event":"close"')
    assert running.end() == 0
    lines = [json.loads(line) for line in running.out.getvalue().splitlines()]
    assert [line["event"] for line in lines[:2]] == ["listening", "handshake"]
    assert lines[0]["urls"] == [f"ws://127.0.0.1:{port}/"]
    assert [line["event"] for line in lines[-2:]] == ["close", "recorded"]
    for direction in ("client_to_server", "server_to_client"):
        said = [
            line["payload"] for line in lines if line["event"] == "message" and line["direction"] == direction
        ]
        assert said == [f"message {number}" for number in range(200)]
    frames = [line["frame"] for line in lines if line["event"] == "frame"]
    assert frames == list(range(1, 403))


def test_the_end_of_open_connections_is_told_and_kept(start: Start, capture: Path) -> None:
    running = start()
    with RawPeer(running.port()) as peer:
        peer.open()
        running.out.line_with("handshake")
        peer.frame(Opcode.TEXT, b"last words")
        peer.take(12)
        running.console.stop()
        assert peer.take(4)[2:] == (1001).to_bytes(2, "big")
        peer.frame(Opcode.CLOSE, (1001).to_bytes(2, "big"))
        assert running.wait() == 0
    told = running.out.getvalue()
    assert told.count("last words") == 2
    assert "1001 Going away (by Unmask; 4 frames)" in told.splitlines()[-2]
    assert told.splitlines()[-1] == f"Recorded in {capture}: 1 connection, 4 frames."
    with closing(CaptureReader(capture)) as reader:
        assert reader.totals().frames == 4


def test_a_failed_handshake_is_told_with_its_bytes(start: Start) -> None:
    running = start()
    with RawPeer(running.port()) as peer:
        peer.send(b"\x16\x03\x01 is this TLS?\r\n\r\n")
        peer.rest()
    assert "400" in running.out.line_with("handshake")
    assert running.out.line_with("→ ") == "        → \\x16\\x03\\x01 is this TLS?"
    assert running.out.line_with("! error")


def test_an_address_in_use_ends_it_with_a_sentence(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = start(address=ListenAddress("127.0.0.1", port))
        assert running.wait() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"unmask: Port {port} on 127.0.0.1 is in use by another program. ")
    assert (said.count("\n"), running.out.getvalue()) == (1, "")


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_start_that_fails_leaves_nothing_in_the_way_of_the_next(
    start: Start, capture: Path, host: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert start(address=ListenAddress(host, port)).wait() == 1
    assert list(capture.parent.iterdir()) == []
    running = start(address=ListenAddress("127.0.0.1", port))
    assert running.port() == port
    assert running.end() == 0
    assert capture.is_file()


def test_an_address_in_use_is_an_error_event_in_json(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = start(json=True, address=ListenAddress("127.0.0.1", taken.getsockname()[1]))
        assert running.wait() == 1
    [line] = running.out.getvalue().splitlines()
    assert json.loads(line)["event"] == "error"


def test_stop_before_run_ends_it_at_once(capture: Path) -> None:
    out = Output()
    options = ConsoleOptions(LISTENING, EngineSettings(), capture, json=False)
    console = Console(options, "0", load_test_page(), out)
    console.stop()
    console.stop()
    assert console.run() == 0


def test_a_capture_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = ConsoleOptions(LISTENING, EngineSettings(), tmp_path / "file" / "a.unmask", json=False)
    with pytest.raises(CaptureError):
        Console(options, "0", load_test_page(), Output())


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is open cannot be removed")
@pytest.mark.parametrize("filtered", [False, True])
def test_a_capture_that_is_removed_goes_on_beside_it_and_that_is_said(
    start: Start, capture: Path, capsys: pytest.CaptureFixture[str], filtered: bool
) -> None:
    running = start(filter="payload contains message" if filtered else None)
    with connect(f"ws://127.0.0.1:{running.port()}/", compression=None) as client:
        client.send("message 1")
        running.out.line_with("message 1" if not filtered else "→ text")
        capture.unlink()
        said: list[str] = []

        def is_said() -> bool:
            said.append(capsys.readouterr().err)
            return "was removed or moved away" in "".join(said)

        until(is_said, "it is said")
        client.send("message 22")
        running.out.line_with("fin 10 B key=")
    assert running.end() == 0
    beside = capture.with_name("a_2.unmask")
    assert "".join(said) == (
        f"unmask: warning: the capture {capture} was removed or moved away. Nothing is lost: all of it is in {beside}, "
        "where recording goes on.\n"
    )
    with closing(CaptureReader(beside)) as reader:
        assert reader.totals().frames == 6
    assert list(capture.parent.iterdir()) == [beside]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is open cannot be removed")
def test_what_is_lost_is_told_by_the_exit_status(
    start: Start, capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = start()
    running.port()
    shutil.rmtree(capture.parent)
    capture.parent.touch()
    running.out.line_with("was removed or moved away, and cannot go on beside it")
    assert running.end() == 1
    assert "is lost when Unmask ends" in capsys.readouterr().err
    capture.parent.unlink()


def test_frames_that_the_disk_did_not_take_are_told_by_the_exit_status(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    running = start()
    with RawPeer(running.port()) as peer:
        peer.open()
        running.out.line_with("handshake")
        recorder = running.console._host.recorder
        recorder.flush()
        recorder._writer._db.execute("PRAGMA max_page_count = 1")
        peer.frame(Opcode.BINARY, bytes(range(256)) * 4000)
        running.out.line_with("cannot be written")
    assert running.end() == 1
    assert re.search(
        r"unmask: \d+ frames are lost: the capture could not be written\.", capsys.readouterr().err
    )


class Gone(Output):
    """An output that nobody reads after its first line."""

    def write(self, text: str) -> int:
        if self.getvalue():
            raise BrokenPipeError
        return super().write(text)


def test_nobody_reading_any_more_ends_it_and_keeps_the_capture(start: Start, capture: Path) -> None:
    running = start(out=Gone())
    with RawPeer(running.port()) as peer:
        peer.open()
        assert peer.take(4)[2:] == (1001).to_bytes(2, "big")
    running.wait()
    assert isinstance(running.error, BrokenPipeError)
    with closing(CaptureReader(capture)) as reader:
        assert reader.totals().frames >= 1


def test_a_filter_without_an_end_holds_up_neither_peers_nor_the_end(capture: Path) -> None:
    out = Output()
    settings = EngineSettings(auto_reply=AutoReply.ECHO)
    wanted = default_language().filter(HOPELESS)
    console = Console(
        ConsoleOptions(LISTENING, settings, capture, False, filter=wanted), "0", load_test_page(), out
    )
    thread = threading.Thread(target=console.run, name="console")
    thread.start()
    try:
        port = port_in(out.line_with("127.0.0.1"))
        with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
            client.send(TRAP)
            assert client.recv() == TRAP
            until(lambda: bool(active_children()), "the filter runs in a process of its own")
            client.send("more")
            assert client.recv() == "more"
    finally:
        # Twice: without waiting for what is still to be told.
        console.stop()
        console.stop()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert not active_children()
    with closing(CaptureReader(capture)) as reader:
        assert reader.totals().frames == 6
