"""Where the files lie that come with the program."""

from __future__ import annotations

from pathlib import Path

import resources

RESOURCES = Path(resources.__file__).resolve().parent
ICON_FOLDER = RESOURCES / "icons"
DOCS_FOLDER = RESOURCES / "docs"
