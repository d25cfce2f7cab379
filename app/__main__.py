"""`python -m app`, the `unmask` command and the packaged executable all start here."""

from __future__ import annotations

import sys
from multiprocessing import freeze_support

from app.cli import main

if __name__ == "__main__":
    # In the packaged executable a process of our own starts here too.
    freeze_support()
    sys.exit(main())
