"""Checks twice a second for slow peers, a slow or nearly full disk, and a capture that cannot be written."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QPushButton

from app.actions.registry import ActionId, Actions
from app.logic.text import counted, rough_time
from app.runtime.engine_thread import EngineThread
from app.settings import Settings
from app.sources.listening import Listening
from app.views.bars.banner import Banner, Tone
from core.capture.disk_space import DiskSpace
from core.errors import CaptureError
from core.net.failures import Failure, FailureKind
from core.sizes import byte_size

_LOOK_MS = 500
_MARGIN = 1.3
"""The free space must grow by this factor before a warning is withdrawn."""
_LONG_SECONDS = 3600


class Watch(QObject):
    """Shows a banner while a fault lasts: the capture cannot be written, or the engine has died."""

    looked = Signal()
    """`slow_peers` and `recording_lags` were updated."""
    save_wanted = Signal()
    """The person wants to save the capture elsewhere."""
    restarted = Signal()
    """The person has started another engine after the death of one."""
    problem = Signal(str)
    """An error of the engine that the banner does not cover; a sentence."""
    recovered = Signal(str)
    """A fault has ended; a sentence about the losses."""

    def __init__(
        self,
        engine: EngineThread,
        settings: Settings,
        listening: Listening,
        banner: Banner,
        actions: Actions,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._settings = settings
        self._listening = listening
        self._banner = banner
        self._actions = actions
        self._engine_died = False
        self._fault = ""
        self._room_is_low = False
        """Whether the banner warns of low disk space."""
        self._lost_before = 0
        """Frames lost in earlier faults."""
        self._slow_peers: dict[int, int] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        engine.crashed.connect(self._crashed)
        engine.failed.connect(self._failed)

    @property
    def slow_peers(self) -> dict[int, int]:
        """Bytes waiting for each connection whose peer does not read."""
        return self._slow_peers

    @property
    def recording_lags(self) -> bool:
        """Whether peers have to wait because the disk is slower than the wire."""
        return self._engine.recorder.is_behind

    def look(self) -> None:
        self._slow_peers = {slow.connection: slow.queued_bytes for slow in self._engine.slow_peers}
        self._look_at_capture()
        self.looked.emit()

    def stop(self) -> None:
        self._timer.stop()

    def restart_engine(self) -> None:
        """Start another engine after the death of one, with the same capture and address."""
        if self._engine_died:
            self._engine_died = False
            self._fault = ""
            self._banner.dismiss()
            self._engine.restart(self._settings.engine)
            self._listening.start_again()
            self.restarted.emit()
            self.look()

    def _failed(self, failure: Failure) -> None:
        if failure.kind is FailureKind.CAPTURE and self._engine.recorder.failure is not None:
            # The banner says it, for as long as it lasts.
            self.look()
        elif failure.kind is not FailureKind.CERTIFICATE_REFUSED:
            # That one has a banner with a way out.
            self.problem.emit(failure.sentence)

    def _crashed(self) -> None:
        self._engine_died = True
        restart = QPushButton(self.tr("&Restart engine"))
        restart.clicked.connect(lambda: self.restart_engine())
        text = self.tr(
            "The engine has stopped by a fault of Unmask. All that was recorded is safe; nobody can connect."
        )
        self._banner.say(Tone.ERROR, text, restart)

    def _look_at_capture(self) -> None:
        recorder = self._engine.recorder
        if self._engine_died:
            return
        fault = ""
        if recorder.failure is not None:
            fault = self._with_losses(recorder.failure)
        if fault != self._fault:
            self._fault = fault
            self._room_is_low = False
            if fault:
                self._banner.say(Tone.ERROR, fault, self._save_button())
            else:
                self._banner.dismiss()
                self._tell_recovery()
        if not fault:
            self._look_at_room()

    def _look_at_room(self) -> None:
        space, was_low = self._engine.recorder.space, self._room_is_low
        recording = self._actions[ActionId.RECORD].isChecked()
        low = space is not None and recording and space.is_low(_MARGIN if was_low else 1.0)
        self._room_is_low = low
        if space is not None and low:
            if was_low:
                self._banner.reword(self._room_text(space))
            else:
                stop = QPushButton(self.tr("S&top recording"))
                stop.clicked.connect(lambda: self._actions[ActionId.RECORD].setChecked(False))
                stop.clicked.connect(self.look)
                less = QPushButton(self.tr("&Keep less…"))
                less.clicked.connect(self._actions[ActionId.SETTINGS].trigger)
                self._banner.say(Tone.WARNING, self._room_text(space), stop, self._save_button(), less)
        elif was_low:
            self._banner.dismiss()

    def _room_text(self, space: DiskSpace) -> str:
        free, left = byte_size(space.free_bytes), space.seconds_left
        if left is None or left > _LONG_SECONDS:
            text = self.tr("The disk of the capture has only {free} left.").format(free=free)
        else:
            text = self.tr("About {left} of disk space left at the present rate ({free} free).")
            text = text.format(left=rough_time(left), free=free)
        advice = self.tr(
            "Stop recording, save the capture to another disk, or keep only the last part of it."
        )
        return f"{text} {advice}"

    def _save_button(self) -> QPushButton:
        save = QPushButton(self.tr("&Save as…"))
        save.clicked.connect(lambda: self.save_wanted.emit())
        return save

    def _with_losses(self, failure: CaptureError) -> str:
        lost = self._engine.recorder.lost_frames - self._lost_before
        if not lost:
            return str(failure)
        one, many = self.tr("1 frame is lost so far."), self.tr("{count} frames are lost so far.")
        return f"{failure} {counted(lost, one, many)}"

    def _tell_recovery(self) -> None:
        lost = self._engine.recorder.lost_frames - self._lost_before
        self._lost_before += lost
        if lost:
            one = self.tr("The capture is written again. 1 frame was lost in between.")
            many = self.tr("The capture is written again. {count} frames were lost in between.")
            self.recovered.emit(counted(lost, one, many))
        else:
            self.recovered.emit(self.tr("The capture is written again. Nothing was lost."))
