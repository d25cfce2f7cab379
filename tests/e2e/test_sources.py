"""Several sources at once, from the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from app.cli import main
from core.capture.reader import CaptureReader
from core.capture.records import Mode
from tests.tools.program import Program, command_of_unmask, port_in, run_unmask
from tests.tools.raw_end import answers
from tests.tools.raw_peer import RawPeer
from tests.tools.waiting import PATIENCE_SECONDS, until


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of a server that echoes until it is told to go away."""

    def echo(peer: ServerConnection) -> None:
        for message in peer:
            if message == "go":
                return
            peer.send(message)

    with serve(echo, "127.0.0.1", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{listening.socket.getsockname()[1]}"
        listening.shutdown()
        thread.join()


def said_by(url: str, text: str, context: ssl.SSLContext | None = None) -> str | bytes:
    with connect(url, ssl=context, server_hostname=None if context is None else "localhost") as client:
        client.send(text)
        return client.recv(timeout=60)


def test_each_line_says_which_source_it_belongs_to(server: str, tmp_path: Path) -> None:
    capture = tmp_path / "a.unmask"
    name = server.removeprefix("ws://")
    words = ("--listen", ":0", "--relay", server, "--relay", f":0={server}/base", "--listen", "0")
    command = command_of_unmask("--headless", "--auto-reply", "echo", "--capture", capture, *words)
    with Program(command) as program:
        began = [program.line() for _ in range(4)]
        labelled = (line.partition("] ") for line in began)
        ports = {f"{label}]": port_in(said) for label, _, said in labelled}
        assert set(ports) == {"[listen]", "[listen 2]", f"[{name}]", f"[{name} 2]"}
        for label, port in ports.items():
            assert said_by(f"ws://127.0.0.1:{port}/", f"by {label}") == f"by {label}"
            handshake = program.line_with(" handshake ")
            assert f" {label} handshake " in handshake
            assert f" {label} " in program.line_with("→ text")
            assert f" {label} closed 1000" in program.line_with(" closed ")
        assert (program.end(signal.SIGTERM), program.errors) == (0, "")
        assert program.rest()[-1] == f"Recorded in {capture}: 4 connections, 16 frames."
    with closing(CaptureReader(capture)) as reader:
        assert [each.name for each in reader.sources()] == [label[1:-1] for label in ports]


def test_a_port_that_cannot_be_had_leaves_the_other_sources(server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ("--listen", str(taken.getsockname()[1]), "--relay", server)
        with Program(command_of_unmask("--headless", *words)) as program:
            relaying = program.line()
            assert said_by(f"ws://127.0.0.1:{port_in(relaying.partition('] ')[2])}/", "still") == "still"
            assert program.end(signal.SIGTERM) == 1
            assert program.errors.startswith("unmask: [listen] Port ")


def test_quiet_tells_only_where(server: str, tmp_path: Path) -> None:
    capture = tmp_path / "a.unmask"
    command = command_of_unmask("--quiet", "--capture", capture, "--relay", f":0={server}")
    with Program(command) as program:
        assert program.line() == f"Recording in {capture}"
        relaying = program.line()
        assert relaying == f"Relaying ws://127.0.0.1:{port_in(relaying)}/ to {server}"
        assert said_by(f"ws://127.0.0.1:{port_in(relaying)}/", "unseen") == "unseen"
        assert (program.end(signal.SIGTERM), program.errors) == (0, "")
        assert program.rest()[2:] == [f"Recorded in {capture}: 1 connection, 4 frames."]


def test_json_names_the_source_on_each_line(server: str, tmp_path: Path) -> None:
    capture = tmp_path / "a.unmask"
    command = command_of_unmask("--json", "--capture", capture, "--relay", server, "--listen", "0")
    with Program(command) as program:
        began = [json.loads(program.line()) for _ in range(2)]
        [relay] = [each for each in began if each["mode"] == "relay"]
        assert relay["relays_to"] == server
        assert said_by(relay["urls"][0], "hello") == "hello"
        program.line_with('"event":"close"')
        assert program.end(signal.SIGTERM) == 0
        told = [json.loads(line) for line in program.rest()[2:]]
    assert {each["source"] for each in told[:-1]} == {relay["source"]}
    assert told[-1]["event"] == "recorded"
    assert (told[-1]["path"], told[-1]["connections"], told[-1]["frames"]) == (str(capture), 1, 4)


def test_a_client_ends_the_console_with_its_connection(tmp_path: Path) -> None:
    """Unmask echoes the server's first word, which is the server's sign to close."""
    capture = tmp_path / "a.unmask"

    def greet(peer: ServerConnection) -> None:
        peer.send("hello")
        peer.recv()

    with serve(greet, "127.0.0.1", 0) as greeting:
        thread = threading.Thread(target=greeting.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{greeting.socket.getsockname()[1]}/greet"
        words = ("--headless", "--auto-reply", "echo", "--capture", str(capture), "--connect", url)
        with Program(command_of_unmask(*words)) as program:
            assert program.line() == f"Connected to {url}"
            assert "by the server" in program.line_with(" closed 1000")
            assert program.wait() == 0
        greeting.shutdown()
        thread.join()


def test_a_server_that_is_not_there_fails_the_console_and_is_recorded(tmp_path: Path) -> None:
    capture = tmp_path / "a.unmask"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    ended = run_unmask("--quiet", "--connect", f"ws://{place}/", "--capture", capture)
    assert ended.returncode == 1
    recording, recorded = ended.stdout.splitlines()
    (failed,) = ended.stderr.splitlines()
    assert recording == f"Recording in {capture}"
    assert failed.startswith(f"unmask: {place} refuses the connection: nothing listens there.")
    assert recorded == f"Recorded in {capture}: 1 connection, 0 frames."


def test_clients_come_with_tls_where_the_address_says_so(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    words = ("--headless", "--auto-reply", "echo", "--listen", "wss://localhost:0")
    changes = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with Program(command_of_unmask(*words), changes=changes) as program:
        port = port_in(program.line())
        assert said_by(f"wss://127.0.0.1:{port}/", "secret", context) == "secret"
        assert program.end(signal.SIGTERM) == 0


def test_the_window_starts_what_the_command_line_names(server: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        listening, relaying = (each.getsockname()[1] for each in (one, two))
    capture = tmp_path / "a.unmask"
    words = ("--window", "--capture", capture, "--auto-reply", "echo", "--listen", str(listening))
    changes = {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = command_of_unmask(*words, "--relay", f"{relaying}={server}")
    with Program(command, changes=changes) as program:
        for port in (listening, relaying):
            until(partial(answers, port), "it listens")
            assert said_by(f"ws://127.0.0.1:{port}/", "hello") == "hello"
        assert program.end(signal.SIGTERM) == 0
    with closing(CaptureReader(capture)) as reader:
        assert {each.mode for each in reader.sources()} == {Mode.LISTEN, Mode.RELAY}
        assert len([each for each in reader.connections() if each.close_code == 1000]) == 2


def test_what_passes_a_proxy_without_frames_is_a_line_each() -> None:
    with (
        Program(command_of_unmask("--headless", "--proxy", "0")) as program,
        socket.create_server(("127.0.0.1", 0)) as behind,
    ):
        behind.settimeout(PATIENCE_SECONDS)
        place = f"127.0.0.1:{behind.getsockname()[1]}"
        proxy = RawPeer(port_in(program.line()))
        with proxy:
            proxy.send(
                f"GET http://{place}/page HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode()
            )
            accepted, _ = behind.accept()
            with accepted:
                assert accepted.recv(65536).startswith(b"GET /page HTTP/1.1\r\n")
                accepted.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")
            assert proxy.rest().endswith(b"\r\n\r\ngone")
        assert f" GET http://{place}/page 404 → 0 B ← 4 B " in program.line_with("#1")
        with RawPeer(proxy.port) as client:
            client.send(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            assert client.head().startswith(b"HTTP/1.1 200 ")
            client.send(b"\x00\x01\x02")
            accepted, _ = behind.accept()
            with accepted:
                assert accepted.recv(65536) == b"\x00\x01\x02"
        assert f" tunnel {place} → 3 B ← 0 B " in program.line_with("#2")
        assert program.end(signal.SIGTERM) == 0


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script here")
def test_a_browser_is_opened_for_the_proxy_and_closed_at_the_end(tmp_path: Path) -> None:
    told, browser = tmp_path / "told", tmp_path / "bin" / "chromium"
    browser.parent.mkdir()
    browser.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}.part; mv {told}.part {told}; exec sleep 600\n'
    )
    browser.chmod(0o755)
    changes = {
        "PATH": f"{browser.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    words = ("--quiet", "--proxy", "0", "--open-browser", "http://a.test/")
    with Program(command_of_unmask(*words), changes=changes) as program:
        program.line_with("Recording in ")
        port = port_in(program.line())
        until(told.exists, "the browser is open")
        arguments = told.read_text().splitlines()
        profile = Path(next(each for each in arguments if "--user-data-dir" in each).partition("=")[2])
        assert f"--proxy-server=http://127.0.0.1:{port}" in arguments
        assert any(each.startswith("--ignore-certificate-errors-spki-list=") for each in arguments)
        assert (arguments[-1], profile.exists()) == ("http://a.test/", True)
        assert program.end(signal.SIGTERM) == 0
        assert (
            program.errors == "unmask: Chromium goes through the proxy. Its profile is removed at the end.\n"
        )
    assert not profile.exists()
    assert (tmp_path / "data" / "unmask" / "authority" / "authority.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script here")
def test_a_browser_that_ends_at_once_is_told(tmp_path: Path) -> None:
    browser = tmp_path / "bin" / "chromium"
    browser.parent.mkdir()
    browser.write_text("#!/bin/sh\necho no room >&2; exit 7\n")
    browser.chmod(0o755)
    places = {name: str(tmp_path / name) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    changes = {"PATH": f"{browser.parent}:{os.environ['PATH']}", **places}
    with Program(command_of_unmask("--json", "--proxy", "0", "--open-browser"), changes=changes) as program:
        told = program.object_where(lambda each: each["event"] == "error")
        assert told["message"].startswith("Chromium ended")
        assert "with exit status 7, and said: “no room”." in told["message"]
        until(lambda: told["message"] in program.errors, "it is on standard error too")
        assert program.end(signal.SIGTERM) == 1


def test_a_browser_needs_a_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quiet", "--listen", "0", "--open-browser"]) == 1
    assert "There is no proxy for a browser to go through" in capsys.readouterr().err
