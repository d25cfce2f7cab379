"""Shows the progress of an export, and cancels it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QProgressDialog, QWidget

from app.logic.exporting import ExportWork
from core.decoders.visible import visible

_PARTS = 1000
_LOOK_MS = 100
_SHOWN_AFTER_MS = 500


class ExportProgress(QProgressDialog):
    """Appears if the export takes long; the window stays usable. Close it with `end`."""

    def __init__(self, work: ExportWork, name: str, parent: QWidget) -> None:
        """`name` is that of the file being written."""
        super().__init__(parent)
        self._work = work
        self.setWindowTitle(self.tr("Export"))
        self.setWindowModality(Qt.WindowModality.NonModal)
        label = QLabel(self.tr("Exporting to {name}…").format(name=visible(name)))
        label.setTextFormat(Qt.TextFormat.PlainText)
        self.setLabel(label)
        bar = QProgressBar()
        bar.setTextVisible(False)
        bar.setFixedHeight(6)
        self.setBar(bar)
        self.setCancelButtonText(self.tr("Cancel"))
        self.setAutoClose(False)
        self.setAutoReset(False)
        self.setMinimumWidth(360)
        # Qt's own delay needs a first value, which may never come.
        self.setMinimumDuration(2**31 - 1)
        self.setRange(0, 0)
        self.canceled.connect(work.cancel)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(_LOOK_MS)
        QTimer.singleShot(_SHOWN_AFTER_MS, self, self.show)

    def end(self) -> None:
        """Close the dialog."""
        self._timer.stop()
        self.canceled.disconnect(self._work.cancel)
        self.hide()
        self.deleteLater()

    def _look(self) -> None:
        share = self._work.share
        if share is not None:
            self.setRange(0, _PARTS)
            self.setValue(int(_PARTS * share))
