"""`unmask --headless --relay URL`: between a real client and a real server."""

from __future__ import annotations

import signal
import threading

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from app.cli import main
from tests.tools.program import Program, command_of_unmask, port_in


def test_the_console_stands_between_a_client_and_its_server() -> None:
    def echo(peer: ServerConnection) -> None:
        for message in peer:
            peer.send(message)

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        target = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        with Program(command_of_unmask("--headless", "--relay", f"127.0.0.1:0={target}")) as program:
            line = program.line()
            port = port_in(line)
            assert line == f"Relaying ws://127.0.0.1:{port}/ to {target}"
            with connect(f"ws://127.0.0.1:{port}/chat") as client:
                client.send("hello")
                assert client.recv() == "hello"
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
