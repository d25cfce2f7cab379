"""The command line where no engine is needed. What it starts is tested from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from websockets.sync.client import connect

from app.cli import main
from app.logic.text import grouped
from app.version import program_version
from core.capture.writer import CaptureWriter
from core.net.settings import ListenAddress, parse_address
from core.protocol.frames import Opcode
from tests.tools.conversation import Conversation
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.program import ROOT, Program, command_of_unmask, port_in, run_unmask
from tests.tools.recorded import CaptureMaker
from tests.tools.waiting import PATIENCE_SECONDS, until

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    talk = Conversation(tmp_path / "a.unmask")
    talk.open()
    talk.frame(Opcode.TEXT, "你好".encode())
    talk.end()
    return talk.keep()


def exit_status(*words: str) -> object:
    """The exit status of a command line that argparse ends."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


# Parsing.


def test_help_and_version(capsys: Captured) -> None:
    assert exit_status("--version") == 0
    assert capsys.readouterr().out == f"unmask {program_version()}\n"
    assert exit_status("--help") == 0
    assert "unmask export --help" in capsys.readouterr().out
    assert exit_status("export", "--help") == 0
    assert "jsonl: One JSON object a line" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--listen", "localhost"],
            "“localhost” is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080.",
        ),
        (
            ["--listen", "::1:8080"],
            "“::1:8080” is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080.",
        ),
        (
            ["--listen", "ftp://localhost:21/"],
            "“ftp” is no scheme to listen for: write HOST:PORT, or a URL with ws://.",
        ),
        (["--proxy", "wss://localhost:1"], "asks for TLS, which is not to be had here"),
        (["--relay", "8081=example.com"], "“example.com” is no URL to connect to"),
        (["--connect", "8080"], "“8080” is no URL to connect to"),
        (
            ["--connect-seconds", "never", "--relay", "ws://a"],
            "“never” is no time: write a number of seconds up to",
        ),
        (["--window", "--quiet"], "--window does not go with --headless, --json or --quiet"),
        (["--quiet", "--filter", "marked"], "--filter goes with --headless or --json"),
        (["--listen", "h:99999"], "“99999” is no port: write a number from 0 to 65535 (0 picks a free one)."),
        (["--listen", "h/x:80"], "“h/x” is no host: write an IP address or a host name."),
        (
            ["--max-message", "lots"],
            "“lots” is no size: write a number with a unit, such as 16MiB (B; KB,",
        ),
        (
            ["--max-message", "2G"],
            "The largest message cannot be 2GiB: a capture holds 450MiB at most. Make it smaller.",
        ),
        (
            ["--keep", "a bit"],
            "“a bit” does not say how much to keep: write a size such as 2GB or 2GiB, a number",
        ),
        (["--auto-reply", "loud"], "invalid choice: 'loud' (choose from"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["export"], "the following arguments are required: FILE"),
        (["export", "a", "--format", "xml"], "invalid choice: 'xml' (choose from"),
    ],
)
def test_what_cannot_be_meant_is_said(capsys: Captured, words: list[str], sentence: str) -> None:
    assert exit_status(*words) == 2
    error = capsys.readouterr().err
    assert sentence in " ".join(error.split())
    assert "Traceback" not in error


def test_memory_and_the_largest_message_go_together(capsys: Captured, tmp_path: Path) -> None:
    words = ("--headless", "--max-message", "100MiB", "--memory", "300MiB")
    assert main([*words, "--capture", str(tmp_path / "a.unmask")]) == 1
    assert capsys.readouterr().err == (
        "unmask: 300MiB of memory for all peers is too little where a message may have 100MiB: give at least 400MiB, "
        "or make the largest message smaller.\n"
    )
    assert not (tmp_path / "a.unmask").exists()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ListenAddress("127.0.0.1", 8080)),
        (" localhost:0 ", ListenAddress("localhost", 0)),
        (":9001", ListenAddress("127.0.0.1", 9001)),
        ("[::1]:80", ListenAddress("::1", 80)),
        ("x:00080", ListenAddress("x", 80)),
        ("9101", ListenAddress("127.0.0.1", 9101)),
        ("ws://localhost:9101/x", ListenAddress("localhost", 9101)),
    ],
)
def test_addresses(text: str, address: ListenAddress) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


# Export.


def test_export_to_the_standard_output(capfdbinary: pytest.CaptureFixture[bytes], capture: Path) -> None:
    assert main(["export", str(capture)]) == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["handshake", "frame", "message", "close"]
    assert lines[2]["payload"] == "你好"


def test_export_to_a_file(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    assert main(["export", str(capture), "--format", "jsonl", "-o", str(target)]) == 0
    assert len(target.read_bytes().splitlines()) == 4
    assert capsys.readouterr() == ("", "")


def test_export_never_overwrites_the_capture(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    before = capture.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(capture)
    for target in (capture, link):
        assert main(["export", str(capture), "-o", str(target)]) == 1
        assert capsys.readouterr().err == f"unmask: {target} is the capture itself. Choose another place.\n"
    assert capture.read_bytes() == before


def test_export_never_overwrites_a_capture_in_use(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "other.unmask") as other:
        other.peer().say("hello")
        other.recorder.flush()
        assert main(["export", str(capture), "-o", str(other.path)]) == 1
        line = f"unmask: {other.path} is a capture. Choose another place, or remove it first.\n"
        assert capsys.readouterr().err == line
        assert other.reader().totals().frames == 1


def test_export_never_overwrites_a_capture_that_is_closed(
    capsys: Captured, capture: Path, tmp_path: Path
) -> None:
    with CaptureMaker(tmp_path / "other.unmask") as other:
        other.peer().say("hello")
    before = other.path.read_bytes()
    assert main(["export", str(capture), "-o", str(other.path)]) == 1
    assert "is a capture. Choose another place, or remove it first." in capsys.readouterr().err
    assert other.path.read_bytes() == before


def test_a_failed_export_leaves_what_was_there(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    data = bytearray(capture.read_bytes())
    data[32768:] = b"\xff" * (len(data) - 32768)
    damaged, target = tmp_path / "damaged.unmask", tmp_path / "out"
    damaged.write_bytes(data)
    target.write_text("kept")
    assert main(["export", str(damaged), "-o", str(target)]) == 1
    assert capsys.readouterr().err
    assert target.read_text() == "kept"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_export_to_a_pipe(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert main(["export", str(capture), "-o", str(pipe)]) == 0
        read, _ = reader.communicate(timeout=PATIENCE_SECONDS)
    assert len(read.splitlines()) == 4
    assert pipe.is_fifo()
    assert capsys.readouterr() == ("", "")


def test_export_of_what_is_no_capture(capsys: Captured, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("hello " * 1000)
    assert main(["export", str(tmp_path / "missing")]) == 1
    assert main(["export", str(tmp_path)]) == 1
    assert main(["export", str(text)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"unmask: There is no capture at {tmp_path / 'missing'}. Check the name."
    assert lines[1] == f"unmask: {tmp_path} is a folder. Choose a capture in it."
    assert lines[2].startswith(f"unmask: {text} cannot be read as a capture: ")
    assert len(lines) == 3


def test_export_of_a_damaged_capture(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    data = bytearray(capture.read_bytes())
    data[32768:] = b"\xff" * (len(data) - 32768)
    damaged = tmp_path / "damaged.unmask"
    damaged.write_bytes(data)
    assert main(["export", str(damaged), "-o", str(tmp_path / "out")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("unmask: ")
    assert f"{damaged} cannot be read" in line


def test_export_to_where_nothing_can_be_written(capsys: Captured, capture: Path, tmp_path: Path) -> None:
    for target, why in ((tmp_path, "Is a directory"), (tmp_path / "no" / "x", "No such file or directory")):
        assert main(["export", str(capture), "-o", str(target)]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"unmask: The export cannot be written to {target}: {why}. Choose a folder ")


def test_a_reader_that_has_enough_ends_the_export_quietly(capture: Path) -> None:
    """The pipe is closed before the first line, as by `unmask export … | head`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            command_of_unmask("export", capture),
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.stderr, ended.returncode) == (b"", 0)


def _searches(process: int) -> bool:
    """Whether it has a process that does, beside the one that multiprocessing wants; elsewhere taken for granted."""
    children = Path(f"/proc/{process}/task/{process}/children")
    return not children.exists() or len(children.read_text().split()) > 1


@pytest.mark.parametrize(
    ("number", "status", "errors"),
    [(signal.SIGINT, 130, "unmask: stopped.\n"), (signal.SIGTERM, 143, ""), (signal.SIGHUP, 129, "")],
)
def test_a_signal_ends_an_export_under_a_filter_without_an_end(
    tmp_path: Path, number: int, status: int, errors: str
) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().say(TRAP * 2)
        maker.peer().say(TRAP)
        maker.reader()
    command = command_of_unmask("export", maker.path, "--filter", HOPELESS, "-o", tmp_path / "out.jsonl")
    with Program(command) as program:
        until((tmp_path / "out.jsonl.part").exists, "it writes")
        until(lambda: _searches(program.process.pid), "it searches")
        assert program.end(number) == status
        assert program.errors == errors
    assert [path.name for path in tmp_path.iterdir()] == ["a.unmask"]


@pytest.mark.parametrize("text", ["", " ", "24h,2GB,,"])
def test_how_much_to_keep_has_to_be_said(text: str, capsys: Captured) -> None:
    assert exit_status("--keep", text) == 2
    assert "does not say how much to keep" in " ".join(capsys.readouterr().err.split())


# Running. What the console prints is tested with it.


def test_a_capture_is_never_written_over(capture: Path) -> None:
    before = capture.read_bytes()
    ended = run_unmask("--headless", "--listen", "127.0.0.1:0", "--capture", capture)
    assert (ended.stdout, ended.returncode) == ("", 1)
    assert ended.stderr.startswith(f"unmask: {capture} exists already.")
    assert capture.read_bytes() == before


def test_an_address_in_use_ends_the_console_mode(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_unmask("--headless", "--listen", address, "--capture", tmp_path / "b.unmask")
    assert ended.returncode == 1
    assert ended.stderr.startswith("unmask: Port ")
    assert "is in use by another program" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_console_mode_cleanly(tmp_path: Path, number: int) -> None:
    capture = tmp_path / "b.unmask"
    command = command_of_unmask("--headless", "--listen", "127.0.0.1:0", "--capture", capture)
    with Program(command) as program:
        assert port_in(program.line())
        assert program.end(number) == 0
        assert program.errors == ""
    assert [path.name for path in tmp_path.iterdir()] == [capture.name]


def test_diagnostics_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    where, capture = tmp_path / "no" / "d.jsonl", tmp_path / "c.unmask"
    ended = run_unmask("--headless", "--listen", "127.0.0.1:0", "--diagnostics", where, "--capture", capture)
    assert not list(tmp_path.iterdir()), "no empty capture is left"
    assert (ended.stdout, ended.returncode) == ("", 1)
    assert ended.stderr.startswith(
        f"unmask: No diagnostics can be written to {tmp_path / 'no' / 'd.jsonl'}: "
    )


def test_without_a_display_the_console_mode_runs_and_says_so() -> None:
    unset = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}
    command = command_of_unmask("--listen", "127.0.0.1:0")
    with Program(command, changes=unset) as program:
        assert program.line().startswith("Listening on ws://127.0.0.1:")
        assert program.end(signal.SIGTERM) == 0
        assert program.errors == (
            "unmask: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): running the console mode.\n"
        )


def test_the_console_mode_loads_no_qt(tmp_path: Path) -> None:
    """It starts at once, and runs where Qt's libraries are missing."""
    CaptureWriter(tmp_path / "empty.unmask", "0").close()
    script = (
        "import sys; from app.cli import main; import app.terminal.console; "
        f"main(['export', {str(tmp_path / 'empty.unmask')!r}]); "
        "print([name for name in sys.modules if name.startswith('PySide6')])"
    )
    command = [command_of_unmask()[0], "-c", script]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_export_that_a_ring_overtakes_says_so_and_fails(maker: CaptureMaker) -> None:
    """Nobody reads its output until the ring has dropped what is still to be written."""
    peer = maker.peer()
    for _ in range(20):
        peer.flood(2000)
        maker.recorder.flush()
    command = command_of_unmask("export", maker.path)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline()]
        peer.flood(1)
        maker.keep_last(1)
        lines += process.stdout
        said = process.stderr.read().decode()
        assert process.wait() == 1
    gap = json.loads(lines[-1])
    assert (gap["event"], gap["reason"], gap["before_frame"]) == ("gap", "dropped", 40_001)
    assert said.startswith(
        f"unmask: {grouped(gap['frames'])} frames were dropped from the capture before they could"
    )


# Rules.


def rules_at(path: Path, *rules: Mapping[str, object]) -> Path:
    path.write_text(json.dumps({"version": 1, "rules": rules}, indent=1))
    return path


PONG = {
    "name": "pong",
    "when": {"moment": "message", "filter": "payload contains ping"},
    "then": [{"do": "reply", "payload": "pong"}],
}


def test_a_wrong_file_of_rules_is_refused_before_anything_starts(tmp_path: Path, capsys: Captured) -> None:
    wrong = rules_at(tmp_path / "rules.json", PONG, PONG | {"name": "b", "then": [{"do": "dorp"}]})
    capture = tmp_path / "a.unmask"
    assert main(["--headless", "--rules", str(wrong), "--capture", str(capture)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{wrong}: Line " in said.err
    assert "dorp" in said.err
    assert not capture.exists()


def test_a_file_of_rules_that_is_not_there_is_told(tmp_path: Path, capsys: Captured) -> None:
    assert main(["--headless", "--rules", str(tmp_path / "none.json")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_the_console_says_that_nobody_decides_there(tmp_path: Path) -> None:
    holding = rules_at(tmp_path / "a.json", PONG | {"then": [{"do": "hold"}]})
    command = command_of_unmask(
        "--listen", "127.0.0.1:0", "--headless", "--capture", tmp_path / "a.unmask", "--rules", holding
    )
    with Program(command) as program:
        assert port_in(program.line())
        assert program.end(signal.SIGTERM) == 0
        assert "goes on when its time is up: nobody can decide about it here" in program.errors


def test_the_console_does_as_the_rules_of_all_files_say(tmp_path: Path) -> None:
    first = rules_at(tmp_path / "a.json", PONG)
    second = rules_at(
        tmp_path / "b.json", PONG | {"when": {"moment": "open"}, "then": [{"do": "send", "payload": "hi"}]}
    )
    words = ["--listen", "127.0.0.1:0", "--headless", "--capture", str(tmp_path / "a.unmask")]
    command = command_of_unmask(*words, "--rules", str(first), "--rules", str(second))
    with Program(command) as program, connect(f"ws://127.0.0.1:{port_in(program.line())}") as peer:
        assert peer.recv(timeout=PATIENCE_SECONDS) == "hi"
        peer.send("ping")
        assert peer.recv(timeout=PATIENCE_SECONDS) == "pong"
