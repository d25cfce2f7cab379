"""The console mode: the same engine and capture without a window, and what happens as lines."""

from __future__ import annotations

import errno
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TextIO

from app.logic.sampling import DiagnosticsLog, Sampler
from app.logic.text import counted, rough_time
from app.terminal.browsing import Browsing
from app.terminal.ending import LAST_SECONDS, Writing
from app.terminal.patient_scan import PatientScan
from app.terminal.script_lines import ScriptLines
from app.terminal.source_lines import SourceLines
from app.terminal.standard_streams import say, warn
from app.terminal.story_text import COLOURED, PLAIN, StoryText
from core.capture.disk_space import SpaceGauge
from core.capture.follow import Entry, Follower
from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord, Mode
from core.capture.session_files import ClaimedCapture, discard, discard_unused
from core.errors import CaptureError, EnvironmentFailure, UnmaskError
from core.formats.jsonl import JsonStory
from core.net.failures import Failure
from core.net.fronts.test_page import TestPage
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.settings import EngineSettings
from core.net.sources import Source, SourceState, SourceStatus
from core.query.expressions import Filter
from core.rules.book import RuleBook
from core.sizes import byte_size

_MARGIN = 1.3
"""The free space must grow by this factor before another warning about low space is possible."""
_SIGNAL_SECONDS = 0.5
"""How often signals are checked; on Windows they do not reach a waiting thread."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence for standard error."""

    sentence: str


class Telling(Enum):
    """What is printed."""

    ALL = auto()
    """What the sources do, and what goes over their connections."""
    SOURCES = auto()
    """What the sources do, and where it is recorded."""


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """The options of the command line."""

    sources: tuple[Source, ...]
    settings: EngineSettings
    capture: Path
    json: bool
    telling: Telling = Telling.ALL
    filter: Filter | None = None
    """Only matching frames are printed; None prints all."""
    diagnostics: Path | None = None
    """The file for figures about Unmask itself."""
    claimed: ClaimedCapture | None = None
    """The claim that keeps other runs away from an unnamed capture; None if the person named the file."""
    browse: str | None = None
    """The URL that a browser shows which goes through the first proxy; None opens none."""
    script: Path | None = None
    """A file of the person's that decides what becomes of messages."""
    rules: RuleBook | None = None
    """What is done with what passes; None: nothing."""


class Console:
    """Runs an engine until it is told to stop, and prints what happens to `out`."""

    def __init__(
        self,
        options: ConsoleOptions,
        version: str,
        page: TestPage,
        out: TextIO,
        gauge: SpaceGauge | None = None,
        writing: Writing | None = None,
    ) -> None:
        """Raises UnmaskError if the capture or the file of diagnostics can't be created. `gauge` measures the disk.

        `writing` is entered around each piece written to `out`.
        """
        self._out = out
        self._writing = writing or Writing()
        self._sources = {source.id: source for source in options.sources}
        self._states = dict.fromkeys(self._sources, SourceState.STARTING)
        many = len(self._sources) > 1
        self._lines = SourceLines(as_json=options.json, names_sources=many)
        text = StoryText(COLOURED if _wants_colour(out) else PLAIN, names_sources=many)
        self._as_json = options.json
        self._lines_of = JsonStory().lines_of if options.json else text.lines_of
        self._told_failures: set[str] = set()
        """Sentences about sources that come once more as failures."""
        self._telling = options.telling
        self._filter = options.filter
        # A SimpleQueue, because `stop` is called from signal handlers, where nothing else is safe.
        self._news: queue.SimpleQueue[str | Remark | None] = queue.SimpleQueue()
        self._moves: queue.SimpleQueue[CaptureMoved] = queue.SimpleQueue()
        self._claimed = options.claimed
        folder = options.settings.tls.authority_folder
        self._browsing = (
            None if options.browse is None else Browsing(options.browse, folder, self._browser_failed)
        )
        self._proxies: queue.SimpleQueue[str] = queue.SimpleQueue()
        """Addresses of proxies that run."""
        self._stopping = False
        self._hurry = False
        self._enough: float | None = None
        self._told_frames = 0
        self._exit_status = 0
        self._has_run = False
        """Whether any source did."""
        self._room_is_low = False
        self._bug: BaseException | None = None
        self._script_path = options.script
        self._script: ScriptLines | None = None
        self._host = EngineHost(options.capture, version, options.settings, page, self, gauge)
        if options.rules is not None:
            self._host.set_rules(options.rules)
        self._diagnostics: DiagnosticsLog | None = None
        if options.diagnostics is not None:
            try:
                self._diagnostics = DiagnosticsLog(options.diagnostics, Sampler(self._host), warn)
            except UnmaskError:
                self._host.close()
                discard(options.capture)
                raise

    def stop(self) -> None:
        """End `run`. A second call skips what is not printed yet. Any thread and signal handlers may call this."""
        self._hurry = self._stopping
        self._stopping = True
        self._news.put(None)

    def run(self) -> int:
        """Run the sources and print until `stop`, or until all of them are over; gives the exit status.

        Raises BrokenPipeError if nobody reads `out` any more, and EnvironmentFailure if it cannot be written. The
        capture is complete in these cases too.
        """
        self._reader = CaptureReader(self._host.recorder.path)
        self._scan = None
        if self._filter is not None:
            self._scan = PatientScan(self._reader, self._filter, self._is_wanted, self._say)
        self._story = Follower(self._reader, None if self._scan is None else self._scan.find)
        thread = threading.Thread(target=self._run_host, name="unmask-engine")
        thread.start()
        if self._telling is Telling.SOURCES:
            self._news.put(self._lines.recording(self._host.recorder.path))
        if self._script_path is not None:
            self._script = ScriptLines(self._host, self._script_path, lambda: self._news.put(None))
        for source in self._sources.values():
            self._host.start_source(source)
        try:
            while not self._stopping:
                with suppress(queue.Empty):
                    self._tell(self._news.get(timeout=_SIGNAL_SECONDS))
                self._look_at_room()
            self._end(thread)
            while not self._news.empty():
                self._tell(self._news.get())
            self._tell(None, ending=True)
            self._tell_what_is_left()
            self._tell_where_it_is()
        finally:
            if self._browsing is not None:
                self._browsing.end()
            self._end(thread)
            if self._diagnostics is not None:
                self._diagnostics.close()
            if self._scan is not None:
                self._scan.close()
            self._reader.close()
            self._host.close()
            if not self._has_run:
                # So that the same command can be run again without finding this file in its way.
                discard_unused(self._host.recorder.path)
        self._look_at_moves()
        self._look_at_losses()
        if self._bug is not None:
            raise self._bug
        return self._exit_status

    def _end(self, thread: threading.Thread) -> None:
        """End the engine, and wait until everything it recorded is in the capture. Idempotent."""
        self._host.stop()
        thread.join()
        self._host.recorder.flush()

    def _run_host(self) -> None:
        try:
            self._host.run()
        except Exception as error:
            self._bug = error
            self.stop()

    def _tell(self, news: str | Remark | None, *, ending: bool = False) -> None:
        """Print some news, then what is new in the capture."""
        if self._look_at_moves():
            self._go_on_reading()
        if isinstance(news, Remark):
            self._remark(news.sentence)
        elif news is not None:
            self._write(news + "\n")
        for line in () if self._script is None else self._script.new():
            self._remark(line)
        self._browse()
        if self._telling is Telling.SOURCES:
            self._flush()
            return
        for entry in self._story.entries(ending=ending):
            if not self._is_wanted():
                break
            self._tell_entry(entry)
            if isinstance(entry, Gap) and entry.reason is GapReason.DROPPED:
                self._told_frames += entry.frames
            self._told_frames += isinstance(entry, FrameRecord)
        self._flush()

    def _tell_entry(self, entry: Entry) -> None:
        self._write("".join(f"{line}\n" for line in self._lines_of(entry)))

    def _browse(self) -> None:
        """Open the browser once its proxy runs."""
        if self._browsing is None or self._browsing.has_begun or self._proxies.empty():
            return
        try:
            name = self._browsing.open(self._proxies.get())
        except UnmaskError as error:
            self._browsing = None
            self._browser_failed(str(error))
        else:
            self._remark(f"{name} goes through the proxy. Its profile is removed at the end.")

    def _browser_failed(self, sentence: str) -> None:
        self._exit_status = 1
        self._tell_failure(sentence, None)

    def _say(self, sentence: str) -> None:
        self._write(self._lines.failed(sentence, None) + "\n")
        self._flush()

    def _warn(self, sentence: str) -> None:
        self._remark(f"warning: {sentence}")

    def _remark(self, sentence: str) -> None:
        """Print a sentence on standard error."""
        with self._writing:
            say(sentence)

    def _write(self, lines: str) -> None:
        with self._writing, self._explained():
            self._out.write(lines)

    def _flush(self) -> None:
        with self._writing, self._explained():
            self._out.flush()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno == errno.EIO:
                # The terminal is gone.
                raise BrokenPipeError from error
            raise EnvironmentFailure(
                f"What happens cannot be printed: {error.strerror or error}. What has happened is recorded in "
                f"{self._host.recorder.path}."
            ) from error

    def _is_wanted(self) -> bool:
        """Whether to look for more to print."""
        return not (self._stopping and self._is_enough())

    def _is_enough(self) -> bool:
        """Whether to stop printing: a slow terminal must not keep the program from ending."""
        if self._enough is None:
            self._enough = time.monotonic() + LAST_SECONDS
        return self._hurry or time.monotonic() > self._enough

    def _tell_where_it_is(self) -> None:
        totals = self._reader.totals()
        if self._has_run or totals.connections:
            self._write(self._lines.recorded(self._reader.path, totals) + "\n")
            self._flush()

    def _tell_what_is_left(self) -> None:
        if self._telling is Telling.SOURCES:
            return
        left = self._reader.totals().frames - self._told_frames
        if left > 0 and self._enough is not None and self._is_enough():
            self._remark(f"stopped; {left} frames more are in {self._reader.path}.")

    def _look_at_moves(self) -> bool:
        """Report if the capture was removed and continues elsewhere; True if it was."""
        moved = False
        while not self._moves.empty():
            move, moved = self._moves.get(), True
            self._warn(
                f"the capture {move.removed} was removed or moved away. Nothing is lost: all of it is in "
                f"{move.path}, where recording goes on."
            )
            if self._claimed is not None:
                self._claimed.follow(move.path)
        return moved

    def _go_on_reading(self) -> None:
        try:
            reader = CaptureReader(self._host.recorder.path)
        except CaptureError:
            # Removed again: what was read so far is still open, and another move follows.
            return
        self._story.go_on_with(reader)
        if self._scan is not None:
            self._scan.go_on_with(reader)
        self._reader.close()
        self._reader = reader

    def _look_at_losses(self) -> None:
        """Report lost frames, in words and by the exit status, because the capture is not complete."""
        recorder = self._host.recorder
        if recorder.lost_frames:
            lost = counted(recorder.lost_frames, "1 frame is", "{count} frames are")
            self._remark(f"{lost} lost: the capture could not be written.")
        if recorder.is_adrift:
            self._remark(f"{recorder.failure}")
        if recorder.lost_frames or recorder.is_adrift:
            self._exit_status = 1

    def _look_at_room(self) -> None:
        """Warn about low disk space, once until there is more room."""
        space, was_low = self._host.recorder.space, self._room_is_low
        self._room_is_low = space is not None and space.is_low(_MARGIN if was_low else 1.0)
        if space is not None and self._room_is_low and not was_low:
            left = (
                ""
                if space.seconds_left is None
                else f", about {rough_time(space.seconds_left)} at the present rate"
            )
            self._warn(
                f"the disk of the capture has only {byte_size(space.free_bytes)} left{left}: make room there, "
                "stop recording, or keep only the last part (--keep)."
            )

    # HostListener.

    def on_changed(self) -> None:
        if self._news.empty():
            self._news.put(None)

    def on_source(self, status: SourceStatus) -> None:
        source, before = self._sources[status.id], self._states[status.id]
        self._states[status.id] = status.state
        for sentence in () if status.client is None else status.client.news:
            self._news.put(self._lines.note(sentence, source))
        if status.failure:
            self._exit_status = 1
            self._told_failures.add(status.failure)
            self._tell_failure(status.failure, source)
        elif status.state is SourceState.RUNNING is not before:
            self._has_run = True
            if source.mode is Mode.PROXY:
                self._proxies.put(status.addresses[0])
            self._news.put(self._lines.running(source, status.addresses))
        if self._is_all_over():
            # There is nothing left to do.
            self._stopping = True
            self._news.put(None)

    def _tell_failure(self, sentence: str, source: Source | None) -> None:
        """Say on standard error soon what could not be done, by a source if one is named; JSON Lines have it too."""
        if self._as_json:
            self._news.put(self._lines.failed(sentence, source))
        self._news.put(Remark(self._lines.sentence(sentence, source)))

    def _is_all_over(self) -> bool:
        return all(state in (SourceState.STOPPED, SourceState.FAILED) for state in self._states.values())

    def on_failed(self, failure: Failure) -> None:
        if failure.sentence in self._told_failures:
            self._told_failures.discard(failure.sentence)
        else:
            self._news.put(self._lines.failed(failure.sentence, None))

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        self._moves.put(moved)
        self._news.put(None)


def _wants_colour(out: TextIO) -> bool:
    return (
        out.isatty()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM") != "dumb"
        and sys.platform != "win32"
    )
