"""Writes whole payloads to files, and joins whole texts, in steps. No Qt here."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

from app.logic.exporting import check_target
from core.capture.private_files import written_whole
from core.decoders.decoder import Pages
from core.decoders.source import WINDOW, Source, pieces

_HEX_STEP = 256 * 1024


def save_steps(source: Source, target: Path, kept: tuple[Path, ...] = ()) -> Generator[int]:
    """Write a payload unchanged to a file that appears only when it is complete; yields the bytes written.

    If the caller stops at any step, nothing remains. Raises CaptureError or OSError; a file that was at `target` is
    then untouched, as are captures and the files in `kept`.
    """
    check_target(target, kept)
    with written_whole(target) as out:
        for piece in pieces(source, WINDOW):
            out.write(piece.data)
            yield piece.first + len(piece.data)


class Gathered(Protocol):
    """A text that is joined in steps."""

    @property
    def text(self) -> str:
        """Complete after the last step."""

    @property
    def is_too_long(self) -> bool:
        """Whether joining stopped because the text is too long."""

    def steps(self) -> Generator[int]: ...


class HexText:
    """Bytes as hex digits with spaces between."""

    is_too_long = False

    def __init__(self, read: Callable[[int, int], bytes | None], chosen: range) -> None:
        self._read = read
        self._chosen = chosen
        self.text = ""

    def steps(self) -> Generator[int]:
        """Yields the number of bytes processed."""
        parts = []
        for at in range(0, len(self._chosen), _HEX_STEP):
            some = self._chosen[at : at + _HEX_STEP]
            parts.append((self._read(some.start, some.stop) or b"").hex(" "))
            yield at + len(some)
        self.text = " ".join(parts)


class WholeText:
    """All pages joined, as they would look without page breaks."""

    def __init__(self, pages: Pages, most: int) -> None:
        """`most` is the largest number of characters that are joined."""
        self._pages = pages
        self._most = most
        self.text = ""
        self.is_too_long = False

    def steps(self) -> Generator[int]:
        """Yields the number of pages processed."""
        parts: list[str] = []
        length = 0
        for number in range(self._pages.count):
            page = self._pages.page(number)
            parts += (page.lead, page.text) if number else (page.text,)
            length += len(parts[-1])
            if length > self._most:
                self.is_too_long = True
                return
            yield number + 1
        self.text = "".join(parts)
