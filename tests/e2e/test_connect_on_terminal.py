"""`unmask --connect` as a person uses it on a terminal, and as other programs use it through pipes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection
from websockets.sync.server import serve as listen

from core.capture.reader import CaptureReader
from tests.tools.program import ROOT, Program, command_of_unmask, environment_with
from tests.tools.pty_program import PtyProgram
from tests.tools.raw_server import RawServer
from tests.tools.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")


@contextmanager
def server(handler: Callable[[ServerConnection], None], port: int = 0) -> Iterator[str]:
    with listen(handler, "127.0.0.1", port) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{_port(running)}"
        finally:
            running.shutdown()
            thread.join(PATIENCE_SECONDS)


def _port(running: Server) -> int:
    return int(running.socket.getsockname()[1])


def echo(connection: ServerConnection) -> None:
    # A program that is killed at the end of a test says nothing more.
    with suppress(ConnectionClosed):
        for message in connection:
            connection.send(message)


@pytest.fixture
def echoing() -> Iterator[str]:
    with server(echo) as url:
        yield url


def on_terminal(*arguments: str | Path) -> PtyProgram:
    return PtyProgram(command_of_unmask(*arguments))


def connected(*arguments: str | Path) -> PtyProgram:
    program = on_terminal(*arguments)
    program.line_with("connected to")
    return program


def piped(
    text: bytes, *arguments: str | Path, changes: dict[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        command_of_unmask(*arguments),
        cwd=ROOT,
        env=environment_with(changes or {}),
        input=text,
        capture_output=True,
        timeout=2 * PATIENCE_SECONDS,
        check=False,
    )
    return subprocess.CompletedProcess(ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode())


# On a terminal.


def test_lines_are_sent_and_what_comes_stands_above(echoing: str, tmp_path: Path) -> None:
    with connected("--connect", echoing, "--capture", tmp_path / "a.unmask") as program:
        program.type("hello\r")
        program.see(lambda lines: lines.count("        hello") == 2, "it was sent and came back")
        # A line that is not finished stays what it is while messages come.
        program.type("half a li")
        program.line_with("> half a li")
        program.type("ne\r")
        program.see(lambda lines: lines.count("        half a line") == 2, "the whole line came back")
        program.type("/quit\r")
        assert program.wait() == 0
        assert any("closed 1000" in line for line in program.lines)
        assert any("Recorded in" in line for line in program.lines)


def test_a_message_does_not_disturb_the_line(tmp_path: Path) -> None:
    say = threading.Event()

    def handler(connection: ServerConnection) -> None:
        assert say.wait(PATIENCE_SECONDS)
        for number in range(20):
            connection.send(f"message {number}")
        echo(connection)

    with server(handler) as url, connected("--connect", url, "--capture", tmp_path / "a.unmask") as program:
        program.type("typed so far")
        program.line_with("> typed so far")
        say.set()
        program.see(
            lambda _lines: "        message 19" in program.screen, "the last message stands above the line"
        )
        program.see(
            lambda _lines: sum("> typed so far" in line for line in program.screen) == 1,
            "the line stands on the screen once",
        )
        assert [line.strip() for line in program.lines if line.startswith("        message")] == [
            f"message {number}" for number in range(20)
        ]
        program.type("\r")
        program.see(lambda lines: lines.count("        typed so far") == 2, "it came back")


def test_commands(echoing: str, tmp_path: Path) -> None:
    file = tmp_path / "payload.bin"
    file.write_bytes(b"\x00\x01\x02")
    with connected("--connect", echoing, "--capture", tmp_path / "a.unmask") as program:
        program.type("/help\r")
        program.line_with("/base64 TEXT")
        program.type("/nonsense\r")
        program.line_with("/nonsense is no command")
        program.type("/hex ff0\r")
        program.line_with("a byte takes two hex digits")
        program.type("/ping are you there\r")
        program.line_with("← pong")
        program.type(f"/file {file}\r")
        program.see(lambda lines: sum("00 01 02" in line for line in lines) == 2, "the file came back")
        program.type("two\x1b\rlines\r")
        program.see(lambda lines: lines.count("        lines") == 2, "several lines are one message")
        program.type("/close 4000 bye for now\r")
        program.line_with("closed 4000")
        program.line_with("/reconnect connects again")
        program.type("/reconnect\r")
        program.see(lambda lines: sum("Connected to" in line for line in lines) == 2, "it is connected again")
        program.type("again\r")
        program.see(lambda lines: lines.count("        again") == 2, "it came back")
        program.type("\x04")
        assert program.wait() == 0


def test_commands_are_completed(echoing: str, tmp_path: Path) -> None:
    with connected("--connect", echoing, "--capture", tmp_path / "a.unmask") as program:
        program.type("/pi")
        program.line_with("send a ping")
        program.type("\t")
        program.line_with("> /ping")


def test_what_was_typed_is_remembered_privately(echoing: str, tmp_path: Path) -> None:
    with connected("--connect", echoing, "--capture", tmp_path / "a.unmask") as program:
        program.type("remember me\r")
        program.see(lambda lines: lines.count("        remember me") == 2, "it came back")
        program.type("\x04")
        assert program.wait() == 0
    (file,) = Path(os.environ["XDG_DATA_HOME"]).rglob("connect-history.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with connected("--connect", echoing, "--capture", tmp_path / "b.unmask") as program:
        program.type("\x1b[A")
        program.line_with("> remember me")


def test_no_key_is_lost_while_much_is_printed(tmp_path: Path) -> None:
    """A terminal that takes whole lines would take some keys for itself, such as Ctrl+D."""

    def handler(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for _ in range(500):
                connection.send("line by line")
            connection.recv()

    with server(handler) as url, connected("--connect", url, "--capture", tmp_path / "a.unmask") as program:
        while program.written.count(b"line by line") < 500:
            assert not program.takes_whole_lines
        program.type("\x04")
        assert program.wait() == 0


def test_a_peer_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\u202ebidi\x9b31m\r\n\x08"

    def handler(connection: ServerConnection) -> None:
        connection.send(evil)
        connection.send(evil.encode())
        connection.send("the end")
        connection.close(1000, "\x1b[2Jgone")

    with server(handler) as url, on_terminal("--connect", url, "--capture", tmp_path / "a.unmask") as program:
        program.line_with("the end")
        program.line_with("/reconnect connects again")
        program.type("/quit\r")
        assert program.wait() == 0
        for forbidden in (b"\x1b]0;owned", b"\x1b[2J", b"\x1b[31mred", "\u202e".encode(), "\x9b31m".encode()):
            assert forbidden not in program.written


def test_the_first_ctrl_c_takes_the_line_and_the_next_one_ends(echoing: str, tmp_path: Path) -> None:
    with connected("--connect", echoing, "--capture", tmp_path / "a.unmask") as program:
        program.type("not sent")
        program.line_with("> not sent")
        program.type("\x03")
        program.see(
            lambda _lines: not any("not sent" in line for line in program.screen), "the line is empty"
        )
        program.type("\x03")
        assert program.wait() == 0
    reader = CaptureReader(tmp_path / "a.unmask")
    record = reader.connection(1)
    reader.close()
    assert record is not None
    assert record.close_code == 1000


def test_a_server_that_comes_back_is_connected_to_again(tmp_path: Path) -> None:
    with server(lambda connection: connection.close(1012)) as url:
        port = int(url.rpartition(":")[2])
        program = on_terminal("--connect", url, "--reconnect", "--capture", tmp_path / "a.unmask")
        program.line_with("Attempt 1 of 20 follows in")
    with program, server(echo, port):
        program.line_with("connected to")
        program.type("hello again\r")
        program.see(lambda lines: lines.count("        hello again") == 2, "it came back")
        program.type("\x04")
        assert program.wait() == 0


def test_a_server_that_is_not_there_gives_the_terminal_back(tmp_path: Path) -> None:
    with RawServer() as closed:
        url = closed.url
    with on_terminal("--connect", url, "--capture", tmp_path / "a.unmask") as program:
        assert program.wait() == 1
        assert any("refuses the connection" in line for line in program.lines)
        # Pasting in brackets is off again, and the cursor is there.
        assert program.written.rfind(b"\x1b[?2004l") > program.written.rfind(b"\x1b[?2004h")
        assert program.written.rfind(b"\x1b[?25h") >= program.written.rfind(b"\x1b[?25l")


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_is_told(status: int, tmp_path: Path) -> None:
    with RawServer() as raw:
        taking = threading.Thread(target=raw.accept)
        taking.start()
        with on_terminal("--connect", raw.url, "--capture", tmp_path / "a.unmask") as program:
            taking.join(PATIENCE_SECONDS)
            raw.send(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            raw.client.close()
            assert program.wait() == 1
            assert any("refused: " in line and str(status) in line for line in program.lines), program.lines


def test_pings_show_how_long_they_take(echoing: str, tmp_path: Path) -> None:
    with connected("--connect", echoing, "--ping", "0.2", "--capture", tmp_path / "a.unmask") as program:
        program.line_with("· ping ")


# Through pipes.


def test_each_line_is_a_message_and_the_end_closes(echoing: str, tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    ran = piped("one\n/ping\n\nü\nno end".encode(), "--connect", echoing, "--capture", path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "one\n/ping\n\nü\nno end\n"
    connected, closed, recorded = ran.stderr.splitlines()
    assert connected == f"Connected to {echoing}"
    assert "closed 1000" in closed
    assert recorded.startswith(f"Recorded in {path}: 1 connection, ")


def test_received_text_is_written_as_it_is(tmp_path: Path) -> None:
    text = "\x1b[31mred\u202e\r\n" + "x" * 5000

    def handler(connection: ServerConnection) -> None:
        for said in (text, b"\x00\xff", "end"):
            connection.send(said)
        connection.close()

    with server(handler) as url:
        for form, binary in (("hex", b"00ff\n"), ("raw", b"\x00\xff")):
            words = ("--connect", url, "--binary", form, "--capture", tmp_path / form, "--linger", "60")
            with (tmp_path / "out").open("wb") as out:
                subprocess.run(
                    command_of_unmask(*words),
                    cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                    timeout=2 * PATIENCE_SECONDS, check=True,
                )  # fmt: skip
            assert (tmp_path / "out").read_bytes() == text.encode() + b"\n" + binary + b"end\n"


def test_many_lines_arrive_whole_and_in_order(tmp_path: Path) -> None:
    came: list[str] = []

    def handler(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            came.extend(str(message) for message in connection)

    lines = [f"line {number}" for number in range(500)]
    with server(handler) as url:
        ran = piped(
            "\n".join(lines).encode(), "--connect", url, "--capture", tmp_path / "a", "--linger", "0.2"
        )
    assert ran.returncode == 0, ran.stderr
    assert came == lines


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node")
def test_node_answers(tmp_path: Path) -> None:
    script = Path(__file__).parent / "node" / "echo.mjs"
    with Program(["node", str(script)]) as node:
        port = node.line()
        ran = piped(b"one\ntwo\n", "--connect", f"127.0.0.1:{port}", "--capture", tmp_path / "a.unmask")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "one\ntwo\n"


def test_json_goes_both_ways(echoing: str, tmp_path: Path) -> None:
    says = [{"text": "a"}, {"hex": "00ff"}, {"ping": "p"}]
    text = "".join(f"{json.dumps(each)}\n" for each in says)
    ran = piped(text.encode(), "--connect", echoing, "--json", "--capture", tmp_path / "a.unmask")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    messages = [each for each in told if each["event"] == "message"]
    assert [each["direction"] for each in messages].count("server_to_client") == 2
    assert ran.returncode == 0


def test_json_can_close_as_it_likes(echoing: str, tmp_path: Path) -> None:
    text = json.dumps({"close": 4001, "reason": "bye"}).encode()
    ran = piped(text, "--connect", echoing, "--json", "--capture", tmp_path / "a.unmask")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [each["code"] for each in told if each["event"] == "close"] == [4001]
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [(b"\xff\n", "no UTF-8"), (b'{"text": 1}\n', "takes a string"), (b"hello\n", "no JSON")],
)
def test_a_line_that_cannot_be_sent_is_told(echoing: str, tmp_path: Path, line: bytes, words: str) -> None:
    ran = piped(line, "--connect", echoing, "--json", "--capture", tmp_path / "a.unmask")
    assert ran.returncode == 4
    assert "line 1 of the input is not sent" in ran.stderr
    assert words in ran.stderr


def test_no_server_is_told_by_the_exit_status(tmp_path: Path) -> None:
    with RawServer() as closed:
        url = closed.url
    ran = piped(b"hello\n", "--connect", url, "--capture", tmp_path / "a.unmask")
    assert ran.returncode == 1
    place = url.removeprefix("ws://")
    assert ran.stdout == ""
    assert sum(line.startswith(f"unmask: {place} refuses") for line in ran.stderr.splitlines()) == 1


def test_a_lost_connection_is_told_by_the_exit_status(tmp_path: Path) -> None:
    with server(lambda connection: connection.close(1011, "broken")) as url:
        ran = piped(b"", "--connect", url, "--capture", tmp_path / "a.unmask", "--linger", "60")
    assert ran.returncode == 3
    assert ran.stdout == ""
    assert "closed 1011" in ran.stderr


def test_what_the_options_say_is_sent(tmp_path: Path) -> None:
    curl = "curl 'http://{0}/x' -H 'X-Curl: 1' -b 'c=1'"
    with RawServer() as raw:
        place = raw.url.removeprefix("ws://")
        heads: list[bytes] = []
        taking = threading.Thread(target=lambda: heads.append(raw.open(("Sec-WebSocket-Protocol", "two"))))
        taking.start()
        program = subprocess.Popen(
            command_of_unmask(
                *("--curl", curl.format(place), "--header", "X-Key: {key}", "--bearer", "{TOKEN}"),
                *("--variable", "key=k", "--secret", "TOKEN", "--subprotocol", "one", "--subprotocol", "two"),
                *("--origin", "http://o", "--cookie", "d=2", "--no-compression"),
                *("--capture", tmp_path / "a.unmask"),
            ),
            cwd=ROOT,
            env=environment_with({"TOKEN": "s3cret-token"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        taking.join(PATIENCE_SECONDS)
        raw.client.close()
        out, errors = program.communicate(timeout=PATIENCE_SECONDS)
    head = heads[0].decode()
    for line in (
        *(
            "GET /x HTTP/1.1",
            "X-Curl: 1",
            "X-Key: k",
            "Authorization: Bearer s3cret-token",
            "Cookie: c=1; d=2",
        ),
        *("Sec-WebSocket-Protocol: one, two", "Origin: http://o"),
    ):
        assert f"{line}\r\n" in head
    assert "Extensions" not in head
    assert b"s3cret" not in out + errors
    kept = (tmp_path / "a.unmask").read_bytes()
    assert b"Bearer ************" in kept
    assert b"s3cret" not in kept


def test_headless_reads_nothing(echoing: str, tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    with subprocess.Popen(
        command_of_unmask("--headless", "--connect", echoing, "--capture", path),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert "Connected to" in program.stdout.readline()
        # It stays although there is nothing to read.
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(2)
        program.terminate()
        program.stdout.read()
