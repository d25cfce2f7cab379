"""`python -m app`, the `unmask` command and the packaged executable all start here."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run `unmask`; the exit status."""
    # As long as there is nothing to put away Ctrl+C just ends it. Where it is ignored, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from multiprocessing import freeze_support

    # In the packaged executable a process of our own starts here too, and goes no further.
    freeze_support()
    from app.terminal.standard_streams import fill_missing_streams

    fill_missing_streams()
    from app.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
