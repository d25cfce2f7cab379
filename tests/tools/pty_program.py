"""Runs a program on a terminal of its own, and shows what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

from tests.tools.program import ROOT, environment_with
from tests.tools.waiting import PATIENCE_SECONDS

COLUMNS, ROWS = 100, 30


class _Screen(pyte.HistoryScreen):
    """Answers where its cursor is, as a terminal does."""

    def __init__(self, master: int) -> None:
        super().__init__(COLUMNS, ROWS, history=5000, ratio=0.5)
        self._master = master

    def write_process_input(self, data: str) -> None:
        os.write(self._master, data.encode())


class PtyProgram:
    """A running program whose standard streams are one terminal. Leaving the block kills what still runs."""

    def __init__(self, command: Sequence[str], *, changes: Mapping[str, str | None] | None = None) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment_with({"TERM": "xterm-256color", "NO_COLOR": None, **(changes or {})}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._screen = _Screen(self._master)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        """All that the program has written."""
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="terminal")
        self._thread.start()

    def __enter__(self) -> PtyProgram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        os.close(self._master)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._master, text.encode())

    @property
    def takes_whole_lines(self) -> bool:
        """Whether the terminal gives the program whole lines, not each key."""
        flags: int = termios.tcgetattr(self._master)[3]
        return flags & termios.ICANON != 0

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, and what was scrolled out of it, without space at the ends of lines."""
        with self._news:
            scrolled = [
                "".join(line[column].data for column in range(COLUMNS)) for line in self._screen.history.top
            ]
            return [line.rstrip() for line in (*scrolled, *self._screen.display)]

    @property
    def screen(self) -> list[str]:
        """What stands on the screen."""
        with self._news:
            return [line.rstrip() for line in self._screen.display]

    def see(self, holds: Callable[[list[str]], bool], what: str) -> list[str]:
        """All lines, once this is true of them."""
        with self._news:
            if not self._news.wait_for(lambda: holds(self.lines), PATIENCE_SECONDS):
                raise AssertionError(f"it is never so that {what}:\n" + "\n".join(self.lines))
            return self.lines

    def line_with(self, text: str) -> str:
        """The first line with `text`, once there is one."""
        found = self.see(lambda lines: any(text in line for line in lines), f"there is {text!r}")
        return next(line for line in found if text in line)

    def wait(self) -> int:
        """The exit status."""
        status = self.process.wait(PATIENCE_SECONDS)
        self._thread.join(PATIENCE_SECONDS)
        return status

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                # The other end is closed.
                return
            if not data:
                return
            with self._news:
                self.written += data
                self._stream.feed(data)
                self._news.notify_all()
