"""What the person looks at: one connection or all, and one frame. Feeds the details."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from app.captures.desk import CaptureDesk
from app.logic.rows import BEHIND_ALL_FRAMES
from app.logic.shown_frame import shown_frame
from app.logic.shown_handshake import ShownHandshake, read_handshake
from app.logic.text import grouped
from app.views.panes import Panes
from core.capture.records import ConnectionRecord, Problem, View
from core.errors import CaptureError
from core.protocol.handling import UNTOUCHED


class Selection(QObject):
    """Follows the two lists, and reads what they point at from the capture."""

    problem = Signal(str)
    """The capture cannot be read; a sentence."""
    note = Signal(str)
    """A sentence that is not about a problem."""
    control_wanted = Signal()
    """A control frame should be shown while they are hidden."""
    view_changed = Signal()
    """The frame table shows other frames, or the state of the connection has changed."""

    def __init__(self, desk: CaptureDesk, panes: Panes, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._connections = panes.connections
        self._frames = panes.frames
        self._details = panes.details
        self._control = True
        self._connection: ConnectionRecord | None = None
        self._frame_connection: int | None = None
        self._shown: int | None = None
        """Id of the frame shown in the details."""
        self._shown_handling = UNTOUCHED
        # Holding ↓ passes many frames; only the one it stops at is read.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self._show_frame)
        self._connections.chosen.connect(self._choose)
        self._frames.current_frame_changed.connect(self._settle.start)
        self._frames.current_went.connect(self._say_gone)
        self._frames.frame_model.handled.connect(self._look_again)
        self._details.frame_requested.connect(self._go_beside)

    @property
    def connection(self) -> ConnectionRecord | None:
        """The connection shown in the details."""
        return self._connection

    @property
    def view(self) -> View:
        return View(self._connections.chosen_connection, self._control)

    def show_control(self, shown: bool) -> None:
        """Show or hide control frames."""
        self._control = shown
        self._set_view()

    def refresh(self) -> None:
        """The capture has grown: the connection may have another state."""
        wanted = self._connections.chosen_connection
        if wanted is None:
            wanted = self._frame_connection
        reader = self._desk.reader
        record: ConnectionRecord | None = None
        handshake: ShownHandshake | None = None
        if wanted is not None and reader is not None:
            try:
                record = reader.connection(wanted)
                if record is not None and record != self._connection:
                    handshake = read_handshake(reader, record)
            except CaptureError as error:
                self.problem.emit(str(error))
                return
        if record != self._connection:
            self._connection = record
            self._details.show_handshake(handshake)
            self.view_changed.emit()

    def toggle_only_connection(self) -> None:
        """Show only the connection of the selected frame; if one is shown already, show all."""
        if self._connections.chosen_connection is not None:
            self._connections.choose(None)
        elif self._connection is not None:
            self._connections.choose(self._connection.id)
        else:
            self.note.emit(self.tr("No frame is selected. Select one of the connection to show."))

    def reload(self) -> None:
        """Read everything anew, because another capture is shown."""
        self._frame_connection = None
        self._set_view()
        self._show_frame()

    def go_to_next_violation(self) -> None:
        """Select the next frame of the view after the selected one that breaks a rule."""
        reader = self._desk.reader
        if reader is not None:
            after = self._frames.current_frame or 0
            self._go_on(
                lambda: reader.next_violation(self.view, after),
                self.tr("No frame after the selected one breaks a rule."),
            )

    def go_to_previous_violation(self) -> None:
        """Select the previous frame of the view before the selected one that breaks a rule."""
        reader = self._desk.reader
        if reader is not None:
            before = self._frames.current_frame or BEHIND_ALL_FRAMES
            self._go_on(
                lambda: reader.previous_violation(self.view, before),
                self.tr("No frame before the selected one breaks a rule."),
            )

    def go_to_problem(self, problem: Problem) -> None:
        """Show the bytes that broke a rule, and choose whatever is needed for that."""
        if problem.frame is None:
            self._connections.choose(problem.connection)
            self.refresh()
            self._details.show_handshake_violation(problem)
            return
        if self.go_to_frame(problem.frame, problem.connection):
            self._settle.stop()
            self._show_frame()
            self._details.show_frame_violation(problem.violation)

    def go_to_frame(self, frame_id: int, connection: int) -> bool:
        """Select a frame, and choose whatever is needed for that; if it is not in the list, say so."""
        if self._connections.chosen_connection not in (None, connection):
            self._connections.choose(connection)
        if self._frames.go_to_frame(frame_id):
            return True
        if not self._control:
            self.control_wanted.emit()
            if self._frames.go_to_frame(frame_id):
                return True
        self._say_missing(frame_id)
        return False

    def _go_beside(self, frame_id: int) -> None:
        """Go to another frame of the connection in the details."""
        if self._frame_connection is not None:
            self.go_to_frame(frame_id, self._frame_connection)

    def _go_on(self, find: Callable[[], int | None], sorry: str) -> None:
        try:
            found = find()
        except CaptureError as error:
            self.problem.emit(str(error))
            return
        if found is None:
            self.note.emit(sorry)
        elif not self._frames.go_to_frame(found):
            self._say_missing(found)

    def _say_missing(self, frame_id: int) -> None:
        text = self.tr(
            "Frame {number} is not in the list: the filter hides it, it came after the list was frozen, or is gone."
        )
        self.note.emit(text.format(number=frame_id))

    def _choose(self) -> None:
        self._set_view()
        self.refresh()

    def _set_view(self) -> None:
        self._frames.set_view(self.view)
        self.view_changed.emit()

    def _say_gone(self) -> None:
        if self._shown is not None:
            text = self.tr("Frame {number} is gone: the capture keeps only the newest frames.")
            self.note.emit(text.format(number=grouped(self._shown)))

    def _look_again(self) -> None:
        """Something was decided of frames: perhaps of the one in the details."""
        reader = self._desk.reader
        if self._shown is None or reader is None:
            return
        try:
            handling = reader.handlings.of(self._shown)
        except CaptureError as error:
            self.problem.emit(str(error))
            return
        if handling is not None and handling != self._shown_handling:
            self._show_frame()

    def _show_frame(self) -> None:
        frame_id = self._shown = self._frames.current_frame
        reader = self._desk.reader
        shown = None
        if frame_id is not None and reader is not None:
            try:
                shown = shown_frame(reader, frame_id)
            except CaptureError as error:
                self.problem.emit(str(error))
        self._frame_connection = None if shown is None else shown.outline.row.connection
        self._shown_handling = UNTOUCHED if shown is None else shown.outline.row.handling
        self._details.show_frame(shown)
        self.refresh()
