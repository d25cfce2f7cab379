"""The capture that the window shows: the one being recorded, or an old one opened for reading."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.logic.capture_state import CaptureState
from core.capture.reader import CaptureReader


class CaptureDesk(QObject):
    """Owns the window's one `CaptureReader`. Recording continues while an old capture is shown."""

    reader_changed = Signal()
    """`reader` was replaced; the previous one is closed as soon as all slots have returned."""
    state_changed = Signal()

    def __init__(self, live: Path, *, saved: bool, parent: QObject | None = None) -> None:
        """`live` is the capture being recorded, `saved` whether the person chose its name."""
        super().__init__(parent)
        self._live = live
        self._saved = saved
        self._reader: CaptureReader | None = CaptureReader(live)
        self._shows_live = True
        self._kept_numbers = False

    @property
    def kept_numbers(self) -> bool:
        """Whether frames and connections have the same numbers in `reader` as in the previous one."""
        return self._kept_numbers

    @property
    def reader(self) -> CaptureReader | None:
        """None only after `close`."""
        return self._reader

    @property
    def shows_live(self) -> bool:
        return self._shows_live

    @property
    def live_path(self) -> Path:
        return self._live

    @property
    def live_saved(self) -> bool:
        """Whether the person chose the name of the capture being recorded."""
        return self._saved

    @property
    def state(self) -> CaptureState:
        if not self._shows_live:
            return CaptureState.READ_ONLY
        return CaptureState.SAVED if self._saved else CaptureState.UNSAVED

    @property
    def name(self) -> str:
        """File name of the shown capture."""
        return "" if self._reader is None else self._reader.path.name

    def open(self, path: Path) -> None:
        """Show the capture at `path`; after a CaptureError all stays as it was."""
        if path.resolve() == self._live.resolve():
            self.show_live()
            return
        self._replace(CaptureReader(path), shows_live=False)

    def show_live(self) -> None:
        """Show the capture being recorded."""
        if not self._shows_live:
            self._replace(CaptureReader(self._live), shows_live=True)

    def live_moved(self, path: Path, *, saved: bool) -> None:
        """The capture being recorded has moved to `path`."""
        self._go_on(path, saved=saved, kept_numbers=True)

    def live_began(self, path: Path) -> None:
        """Another capture is being recorded, at `path`; the person has not named it yet."""
        self._go_on(path, saved=False, kept_numbers=False)

    def _go_on(self, path: Path, *, saved: bool, kept_numbers: bool) -> None:
        self._live, self._saved = path, saved
        if self._shows_live:
            self._replace(CaptureReader(path), shows_live=True, kept_numbers=kept_numbers)
        else:
            self.state_changed.emit()

    def close(self) -> None:
        """Idempotent."""
        if self._reader is not None:
            self._replace(None, shows_live=self._shows_live)

    def _replace(self, reader: CaptureReader | None, *, shows_live: bool, kept_numbers: bool = False) -> None:
        before, self._reader = self._reader, reader
        self._kept_numbers = kept_numbers
        self._shows_live = shows_live
        self.reader_changed.emit()
        self.state_changed.emit()
        if before is not None:
            before.close()
