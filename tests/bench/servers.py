"""Servers to measure, running beside each other, each in a process of its own. One is under load at a time (Linux)."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import Load, Way
from tests.bench.serve import Settled

OURS = ("unmask", "engine", "window-relay", "relay", "ruled-relay")
"""Servers of Unmask, which record and tell what they recorded."""
NAMES = ("unmask", "picows", "websockets", "aiohttp", "ws")
_NODE_ECHO = Path(__file__).parent.parent / "e2e" / "node" / "echo.mjs"
_PATIENCE_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is measured."""

    way: Way
    size: int
    """Payload bytes of a message."""
    connections: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one server did in one cell."""

    server: str
    cell: Cell
    rate: float
    """Messages echoed a second; of those that record, until the last frame is in the file."""
    cpu: float
    """Seconds of CPU that the server took for each message."""
    load: float
    """Share of a core that the load generator took."""
    most_resident: int
    """The greatest resident set of the server since it started, in bytes."""


class Program:
    """A program that answers lines with lines."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self.pid = process.pid
        assert process.stdin is not None
        assert process.stdout is not None
        self._questions, self._answers = process.stdin, process.stdout

    def ask(self, question: str) -> str:
        self._questions.write(question + "\n")
        self._questions.flush()
        return self.answer()

    def answer(self) -> str:
        """The next line that it prints."""
        ready = select.select([self._answers], [], [], _PATIENCE_SECONDS)[0]
        line = self._answers.readline().strip() if ready else ""
        if not line:
            raise RuntimeError(f"{self.name} does not answer; what it says itself stands above")
        return line


class Server:
    """A running server."""

    def __init__(self, program: Program, generator: Program) -> None:
        self.name = program.name
        self._program = program
        self._generator = generator
        self.port = program.answer()

    def measure(self, cell: Cell, seconds: float) -> Outcome:
        """Load it. RuntimeError where one that records has not recorded each message twice."""
        cpu = self._cpu_seconds()
        words = (self.port, seconds, cell.size, cell.connections, cell.way.value)
        load = Load(**json.loads(self._generator.ask(" ".join(map(str, words)))))
        ended = load.ended if self.name not in OURS else self._settle(load)
        cpu = self._cpu_seconds() - cpu
        return Outcome(
            self.name,
            cell,
            load.messages / (ended - load.began),
            cpu / load.messages,
            load.cpu_seconds / (load.ended - load.began),
            self._most_resident(),
        )

    def _settle(self, load: Load) -> float:
        settled = Settled(**json.loads(self._program.ask(str(2 * load.messages))))
        # Rules may let another frame go on in place of one.
        least, is_ruled = 2 * load.messages, self.name == "ruled-relay"
        if settled.data_frames != least and not (is_ruled and settled.data_frames > least):
            raise RuntimeError(
                f"{self.name}: {load.messages} messages were echoed, {settled.data_frames} data frames are recorded"
            )
        return max(load.ended, settled.drained)

    def _cpu_seconds(self) -> float:
        # proc_pid_stat(5): the name in parentheses may have spaces; utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{self._program.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def _most_resident(self) -> int:
        lines = Path(f"/proc/{self._program.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def running(names: Sequence[str], environment: Mapping[str, str]) -> Iterator[list[Server]]:
    """Start all of them, and the load generator; end all of them."""
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.bench.load"]
        generator = stack.enter_context(_started("the load generator", command, environment))
        servers = []
        for name in names:
            command = [sys.executable, "-m", "tests.bench.serve", name]
            if name == "ws":
                command = ["node", str(_NODE_ECHO)]
            servers.append(Server(stack.enter_context(_started(name, command, environment)), generator))
        yield servers


@contextmanager
def running_relays(
    names: Sequence[str], environment: Mapping[str, str], mitmdump: str | None
) -> Iterator[list[Server]]:
    """Start an echo server, which is the first of those given, and these relays to it; and mitmproxy if it is there."""
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.bench.load"]
        generator = stack.enter_context(_started("the load generator", command, environment))
        command = [sys.executable, "-m", "tests.bench.serve", "picows"]
        servers = [Server(stack.enter_context(_started("direct", command, environment)), generator)]
        port = servers[0].port
        for name in names:
            command = [sys.executable, "-m", "tests.bench.serve", name, port]
            servers.append(Server(stack.enter_context(_started(name, command, environment)), generator))
        if mitmdump is not None:
            command = [sys.executable, "-m", "tests.bench.mitm", mitmdump, port]
            servers.append(
                Server(stack.enter_context(_started("mitmproxy", command, environment)), generator)
            )
        yield servers


@contextmanager
def _started(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(environment)
    ) as process:
        try:
            yield Program(name, process)
        finally:
            if name in OURS and process.stdin is not None:
                # The end of its input is what makes it leave.
                with suppress(BrokenPipeError):
                    process.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE_SECONDS)
            process.kill()
