"""Passes messages from the composer to the engine, and results back."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.dialogs.question import Question
from app.frames.selection import Selection
from app.logic.text import cut_path, grouped
from app.runtime.engine_thread import EngineThread
from app.views.bars.banner import Tone
from app.views.compose.composer import SendOrder
from app.views.panes import Panes
from app.views.shell import Shell
from core.net.host import SendResult
from core.protocol.outgoing import Target
from core.protocol.state import Role

_NAMED = 5
"""Recipients named in a question; of more it gives the number."""
_NAME = 60


class Sending(QObject):
    """Sends what the composer asks for. For several recipients it asks first, and sends to those it asked about."""

    def __init__(
        self, engine: EngineThread, desk: CaptureDesk, panes: Panes, selection: Selection, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._desk = desk
        self._connections = panes.connections.connection_model
        self._composer = composer = panes.composer
        self._selection = selection
        self._banner = shell.banner
        self._icons = shell.look.icons
        self._window = shell.window
        composer.send_requested.connect(self._ask)
        engine.sent.connect(self._sent)
        shell.actions.connect_each(
            {
                ActionId.SEND: composer.send,
                ActionId.SEND_ALL: composer.send_to_all,
                ActionId.SEND_HERE: self._address_selected,
                ActionId.CHOOSE_TARGET: composer.targets.showPopup,
            }
        )

    def refresh(self) -> None:
        """Update after changes of the list of connections, or of the bytes waiting for peers."""
        if self._desk.shows_live:
            self._composer.refresh()
            record = self._composer.targets.record
            self._composer.set_queued(0 if record is None else self._connections.queued(record.id))

    def went_to(self, connection: int) -> None:
        """The person went to a connection in the list."""
        if self._desk.shows_live:
            self._composer.went_to(connection)

    def _address_selected(self) -> None:
        record = self._selection.connection
        if record is None or not record.is_open:
            self._banner.say(Tone.NOTE, self.tr("No open connection is selected. Select the one to send to."))
            return
        self._composer.address(record.id)
        self._composer.editor.setFocus()

    def _ask(self, order: SendOrder) -> None:
        count = len(order.recipients)
        if count <= 1:
            self._send(order)
            return
        question = Question(
            self.tr("Send to all"),
            self.tr("Send this to {0} connections?").format(grouped(count)),
            self._names(order.recipients),
            self._icons,
            self._window,
        )
        words = self.tr("&Send to {0}").format(grouped(count))
        question.add(words, QMessageBox.ButtonRole.AcceptRole, lambda: self._send(order))
        question.open()

    def _names(self, recipients: tuple[int, ...]) -> str:
        named = recipients if len(recipients) <= _NAMED + 1 else recipients[:_NAMED]
        lines = [f"#{each} {cut_path(self._connections.name(each), _NAME)}" for each in named]
        if more := len(recipients) - len(named):
            lines.append(self.tr("and {0} more").format(grouped(more)))
        lines += ["", self.tr("Connections that open meanwhile get nothing.")]
        return "\n".join(lines)

    def _send(self, order: SendOrder) -> None:
        request = self._engine.send_to(self.targets_of(order), order.outgoing)
        self._composer.await_result(request, order)

    def targets_of(self, order: SendOrder) -> list[Target]:
        """Who gets it: connections, each with its side."""
        return self.targets_at(order.recipients, order.toward)

    def targets_at(self, connections: tuple[int, ...], side: Role | None) -> list[Target]:
        """That side of each connection; None for whoever is at the other end of it."""
        toward = self._connections.toward
        return [Target(each, toward(each) if side is None else side) for each in connections]

    def _sent(self, result: SendResult) -> None:
        if result.error is None:
            self._composer.show_sent(result.request_id, result.count)
        else:
            self._composer.show_error(result.error, result.request_id)
