"""A scan in a process of its own, for filters that may take very long over a single payload.

Python's engine for patterns goes back and tries again, in the worst case for hours, a JSONPath may visit a document
as often, and neither lets anything else in its process run meanwhile: not the window, not the recording. A process
can be ended.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import NamedTuple, TypeAlias

from core.errors import CaptureError, FilterError, SearchError
from core.query.expressions import And, Expression, Filter, Not, Or, Term
from core.query.scan import Found, Scan
from core.query.values import Kind

_LOOK_SECONDS = 0.05
"""So often it is asked whether the scan is still wanted."""
_PARENT_SECONDS = 1.0
"""So often the process looks whether the one that it works for is still there."""
_ENDING = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
"""Signals that go to a whole group of processes."""


def may_take_long(expression: Expression) -> bool:
    """Whether a filter may take very long over a single payload."""
    match expression:
        case Term(field=field, operator=operator):
            return operator.name == "matches" or field.kind is Kind.JSON
        case And(parts=parts) | Or(parts=parts):
            return any(map(may_take_long, parts))
        case Not(part=part):
            return may_take_long(part)


class _Asked(NamedTuple):
    number: int
    """Of the run."""
    after: int


class _Answer(NamedTuple):
    number: int
    """Of the run that asked; 0 says that the process is ready."""
    found: Found | None
    """None where there is no more."""
    problem: str = ""
    """A sentence that ends it."""


class ChildScan:
    """Like a `Scan`. Belongs to the thread that made it. Close it."""

    def __init__(
        self, path: Path, wanted: Filter, is_wanted: Callable[[], bool], patience_s: float = math.inf
    ) -> None:
        """`is_wanted` is asked again and again while there is nothing new; `patience_s` is how long that may be.

        SearchError where there can be no process. How long it takes to start is not counted.
        """
        self._is_wanted = is_wanted
        self._patience_s = patience_s
        self._number = 0
        self._ready = False
        started = False
        try:
            with _undisturbed():
                self._start(path, wanted)
                started = True
        except OSError as error:
            raise _unstarted(error) from error
        except BaseException:
            if started:
                # A signal came meanwhile: nobody else has it to close.
                self.close()
            raise

    def _start(self, path: Path, wanted: Filter) -> None:
        context = get_context("spawn")
        self._here, there = context.Pipe()
        with there:
            self._process = context.Process(target=_serve, args=(there, str(path), wanted.texts), daemon=True)
            try:
                self._process.start()
            except BaseException:
                self._here.close()
                raise

    def close(self) -> None:
        """Ends the process at once, whatever it does."""
        self._here.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def run(self, after: int = 0) -> Iterator[Found]:
        """As `Scan.run`, but that it ends early where the scan is not wanted any more.

        SearchError where the process took too long or is gone. May be left at any step, and run again.
        """
        self._number += 1
        try:
            self._here.send(_Asked(self._number, after))
            while (found := self._answer()) is not None:
                yield found
        except (EOFError, OSError) as error:
            raise SearchError("The search ended before it was done. Apply the filter again.") from error

    def _answer(self) -> Found | None:
        """None where there is no more."""
        while True:
            end = time.monotonic() + self._patience_s
            while not self._here.poll(_LOOK_SECONDS):
                if not self._is_wanted():
                    return None
                if self._ready and time.monotonic() > end:
                    raise SearchError(
                        f"The filter takes longer than {self._patience_s:g} s over a few frames. Make its pattern or "
                        "path simpler."
                    )
            answer: _Answer = self._here.recv()
            self._ready = True
            if answer.problem:
                raise CaptureError(answer.problem)
            if answer.number != self._number:
                # Ready, or of a run that was left.
                continue
            return answer.found


def _unstarted(error: OSError) -> SearchError:
    return SearchError(f"The search could not be started: {error}. Try again.")


AnyScan: TypeAlias = Scan | ChildScan


def scan_of(
    path: Path, wanted: Filter, is_wanted: Callable[[], bool], patience_s: float = math.inf
) -> AnyScan:
    """What runs this filter, in a process of its own where it may take long. CaptureError."""
    if may_take_long(wanted.expression):
        return ChildScan(path, wanted, is_wanted, patience_s)
    return Scan(path, wanted.expression)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that end a process take effect after it, and not at all in a process that is started within.

    One that is left half started, or ended while it starts, complains where a person reads.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, lambda number, _frame: came.append(number)) for number in _ENDING
        }
    try:
        if sys.platform == "win32":
            yield
        else:
            # It is started with the first process, and would let them through again.
            resource_tracker.ensure_running()
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
        for number in came:
            signal.raise_signal(number)


def _serve(there: Connection, path: str, texts: tuple[str, ...]) -> None:
    """The process: takes runs, sends what they find."""
    # The one that it works for ends this one itself.
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    _end_with_parent()
    from core.query.language import default_language

    asked = _Asked(0, 0)
    try:
        expression = default_language().filter(*texts).expression
        there.send(_Answer(0, None))
        asked = there.recv()
        with closing(Scan(Path(path), expression)) as scan:
            while True:
                _run(there, scan, asked)
                asked = there.recv()
    except (CaptureError, FilterError) as error:
        there.send(_Answer(asked.number, None, str(error)))
    except (EOFError, OSError):
        # The other end is closed.
        return


def _run(there: Connection, scan: Scan, asked: _Asked) -> None:
    for found in scan.run(asked.after):
        there.send(_Answer(asked.number, found))
        if there.poll():
            # It was left for another one.
            return
    there.send(_Answer(asked.number, None))


def _end_with_parent() -> None:
    """From now on this process ends when its parent has, also within a pattern.

    The engine for patterns holds off every other thread, but looks for signals.
    """
    if sys.platform == "win32":
        return
    parent = parent_process()

    def look(_number: int, _frame: FrameType | None) -> None:
        # Whose parent has ended is given another one.
        if parent is None or os.getppid() != parent.pid:
            os._exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, _PARENT_SECONDS, _PARENT_SECONDS)
