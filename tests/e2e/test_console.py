"""`unmask` without a window: the real command as a process, real clients, and every line that it prints."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import connect

from app.cli import main
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState
from core.capture.session_files import CaptureFolder, default_folder
from core.protocol.frames import Opcode, make_frame
from tests.tools.program import ROOT, Program, command_of_unmask, environment_with, port_in, run_unmask
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.served import frames_of, messages_of
from tests.tools.waiting import until

CHINESE = "你好，WebSocket 👋"
NO_DISPLAY = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}


@contextmanager
def console(*arguments: str | Path) -> Iterator[tuple[Program, int]]:
    """`unmask` with these arguments, listening on a free port; and the port. It must end well by itself or SIGTERM."""
    with Program(command_of_unmask("--listen", "127.0.0.1:0", *arguments)) as program:
        yield program, port_in(program.line())
        status = program.wait() if program.process.poll() is not None else program.end(signal.SIGTERM)
        assert (status, program.errors) == (0, "")


def events(program: Program) -> list[dict[str, Any]]:
    """All that `--json` printed but the first line and the last."""
    found = [json.loads(line) for line in program.rest()[1:]]
    assert found.pop()["event"] == "recorded"
    return found


class TestText:
    def test_a_conversation_is_told(self) -> None:
        with console("--headless") as (program, port):
            assert program.lines == [f"Listening on ws://127.0.0.1:{port}/"]
            with connect(f"ws://127.0.0.1:{port}/chat?room=1") as client:
                program.line_with("handshake from 127.0.0.1:")
                assert program.lines[-1].endswith(" 101 /chat?room=1")
                program.line_with("→ GET /chat?room=1 HTTP/1.1")
                program.line_with("← HTTP/1.1 101 Switching Protocols")
                program.line_with("← Sec-WebSocket-Accept: ")
                client.send(CHINESE)
                assert "#1 → text fin+rsv1" in program.line_with("→ text")
                assert re.search(r"inflated from \d+ to 23 B", program.line())
                assert program.line().strip() == CHINESE
                client.send([b"\x00\x01", b"\xff"])
                assert "→ binary rsv1" in program.line_with("→ binary")
                program.line_with("message of ")
                assert program.line().split() == ["0000", "00", "01", "ff", "..."]
                client.close(4000, "走了")
            program.line_with("→ close fin ")
            assert program.line().strip().startswith("4000 ")
            assert "走了" in program.lines[-1]
            assert "automatic" in program.line_with("← close fin ")
            assert "closed 4000" in program.line_with("closed ")

    def test_an_output_that_cannot_hold_it_gets_it_spelled_out(self) -> None:
        command = command_of_unmask("--headless", "--listen", "127.0.0.1:0")
        with Program(command, changes={"PYTHONIOENCODING": "ascii"}) as program:
            with connect(f"ws://127.0.0.1:{port_in(program.line())}/") as client:
                client.send("é你")
            program.line_with("\\u2192 text")
            program.line_with("\\xe9\\u4f60")
            assert (program.end(signal.SIGTERM), program.errors) == (0, "")

    def test_a_refused_handshake_is_told(self) -> None:
        with console("--headless") as (program, port):
            with RawPeer(port) as peer:
                peer.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade websocket\r\n\r\n")
                peer.rest()
            assert program.line_with("handshake from").endswith(" 400")
            assert "no colon" in program.line_with("refused: ")
            program.line_with("→ Upgrade websocket")
            program.line_with("! error header-without-colon: ")

    def test_a_long_text_says_what_is_left_out(self) -> None:
        with console("--headless") as (program, port), connect(f"ws://127.0.0.1:{port}/") as client:
            client.send("x" * 5000)
            program.line_with("x" * 2000)
            assert program.line().strip() == "… 3000 more bytes"

    def test_nothing_of_a_peer_acts_on_the_terminal(self) -> None:
        """Not even in colour: only our own sequences stand in the output."""
        evil = "\x1b[31mred\x1b]0;title\x07\x00\r\x08\x7f\x9b31m\u202eright\u2066\u2028\n#9 closed"
        with console("--headless") as (program, port):
            with RawPeer(port) as peer:
                request = peer.request("/path").replace(b"/path", b"/\x1b[2J\x00\x9b")
                peer.send(request.replace(b"Host:", b"X-Evil: \x1b[31m\x9b2J\x08\xe2\x80\xae\r\nHost:"))
                peer.rest()
            program.line_with("closed")
            with RawPeer(port) as peer:
                peer.open("/fine")
                peer.frame(Opcode.TEXT, evil.encode())
                peer.frame(Opcode.BINARY, evil.encode())
                peer.frame(Opcode.PING, evil.encode()[:40])
                peer.frame(Opcode.CLOSE, b"\x03\xe8" + evil.encode())
                peer.rest()
            program.line_with("/fine")
            program.line_with("closed 1000")
        for line in program.lines:
            hidden = [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")]
            assert hidden == [], line
            assert not line.startswith("#9")

    def test_colour_on_a_terminal_is_ours_alone(self) -> None:
        ours, theirs = os.openpty()
        command = command_of_unmask("--headless", "--listen", "127.0.0.1:0")
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=theirs, env=environment_with({"TERM": "xterm", "NO_COLOR": None})
        )
        os.close(theirs)
        seen = b""
        try:
            while b"\n" not in seen:
                seen += os.read(ours, 65536)
            with RawPeer(port_in(seen.decode())) as peer:
                peer.open()
                peer.frame(Opcode.TEXT, b"\x1b[31mevil\x1b[0m")
                while b"evil" not in seen:
                    seen += os.read(ours, 65536)
        finally:
            process.terminate()
            assert process.wait(30) == 0
            os.close(ours)
        sequences = set(re.findall(rb"\x1b[^m]*m?", seen))
        assert sequences
        assert sequences <= {b"\x1b[0m", b"\x1b[2m", b"\x1b[1m", b"\x1b[36m", b"\x1b[35m"}
        assert b"\\x1b[31mevil" in seen


class TestJson:
    def test_every_field(self) -> None:
        with console("--json") as (program, port):
            url = f"127.0.0.1:{port}"
            assert json.loads(program.lines[0]) == {
                "event": "listening",
                "source": "listen",
                "mode": "listen",
                "addresses": [url],
                "urls": [f"ws://{url}/"],
                "relays_to": None,
            }
            with RawPeer(port) as peer:
                request = peer.request("/p?q").replace(
                    b"\r\nHost", b"\r\nOrigin: http://o\r\nSec-WebSocket-Protocol: a, b\r\nHost"
                )
                peer.send(request)
                response = peer.head()
                peer.frame(Opcode.TEXT, "é".encode(), fin=False)
                peer.send(make_frame(Opcode.CONTINUATION, b"nd", masking_key=b"abcd").wire())
                peer.send(make_frame(Opcode.CLOSE, b"\x03\xe9gone", masking_key=MASK).wire())
                peer.rest()
                me = "{}:{}".format(*peer.socket.getsockname())
            program.object_where(lambda event: event["event"] == "close")
        told = events(program)
        times = [event.pop("time") for event in told]
        for each in times:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", each)
        assert times == sorted(times)
        assert [event["event"] for event in told] == [
            *("handshake", "frame", "frame", "message", "frame", "frame", "close"),
        ]
        [leg] = told[0].pop("legs")
        assert (leg["side"], leg["peer"], leg["tls_problem"]) == ("client", me, "")
        assert told[0] == {
            "event": "handshake",
            "connection": 1,
            "source": "listen",
            "mode": "listen",
            "outcome": "accepted",
            "peer": me,
            "local": url,
            "path": "/p?q",
            "origin": "http://o",
            "status": 101,
            "reason": "",
            "subprotocol": "a",
            "extensions": "",
            "request": request.decode(),
            "response": response.decode(),
            "passed_request": "",
            "passed_response": "",
            "rules": [],
            "secrets_masked": False,
            "violations": [],
        }
        frame = {
            "event": "frame",
            "connection": 1,
            "source": "listen",
            "frame": 1,
            "number": 1,
            "direction": "client_to_server",
            "origin": "peer",
            "fin": False,
            "rsv1": False,
            "rsv2": False,
            "rsv3": False,
            "opcode": 1,
            "opcode_name": "text",
            "masked": True,
            "masking_key": MASK.hex(),
            "length_bits": 7,
            "payload_length": 2,
            "captured_length": 2,
            "fate": "passed",
            "decided_by": None,
            "held_ns": None,
            "rules": [],
            "redacted": False,
            "cause": None,
            "encoding": "text",
            "payload": "é",
            "violations": [],
            "marked": False,
            "note": None,
        }
        assert told[1] == frame
        assert told[2] == frame | {
            "frame": 2,
            "number": 2,
            "fin": True,
            "opcode": 0,
            "opcode_name": "continuation",
            "masking_key": b"abcd".hex(),
            "encoding": "base64",
            "payload": base64.b64encode(b"nd").decode(),
        }
        assert told[3] == {
            "event": "message",
            "connection": 1,
            "source": "listen",
            "frame": 2,
            "direction": "client_to_server",
            "origin": "peer",
            "type": "text",
            "frames": 2,
            "compressed": False,
            "length": 4,
            "wire_length": 4,
            "fate": "passed",
            "redacted": False,
            "encoding": "text",
            "payload": "énd",
        }
        assert {name: told[5][name] for name in ("direction", "origin", "masked", "masking_key")} == {
            "direction": "server_to_client",
            "origin": "automatic",
            "masked": False,
            "masking_key": None,
        }
        assert (told[4]["close_code"], told[4]["close_reason"]) == (1001, "gone")
        [leg] = told[6].pop("legs")
        assert (leg["side"], leg["ended"], leg["peer"]) == ("client", "closed", told[0]["peer"])
        assert told[6] == {
            "event": "close",
            "connection": 1,
            "source": "listen",
            "state": "closed",
            "code": 1001,
            "reason": "gone",
            "closed_by": "client",
            "vanished": False,
            "frames": 4,
            "bytes_client_to_server": 8 + 8 + 12,
            "bytes_server_to_client": len(told[5]["close_reason"]) + 4,
            "trailing": "",
            "trailing_length": 0,
        }

    def test_violations_and_binary(self) -> None:
        with console("--json") as (program, port):
            with RawPeer(port) as peer:
                peer.open()
                peer.send(make_frame(Opcode.BINARY, b"\x00\xff").wire())
                peer.rest()
            program.object_where(lambda event: event["event"] == "close")
        broken = next(event for event in events(program) if event["event"] == "frame")
        assert (broken["encoding"], broken["payload"], broken["masked"]) == ("base64", "AP8=", False)
        (found,) = broken["violations"]
        assert set(found) == {"rule", "severity", "section", "sentence", "detail", "offset", "length"}
        assert (found["rule"], found["severity"], found["section"]) == (
            "mask-missing",
            "error",
            "RFC 6455 §5.1",
        )

    def test_it_is_one_object_a_line_in_which_text_can_be_searched(self) -> None:
        evil = "\x1b[31m\x00\u202e\u2028\x9b\n{}" + CHINESE
        with console("--json") as (program, port):
            with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
                client.send(evil)
                client.close(4000, "\x1b[0m\u202e")
            program.object_where(lambda event: event["event"] == "close")
        for line in program.lines:
            assert re.fullmatch(rf"[\x20-\x7e{CHINESE}]+", line)
        assert any(CHINESE in line for line in program.lines)
        message = next(event for event in events(program) if event["event"] == "message")
        assert message["payload"] == evil

    def test_it_is_utf_8_whatever_the_output_is_said_to_be(self) -> None:
        command = command_of_unmask("--json", "--listen", "127.0.0.1:0")
        with Program(command, changes={"PYTHONIOENCODING": "ascii"}) as program:
            port = program.object_where(lambda event: event["event"] == "listening")["addresses"][0]
            with connect(f"ws://{port}/") as client:
                client.send(CHINESE)
            assert CHINESE in program.line_with('"event":"message"')
            assert (program.end(signal.SIGTERM), program.errors) == (0, "")

    def test_export_says_the_same(self, tmp_path: Path) -> None:
        capture = tmp_path / "c.unmask"
        with console("--json", "--capture", capture, "--auto-reply", "echo") as (program, port):
            url = f"ws://127.0.0.1:{port}"
            with connect(url + "/a") as first, connect(url + "/b", compression=None) as second:
                for number in range(50):
                    first.send(f"{number} {CHINESE}")
                    second.send(bytes([number, 255]))
                    assert first.recv() == f"{number} {CHINESE}"
                    assert second.recv() == bytes([number, 255])
            with RawPeer(port) as third:
                third.send(b"nonsense\r\n\r\n")
                third.rest()
        printed = program.rest()[1:-1]
        exported = run_unmask("export", capture, "--format", "jsonl")
        assert (exported.returncode, exported.stderr) == (0, "")
        lines = exported.stdout.splitlines()

        def traffic(all_lines: list[str]) -> list[str]:
            return [line for line in all_lines if json.loads(line)["event"] in ("frame", "message")]

        assert len(traffic(lines)) == 2 * (200 + 2)
        assert traffic(lines) == traffic(printed)
        assert sorted(lines) == sorted(printed)
        target = tmp_path / "out.jsonl"
        assert run_unmask("export", capture, "-o", target).returncode == 0
        assert target.read_text() == exported.stdout


class TestOptions:
    def test_capture_and_echo(self, tmp_path: Path) -> None:
        capture = tmp_path / "mine.unmask"
        with (
            console("--headless", "--capture", capture, "--auto-reply", "echo") as (_, port),
            connect(f"ws://127.0.0.1:{port}/") as client,
        ):
            client.send(CHINESE)
            assert client.recv() == CHINESE
        reader = CaptureReader(capture)
        assert [each.payload.decode() for each in messages_of(reader)] == [CHINESE, CHINESE]
        reader.close()

    def test_an_unnamed_capture_is_left_for_the_window_to_offer(self) -> None:
        with console("--json") as (program, port):
            with connect(f"ws://127.0.0.1:{port}/") as client:
                client.send("keep me")
            program.object_where(lambda event: event["event"] == "close")
            # It is in use, so nobody is offered it.
            assert CaptureFolder(default_folder()).left_behind() == []
        (left,) = CaptureFolder(default_folder()).left_behind()
        reader = CaptureReader(left.path)
        assert [each.payload for each in messages_of(reader)] == [b"keep me"]
        reader.close()

    def test_tolerant(self) -> None:
        with console("--json", "--tolerant") as (program, port), RawPeer(port) as peer:
            peer.open()
            peer.send(make_frame(Opcode.TEXT, b"bare").wire())
            peer.frame(Opcode.TEXT, b"on it goes")
            told = program.object_where(lambda event: event.get("payload") == "on it goes")
            assert told["violations"] == []

    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_max_message(self, compression: str | None) -> None:
        with console("--json", "--max-message", "1K") as (program, port):
            with connect(f"ws://127.0.0.1:{port}/", compression=compression) as client:
                client.send("x" * 1024)
                client.send("x" * 1025)
                with pytest.raises(ConnectionClosedError):
                    client.recv()
                assert client.close_code == 1009
            program.object_where(lambda event: event["event"] == "close")
        lengths = [event["length"] for event in events(program) if event["event"] == "message"]
        assert lengths == [1024]

    def test_both_families_of_localhost_on_one_port(self) -> None:
        if not _has_ipv6():
            pytest.skip("this machine has no IPv6")
        with Program(command_of_unmask("--json", "--listen", "localhost:0")) as program:
            addresses = json.loads(program.line())["addresses"]
            ports = {address.rpartition(":")[2] for address in addresses}
            assert {address.rpartition(":")[0] for address in addresses} == {"127.0.0.1", "[::1]"}
            assert len(ports) == 1
            with connect(f"ws://[::1]:{ports.pop()}/"):
                told = program.object_where(lambda event: event["event"] == "handshake")
                assert told["peer"].startswith("[::1]:")
            assert program.end(signal.SIGTERM) == 0

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--listen", "nonsense"], "write HOST:PORT, such as 127.0.0.1:8080"),
            (["--listen", "127.0.0.1:99999"], "“99999” is no port"),
            (["--max-message", "huge"], "“huge” is no size"),
            (["--max-message", "0"], "“0” is no size"),
            (["--auto-reply", "yes"], "invalid choice: 'yes'"),
            (["--nope"], "--nope"),
            (["export"], "FILE"),
            (["export", "x", "--format", "har"], "invalid choice: 'har'"),
        ],
    )
    def test_bad_options(self, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main([*([] if arguments[0] == "export" else ["--headless"]), *arguments])
        assert ended.value.code == 2
        assert words in capsys.readouterr().err

    def test_a_bad_option_ends_the_process_with_2(self) -> None:
        ended = run_unmask("--listen", "nonsense")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.endswith("write HOST:PORT, such as 127.0.0.1:8080.\n")

    def test_version_and_help(self) -> None:
        assert re.fullmatch(r"unmask \d+(\.\d+)*\n", run_unmask("--version").stdout)
        shown = run_unmask("--help").stdout
        for option in ("--headless", "--json", "--listen", "--capture", "--auto-reply", "--tolerant"):
            assert option in shown


class TestTheEnd:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    @pytest.mark.parametrize("mode", ["--headless", "--json"])
    def test_signals_end_it_cleanly(self, tmp_path: Path, number: int, mode: str) -> None:
        capture = tmp_path / "c.unmask"
        command = command_of_unmask(mode, "--listen", "127.0.0.1:0", "--capture", capture)
        with Program(command) as program:
            port = port_in(program.line())
            with connect(f"ws://127.0.0.1:{port}/") as client:
                for sent in range(100):
                    client.send(str(sent))
                # The ping comes behind the messages, so its answer says that all were read.
                assert client.ping().wait(30)
                program.process.send_signal(number)
                with pytest.raises(ConnectionClosedOK):
                    client.recv()
                assert client.close_code == 1001
            assert (program.wait(), program.errors) == (0, "")
        assert "1001" in program.rest()[-2]
        assert not capture.with_name("c.unmask-wal").exists()
        reader = CaptureReader(capture)
        assert [each.payload for each in messages_of(reader)] == [b"%d" % sent for sent in range(100)]
        record = reader.connection(1)
        assert record is not None
        assert (record.state, record.close_code) == (ConnectionState.CLOSED, 1001)
        assert [each.frame.opcode for each in frames_of(reader)[100:]] == [9, 10, 8, 8]
        reader.close()

    def test_a_signal_in_a_flood(self) -> None:
        """Whatever it is doing, it ends; every frame that it told was told once."""
        with Program(command_of_unmask("--json", "--listen", "127.0.0.1:0")) as program:
            with RawPeer(port_in(program.line())) as peer:
                peer.open()
                peer.send(make_frame(Opcode.TEXT, b"x", masking_key=MASK).wire() * 10_000)
                program.object_where(lambda event: event["event"] == "frame")
                assert program.end(signal.SIGTERM) == 0
            numbers = [each["frame"] for each in map(json.loads, program.rest()) if each["event"] == "frame"]
            assert numbers == list(range(1, len(numbers) + 1))

    def test_a_terminal_that_lags_does_not_keep_it_from_ending(self, tmp_path: Path) -> None:
        """What could not be told in a few seconds is left to the capture, and said."""
        capture, count = tmp_path / "c.unmask", 400_000
        with Program(command_of_unmask("--json", "--listen", "127.0.0.1:0", "--capture", capture)) as program:
            with RawPeer(port_in(program.line())) as peer:
                peer.open()
                peer.send(make_frame(Opcode.TEXT, b"x", masking_key=MASK).wire() * count)
                peer.send(make_frame(Opcode.PING, b"all read?", masking_key=MASK).wire())
                peer.take(11)
                program.process.send_signal(signal.SIGTERM)
                program.process.send_signal(signal.SIGINT)
            assert program.wait() == 0
            told = sum('"event":"frame"' in line for line in program.rest())
        left = re.search(r"unmask: stopped; (\d+) frames more are in .*c\.unmask\.", program.errors)
        assert left is not None
        reader = CaptureReader(capture)
        assert reader.totals().frames == told + int(left[1])
        assert reader.totals().frames >= count
        reader.close()

    @pytest.mark.parametrize("mode", ["--headless", "--json"])
    def test_a_port_in_use(self, mode: str) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            ended = run_unmask(mode, "--listen", f"127.0.0.1:{port}")
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"unmask: Port {port} on 127.0.0.1 is in use by another program.")
        assert ended.stderr.count("\n") == 1
        told = [json.loads(line) for line in ended.stdout.splitlines()]
        assert [each["event"] for each in told] == (["error"] if mode == "--json" else [])

    def test_an_existing_capture_is_left_alone(self, tmp_path: Path) -> None:
        precious = tmp_path / "precious.unmask"
        precious.write_bytes(b"do not touch")
        ended = run_unmask("--headless", "--listen", "127.0.0.1:0", "--capture", precious)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            f"unmask: {precious} exists already. Name a capture that does not, or move that one away.\n"
        )
        assert precious.read_bytes() == b"do not touch"

    @pytest.mark.parametrize("name", ["missing.unmask", "."])
    def test_export_of_what_is_no_capture(self, tmp_path: Path, name: str) -> None:
        ended = run_unmask("export", tmp_path / name)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("unmask: ")
        assert "Traceback" not in ended.stderr

    def test_no_display_means_console_mode(self) -> None:
        command = command_of_unmask("--listen", "127.0.0.1:0")
        with Program(command, changes=NO_DISPLAY) as program:
            port = port_in(program.line())
            assert program.lines == [f"Listening on ws://127.0.0.1:{port}/"]
            with connect(f"ws://127.0.0.1:{port}/"):
                program.line_with("handshake")
            assert program.end(signal.SIGTERM) == 0
            assert program.errors == (
                "unmask: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): "
                "running the console mode.\n"
            )

    @pytest.mark.parametrize("mode", ["--headless", "--json"])
    def test_a_reader_who_has_enough(self, mode: str) -> None:
        """The reader leaves after one line, as in `unmask --json | head -1`."""
        process = subprocess.Popen(
            command_of_unmask(mode, "--listen", "127.0.0.1:0"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            port = port_in(process.stdout.readline().decode())
            process.stdout.close()
            with RawPeer(port) as peer:
                peer.send(peer.request())
                peer.rest()
            until(lambda: process.poll() is not None, "it has ended")
            assert process.stderr is not None
            assert (process.returncode, process.stderr.read()) == (0, b"")
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()

    def test_an_export_of_which_one_line_is_wanted(self, tmp_path: Path) -> None:
        capture = tmp_path / "c.unmask"
        with console("--headless", "--capture", capture) as (program, port):
            with RawPeer(port) as peer:
                peer.open()
                peer.send(make_frame(Opcode.TEXT, b"x" * 100, masking_key=MASK).wire() * 2000)
                peer.frame(Opcode.CLOSE)
                peer.rest()
            program.line_with(" closed ")
        words = " ".join(f"'{word}'" for word in command_of_unmask("export", capture))
        ended = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{words} | head -1"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (0, "", 1)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


class TestRing:
    def test_only_the_last_frames_are_kept_and_the_rest_is_a_gap_in_the_export(self, tmp_path: Path) -> None:
        capture, figures = tmp_path / "ring.unmask", tmp_path / "figures.jsonl"
        keep = ("--keep", "5frames", "--keep", "24h", "--diagnostics", figures)
        with (
            console("--json", "--capture", capture, *keep) as (program, port),
            connect(f"ws://127.0.0.1:{port}/") as client,
        ):
            for number in range(20):
                client.send(f"{number}")
                program.line_with(f'"payload":"{number}"')
        assert main(["export", str(capture), "--format", "jsonl", "-o", str(tmp_path / "out")]) == 0
        exported = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
        frames = [each["frame"] for each in exported if each["event"] == "frame"]
        [gap] = [each for each in exported if each["event"] == "gap"]
        # The client's close, ours, and what stays of the block that is dropped next.
        assert 5 <= len(frames) < 15
        assert frames == list(range(gap["frames"] + 1, gap["frames"] + 1 + len(frames)))
        assert gap["before_frame"] == frames[0]
        last = json.loads(figures.read_text().splitlines()[-1])
        assert last["event"] == "diagnostics"
        assert last["frames"] == frames[-1]
