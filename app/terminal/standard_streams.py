"""The standard streams of a process, which may have been started without them; and what is said on standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from app.logic.text import one_line
from core.decoders.visible import terminal_text


def fill_missing_streams() -> None:
    """Have descriptors 0 to 2 lead somewhere, be it nowhere.

    Otherwise the next file or connection would get such a number, and what is printed would go into it. `sys.stdout`
    stays None where the standard output was closed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # It is given the lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        # Never closed, as every module may write to it until the end.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def abandon_output() -> None:
    """Have what is still buffered for the standard output go nowhere, so that the exit neither waits nor complains."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        # What stands in its place, such as in a test, may have no number.
        with suppress(OSError, ValueError):
            os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


def say(sentence: str) -> None:
    """`unmask: sentence`, one line on standard error; nothing in it, such as a file's name, acts on a terminal."""
    with suppress(OSError):
        sys.stderr.write(f"unmask: {safe(sentence)}\n")


def warn(sentence: str) -> None:
    say(f"warning: {sentence}")


def safe(sentence: str) -> str:
    """`sentence` on one line, with everything spelled out that a terminal would act on."""
    return terminal_text(one_line(sentence))
