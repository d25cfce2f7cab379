"""`unmask --headless --relay URL`: between a real client and a real server."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from app.cli import main
from core.capture.reader import CaptureReader
from core.capture.records import Direction
from tests.tools.program import Program, command_of_unmask, port_in
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.served import frames_of


def test_the_console_stands_between_a_client_and_its_server() -> None:
    def echo(peer: ServerConnection) -> None:
        for message in peer:
            peer.send(message)

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        target = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        with Program(command_of_unmask("--headless", "--relay", f"127.0.0.1:0={target}/base")) as program:
            line = program.line()
            port = port_in(line)
            assert line == f"Relaying ws://127.0.0.1:{port}/ to {target}/base"
            with connect(f"ws://127.0.0.1:{port}/chat") as client:
                client.send("hello")
                assert client.recv() == "hello"
            program.line_with("→ as it went on:")
            assert program.line() == "        →   GET /base/chat HTTP/1.1"
            assert program.line() == f"        →   Host: {target.removeprefix('ws://')}"
            assert "← HTTP/1.1 101" in program.line()
            program.line_with("→ text")
            program.line_with("← text")
            assert "by the client" in program.line_with("closed 1000")
            assert (program.end(signal.SIGTERM), program.errors) == (0, "")
        server.shutdown()
        thread.join()


def test_what_makes_no_relay_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--headless", "--relay", "127.0.0.1:0=x"])
    assert ended.value.code == 2
    assert "--relay" in capsys.readouterr().err


def test_a_capture_survives_a_kill(tmp_path: Path) -> None:
    """All that the console had shown is there, of both sides."""
    path = tmp_path / "traffic.unmask"
    with RawServer() as target:
        words = ("--headless", "--capture", str(path), "--relay", f"127.0.0.1:0={target.url}")
        with Program(command_of_unmask(*words)) as program:
            port = port_in(program.line())
            with RawPeer(port) as client:
                client.send(client.request())
                target.open()
                client.head()
                for number in range(200):
                    client.frame(1, b"%03d" % number)
                    target.take(9)
                    target.frame(1, b"%03d" % number)
                    client.take(5)
                    if number % 100 == 50:
                        program.line_with("← text")
                for _ in range(100):
                    program.line_with("← text")
                program.process.kill()
                program.process.wait()
    with closing(CaptureReader(path)) as reader:
        frames = frames_of(reader)
        assert len(frames) >= 200
        for way in Direction:
            said = [each.frame.payload for each in frames if each.row.direction is way]
            assert said == [b"%03d" % number for number in range(len(said))]
