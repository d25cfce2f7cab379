"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `unmask` with `arguments` (default: those of the process) and returns the exit status."""
    parser = argparse.ArgumentParser(prog="unmask")
    parser.add_argument("--version", action="version", version=f"unmask {version('unmask')}")
    parser.parse_args(arguments)
    return 0
