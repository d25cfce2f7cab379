"""The standard streams of a process, which may have been closed before its start, and messages on standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from app.logic.text import one_line
from core.decoders.visible import terminal_text


def fill_missing_streams() -> None:
    """Make sure that descriptors 0 to 2 are open, if only to the null device.

    Otherwise the next file or connection would get such a number, and printed text would go into it. `sys.stdout` stays
    None if the standard output was closed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is used.
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        # Never closed, because any module may write to it until the end.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def abandon_output() -> None:
    """Discard what is still buffered for the standard output, so that the exit neither waits nor complains."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        # A replacement, as in a test, may have no number.
        with suppress(OSError, ValueError):
            os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


def say(sentence: str) -> None:
    """Print `unmask: sentence` on standard error as one line; nothing in it, such as a file name, acts on a
    terminal.
    """
    with suppress(OSError):
        sys.stderr.write(f"unmask: {safe(sentence)}\n")


def warn(sentence: str) -> None:
    say(f"warning: {sentence}")


def safe(sentence: str) -> str:
    """`sentence` on one line, with everything escaped that a terminal would act on."""
    return terminal_text(one_line(sentence))
