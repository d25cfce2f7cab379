"""Passes the switches of the tool bar and the settings dialog to settings and engine."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QPushButton

from app.actions.registry import ActionId
from app.dialogs.settings_dialog import SettingsDialog
from app.logic.text import one_line
from app.look.theme import ThemeChoice
from app.runtime.engine_thread import EngineThread
from app.settings import Settings
from app.sources.listening import Listening
from app.views.bars.banner import Tone
from app.views.shell import Shell
from core.capture.records import ConnectionRecord
from core.errors import AddressError
from core.net.settings import EngineSettings, parse_origin
from core.protocol.violations import Judgement


class EngineControls(QObject):
    """Keeps switches, settings and engine consistent."""

    note = Signal(str)
    """A sentence that is not about a problem."""

    def __init__(self, engine: EngineThread, settings: Settings, listening: Listening, shell: Shell) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._settings = settings
        self._actions = actions = shell.actions
        self._theme = shell.look.theme
        self._listening = listening
        self._banner = shell.banner
        self._window = shell.window
        self._show()
        actions[ActionId.TOLERANT].toggled.connect(self._set_tolerant)
        actions[ActionId.ONLY_ORIGINS].toggled.connect(self._set_only_origins)
        actions[ActionId.SETTINGS].triggered.connect(lambda: self.show_settings())
        actions[ActionId.THEME].triggered.connect(lambda: self._turn_theme())

    def allow_origin(self, connection: ConnectionRecord | None) -> None:
        """Add the Origin of a connection to the list."""
        if connection is None or connection.origin is None:
            self.note.emit(self.tr("No connection with an Origin is selected."))
            return
        try:
            allowed = parse_origin(connection.origin)
        except AddressError as error:
            self.note.emit(str(error))
            return
        self._settings.origins = tuple(dict.fromkeys((*self._settings.origins, allowed)))
        self._engine.set_settings(self._settings.engine)
        text = self.tr("{origin} is on the list of origins that may connect.")
        if self._settings.engine.allowed_origins is None:
            text += " " + self.tr("All may at present: switch on “Only allowed origins” to refuse others.")
        self._say(text.format(origin=one_line(allowed)))

    def show_settings(self) -> None:
        """Open the settings; accepted changes take effect at once."""
        dialog = SettingsDialog(self._settings, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._take(dialog))
        dialog.open()

    def _set_tolerant(self, on: bool) -> None:
        judgement = Judgement.TOLERANT if on else Judgement.STRICT
        self._settings.set_judgement(judgement)
        self._engine.set_judgement(judgement)

    def _set_only_origins(self, on: bool) -> None:
        listed = self._settings.origins
        if on == (self._settings.engine.allowed_origins is not None):
            return
        self._apply(replace(self._settings.engine, allowed_origins=listed if on else None))
        if on and listed:
            text = self.tr("From now on, only pages of these origins may connect: {origins}.")
            self._say(text.format(origins=", ".join(listed)))
        elif on:
            self._say(
                self.tr(
                    "From now on no web page may connect: the list of origins is empty. Other programs may."
                )
            )

    def _say(self, sentence: str) -> None:
        """Show a sentence with a button that opens the settings."""
        edit = QPushButton(self.tr("&Edit…"))
        edit.clicked.connect(self._actions[ActionId.SETTINGS].trigger)
        self._banner.say(Tone.NOTE, sentence, edit)

    def _turn_theme(self) -> None:
        choice = ThemeChoice.LIGHT if self._theme.is_dark else ThemeChoice.DARK
        self._settings.theme = choice
        self._theme.set_choice(choice)

    def _take(self, dialog: SettingsDialog) -> None:
        address, before = dialog.address, self._settings.address
        self._settings.origins = dialog.origins
        self._settings.theme = dialog.theme
        self._theme.set_choice(dialog.theme)
        self._apply(dialog.engine)
        self._show()
        if address != before:
            self._listening.move_to(address)

    def _apply(self, engine: EngineSettings) -> None:
        self._settings.engine = engine
        self._engine.set_settings(engine)

    def _show(self) -> None:
        engine = self._settings.engine
        self._actions[ActionId.TOLERANT].setChecked(engine.judgement is Judgement.TOLERANT)
        self._actions[ActionId.ONLY_ORIGINS].setChecked(engine.allowed_origins is not None)
