"""The captures that Unmask knows about as a list model, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QObject,
    Qt,
)

from app.logic.known_captures import CaptureStanding, KnownCapture
from app.logic.text import counted, one_line, tooltip
from app.models.index import NO_INDEX, Index
from core.capture.session_files import Holdings
from core.sizes import byte_size


class KnownCaptureModel(QAbstractListModel):
    """Shows the captures it is given."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._captures: list[KnownCapture] = []

    def set_captures(self, captures: Sequence[KnownCapture]) -> None:
        self.beginResetModel()
        self._captures = list(captures)
        self.endResetModel()

    def capture(self, row: int) -> KnownCapture | None:
        return self._captures[row] if 0 <= row < len(self._captures) else None

    def unsaved_count(self) -> int:
        return sum(each.unsaved for each in self._captures)

    def title(self, capture: KnownCapture) -> str:
        """A capture's name, or the time of its recording if it has none."""
        if capture.unsaved:
            return self.tr("Unsaved capture of {when}").format(when=moment_of(capture.modified))
        return one_line(capture.path.name)

    def detail(self, capture: KnownCapture) -> str:
        """What is in a capture, and further remarks."""
        what = self.tr("{what} · {size}").format(
            what=holdings_text(capture.holdings), size=byte_size(capture.size)
        )
        place = one_line(str(capture.path.parent))
        return {
            CaptureStanding.BROKEN_OFF: self.tr("{what} · Unmask broke off before it was saved"),
            CaptureStanding.KEPT: self.tr("{what} · Unmask was ended without saving it"),
            CaptureStanding.SAVED: self.tr("{what} · {when} · {place}"),
            CaptureStanding.RECORDING: self.tr("{what} · being recorded now · {place}"),
            CaptureStanding.GONE: self.tr("No longer there · {place}"),
            CaptureStanding.UNREADABLE: self.tr("Cannot be read · {place}"),
        }[capture.standing].format(what=what, when=moment_of(capture.modified), place=place)

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._captures)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        capture = self.capture(index.row()) if index.isValid() else None
        if capture is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.title(capture)
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self.detail(capture)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(str(capture.path), *([capture.problem] if capture.problem else []))
        return None


def holdings_text(held: Holdings) -> str:
    """`12 345 frames`, or the number of refused handshakes if there are none."""
    translate = QCoreApplication.translate
    if held.refused and not held.frames:
        one = translate("Holdings", "1 refused handshake")
        return counted(held.refused, one, translate("Holdings", "{count} refused handshakes"))
    return counted(held.frames, translate("Holdings", "1 frame"), translate("Holdings", "{count} frames"))


def moment_of(seconds: float) -> str:
    """`2026-01-31 14:03` in local time; seconds since the epoch."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
