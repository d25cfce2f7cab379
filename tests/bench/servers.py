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

OURS = ("unmask", "engine")
"""Those that record, and answer questions."""
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


class Server:
    """A running server."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process
        assert process.stdout is not None
        self._answers = process.stdout
        self._port = self._answer()

    def measure(self, cell: Cell, seconds: float) -> Outcome:
        """Load it. RuntimeError where one that records has not recorded each message twice."""
        words = [self._port, str(seconds), str(cell.size), str(cell.connections), cell.way.value]
        cpu = self._cpu_seconds()
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load", *words],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=seconds + _PATIENCE_SECONDS,
        )
        load = Load(**json.loads(done.stdout))
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
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        settled = Settled(**json.loads(self._answer()))
        if settled.data_frames != 2 * load.messages:
            raise RuntimeError(
                f"{self.name}: {load.messages} messages were echoed, {settled.data_frames} data frames are recorded"
            )
        return max(load.ended, settled.drained)

    def _answer(self) -> str:
        """The next line that it prints."""
        ready = select.select([self._answers], [], [], _PATIENCE_SECONDS)[0]
        line = self._answers.readline().strip() if ready else ""
        if not line:
            raise RuntimeError(f"{self.name} does not answer; what it says itself stands above")
        return line

    def _cpu_seconds(self) -> float:
        # proc_pid_stat(5): the name in parentheses may have spaces; utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def _most_resident(self) -> int:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def running(names: Sequence[str], environment: Mapping[str, str]) -> Iterator[list[Server]]:
    """Start all of them; end all of them."""
    with ExitStack() as stack:
        yield [Server(name, stack.enter_context(_process(name, environment))) for name in names]


@contextmanager
def _process(name: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    if name == "ws":
        command = ["node", str(_NODE_ECHO)]
    else:
        command = [sys.executable, "-m", "tests.bench.serve", name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(environment)
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            if name in OURS:
                # The end of its input is what makes it leave.
                with suppress(BrokenPipeError):
                    process.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE_SECONDS)
            process.kill()
