"""The collaborators that the desks of the window share."""

from __future__ import annotations

from dataclasses import dataclass

from app.captures.desk import CaptureDesk
from app.runtime.jobs import Jobs
from app.runtime.refresher import Refresher
from app.settings import Settings
from core.capture.session_files import CaptureFolder, ClaimedCapture


@dataclass(frozen=True, slots=True)
class Workplace:
    """The shown capture, news about it, the settings, and threads for long work."""

    desk: CaptureDesk
    refresher: Refresher
    """`due` tells that the capture may have grown."""
    settings: Settings
    jobs: Jobs


@dataclass(frozen=True, slots=True)
class UnsavedCaptures:
    """The folder of unsaved captures."""

    folder: CaptureFolder
    claimed: ClaimedCapture | None
    """The lock of the capture being recorded; None if the person has named it already."""
