"""Moves through the window and the capture: to a part, a frame or a time, and from one broken rule to the next."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.dialogs.go_to_dialog import GoToDialog
from app.frames.selection import Selection
from app.logic.text import grouped
from app.views.bars.banner import Tone
from app.views.panes import Panes
from app.views.shell import Shell
from core.errors import CallerError, CaptureError
from core.query.places import Destination, find_place, read_place


class Navigation(QObject):
    """The Go menu, except bookmarks and hits."""

    def __init__(self, desk: CaptureDesk, panes: Panes, selection: Selection, shell: Shell) -> None:
        super().__init__(shell.window)
        self._desk = desk
        self._model = panes.frames.frame_model
        self._frames = panes.frames
        self._banner = shell.banner
        self._window = shell.window
        shell.actions.connect_each(
            {
                ActionId.GO_TOP: panes.frames.go_to_first,
                ActionId.GO_BOTTOM: panes.frames.go_to_last,
                ActionId.GO_TO: self.ask,
                ActionId.NEXT_VIOLATION: selection.go_to_next_violation,
                ActionId.PREVIOUS_VIOLATION: selection.go_to_previous_violation,
                ActionId.FOCUS_FRAMES: panes.frames.setFocus,
                ActionId.FOCUS_DETAILS: panes.details.setFocus,
                ActionId.FOCUS_COMPOSER: panes.composer.editor.setFocus,
            }
        )

    def ask(self) -> None:
        """Ask where to go, and go there."""
        dialog = GoToDialog(self._find, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self.go)
        dialog.open()

    def go(self, destination: Destination) -> None:
        """Select that frame; if it is not in the list, the next one that is, with a remark."""
        row = self._model.row_from(destination.frame)
        if row is None:
            self._banner.say(Tone.NOTE, self.tr("The list has no frames at present."))
            return
        self._frames.go_to_row(row)
        self._frames.setFocus()
        near = self._frames.current_frame
        if near is not None and near != destination.frame:
            text = self.tr("Frame {number} is not in the list: {why}. Frame {near} is the nearest that is.")
            numbers = {"number": grouped(destination.frame), "near": grouped(near)}
            self._banner.say(Tone.NOTE, text.format(why=self._why_hidden(destination.frame), **numbers))

    def _find(self, text: str) -> Destination:
        reader = self._desk.reader
        if reader is None:
            raise CallerError(self.tr("There is no capture."))
        return find_place(reader, read_place(text), self._frames.current_frame)

    def _why_hidden(self, frame_id: int) -> str:
        reader, view = self._desk.reader, self._model.view
        try:
            rows = [] if reader is None else reader.rows_of((frame_id,))
        except CaptureError:
            rows = []
        if not rows:
            return self.tr("it is gone")
        if view.connection not in (None, rows[0].connection):
            return self.tr("it is of connection #{number}").format(number=rows[0].connection)
        if not view.control and rows[0].head & 0x08:
            return self.tr("control frames are hidden")
        return self.tr("the filter hides it, or the list is frozen")
