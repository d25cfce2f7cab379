"""Sends in rounds: what stands in the composer, or a sequence of frames, until it is done, stopped, or fails."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.dialogs.repeat_dialog import RepeatDialog, SequenceDialog
from app.frames.sending import Sending
from app.logic.repeating import Rounds, Series
from app.logic.resending import Sequence
from app.logic.text import grouped
from app.runtime.engine_thread import EngineThread
from app.views.bars.banner import Tone
from app.views.compose.composer import SendOrder
from app.views.panes import Panes
from app.views.shell import Shell
from core.errors import PayloadError
from core.net.host import SendResult
from core.protocol.outgoing import Target

_LONGEST_WAIT_MS = 500
_MOST_AWAITED = 2000
"""Results that may be outstanding before the next message waits."""


class Repeating(QObject):
    """One series at a time."""

    def __init__(
        self, engine: EngineThread, desk: CaptureDesk, panes: Panes, sending: Sending, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._desk = desk
        self._composer = panes.composer
        self._sending = sending
        self._banner = shell.banner
        self._window = shell.window
        self._rounds: Rounds | None = None
        self._targets: list[Target] = []
        self._to = ""
        self._awaited: set[int] = set()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._go_on)
        self._composer.progress.stop_wanted.connect(self.stop)
        engine.sent.connect(self._sent)
        desk.reader_changed.connect(self._desk_changed)
        shell.actions.connect_each({ActionId.REPEAT: self.ask, ActionId.STOP_SENDING: self.stop})

    @property
    def is_running(self) -> bool:
        return self._rounds is not None

    def ask(self) -> None:
        """Ask how often what stands in the composer is sent."""
        order = self._composer.order()
        if order is None:
            return
        dialog = RepeatDialog(self._words_for(order), self._window)
        dialog.accepted.connect(lambda: self._begin_repeated(dialog, order))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_sequence(self, sequence: Sequence) -> None:
        """Ask how a sequence is sent to the composer's target."""
        recipients, fault = self._composer.targets.recipients, self._composer.targets.fault()
        if fault:
            self._composer.show_error(fault)
            return
        toward = self._composer.bar.side()
        targets = self._sending.targets_at(recipients, toward)
        to = self._words(recipients)
        dialog = SequenceDialog(sequence, to, self._window)

        def begin() -> None:
            try:
                self.begin(dialog.series(), targets, to)
            except PayloadError as error:
                self._banner.say(Tone.WARNING, str(error))

        dialog.accepted.connect(begin)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def begin(self, series: Series, targets: list[Target], to: str) -> None:
        """Send a series; another one that is under way ends."""
        self._end()
        self._targets, self._to = targets, to
        self._rounds = Rounds(series, time.monotonic())
        self._go_on()

    def stop(self) -> None:
        """Send no more, also of raw bytes that go out piece by piece."""
        for target in self._sending.targets_at(self._composer.targets.recipients, None):
            self._engine.stop_sending(target.connection)
        if self._rounds is not None:
            words = self.tr("Stopped after {0} of {1}.")
            said = words.format(grouped(self._rounds.sent), grouped(self._rounds.total))
            self._end()
            self._banner.say(Tone.NOTE, said)

    # Internals.

    def _begin_repeated(self, dialog: RepeatDialog, order: SendOrder) -> None:
        try:
            series = dialog.series(order.outgoing)
        except PayloadError as error:
            self._banner.say(Tone.WARNING, str(error))
            return
        self.begin(series, self._sending.targets_of(order), self._words_for(order))

    def _go_on(self) -> None:
        rounds = self._rounds
        if rounds is None:
            return
        now = time.monotonic()
        if len(self._awaited) < _MOST_AWAITED:
            for outgoing in rounds.due(now):
                self._awaited.add(self._engine.send_to(self._targets, outgoing))
        self._composer.progress.show_progress(rounds.sent, rounds.total, self._to)
        if not rounds.is_over:
            self._timer.start(min(_LONGEST_WAIT_MS, max(1, round(rounds.wait(now) * 1000))))
        elif not self._awaited:
            self._end()

    def _sent(self, result: SendResult) -> None:
        if result.request_id not in self._awaited:
            return
        self._awaited.discard(result.request_id)
        rounds = self._rounds
        if rounds is None:
            return
        if result.error is not None:
            said = self.tr("It ended after {0} of {1}. {2}")
            sentence = said.format(grouped(rounds.sent), grouped(rounds.total), result.error)
            self._end()
            self._banner.say(Tone.WARNING, sentence)
        elif rounds.is_over and not self._awaited:
            self._end()

    def _end(self) -> None:
        self._timer.stop()
        self._rounds = None
        self._awaited.clear()
        self._composer.progress.hide()

    def _desk_changed(self) -> None:
        if self._rounds is not None and not (self._desk.shows_live and self._desk.kept_numbers):
            # The numbers of the targets may be those of other connections now.
            self._end()

    def _words_for(self, order: SendOrder) -> str:
        return self._words(order.recipients)

    def _words(self, recipients: tuple[int, ...]) -> str:
        if len(recipients) == 1:
            return self.tr("to #{0}").format(recipients[0])
        return self.tr("to {0} connections").format(grouped(len(recipients)))
