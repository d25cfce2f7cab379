"""Figures about Unmask itself: samples of the moment, and a file with one line per second. No Qt here."""

from __future__ import annotations

import json
import mmap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.capture.private_files import open_to_append
from core.capture.recorder import Recorder
from core.capture.timings import Spread, Timings
from core.errors import UnmaskError
from core.formats.jsonl import iso_time

_LOG_SECONDS = 1.0
_NS_PER_MS = 1e6


class Recording(Protocol):
    """The source of the figures: an `EngineHost` or an `EngineThread`."""

    @property
    def recorder(self) -> Recorder: ...

    @property
    def open_connections(self) -> int: ...


@dataclass(frozen=True, slots=True)
class WindowGauges:
    """Figures that only a window has: delay of its event loop, paint times, and age of what is painted."""

    gap: Timings
    paint: Timings
    latency: Timings


@dataclass(frozen=True, slots=True)
class WindowSpreads:
    """`WindowGauges` over the last seconds; None if nothing was measured."""

    gap: Spread | None
    paint: Spread | None
    latency: Spread | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one moment. Sizes in bytes; None if unavailable."""

    time_ns: int
    frames: int
    """Recorded since the start of Unmask."""
    frames_per_second: float
    """Since the previous sample."""
    lost_frames: int
    backlog_bytes: int
    open_connections: int
    capture_bytes: int | None
    free_bytes: int | None
    memory_bytes: int | None
    commit: Spread | None
    window: WindowSpreads | None


class Sampler:
    """Takes samples; every user has its own."""

    def __init__(self, recording: Recording, gauges: WindowGauges | None = None) -> None:
        self._recording = recording
        self._gauges = gauges
        self._last = (time.monotonic(), recording.recorder.written_frames)

    def sample(self) -> Sample:
        recorder, gauges = self._recording.recorder, self._gauges
        (before, had), (now, has) = self._last, (time.monotonic(), recorder.written_frames)
        self._last = (now, has)
        space = recorder.space
        return Sample(
            time_ns=time.time_ns(),
            frames=has,
            frames_per_second=(has - had) / max(now - before, 1e-3),
            lost_frames=recorder.lost_frames,
            backlog_bytes=recorder.backlog_bytes,
            open_connections=self._recording.open_connections,
            capture_bytes=None if space is None else space.capture_bytes,
            free_bytes=None if space is None else space.free_bytes,
            memory_bytes=resident_bytes(),
            commit=recorder.commits.recent(),
            window=None
            if gauges is None
            else WindowSpreads(gauges.gap.recent(), gauges.paint.recent(), gauges.latency.recent()),
        )


def resident_bytes() -> int | None:
    """Resident memory of this process; None if the system does not provide it in a file."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * mmap.PAGESIZE


def sample_line(sample: Sample) -> str:
    """A sample as a line of JSON."""
    line: dict[str, object] = {
        "event": "diagnostics",
        "time": iso_time(sample.time_ns),
        "frames": sample.frames,
        "frames_per_second": round(sample.frames_per_second, 1),
        "lost_frames": sample.lost_frames,
        "backlog_bytes": sample.backlog_bytes,
        "open_connections": sample.open_connections,
        "capture_bytes": sample.capture_bytes,
        "free_bytes": sample.free_bytes,
        "memory_bytes": sample.memory_bytes,
    }
    spreads = {"commit": sample.commit}
    if sample.window is not None:
        spreads |= {"gap": sample.window.gap, "paint": sample.window.paint, "latency": sample.window.latency}
    for name, spread in spreads.items():
        values = (None, None, None) if spread is None else (spread.p50, spread.p99, spread.longest)
        for suffix, value in zip(("p50", "p99", "max"), values, strict=True):
            line[f"{name}_{suffix}_ms"] = None if value is None else round(value / _NS_PER_MS, 3)
    return json.dumps(line, separators=(",", ":"))


class DiagnosticsLog:
    """Appends a line to a file each second, on its own thread. Must be closed."""

    def __init__(self, path: Path, sampler: Sampler, failed: Callable[[str], None]) -> None:
        """Raises UnmaskError if the file cannot be written; `failed` gets a sentence if that happens later."""
        self._path = path
        self._sampler = sampler
        self._failed = failed
        try:
            self._file = open_to_append(path)
        except (OSError, ValueError) as error:
            raise UnmaskError(
                f"No diagnostics can be written to {path}: {_reason(error)}. "
                "Choose a file in a folder that you may write to."
            ) from error
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unmask-diagnostics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write a last line. Idempotent."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._file:
                due = time.monotonic()
                going = True
                while going:
                    due = max(due + _LOG_SECONDS, time.monotonic())
                    going = not self._ending.wait(due - time.monotonic())
                    self._file.write(sample_line(self._sampler.sample()).encode("ascii") + b"\n")
                    self._file.flush()
        except OSError as error:
            self._failed(
                f"Diagnostics are written to {self._path} no longer: {_reason(error)}. All else goes on; "
                "make room on the disk."
            )


def _reason(error: Exception) -> str:
    """The reason in the system's words, without the path, which the sentence names already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
