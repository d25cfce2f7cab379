"""Commands on the selected connection."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.actions.registry import ActionId
from app.captures.commands import CaptureCommands
from app.captures.desk import CaptureDesk
from app.frames.selection import Selection
from app.logic.repeated_handshake import repeated
from app.runtime.engine_thread import EngineThread
from app.sources.controls import EngineControls
from app.sources.sources import Sources
from app.views.bars.banner import Tone
from app.views.shell import Shell
from core.capture.records import Mode
from core.errors import UnmaskError


class ConnectionCommands(QObject):
    """Closes it, clears it, repeats its handshake, and admits pages of its origin."""

    def __init__(
        self,
        engine: EngineThread,
        commands: CaptureCommands,
        controls: EngineControls,
        sources: Sources,
        desk: CaptureDesk,
        selection: Selection,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._sources = sources
        self._desk = desk
        self._selection = selection
        self._banner = shell.banner
        shell.actions.connect_each(
            {
                ActionId.DISCONNECT: self._disconnect,
                ActionId.CONNECT_LIKE: self._connect_like,
                ActionId.CLEAR_CONNECTION: lambda: commands.ask_clear_connection(selection.connection),
                ActionId.ALLOW_ORIGIN: lambda: controls.allow_origin(selection.connection),
            }
        )

    def _disconnect(self) -> None:
        target = self._selection.connection
        if target is None:
            sentence = self.tr("No connection is selected. Select the one to disconnect.")
            self._banner.say(Tone.NOTE, sentence)
        else:
            self._engine.disconnect_peer(target.id)

    def _connect_like(self) -> None:
        record, reader = self._selection.connection, self._desk.reader
        if record is None or reader is None:
            self._banner.say(Tone.NOTE, self.tr("No connection is selected. Select the one to repeat."))
            return
        try:
            found = repeated(record, reader.heads(record.id), reader.legs(record.id))
        except UnmaskError as error:
            self._banner.say(Tone.WARNING, str(error))
            return
        notes = [self.tr("This is the request of connection #{0}.").format(record.id)]
        if found.was_for_us:
            notes.append(self.tr("It was sent to Unmask itself: write the URL of your server."))
        if found.is_masked:
            notes.append(self.tr("Its secrets were recorded as asterisks: put them in again."))
        self._sources.ask_new(Mode.CONNECT, found.draft, note=" ".join(notes))
