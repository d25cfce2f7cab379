"""What goes to the clipboard: frames in the form asked for, and never anything but plain text."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QClipboard, QGuiApplication

from app.capture_desk import CaptureDesk
from app.copying import COPY_FRAMES, CopyFormat, copy_frames
from app.text import counted, grouped
from app.views.frame_table import FrameTable
from core.errors import CaptureError


class PlainClipboard(QObject):
    """Takes the HTML off what labels and editors of ours put on the clipboard: peer text is pasted as text."""

    def __init__(self, clipboard: QClipboard, parent: QObject) -> None:
        super().__init__(parent)
        self._clipboard = clipboard
        clipboard.changed.connect(self._changed)

    def _changed(self, mode: QClipboard.Mode) -> None:
        held: QMimeData | None = self._clipboard.mimeData(mode) if self._is_ours(mode) else None
        if held is not None and held.hasHtml():
            self._clipboard.setText(self._clipboard.text(mode), mode)

    def _is_ours(self, mode: QClipboard.Mode) -> bool:
        if mode is QClipboard.Mode.Clipboard:
            # Without a screen there is no other program to own it, and Qt says that nobody does.
            return self._clipboard.ownsClipboard() or QGuiApplication.platformName() == "offscreen"
        return mode is QClipboard.Mode.Selection and self._clipboard.ownsSelection()


class FrameCopier(QObject):
    """Copies the selected frames."""

    problem = Signal(str)
    caution = Signal(str)

    def __init__(self, desk: CaptureDesk, frames: FrameTable, clipboard: QClipboard, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._frames = frames
        self._clipboard = clipboard

    def copy(self, copy_format: CopyFormat) -> None:
        """Puts them on the clipboard; says what did not fit."""
        reader = self._desk.reader
        if reader is None or not self._frames.selected_count():
            return
        try:
            copied = copy_frames(reader, self._frames.selected_frames(COPY_FRAMES), copy_format)
        except CaptureError as error:
            self.problem.emit(str(error))
            return
        self._clipboard.setText(copied.text)
        left_out = self._frames.selected_count() - copied.frames
        if left_out:
            self.caution.emit(
                counted(
                    copied.frames,
                    self.tr("Copied 1 frame; {left} more did not fit. Export the capture to get all."),
                    self.tr("Copied {count} frames; {left} more did not fit. Export the capture to get all."),
                    left=grouped(left_out),
                )
            )
