"""Who may connect, as the command line says it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from app.cli import main
from core.protocol.handshake import client_request
from tests.tools.program import ROOT, Program, command_of_unmask, port_in, run_unmask
from tests.tools.raw_peer import KEY, RawPeer
from tests.tools.waiting import PATIENCE_SECONDS


def test_origins_and_hosts_are_options_of_the_console() -> None:
    options = ("--allow-origin", "https://a.test/", "--allow-origin", "null", "--allow-host", "Me.test")
    with Program(command_of_unmask("--headless", "--listen", "127.0.0.1:0", *options)) as program:
        port = port_in(program.line())
        for host, origin, status in (
            ("localhost", "https://a.test", 101),
            ("me.test:80", "null", 101),
            ("localhost", "https://b.test", 403),
            ("you.test", None, 403),
        ):
            with RawPeer(port) as peer:
                peer.send(client_request(host, "/", KEY, origin=origin))
                assert int(peer.head().split()[1]) == status
        program.line_with("! error origin-refused")
        assert program.end(signal.SIGTERM) == 0
        assert "warning" not in program.errors


def test_an_address_that_others_reach_gets_one_line_of_warning_where_it_is_allowed() -> None:
    with Program(command_of_unmask("--json", "--listen", "0.0.0.0:0", "--allow-network")) as program:
        program.line()
        assert program.end(signal.SIGTERM) == 0
        [line] = program.errors.splitlines()
    assert line.startswith("unmask: warning: 0.0.0.0:0 is not only this machine's")


def test_where_nobody_can_be_asked_others_are_not_let_in(tmp_path: Path) -> None:
    capture = tmp_path / "c.unmask"
    ended = run_unmask("--headless", "--listen", "0.0.0.0:0", "--capture", capture)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "unmask: Nothing is started, as others could reach 0.0.0.0:0. Add --allow-network to let them, or use "
        "127.0.0.1.\n"
    )
    assert not capture.exists()


@pytest.mark.parametrize(
    ("host", "answer", "status"), [("0.0.0.0", "y", 0), ("0.0.0.0", "n", 1), ("127.1", None, 0)]
)
def test_who_sits_at_a_terminal_is_asked(host: str, answer: str | None, status: int) -> None:
    ours, theirs = os.openpty()
    command = command_of_unmask("--headless", "--listen", f"{host}:0")
    process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        if answer is not None:
            assert "everybody who can reach it over the network can connect" in _read_until(ours, "[y/N] ")
            os.write(ours, answer.encode() + b"\n")
        said = _read_until(ours, "Nothing is started" if status else "Listening on ws://")
        assert "warning" not in said
        if not status:
            process.terminate()
        assert process.wait(PATIENCE_SECONDS) == status
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read_until(terminal: int, text: str) -> str:
    seen = ""
    while text not in seen:
        seen += os.read(terminal, 65536).decode()
    return seen


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--allow-origin", "a.test"), "“a.test” is no origin"),
        (("--allow-host", "a:80"), "“a:80” is no host name"),
    ],
)
def test_what_is_no_origin_or_host_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, str], sentence: str
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert sentence in capsys.readouterr().err
