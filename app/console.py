"""The console mode: the same engine and capture without a window, and what happens as lines."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from app.story_text import COLOURED, PLAIN, StoryText
from core.capture.follow import Entry, Follower
from core.capture.reader import CaptureReader
from core.formats.jsonl import error_line, lines_of, listening_line
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.settings import EngineSettings, ListenAddress
from core.net.test_page import TestPage


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """What the command line asked for."""

    address: ListenAddress
    settings: EngineSettings
    capture: Path
    json: bool


class Console:
    """Runs an engine until it is told to stop, and writes what happens to `out`."""

    def __init__(self, options: ConsoleOptions, version: str, page: TestPage, out: TextIO) -> None:
        """CaptureError if the capture can't be created."""
        self._out = out
        self._json = options.json
        self._text = StoryText(COLOURED if _wants_colour(out) else PLAIN)
        self._address = options.address
        self._wake = threading.Event()
        self._stopping = False
        self._exit_status = 0
        self._listening: tuple[str, ...] | None = None
        self._told = False
        self._failures: list[str] = []
        self._bug: BaseException | None = None
        self._host = EngineHost(options.capture, version, options.settings, page, self)

    def stop(self) -> None:
        """End `run`. From any thread, and from a signal handler."""
        self._stopping = True
        self._wake.set()

    def run(self) -> int:
        """Listen and tell until `stop`; the exit status."""
        reader = CaptureReader(self._host.recorder.path)
        follower = Follower(reader)
        thread = threading.Thread(target=self._run_host, name="unmask-engine")
        thread.start()
        self._host.listen(self._address)
        try:
            while not self._stopping:
                self._wake.wait()
                self._wake.clear()
                self._tell(follower)
        except BrokenPipeError:
            # Whoever read our lines has gone.
            self._exit_status = 0
        finally:
            self._host.stop()
            thread.join()
            self._host.recorder.flush()
            with suppress(BrokenPipeError):
                self._tell(follower)
            reader.close()
            self._host.close()
        if self._bug is not None:
            raise self._bug
        return self._exit_status

    def _run_host(self) -> None:
        try:
            self._host.run()
        except Exception as error:
            self._bug = error
            self.stop()

    def _tell(self, follower: Follower) -> None:
        if self._listening is not None and not self._told:
            self._told = True
            self._print(listening_line(self._listening) if self._json else _listening_text(self._listening))
        failures, self._failures = self._failures, []
        for sentence in failures:
            self._print(error_line(sentence) if self._json else sentence)
        tell: Callable[[Entry], Iterator[str]] = lines_of if self._json else self._text.lines_of
        for entry in follower.entries():
            for line in tell(entry):
                self._out.write(line + "\n")
        self._out.flush()

    def _print(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()

    # HostListener.

    def on_changed(self) -> None:
        self._wake.set()

    def on_listening(self, addresses: tuple[str, ...]) -> None:
        self._listening = addresses
        self._wake.set()

    def on_stopped_listening(self) -> None:
        pass

    def on_failed(self, sentence: str) -> None:
        self._failures.append(sentence)
        if self._listening is None:
            # There is nothing to do without an address.
            self._exit_status = 1
            self._stopping = True
        self._wake.set()

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within, Ctrl+C and SIGTERM call `stop` instead of ending the process."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _listening_text(addresses: tuple[str, ...]) -> str:
    return "Listening on " + " and ".join(f"ws://{each}/" for each in addresses)


def _wants_colour(out: TextIO) -> bool:
    return (
        out.isatty()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM") != "dumb"
        and sys.platform != "win32"
    )
