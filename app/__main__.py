"""`python -m app`, the `unmask` command and the packaged executable all start here."""

from __future__ import annotations

import sys
from multiprocessing import freeze_support


def main() -> int:
    """Run `unmask`; the exit status."""
    # In the packaged executable a process of our own starts here too, and goes no further.
    freeze_support()
    from app.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
