"""A scan in a process of its own, for filters with patterns.

Python's engine for patterns goes back and tries again, in the worst case for hours, and lets nothing else in its
process run meanwhile: neither the window nor the recording. A process can be ended.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from core.errors import CaptureError, FilterError
from core.query.expressions import And, Expression, Not, Or, Term
from core.query.scan import Found, Scan

_LOOK_SECONDS = 0.05
"""So often it is asked whether the scan is still wanted."""


def has_pattern(expression: Expression) -> bool:
    """Whether a filter may take very long over a single payload."""
    match expression:
        case Term(operator=operator):
            return operator.name == "matches"
        case And(parts=parts) | Or(parts=parts):
            return any(map(has_pattern, parts))
        case Not(part=part):
            return has_pattern(part)


class ChildScan:
    """Like a `Scan`, by the text of the filter. Belongs to the thread that made it. Close it."""

    def __init__(self, path: Path, text: str, is_wanted: Callable[[], bool]) -> None:
        """`is_wanted` is asked again and again while there is nothing new."""
        context = get_context("spawn")
        self._is_wanted = is_wanted
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, str(path), text), daemon=True)
        try:
            self._process.start()
        except OSError as error:
            self._here.close()
            raise CaptureError(f"The search could not be started: {error}. Try again.") from error
        finally:
            there.close()

    def close(self) -> None:
        """Ends the process at once, whatever it does."""
        self._here.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def run(self, after: int = 0) -> Iterator[Found]:
        """As `Scan.run`, but that it ends early where the scan is not wanted any more."""
        try:
            self._here.send(after)
            while (answer := self._answer()) is not None:
                yield answer
        except (EOFError, OSError) as error:
            raise CaptureError("The search ended before it was done. Apply the filter again.") from error

    def _answer(self) -> Found | None:
        """None where there is no more."""
        while not self._here.poll(_LOOK_SECONDS):
            if not self._is_wanted():
                return None
        answer = self._here.recv()
        if isinstance(answer, str):
            raise CaptureError(answer)
        return answer if isinstance(answer, Found) else None


def _serve(there: Connection, path: str, text: str) -> None:
    """The process: takes the id after which to look, sends what it finds and None, or a sentence that ends it."""
    # Ctrl+C in a terminal goes to the whole group; the window ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from core.query.language import default_language

    try:
        with closing(Scan(Path(path), default_language().parse(text))) as scan:
            while True:
                for found in scan.run(there.recv()):
                    there.send(found)
                there.send(None)
    except (CaptureError, FilterError) as error:
        there.send(str(error))
    except (EOFError, OSError):
        # The window has closed its end.
        return
