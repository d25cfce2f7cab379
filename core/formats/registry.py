"""The available interchange formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from core.capture.follow import Entry
from core.errors import CallerError
from core.formats.jsonl import JsonLines


class Format(Protocol):
    """A way to write a capture for others to read. The help text is shown to the user and appears in the docs."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    @property
    def title(self) -> str: ...

    @property
    def ending(self) -> str:
        """Ending of file names, with the dot."""

    @property
    def help(self) -> str: ...

    def export(self, story: Iterable[Entry]) -> Iterator[bytes]:
        """The entries of a `Follower`, in pieces of any size."""


class Formats:
    """Formats by name, in order."""

    def __init__(self, formats: tuple[Format, ...]) -> None:
        self._formats = {each.name: each for each in formats}

    def __iter__(self) -> Iterator[Format]:
        return iter(self._formats.values())

    def names(self) -> tuple[str, ...]:
        return tuple(self._formats)

    def get(self, name: str) -> Format:
        """The format with that name; raises CallerError."""
        try:
            return self._formats[name]
        except KeyError:
            known = ", ".join(self._formats)
            raise CallerError(f"There is no format “{name}”. There are: {known}.") from None


def default_formats() -> Formats:
    """The built-in formats."""
    return Formats((JsonLines(),))
