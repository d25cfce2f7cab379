"""Who may connect, as the command line says it."""

from __future__ import annotations

import signal

import pytest

from app.cli import main
from core.protocol.handshake import client_request
from tests.tools.program import Program, command_of_unmask, port_in
from tests.tools.raw_peer import KEY, RawPeer


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


def test_an_address_that_others_reach_gets_one_line_of_warning() -> None:
    with Program(command_of_unmask("--json", "--listen", "0.0.0.0:0")) as program:
        program.line()
        assert program.end(signal.SIGTERM) == 0
        [line] = program.errors.splitlines()
    assert line.startswith("unmask: warning: 0.0.0.0:0 is not only this machine's")


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
