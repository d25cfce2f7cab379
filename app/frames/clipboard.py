"""Puts frames on the clipboard in the chosen form, and never anything but plain text."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QClipboard, QGuiApplication

from app.captures.workplace import Workplace
from app.logic.copying import COPY_FRAMES, Copied, CopyFormat, copy_frames
from app.logic.text import counted, grouped
from app.views.frames.table import FrameTable
from core.capture.reader import CaptureReader
from core.errors import CaptureError

_AT_ONCE = 100
_BYTES_AT_ONCE = 256 * 1024
"""Frames copied without another thread, and the bytes that they may hold together."""


class PlainClipboard(QObject):
    """Removes the HTML that labels and editors of ours put on the clipboard, so that peer text is pasted as text."""

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
            # Without a screen no other program can own the clipboard, and Qt reports that nobody does.
            return self._clipboard.ownsClipboard() or QGuiApplication.platformName() == "offscreen"
        return mode is QClipboard.Mode.Selection and self._clipboard.ownsSelection()


class FrameCopier(QObject):
    """Copies the selected frames."""

    problem = Signal(str)
    caution = Signal(str)
    note = Signal(str)
    """Progress of a long copy; a sentence."""

    def __init__(self, work: Workplace, frames: FrameTable, clipboard: QClipboard, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = work.desk
        self._frames = frames
        self._clipboard = clipboard
        self._jobs = work.jobs
        self._newest = 0
        """Number of the last copy asked for; unfinished older ones are dropped."""

    def copy(self, copy_format: CopyFormat) -> None:
        """Put the selected frames on the clipboard, large amounts after a while; reports what did not fit."""
        reader, selected = self._desk.reader, self._frames.selected_count()
        if reader is None or not selected:
            return
        self._newest += 1
        frames = self._frames.selected_frames(COPY_FRAMES)
        try:
            if len(frames) > _AT_ONCE or sum(map(reader.pieces.content_length, frames)) > _BYTES_AT_ONCE:
                self._copy_later(reader.path, frames, copy_format, selected)
            else:
                self._take(copy_frames(reader, frames, copy_format), selected)
        except CaptureError as error:
            self.problem.emit(str(error))

    def _copy_later(self, path: Path, frames: list[int], copy_format: CopyFormat, selected: int) -> None:
        number = self._newest

        def take(copied: Copied) -> None:
            if number == self._newest:
                self.note.emit(
                    counted(copied.frames, self.tr("Copied 1 frame."), self.tr("Copied {count} frames."))
                )
                self._take(copied, selected)

        accepted = self._jobs.run(
            lambda: _copy_from(path, frames, copy_format),
            take,
            lambda error: self.problem.emit(str(error)),
        )
        if accepted:
            self.note.emit(
                counted(len(frames), self.tr("Copying 1 frame …"), self.tr("Copying {count} frames …"))
            )
        else:
            self.problem.emit(self._jobs.refusal())

    def _take(self, copied: Copied, selected: int) -> None:
        left_out = selected - copied.frames
        if not copied.frames and left_out:
            self.caution.emit(
                self.tr(
                    "Nothing was copied: the first frame holds more than the clipboard takes at once. Save its payload "
                    "in the Message tab."
                )
            )
            return
        self._clipboard.setText(copied.text)
        if left_out:
            self.caution.emit(
                counted(
                    copied.frames,
                    self.tr("Copied 1 frame; {left} more did not fit. Export the capture to get all."),
                    self.tr("Copied {count} frames; {left} more did not fit. Export the capture to get all."),
                    left=grouped(left_out),
                )
            )


def _copy_from(path: Path, frames: list[int], copy_format: CopyFormat) -> Copied:
    reader = CaptureReader(path)
    try:
        return copy_frames(reader, frames, copy_format)
    finally:
        reader.close()
