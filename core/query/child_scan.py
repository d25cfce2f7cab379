"""A scan in a separate process, for filters that may take very long over a single payload.

A regular expression can backtrack for hours, and a JSONPath can visit a document as often. Neither lets anything else
in its process run meanwhile, neither the window nor the recording. A process can be ended.
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
from core.query.values import FieldKind

_LOOK_SECONDS = 0.05
"""How often the waiting side asks whether the scan is still wanted."""
_PARENT_SECONDS = 1.0
"""How often the child process checks that its parent is still there."""
_ENDING = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
"""Signals that reach a whole process group."""


def may_take_long(expression: Expression) -> bool:
    """Whether a filter may take very long over a single payload."""
    match expression:
        case Term(field=field, operator=operator):
            return operator.name == "matches" or field.kind is FieldKind.JSON
        case And(parts=parts) | Or(parts=parts):
            return any(map(may_take_long, parts))
        case Not(part=part):
            return may_take_long(part)


class _Asked(NamedTuple):
    number: int
    """Number of the run."""
    after: int


class _ChildAnswer(NamedTuple):
    number: int
    """Number of the run that this answers; 0 means that the process is ready."""
    found: Found | None
    """None at the end of the run."""
    problem: str = ""
    """A sentence that says why the run ends early; empty if it does not."""


class ChildScan:
    """Runs a `Scan` in a child process. Belongs to the thread that made it; must be closed."""

    def __init__(
        self, path: Path, wanted: Filter, is_wanted: Callable[[], bool], patience_s: float = math.inf
    ) -> None:
        """Start the process.

        `is_wanted` is asked repeatedly while there is nothing new. `patience_s` is how long the process may take over
        one step; its start is not counted. Raises SearchError if there can be no process.
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
                # A signal arrived during the start: nobody else holds the process yet, so close it here.
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
        """End the process at once, whatever it is doing."""
        self._here.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def run(self, after: int = 0) -> Iterator[Found]:
        """Do what `Scan.run` does, but end early when the scan is no longer wanted.

        Raises SearchError if the process took too long or is gone. The caller may stop at any step and run again.
        """
        self._number += 1
        try:
            self._here.send(_Asked(self._number, after))
            while (found := self._answer()) is not None:
                yield found
        except (EOFError, OSError) as error:
            raise SearchError("The search ended before it was done. Apply the filter again.") from error

    def _answer(self) -> Found | None:
        """The next answer; None at the end of the run."""
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
            answer: _ChildAnswer = self._here.recv()
            self._ready = True
            if answer.problem:
                raise CaptureError(answer.problem)
            if answer.number != self._number:
                # Says that the process is ready, or belongs to a run that was left.
                continue
            return answer.found


def _unstarted(error: OSError) -> SearchError:
    return SearchError(f"The search could not be started: {error}. Try again.")


AnyScan: TypeAlias = Scan | ChildScan


def scan_of(
    path: Path, wanted: Filter, is_wanted: Callable[[], bool], patience_s: float = math.inf
) -> AnyScan:
    """The scan for this filter, in a separate process if it may take long. Raises CaptureError."""
    if may_take_long(wanted.expression):
        return ChildScan(path, wanted, is_wanted, patience_s)
    return Scan(path, wanted.expression)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Delay signals that end a process until the block is left; a process started within ignores them.

    A process that is ended while it starts would print a traceback on the person's terminal.
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
            # Python's resource tracker starts with the first process and would let the signals through again.
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
    """Run in the child process: takes requests and sends what they find."""
    # The parent ends this process itself.
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    _end_with_parent()
    from core.query.language import default_language

    asked = _Asked(0, 0)
    try:
        expression = default_language().filter(*texts).expression
        there.send(_ChildAnswer(0, None))
        asked = there.recv()
        with closing(Scan(Path(path), expression)) as scan:
            while True:
                _run(there, scan, asked)
                asked = there.recv()
    except (CaptureError, FilterError) as error:
        there.send(_ChildAnswer(asked.number, None, str(error)))
    except (EOFError, OSError):
        # The parent closed its end.
        return


def _run(there: Connection, scan: Scan, asked: _Asked) -> None:
    for found in scan.run(asked.after):
        there.send(_ChildAnswer(asked.number, found))
        if there.poll():
            # The run was abandoned for a newer one.
            return
    there.send(_ChildAnswer(asked.number, None))


def _end_with_parent() -> None:
    """From now on, end this process when its parent has ended, even in the middle of a pattern.

    The regular expression engine blocks all other threads, but it checks for signals.
    """
    if sys.platform == "win32":
        return
    parent = parent_process()

    def look(_number: int, _frame: FrameType | None) -> None:
        # An orphan is given a new parent.
        if parent is None or os.getppid() != parent.pid:
            os._exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, _PARENT_SECONDS, _PARENT_SECONDS)
