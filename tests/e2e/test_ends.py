"""How a process comes to its end where its outputs are closed, full, gone or stuck, or a signal comes early."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import unicodedata
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from websockets.sync.client import connect

from core.capture.reader import CaptureReader
from core.protocol.frames import Opcode, make_frame
from tests.tools.program import ROOT, Program, command_of_unmask, port_in, run_unmask
from tests.tools.raw_end import answers
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.recorded import CaptureMaker
from tests.tools.served import messages_of
from tests.tools.waiting import PATIENCE_SECONDS, until

OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}


def in_shell(redirections: str, *arguments: str | Path) -> list[str]:
    """`unmask` with these arguments, its streams redirected by a shell."""
    return ["bash", "-c", f'exec "$0" "$@" {redirections}', *command_of_unmask(*arguments)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def payloads(capture: Path) -> list[bytes]:
    with closing(CaptureReader(capture)) as reader:
        return [each.payload for each in messages_of(reader)]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """One with two messages."""
    with CaptureMaker(tmp_path / "made.unmask") as maker:
        peer = maker.peer()
        peer.say("one")
        peer.say("two")
        maker.reader()
    return maker.path


class TestOutputs:
    @pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
    def test_an_export_to_a_closed_output_is_refused_in_words(self, capture: Path, closed: str) -> None:
        with Program(in_shell(closed, "export", capture)) as program:
            assert program.wait() == 1
            assert program.errors == (
                "unmask: The standard output is closed. Say with -o which file the export is to be written to.\n"
            )
        target = capture.with_name("out.jsonl")
        with Program(in_shell(closed, "export", capture, "-o", target)) as program:
            assert (program.wait(), program.errors) == (0, "")
        assert target.read_text().count('"event":"message"') == 2

    @pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
    @pytest.mark.parametrize("mode", ["--headless", "--json"])
    def test_a_console_whose_output_is_closed_records(self, tmp_path: Path, mode: str, closed: str) -> None:
        capture, port = tmp_path / "c.unmask", free_port()
        command = in_shell(closed, mode, "--listen", f"127.0.0.1:{port}", "--capture", capture)
        with Program(command) as program:
            until(lambda: capture.exists() and answers(port), "it listens")
            with connect(f"ws://127.0.0.1:{port}/") as client:
                client.send("hello")
                assert client.ping().wait(PATIENCE_SECONDS)
            # Then it was this program that answered, and not another one on a port that was free a moment ago.
            until(lambda: payloads(capture) == [b"hello"], "it is recorded")
            assert program.end(signal.SIGTERM) == 0
            said = "the standard output is closed: what happens is not printed, but recorded in"
            assert program.errors == ("" if "2>" in closed else f"unmask: warning: {said} {capture}.\n")
        assert payloads(capture) == [b"hello"]

    def test_a_full_disk_behind_the_output_ends_it_in_words(self, tmp_path: Path, capture: Path) -> None:
        recorded = tmp_path / "c.unmask"
        options = ("--listen", "127.0.0.1:0", "--capture", recorded)
        with Program(in_shell(">/dev/full", "--headless", *options)) as program:
            assert program.wait() == 1
            assert program.errors == (
                "unmask: What happens cannot be printed: No space left on device. What has happened is recorded in "
                f"{recorded}.\n"
            )
        with Program(in_shell(">/dev/full", "export", capture)) as program:
            assert program.wait() == 1
            assert program.errors.startswith(
                "unmask: The export cannot be written to the standard output: No space"
            )
            assert program.errors.count("\n") == 1

    def test_a_terminal_that_is_closed_ends_it(self, tmp_path: Path) -> None:
        capture = tmp_path / "c.unmask"
        ours, theirs = os.openpty()
        command = command_of_unmask("--headless", "--listen", "127.0.0.1:0", "--capture", capture)
        process = subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=theirs)
        os.close(theirs)
        try:
            seen = b""
            while b"\n" not in seen:
                seen += os.read(ours, 65536)
            os.close(ours)
            with RawPeer(port_in(seen.decode())) as peer:
                peer.open()
                peer.rest()
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()
            process.wait()
        with closing(CaptureReader(capture)) as reader:
            assert reader.totals().connections == 1

    @pytest.mark.parametrize("signals", [1, 2])
    def test_an_output_that_nobody_reads_needs_no_more_than_one_signal(
        self, tmp_path: Path, signals: int
    ) -> None:
        capture = tmp_path / "c.unmask"
        command = command_of_unmask("--json", "--listen", "127.0.0.1:0", "--capture", capture)
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            with RawPeer(port_in(process.stdout.readline().decode())) as peer:
                peer.open()
                peer.send(make_frame(Opcode.TEXT, b"x" * 1000, masking_key=MASK).wire() * 5000)
                peer.send(make_frame(Opcode.PING, b"all read?", masking_key=MASK).wire())
                peer.take(11)
                for _ in range(signals):
                    process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_SECONDS) == 0
            assert process.stderr.read().decode() == (
                f"unmask: stopped; nobody takes what is printed, so the rest is in {capture} only.\n"
            )
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()
        assert not capture.with_name("c.unmask-wal").exists()
        assert len(payloads(capture)) == 5000

    def test_an_export_that_nobody_reads_ends_at_one_signal(self, tmp_path: Path) -> None:
        with CaptureMaker(tmp_path / "c.unmask") as maker:
            peer = maker.peer()
            for _ in range(1000):
                peer.say("x" * 1000)
            maker.reader()
        process = subprocess.Popen(command_of_unmask("export", maker.path), cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


class TestSignals:
    def test_a_hangup_that_is_ignored_stays_so(self) -> None:
        """`nohup` starts programs that way."""
        command = [
            "bash",
            "-c",
            'trap "" HUP; exec "$0" "$@"',
            *command_of_unmask("--json", "--listen", "127.0.0.1:0"),
        ]
        with Program(command) as program:
            port = port_in(program.line())
            program.process.send_signal(signal.SIGHUP)
            with connect(f"ws://127.0.0.1:{port}/"):
                pass
            program.line_with('"event":"close"')
            assert (program.end(signal.SIGTERM), program.errors) == (0, "")

    @pytest.mark.parametrize(
        "module", ["multiprocessing", "argparse", "core.formats.registry", "app.terminal.console"]
    )
    def test_an_early_interrupt_ends_the_console_without_a_traceback(
        self, tmp_path: Path, module: str
    ) -> None:
        capture = tmp_path / "c.unmask"
        _interrupted_at(module, "--headless", "--listen", "127.0.0.1:0", "--capture", capture)
        assert not capture.exists() or payloads(capture) == []

    @pytest.mark.parametrize("module", ["shiboken6", "PySide6.QtWidgets", "app.window.desktop"])
    def test_an_early_interrupt_ends_the_window_without_a_traceback(self, module: str) -> None:
        _interrupted_at(module, "--listen", "127.0.0.1:0")


def _interrupted_at(module: str, *arguments: str | Path) -> None:
    """`unmask` gets SIGINT as soon as it has loaded the module."""
    command = command_of_unmask(*arguments)
    command[1:1] = ["-X", "importtime"]
    with Program(command, changes=OFFSCREEN) as program:
        until(lambda: f" {module}\n" in program.errors or program.process.poll() is not None, "it loads")
        status = program.end(signal.SIGINT)
        expected = ("import time:", "This plugin does not support")
        said = [line for line in program.errors.splitlines() if not line.startswith(expected)]
    assert (status in (0, -signal.SIGINT), said) == (True, [])


def test_who_is_out_of_descriptors_says_so_and_recovers(tmp_path: Path) -> None:
    """Who there is room for goes on, others are turned away, some without an answer; then there is room again."""
    capture = tmp_path / "c.unmask"
    options = ("--json", "--listen", "127.0.0.1:0", "--auto-reply", "echo", "--capture", capture)
    command = ["bash", "-c", 'ulimit -n 96; exec "$0" "$@"', *command_of_unmask(*options)]
    with Program(command) as program:
        port = port_in(program.line())
        with ExitStack() as stack:
            peers = [stack.enter_context(RawPeer(port)) for _ in range(120)]
            for peer in peers:
                peer.send(peer.request())
            heads = [_head_or_nothing(peer) for peer in peers]
            served = [
                peer for peer, head in zip(peers, heads, strict=True) if head.startswith(b"HTTP/1.1 101 ")
            ]
            refused = [head for head in heads if head.startswith(b"HTTP/1.1 503 ")]
            assert len(served) > 30
            assert refused
            assert len(refused) + len(served) + heads.count(b"") == 120
            said = program.object_where(lambda event: event["event"] == "error")["message"]
            assert said.startswith(
                "Of the 96 files and connections that Unmask may have open nearly all are in use"
            )
            for peer in served:
                peer.frame(Opcode.TEXT, b"still here")
                assert peer.take(12) == b"\x81\x0astill here"
        until(lambda: _is_served(port), "there is room again")
        assert (program.end(signal.SIGTERM), program.errors) == (0, "")
        told = [line for line in program.rest() if '"event":"error"' in line]
        assert len(told) == 1
    with closing(CaptureReader(capture)) as reader:
        assert reader.totals().connections > len(served) + len(refused)


def _is_served(port: int) -> bool:
    with RawPeer(port) as peer:
        peer.send(peer.request())
        return _head_or_nothing(peer).startswith(b"HTTP/1.1 101 ")


def _head_or_nothing(peer: RawPeer) -> bytes:
    try:
        return peer.head()
    except (AssertionError, OSError):
        return b""


EVIL = "\x1b[2J\x9b31m\u202e\rx\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", EVIL),
        ("export", "x", "--format", EVIL),
        ("export", "x", "--filter", f'"{EVIL}" and'),
        ("--max-message", EVIL),
        ("--keep", EVIL),
        ("--listen", EVIL),
        ("--headless", "--capture", f"/dev/null/{EVIL}"),
        ("--headless", "--listen", f"{EVIL}:1"),
        ("--headless", "--diagnostics", f"/dev/null/{EVIL}"),
        (f"--{EVIL}",),
    ],
)
def test_nothing_that_was_typed_acts_on_the_terminal(arguments: tuple[str, ...]) -> None:
    ended = run_unmask(*arguments)
    assert ended.returncode in (1, 2)
    said = ended.stdout + ended.stderr
    assert said
    hidden = [
        char for char in said if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")
    ]
    assert hidden == [], said


def test_a_path_of_an_existing_capture_is_spelled_out(tmp_path: Path) -> None:
    precious = tmp_path / "a\x1b]0;title\x07b.unmask"
    precious.touch()
    ended = run_unmask("--headless", "--listen", "127.0.0.1:0", "--capture", precious)
    assert ended.stderr.startswith(f"unmask: {tmp_path}/a\\x1b]0;title\\x07b.unmask exists already.")
