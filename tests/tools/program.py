"""Runs a program under test in its own process, and waits for its lines."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.tools.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


def command_of_unmask(*arguments: str | Path) -> list[str]:
    """`unmask` with `arguments`, from the sources."""
    return [sys.executable, "-W", "error", "-m", "app", *map(str, arguments)]


def environment_with(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The present environment with `changes`; None removes a variable."""
    kept = {name: value for name, value in os.environ.items() if name not in changes}
    return kept | {name: value for name, value in changes.items() if value is not None}


def run_unmask(
    *arguments: str | Path, changes: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `unmask` to its end."""
    return subprocess.run(
        command_of_unmask(*arguments),
        cwd=ROOT,
        env=environment_with(changes or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS * 2,
        check=False,
    )


class Program:
    """A running process. Both its outputs are read as they come; leaving the block kills what still runs."""

    def __init__(self, command: Sequence[str], *, changes: Mapping[str, str | None] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment_with(changes or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[str] = []
        """Lines taken from the standard output so far, without line ends."""
        self._coming: queue.Queue[str | None] = queue.Queue()
        self._errors: list[bytes] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._threads = (
            threading.Thread(target=self._read_lines, args=(self.process.stdout,), name="stdout"),
            threading.Thread(target=self._read_errors, args=(self.process.stderr,), name="stderr"),
        )
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def line(self) -> str:
        """The next line; raises AssertionError if none comes in time or the output has ended."""
        try:
            line = self._coming.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise AssertionError(f"no more lines came after {self.lines[-5:]}; {self.errors}") from None
        if line is None:
            self._coming.put(None)
            raise AssertionError(f"the output ended after {self.lines[-5:]}; {self.errors}")
        self.lines.append(line)
        return line

    def line_with(self, text: str) -> str:
        """The next line that contains `text`."""
        while text not in (line := self.line()):
            pass
        return line

    def object_where(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next line's JSON object for which this holds."""
        while not holds(found := json.loads(self.line())):
            pass
        value: dict[str, Any] = found
        return value

    def rest(self) -> list[str]:
        """All lines to the end of the output."""
        while (line := self._coming.get(timeout=PATIENCE_SECONDS)) is not None:
            self.lines.append(line)
        self._coming.put(None)
        return self.lines

    @property
    def errors(self) -> str:
        """The standard error so far."""
        return b"".join(self._errors).decode()

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self, number: int) -> int:
        """Send a signal and wait; gives the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit status."""
        status = self.process.wait(PATIENCE_SECONDS)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        return status

    def _read_lines(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._coming.put(line.decode().removesuffix("\n"))
        self._coming.put(None)

    def _read_errors(self, stream: IO[bytes]) -> None:
        self._errors.extend(stream)


def port_in(line: str) -> int:
    """The port of the first address in a line such as `Listening on ws://127.0.0.1:8080/`."""
    found = re.search(r"(?:127\.0\.0\.1|\[::1\]):(\d+)", line)
    assert found is not None, line
    return int(found[1])
