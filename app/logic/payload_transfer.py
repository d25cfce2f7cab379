"""Takes whole payloads and texts elsewhere, in steps: into a file, or into one piece of text. No Qt here."""

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
    """Writes a payload as it is, to a file that is there only once it is whole; gives how many bytes are written.

    Left at any step, nothing of it stays. CaptureError or OSError; a file that was at `target` is then untouched, as
    are captures and the files in `kept`.
    """
    check_target(target, kept)
    with written_whole(target) as out:
        for piece in pieces(source, WINDOW):
            out.write(piece.data)
            yield piece.first + len(piece.data)


class Gathered(Protocol):
    """A text that is put together in steps."""

    @property
    def text(self) -> str:
        """Whole after the last step."""

    @property
    def is_too_long(self) -> bool:
        """It was given up."""

    def steps(self) -> Generator[int]: ...


class HexText:
    """Bytes as hex digits with spaces between."""

    is_too_long = False

    def __init__(self, read: Callable[[int, int], bytes | None], chosen: range) -> None:
        self._read = read
        self._chosen = chosen
        self.text = ""

    def steps(self) -> Generator[int]:
        """Gives how many bytes are through."""
        parts = []
        for at in range(0, len(self._chosen), _HEX_STEP):
            some = self._chosen[at : at + _HEX_STEP]
            parts.append((self._read(some.start, some.stop) or b"").hex(" "))
            yield at + len(some)
        self.text = " ".join(parts)


class WholeText:
    """All pages put together, as one would see them without pages."""

    def __init__(self, pages: Pages, most: int) -> None:
        """`most` characters are put together; what is longer is no text to be held in one piece."""
        self._pages = pages
        self._most = most
        self.text = ""
        self.is_too_long = False

    def steps(self) -> Generator[int]:
        """Gives how many pages are through."""
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
