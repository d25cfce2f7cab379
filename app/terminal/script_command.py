"""`unmask script`: writes a script to begin with, or an example."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.logic.script_examples import BEGINNING, STUB, example_names, write_example
from app.terminal.standard_streams import say


def add_script_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `unmask script`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the new file, such as mine.py")
    parser.add_argument(
        "--example",
        choices=example_names(),
        default=BEGINNING,
        help="begin with this one of the examples (default: a file with all functions, which only tell)",
    )


def write_script(options: argparse.Namespace) -> int:
    """Do as `unmask script` was told; gives the exit status. Raises ExportError."""
    write_example(options.example, options.file)
    say(
        f"wrote {options.file}, and {STUB} beside it, by which editors know what there is. Run it with “unmask "
        f"--script {options.file}”."
    )
    return 0
