"""What the desks of the window work with."""

from __future__ import annotations

from dataclasses import dataclass

from app.captures.desk import CaptureDesk
from app.runtime.jobs import Jobs
from app.runtime.refresher import Refresher
from app.settings import Settings
from core.capture.session_files import CaptureFolder, ClaimedCapture


@dataclass(frozen=True, slots=True)
class Workplace:
    """The capture that is shown and the news of it, what is remembered, and threads for what takes long."""

    desk: CaptureDesk
    refresher: Refresher
    """Its `due` says that the capture may have grown."""
    settings: Settings
    jobs: Jobs


@dataclass(frozen=True, slots=True)
class UnsavedCaptures:
    """Captures that nobody has named yet."""

    folder: CaptureFolder
    claimed: ClaimedCapture | None
    """The one being recorded; None where the person has named it already."""
