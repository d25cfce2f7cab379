"""Options of the frame list: control frames or not, following or frozen, time format."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.actions.registry import ActionId
from app.frames.selection import Selection
from app.logic.frame_lines import TimeFormat
from app.settings import Settings
from app.views.panes import Panes
from app.views.shell import Shell


class ViewOptions(QObject):
    """Keeps the switches of the View menu, the list and the settings consistent."""

    def __init__(self, settings: Settings, panes: Panes, selection: Selection, shell: Shell) -> None:
        super().__init__(shell.window)
        self._settings = settings
        self._model = panes.frames.frame_model
        self._selection = selection
        self._control = shell.actions[ActionId.SHOW_CONTROL]
        self._follow = shell.actions[ActionId.FOLLOW]
        self._control.toggled.connect(self._set_control)
        self._follow.triggered.connect(panes.frames.set_following)
        panes.frames.following_changed.connect(self._follow.setChecked)
        selection.control_wanted.connect(lambda: self._control.setChecked(True))
        shell.actions[ActionId.FREEZE].toggled.connect(self._model.set_frozen)
        shell.actions[ActionId.TIME_FORMAT].triggered.connect(self._next_time_format)
        shell.actions[ActionId.ONLY_CONNECTION].triggered.connect(selection.toggle_only_connection)

    def restore(self) -> None:
        """Restore the options of the last run."""
        shown = self._settings.show_control
        self._model.set_time_format(self._settings.time_format)
        self._follow.setChecked(True)
        self._control.setChecked(shown)
        self._selection.show_control(shown)

    def _set_control(self, shown: bool) -> None:
        self._settings.show_control = shown
        self._selection.show_control(shown)

    def _next_time_format(self) -> None:
        formats = list(TimeFormat)
        chosen = formats[(formats.index(self._model.time_format) + 1) % len(formats)]
        self._settings.time_format = chosen
        self._model.set_time_format(chosen)
