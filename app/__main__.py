"""`python -m app`, the `unmask` command and the packaged executable all start here."""

from __future__ import annotations

import sys

from app.cli import main

if __name__ == "__main__":
    sys.exit(main())
