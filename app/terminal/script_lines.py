"""What a script has to say, as lines for the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from app.logic.running_script import Host, RunningScript, entry_text


class ScriptLines:
    """A script that runs, and what is new in its log."""

    def __init__(self, host: Host, path: Path, tell_news: Callable[[], None]) -> None:
        """Start the script. `tell_news` is called on the engine's thread."""
        self._running = RunningScript(host, path, tell_news)
        self._told = 0

    def new(self) -> Iterator[str]:
        """The lines that came since the last call."""
        for entry in self._running.log.after(self._told):
            self._told = entry.number
            yield from entry_text(entry, self._running.path.name).splitlines()
