"""What was typed before, in a file of the person's own; bounded, and readable by nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import History

from core.capture.private_files import close_to_others, ensure_file, make_folder, written_whole

MOST_LINES = 1000
LONGEST = 16 * 1024
"""Characters of a line that is remembered."""
_MOST_BYTES = 64 * MOST_LINES * 1024


class LineHistory(History):
    """Without a file that can be read or written, it lasts as long as the program."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._written = 0

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        lines: list[str] = []
        with suppress(OSError, UnicodeError):
            if self._path.stat().st_size <= _MOST_BYTES:
                close_to_others(self._path)
                lines = self._path.read_text(encoding="utf-8").splitlines()
        self._written = len(lines)
        return reversed([line for line in map(_line_of, lines[-MOST_LINES:]) if line])

    def store_string(self, string: str) -> None:
        """Remember a line, unless it begins with a space or is very long."""
        if string.startswith(" ") or len(string) > LONGEST:
            return
        with suppress(OSError, UnicodeError):
            make_folder(self._path.parent)
            ensure_file(self._path)
            if self._written >= 2 * MOST_LINES:
                self._shorten()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(string) + "\n")
            self._written += 1

    def _shorten(self) -> None:
        kept = self._path.read_text(encoding="utf-8").splitlines()[-MOST_LINES:]
        with written_whole(self._path) as file:
            file.write("".join(f"{line}\n" for line in kept).encode())
        close_to_others(self._path)
        self._written = len(kept)


def _line_of(text: str) -> str:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return line if isinstance(line, str) and len(line) <= LONGEST else ""
