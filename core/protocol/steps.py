"""Work that may take long, in steps of about a millisecond at most: who does it may do something else in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")

Steps = Generator[None, None, Result]
"""Goes on by one step with `next`; its StopIteration holds the result."""


def finish(steps: Steps[Result]) -> Result:
    """Do all that is left at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: Result = done.value
            return result
