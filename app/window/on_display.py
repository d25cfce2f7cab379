"""Shows a capture: in the lists, in the title of the window, and in the available actions."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton

from app.actions.ids import OF_LIVE_CAPTURE
from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.captures.recovery import Recovery
from app.frames.selection import Selection
from app.views.bars.banner import Tone
from app.views.bars.status_bar import StatusBar
from app.views.panes import Panes
from app.views.shell import Shell
from app.window.layout import WindowLayout


class OnDisplay(QObject):
    """Follows the desk."""

    def __init__(
        self,
        desk: CaptureDesk,
        panes: Panes,
        selection: Selection,
        status: StatusBar,
        layout: WindowLayout,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._desk = desk
        self._panes = panes
        self._selection = selection
        self._status = status
        self._layout = layout
        self._shell = shell
        desk.reader_changed.connect(self.take_reader)
        desk.state_changed.connect(self._show_state)
        shell.actions[ActionId.SHOW_LIVE].triggered.connect(self._show_live)

    def take_reader(self) -> None:
        """Fill the lists from the capture that the desk has now."""
        panes, reader = self._panes, self._desk.reader
        chosen, frame = panes.connections.chosen_connection, panes.frames.current_frame
        if not self._desk.kept_numbers:
            # In another capture the same numbers mean other connections and frames.
            chosen = frame = None
        panes.connections.connection_model.set_reader(reader)
        panes.frames.frame_model.set_reader(reader)
        panes.problems.problem_model.set_reader(reader)
        self._selection.reload()
        panes.connections.choose(chosen)
        if frame is not None:
            panes.frames.go_to_frame(frame)
        self._show_state()

    def offer_to_save(self, recovery: Recovery, path: Path) -> None:
        """Say that an unsaved capture of an earlier run is shown, with a button that saves it."""
        save = QPushButton(self.tr("&Save as…"))
        save.clicked.connect(lambda: recovery.save(path))
        sentence = self.tr("This capture of an earlier run is not saved yet.")
        self._shell.banner.say(Tone.NOTE, sentence, save, self._back_button())

    def _show_live(self) -> None:
        self._shell.banner.dismiss()
        self._desk.show_live()

    def _back_button(self) -> QPushButton:
        back = QPushButton(self.tr("&Back to the live capture"))
        back.clicked.connect(self._shell.actions[ActionId.SHOW_LIVE].trigger)
        return back

    def _show_state(self) -> None:
        self._status.set_capture(self._desk.state, self._desk.name)
        live = self._desk.shows_live
        name = self._desk.name if not live or self._desk.live_saved else self.tr("Unsaved capture")
        self._shell.window.setWindowTitle(self.tr("{name} – Unmask").format(name=name))
        self._layout.show_composer(shown=live)
        self._shell.actions[ActionId.SHOW_LIVE].setEnabled(not live)
        if not live:
            text = self.tr("You are looking at {name}. The live one is recorded meanwhile; send from there.")
            self._shell.banner.say(Tone.NOTE, text.format(name=self._desk.name), self._back_button())
        for identity in OF_LIVE_CAPTURE:
            self._shell.actions[identity].setEnabled(live)
