"""Where the files that come with the program are."""

from __future__ import annotations

from pathlib import Path

import resources

RESOURCES = Path(resources.__file__).resolve().parent
ICON_FOLDER = RESOURCES / "icons"
DOCS_FOLDER = RESOURCES / "docs"
