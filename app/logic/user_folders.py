"""Folders of the user's own in which Unmask keeps what outlives a run."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def authority_folder() -> Path:
    """Where the local authority is kept with its key."""
    return Path(platformdirs.user_data_dir("unmask", appauthor=False)) / "authority"
