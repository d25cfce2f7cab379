"""What a script prints and logs, on its way to Unmask, with a limit. Runs in the script's process."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable

from core.scripts.records import LARGEST_TEXT, FromScript, Told, Utterance
from core.scripts.turn import shown
from core.scripts.wire import from_script

_LINES_A_SECOND = 500
_LARGEST_LINE = LARGEST_TEXT


class Way:
    """The pipe to Unmask. Any thread."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """`write` takes all of it, or raises OSError."""
        self._write = write
        self._lock = threading.Lock()

    def give(self, record: FromScript) -> None:
        """Raises OSError if Unmask is gone."""
        data = from_script(record)
        with self._lock:
            self._write(data)


class Lines:
    """Passes on so many lines a second; tells how many more there were."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._lock = threading.Lock()
        self._second = 0
        self._passed = 0
        self._left_out = 0

    def tell(self, kind: Utterance, text: str, line: int = 0, detail: str = "") -> None:
        now = int(time.monotonic())
        with self._lock:
            if now != self._second:
                left_out = self._left_out
                self._second, self._passed, self._left_out = now, 0, 0
            else:
                left_out = 0
            is_over = self._passed >= _LINES_A_SECOND
            self._passed += 1
            self._left_out += is_over
        if left_out:
            self._way.give(Told(Utterance.TROUBLE, f"{left_out} more lines in a second were left out.", 0))
        if not is_over:
            self._way.give(Told(kind, shown(text), line, detail))


class Printed(io.TextIOBase):
    """Stands in for the standard output of a script: each line becomes an entry of its log."""

    def __init__(self, lines: Lines, kind: Utterance) -> None:
        self._lines = lines
        self._kind = kind
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        with self._lock:
            *whole, self._begun = (self._begun + text).split("\n")
            for line in whole:
                self._lines.tell(self._kind, line)
            if len(self._begun) > _LARGEST_LINE:
                self._lines.tell(self._kind, self._begun)
                self._begun = ""
        return len(text)

    def flush(self) -> None:
        """A line that has begun waits for its end."""


def take_over_printing(lines: Lines) -> None:
    """From now on, what is printed becomes entries of the log."""
    sys.stdout = Printed(lines, Utterance.PRINT)
    sys.stderr = Printed(lines, Utterance.PRINT)
