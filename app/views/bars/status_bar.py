"""The line at the bottom: where Unmask listens, how much has arrived, how fast, and whether it is saved."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QToolButton, QWidget

from app.logic.capture_state import CaptureState
from app.logic.text import counted, grouped
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from core.capture.records import Totals
from core.sizes import byte_size

_RATE_SECONDS = 2.0


class StatusBar(QStatusBar):
    """Shows the given values; the rate comes from the totals of the last two seconds of `clock`."""

    def __init__(
        self,
        look: Look,
        parent: QWidget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._icons = look.icons
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque(maxlen=256)
        self._listening = False
        self._mark = QLabel()
        self._where = self._label()
        self._sources = self._label()
        self._sources.hide()
        self._open = self._label()
        self._frames = self._label()
        self._rate = self._label()
        self._bytes = self._label()
        self.problems = QToolButton()
        self._hidden = self._label()
        self._frozen = self._label()
        self._recording = self._label()
        self._lagging = self._label()
        self._saved = self._label()
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, 0, 0)
        counts = (
            self._mark,
            self._where,
            self._sources,
            self._open,
            self._frames,
            self._rate,
            self._bytes,
            self.problems,
        )
        self.addWidget(self._row(*counts))
        states = (self._hidden, self._frozen, self._lagging, self._recording, self._saved)
        self.addPermanentWidget(self._row(*states))
        self.problems.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.problems.setProperty("look", "status")
        self.problems.hide()
        self._lagging.setProperty("look", "warning")
        self._lagging.setText(self.tr("Recording pauses the peers: the disk is slower than the wire"))
        self._lagging.hide()
        self._recording.setProperty("look", "warning")
        self._frozen.setProperty("look", "warning")
        self._recording.setText(self.tr("Recording is stopped"))
        self._recording.hide()
        self.set_listening(())
        self.set_totals(Totals(0, 0, 0, 0, 0, 0, 0), 0)
        look.theme.changed.connect(self._tint)

    def set_listening(self, addresses: tuple[str, ...]) -> None:
        """Show the bound addresses; none if Unmask does not listen."""
        self._listening = bool(addresses)
        urls = ", ".join(f"ws://{address}" for address in addresses)
        self._where.setText(
            self.tr("Listening on {where}").format(where=urls) if urls else self.tr("Not listening")
        )
        self._tint()

    def set_sources(self, running: int) -> None:
        """Show how many sources run beside the listener of the tool bar."""
        one, many = self.tr("1 more source"), self.tr("{count} more sources")
        self._sources.setText(counted(running, one, many))
        self._sources.setVisible(running > 0)

    def set_totals(self, totals: Totals, open_count: int) -> None:
        """Counts of the whole capture."""
        now = self._clock()
        if self._samples and totals.frames < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, totals.frames))
        # Keep the newest sample older than the window: the rate counts from there.
        while len(self._samples) > 1 and now - self._samples[1][0] >= _RATE_SECONDS:
            self._samples.popleft()
        self._open.setText(self.tr("{count} open").format(count=grouped(open_count)))
        frames = counted(totals.frames, self.tr("1 frame"), self.tr("{count} frames"))
        if totals.dropped_frames:
            kept = grouped(totals.frames - totals.dropped_frames)
            frames = self.tr("{frames}, {count} kept").format(frames=frames, count=kept)
        self._frames.setText(frames)
        self._rate.setText(self.tr("{count}/s").format(count=grouped(self._frames_per_second(now))))
        self._bytes.setText(byte_size(totals.bytes))
        self.problems.setText(counted(totals.violations, self.tr("1 problem"), self.tr("{count} problems")))
        self.problems.setVisible(totals.violations > 0)

    def set_hidden(self, count: int) -> None:
        """Show how many control frames the list hides."""
        one, many = self.tr("1 control frame hidden"), self.tr("{count} control frames hidden")
        self._hidden.setText(counted(count, one, many))
        self._hidden.setVisible(count > 0)

    def set_frozen(self, frozen: bool, behind: int) -> None:
        text = self.tr("Frozen, {count} newer").format(count=grouped(behind)) if behind else self.tr("Frozen")
        self._frozen.setText(text)
        self._frozen.setVisible(frozen)

    def set_recording(self, recording: bool) -> None:
        self._recording.setVisible(not recording)

    def set_lagging(self, lagging: bool) -> None:
        """Show whether peers have to wait for the disk."""
        self._lagging.setVisible(lagging)

    def set_capture(self, state: CaptureState, name: str) -> None:
        """Show whether the capture is saved, and under which file name."""
        text = {
            CaptureState.UNSAVED: self.tr("Unsaved"),
            CaptureState.SAVED: self.tr("Saved in {name}").format(name=name),
            CaptureState.READ_ONLY: self.tr("{name}, read-only").format(name=name),
        }[state]
        self._saved.setText(text)

    def _frames_per_second(self, now: float) -> int:
        first_time, first_count = self._samples[0]
        span = now - first_time
        return round((self._samples[-1][1] - first_count) / span) if span > 0.05 else 0

    def _row(self, *labels: QWidget) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(10, 3, 12, 3)
        layout.setSpacing(16)
        for label in labels:
            layout.addWidget(label)
        return row

    def _label(self) -> QLabel:
        label = QLabel()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("look", "muted")
        return label

    def _tint(self) -> None:
        icon, role = (
            (IconName.SUCCESS, ThemeRole.SUCCESS) if self._listening else (IconName.STOP, ThemeRole.MUTED)
        )
        self.problems.setIcon(self._icons.icon(IconName.WARNING, ThemeRole.WARNING))
        self._mark.setPixmap(self._icons.pixmap(icon, role, 15, self.devicePixelRatioF()))
