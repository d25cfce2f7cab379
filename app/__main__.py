"""The entry point of `python -m app`, the `unmask` command and the packaged executable."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run `unmask`; gives the exit status."""
    # While there is nothing to clean up, Ctrl+C simply ends the process. If it is ignored, it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from core.scripts.command import CHILD_WORD

    if sys.argv[1:] == [CHILD_WORD]:
        # In the packaged executable, the process of a script is this.
        from core.scripts.child import main as run_script

        return run_script()
    from multiprocessing import freeze_support

    # In the packaged executable, child processes of ours start here too, and stop here.
    freeze_support()
    from app.terminal.standard_streams import fill_missing_streams

    fill_missing_streams()
    from app.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
