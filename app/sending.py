"""From the composer to the engine, and what came of it back to the composer."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.capture_desk import CaptureDesk
from app.engine_thread import EngineThread
from app.models.connections import ConnectionModel
from app.views.composer import Composer
from core.net.host import SendResult
from core.net.outgoing import Outgoing


class Sending(QObject):
    """Sends what the composer asks for."""

    def __init__(
        self,
        engine: EngineThread,
        desk: CaptureDesk,
        connections: ConnectionModel,
        composer: Composer,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._desk = desk
        self._connections = connections
        self._composer = composer
        composer.send_requested.connect(self._send)
        engine.sent.connect(self._sent)

    def refresh(self) -> None:
        """The list of connections is another one, or what waits for their peers."""
        model, composer = self._connections, self._composer
        composer.set_open_count(model.open_count if self._desk.shows_live else 0)
        target = composer.target
        composer.set_queued(0 if target is None else model.queued(target.id))

    def _send(self, outgoing: Outgoing, to_all: bool) -> None:
        target = self._composer.target
        if to_all or target is not None:
            to = None if to_all or target is None else target.id
            self._composer.await_result(self._engine.send(to, outgoing))

    def _sent(self, result: SendResult) -> None:
        if result.error is None:
            self._composer.show_sent(result.request_id)
        else:
            self._composer.show_error(result.error, result.request_id)
