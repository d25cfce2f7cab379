"""Where in a person's file an exception comes from, in words. Runs in the script's process."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass

from core.scripts.turn import shown

_MOST_FRAMES = 20


@dataclass(frozen=True, slots=True)
class Blame:
    """An exception, and where it comes from."""

    sentence: str
    line: int
    """Where in the script's own file, from 1; 0 if nowhere in it."""
    detail: str
    """The traceback without the calls of Unmask's own."""


def blame(error: BaseException, path: str) -> Blame:
    """Tell of an exception that left a function, or the file itself."""
    if isinstance(error, SyntaxError) and error.filename:
        # Its place is in the exception, as nothing of the file has run.
        place, line, what = error.filename, error.lineno or 0, error.msg
        sentence = f"{os.path.basename(place)}, line {line}: {type(error).__name__}: {what}"
        detail = "".join(traceback.format_exception_only(error))
        return Blame(shown(sentence), line if place == path else 0, shown(detail))
    calls = [each for each in traceback.extract_tb(error.__traceback__) if not _is_ours(each.filename)]
    own = [each for each in calls if each.filename == path]
    told = "".join(traceback.format_exception_only(error)).strip().splitlines() or [type(error).__name__]
    where = os.path.basename(path)
    if own:
        last = own[-1]
        inside = "" if last.name == "<module>" else f", in {last.name}"
        where += f", line {last.lineno}{inside}"
    listed = traceback.format_list(calls[-_MOST_FRAMES:])
    return Blame(
        shown(f"{where}: {told[0]}"),
        (own[-1].lineno or 0) if own else 0,
        shown("".join((*listed, *traceback.format_exception_only(error)))),
    )


_HERE = os.path.dirname(os.path.abspath(__file__))


def _is_ours(filename: str) -> bool:
    return os.path.dirname(os.path.abspath(filename)).startswith(_HERE) or filename.startswith("<frozen ")
