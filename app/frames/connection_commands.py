"""Commands on the selected connection."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.actions.registry import ActionId
from app.captures.commands import CaptureCommands
from app.frames.selection import Selection
from app.runtime.engine_thread import EngineThread
from app.sources.controls import EngineControls
from app.views.bars.banner import Tone
from app.views.shell import Shell


class ConnectionCommands(QObject):
    """Closes it, clears it, and admits pages of its origin."""

    def __init__(
        self,
        engine: EngineThread,
        commands: CaptureCommands,
        controls: EngineControls,
        selection: Selection,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._selection = selection
        self._banner = shell.banner
        shell.actions.connect_each(
            {
                ActionId.DISCONNECT: self._disconnect,
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
