"""Several sources at once, from the command line."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from core.capture.reader import CaptureReader
from tests.tools.program import Program, command_of_unmask, port_in


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
            lines = sorted(program.line() for _ in range(2))
            relaying, failed = lines
            assert failed.startswith("[listen] Port ")
            assert said_by(f"ws://127.0.0.1:{port_in(relaying.partition('] ')[2])}/", "still") == "still"
            assert program.end(signal.SIGTERM) == 1


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


def test_clients_come_with_tls_where_the_address_says_so(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    words = ("--headless", "--auto-reply", "echo", "--listen", "wss://localhost:0")
    changes = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with Program(command_of_unmask(*words), changes=changes) as program:
        port = port_in(program.line())
        assert said_by(f"wss://127.0.0.1:{port}/", "secret", context) == "secret"
        assert program.end(signal.SIGTERM) == 0
