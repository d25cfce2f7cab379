"""Work that may take long, in steps of at most about a millisecond, so that the caller can do other work in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")

Steps = Generator[None, None, Result]
"""`next` runs one step; the final StopIteration holds the result."""


def finish(steps: Steps[Result]) -> Result:
    """Run all remaining steps."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: Result = done.value
            return result
