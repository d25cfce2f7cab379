"""Folders of the user's own in which Unmask keeps what outlives a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import platformdirs

from core.capture.private_files import close_to_others, ensure_file, make_folder


def authority_folder() -> Path:
    """Where the local authority is kept with its key."""
    return Path(platformdirs.user_data_dir("unmask", appauthor=False)) / "authority"


def keep_private(file: Path) -> None:
    """Make a file private, because it holds what was sent and searched for. Qt keeps the mode of an existing file."""
    with suppress(OSError):
        make_folder(file.parent)
        ensure_file(file)
        close_to_others(file)
