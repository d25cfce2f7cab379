"""What a script's process writes to its standard error behind the back of Python, and where it says that it is."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.scripts.records import LARGEST_TEXT

_MOST_LINES = 100
"""Lines that are told a second."""
_MOST_BYTES = 256 * 1024
"""Bytes that are looked at a second; what comes above waits in the pipe."""
_PLACE = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
_THREAD = re.compile(
    r"^(?:Stack|Current thread 0x[0-9a-f]+|Thread 0x[0-9a-f]+).*\(most recent call first\):$"
)


class Complaints:
    """Takes the standard error apart into lines."""

    def __init__(self, path: str, tell: Callable[[str], None], place: Callable[[int, str], None]) -> None:
        """`tell` gets a line; `place` the line in the script at `path`, and the function, where its process is."""
        self._path = path
        self._tell = tell
        self._place = place
        self._begun = b""
        self._lines = 0
        self._bytes = 0
        self._in_places = False
        self._has_place = False

    @property
    def is_too_much(self) -> bool:
        """Whether the rest had better wait for the next second."""
        return self._bytes > _MOST_BYTES

    def begin_second(self) -> None:
        """Another second has begun."""
        if self._lines > _MOST_LINES:
            self._tell(f"{self._lines - _MOST_LINES} more lines in a second were left out.")
        self._lines = self._bytes = 0

    def expect_place(self) -> None:
        """The process was told to say where it is."""
        self._has_place = False

    def take(self, data: bytes) -> None:
        """Bytes of the standard error."""
        self._bytes += len(data)
        *whole, self._begun = (self._begun + data).split(b"\n")
        if len(self._begun) > LARGEST_TEXT:
            whole.append(self._begun)
            self._begun = b""
        for line in whole:
            self._take_line(line[:LARGEST_TEXT].decode("utf-8", "backslashreplace"))

    def end(self) -> None:
        """Nothing more comes."""
        if self._begun:
            self.take(b"\n")

    def _take_line(self, line: str) -> None:
        if _THREAD.match(line):
            self._in_places = True
            return
        found = _PLACE.match(line) if self._in_places else None
        if found is not None:
            # The innermost call comes first.
            if found[1] == self._path and not self._has_place:
                self._has_place = True
                self._place(int(found[2]), found[3])
            return
        self._in_places = False
        self._lines += 1
        if self._lines <= _MOST_LINES:
            self._tell(line)
