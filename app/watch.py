"""Looks about twice a second at what nobody tells: slow peers, a slow disk, a capture that cannot be written."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QPushButton

from app.engine_thread import EngineThread
from app.listening import Listening
from app.settings import Settings
from app.text import counted
from app.views.banner import Banner, Tone
from core.errors import CaptureError

_LOOK_MS = 500


class Watch(QObject):
    """Keeps a banner up for as long as a fault lasts: the capture cannot be written, or the engine has died."""

    looked = Signal()
    """`slow_peers` and `recording_lags` are fresh."""
    save_wanted = Signal()
    """The person wants the capture saved elsewhere."""
    recovered = Signal(str)
    """A fault is over; a sentence that says what it cost."""

    def __init__(
        self, engine: EngineThread, settings: Settings, listening: Listening, banner: Banner, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._settings = settings
        self._listening = listening
        self._banner = banner
        self._engine_died = False
        self._fault = ""
        self._lost_before = 0
        """Frames lost by faults that are over."""
        self._slow_peers: dict[int, int] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        engine.crashed.connect(self._crashed)

    @property
    def slow_peers(self) -> dict[int, int]:
        """Of each connection whose peer does not read, how many bytes wait for it."""
        return self._slow_peers

    @property
    def recording_lags(self) -> bool:
        """Whether peers have to wait because the disk is slower than the wire."""
        return self._engine.recorder.is_behind

    def is_capture_fault(self, sentence: str) -> bool:
        """Whether this is what the banner says or will say."""
        failure = self._engine.recorder.failure
        return failure is not None and str(failure) == sentence

    def look(self) -> None:
        self._slow_peers = {slow.connection: slow.queued_bytes for slow in self._engine.slow_peers}
        self._look_at_capture()
        self.looked.emit()

    def stop(self) -> None:
        self._timer.stop()

    def restart_engine(self) -> None:
        """After the engine has died: another one, on the same capture and the same address."""
        if self._engine_died:
            self._engine_died = False
            self._fault = ""
            self._banner.dismiss()
            self._engine.restart(self._settings.engine)
            self._listening.start_again()
            self.look()

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
        elif not recorder.path.exists():
            text = self.tr(
                "The capture {path} was removed or moved away. All of it is still at hand: save it elsewhere before "
                "you leave Unmask."
            )
            fault = text.format(path=recorder.path)
        if fault == self._fault:
            return
        self._fault = fault
        if fault:
            save = QPushButton(self.tr("&Save as…"))
            save.clicked.connect(lambda: self.save_wanted.emit())
            self._banner.say(Tone.ERROR, fault, save)
        else:
            self._banner.dismiss()
            self._tell_recovery()

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
