"""How the process of a script is started."""

from __future__ import annotations

import sys
from pathlib import Path

CHILD_WORD = "--run-script-process"
"""The only argument by which the packaged executable becomes the process of a script."""


def child_command() -> tuple[str, ...]:
    """The packaged executable itself, or this Python."""
    if getattr(sys, "frozen", False):
        return (sys.executable, CHILD_WORD)
    root = str(Path(__file__).resolve().parents[2])
    start = f"import sys; sys.path.append({root!r}); from core.scripts.child import main; sys.exit(main())"
    # With -P nothing of the folder that we happen to be in is taken for a module.
    return (sys.executable, "-P", "-c", start)
