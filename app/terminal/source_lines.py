"""What the console prints of sources, and of where it records: as text or as JSON."""

from __future__ import annotations

from pathlib import Path

from app.logic.text import counted
from app.terminal.standard_streams import safe
from core.capture.records import Mode, Totals
from core.formats.jsonl import (
    connected_line,
    error_line,
    listening_line,
    note_line,
    recorded_line,
    recording_line,
)
from core.net.sources import Source


class SourceLines:
    """Writes lines about sources; each says which one it is about if there are several."""

    def __init__(self, *, as_json: bool, names_sources: bool) -> None:
        self._as_json = as_json
        self._names_sources = names_sources

    def running(self, source: Source, addresses: tuple[str, ...]) -> str:
        """The line of a source that runs."""
        if self._as_json:
            label = source.label(addresses)
            return listening_line(label, addresses, source.scheme) if addresses else connected_line(label)
        urls = " and ".join(f"{source.scheme}://{each}/" for each in addresses)
        said = {
            Mode.LISTEN: f"Listening on {urls}",
            Mode.RELAY: f"Relaying {urls} to {safe(source.target)}",
            Mode.PROXY: f"Proxy at {urls}",
            Mode.CONNECT: f"Connected to {safe(source.target)}",
        }[source.mode]
        return self._before(source) + said

    def failed(self, sentence: str, source: Source | None) -> str:
        """The line for something that could not be done, by a source or by itself."""
        if self._as_json:
            return error_line(sentence, None if source is None else source.name)
        return self.sentence(sentence, source)

    def sentence(self, sentence: str, source: Source | None) -> str:
        """`sentence` as text, and which source it is about."""
        return self._before(source) + safe(sentence)

    def note(self, sentence: str, source: Source) -> str:
        """The line for what a source does on its own."""
        if self._as_json:
            return note_line(sentence, source.name)
        return self.sentence(sentence, source)

    def recording(self, path: Path) -> str:
        """The line that says at the beginning where everything goes."""
        return recording_line(path) if self._as_json else f"Recording in {safe(str(path))}"

    def recorded(self, path: Path, totals: Totals) -> str:
        """The line that says at the end where everything is."""
        if self._as_json:
            return recorded_line(path, totals)
        connections = counted(totals.connections, "1 connection", "{count} connections")
        frames = counted(totals.frames, "1 frame", "{count} frames")
        return f"Recorded in {safe(str(path))}: {connections}, {frames}."

    def _before(self, source: Source | None) -> str:
        return f"[{safe(source.name)}] " if self._names_sources and source is not None else ""
