"""Bookmarks and notes: stores them in the shown capture, whether it is being recorded or was opened."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton

from app.actions.menus import mark_menu
from app.actions.registry import ActionId
from app.captures.workplace import Workplace
from app.dialogs.note_dialog import NoteDialog
from app.dialogs.question import Question
from app.filters.filtering import Filtering
from app.frames.selection import Selection
from app.logic.rows import BEHIND_ALL_FRAMES
from app.logic.text import counted, grouped
from app.models.marks import MarkModel
from app.runtime.engine_thread import EngineThread
from app.views.bars.banner import Tone
from app.views.panes import Panes
from app.views.shell import Shell
from app.views.sides.mark_list import MarkList
from core.capture.marks import DropAllMarks, DropMarks, KeepMarks, Mark, MarkChange, change_marks_of
from core.errors import CaptureError
from core.query.frame_fields import mark_fields

AT_ONCE = 1000
"""Frames that can be bookmarked at once."""
_MOST_TRIED = 1000
"""Bookmarks examined on the way to the next one that is shown."""
_MOST_WAITING = 100
_OF_MARKS = frozenset(each.name for each in mark_fields())


class Marking(QObject):
    """Owns the list of bookmarks, and carries out their actions."""

    def __init__(
        self,
        engine: EngineThread,
        work: Workplace,
        panes: Panes,
        selection: Selection,
        filtering: Filtering,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._desk = work.desk
        self._jobs = work.jobs
        self._frames = panes.frames
        self._sides = panes.sides
        self._selection = selection
        self._banner = shell.banner
        self._actions = shell.actions
        self._icons = shell.look.icons
        self._window = shell.window
        self._waiting: deque[tuple[Path, MarkChange]] = deque()
        """Changes to be written into opened captures, in this order."""
        self._writing = False
        self.model = MarkModel(self)
        self.list = MarkList(self.model, shell.actions, shell.look)
        self._sides.add_marks(self.list)
        self._frames.set_marks(self.model)
        self.model.changed.connect(self._show_count)
        self.model.edited.connect(partial(filtering.ask_anew_of, _OF_MARKS))
        self.model.failed.connect(lambda sentence: shell.banner.say(Tone.ERROR, sentence))
        self.list.chosen.connect(self._go_to)
        self.list.context_menu_requested.connect(self._show_menu)
        work.refresher.due.connect(self.model.refresh)
        work.desk.reader_changed.connect(self._take_reader)
        shell.actions.connect_each(
            {
                ActionId.TOGGLE_MARK: self.toggle,
                ActionId.EDIT_NOTE: self.edit_note,
                ActionId.NEXT_MARK: self.go_to_next,
                ActionId.PREVIOUS_MARK: self.go_to_previous,
                ActionId.REMOVE_MARKS: self.ask_remove_all,
                ActionId.FOCUS_MARKS: lambda: self._sides.show_page(self.list),
            }
        )
        self._show_count()
        self._take_reader()

    # The actions.

    def toggle(self) -> None:
        """Bookmark the selected frames; if all of them are bookmarked, remove the bookmarks."""
        frames = self._frames.selected_frames(AT_ONCE)
        if not frames:
            self._note(self.tr("No frame is selected. Select the one to bookmark."))
            return
        left = self._frames.selected_count() - len(frames)
        if left > 0:
            text = self.tr("The first {count} of the selected frames are taken; select fewer for the others.")
            self._note(text.format(count=grouped(len(frames))))
        new = tuple(Mark(each, "") for each in frames if self.model.row_of(each) is None)
        if new:
            self._change(self._target(), KeepMarks(new))
        else:
            self._remove(frames)

    def edit_note(self) -> None:
        """Ask for the note on the selected frame, which also bookmarks it."""
        frame_id = self._frames.current_frame
        if frame_id is None:
            self._note(self.tr("No frame is selected. Select the one to write a note on."))
            return
        # Another capture may be shown while the dialog is open.
        target = self._target()
        dialog = NoteDialog(frame_id, self.model.note(frame_id) or "", self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._keep_note(target, Mark(frame_id, dialog.note)))
        dialog.open()

    def go_to_next(self) -> None:
        """Select the next bookmarked frame of the list after the selected one."""
        self._go_on(
            self.model.frames_after(self._frames.current_frame or 0),
            self.tr("No frame after the selected one is bookmarked."),
        )

    def go_to_previous(self) -> None:
        """Select the previous bookmarked frame of the list before the selected one."""
        self._go_on(
            self.model.frames_before(self._frames.current_frame or BEHIND_ALL_FRAMES),
            self.tr("No frame before the selected one is bookmarked."),
        )

    def ask_remove_all(self) -> None:
        """Ask, and remove all bookmarks of the shown capture."""
        count = self.model.rowCount()
        if not count:
            self._note(self.tr("No frame is bookmarked."))
            return
        target = self._target()
        one = self.tr("The bookmark of this capture is removed, with its note.")
        many = self.tr("All {count} bookmarks of this capture are removed, with their notes.")
        box = Question(
            self.tr("Remove all bookmarks"),
            counted(count, one, many),
            self.tr("They cannot be brought back. The frames stay."),
            self._icons,
            self._window,
        )
        remove = self.tr("&Remove")
        box.add(remove, QMessageBox.ButtonRole.DestructiveRole, lambda: self._change(target, DropAllMarks()))
        box.open()

    # Internals.

    def _keep_note(self, target: Path | None, mark: Mark) -> None:
        """Offer the text again if the frame was dropped while it was written."""
        reader = self._desk.reader
        if target is None and self._desk.shows_live and reader is not None and mark.note:
            try:
                gone = mark.frame < reader.first_frame_id()
            except CaptureError:
                # The recorder reports other errors itself.
                gone = False
            if gone:
                copy = QPushButton(self.tr("&Copy the note"))
                copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(mark.note))
                text = self.tr("Frame {number} is gone, and no note can be kept on it.")
                self._note(text.format(number=grouped(mark.frame)), copy)
                return
        self._change(target, KeepMarks((mark,)))

    def _remove(self, frames: list[int]) -> None:
        """Remove bookmarks; their notes can be restored."""
        target = self._target()
        before = KeepMarks(tuple(Mark(each, self.model.note(each) or "") for each in frames))
        self._change(target, DropMarks(tuple(frames)))
        noted = sum(mark.note != "" for mark in before.marks)
        if noted:
            one, many = self.tr("A note was removed."), self.tr("{count} notes were removed.")
            self._note(counted(noted, one, many), self._undo_button(lambda: self._change(target, before)))

    def _undo_button(self, undo: Callable[[], None]) -> QPushButton:
        button = QPushButton(self.tr("&Undo"))
        button.clicked.connect(lambda: undo())
        button.clicked.connect(self._banner.dismiss)
        return button

    def _go_on(self, frames: Iterator[int], sorry: str) -> None:
        hidden = False
        for _, frame_id in zip(range(_MOST_TRIED), frames, strict=False):
            if self._frames.go_to_frame(frame_id):
                return
            hidden = True
        self._note(self.tr("The bookmarked frames there are not in the list.") if hidden else sorry)

    def _go_to(self, row: int) -> None:
        found = self.model.line(row)
        if found is not None and found.line is not None:
            self._selection.go_to_frame(found.mark.frame, found.line.row.connection)

    def _show_menu(self, position: QPoint) -> None:
        menu = mark_menu(self._window, self._actions)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(position)

    def _take_reader(self) -> None:
        self.model.set_reader(self._desk.reader)

    def _show_count(self) -> None:
        self._sides.set_count(self.list, self.model.rowCount())
        self._actions[ActionId.REMOVE_MARKS].setEnabled(self.model.rowCount() > 0)

    def _note(self, sentence: str, *buttons: QPushButton) -> None:
        self._banner.say(Tone.NOTE, sentence, *buttons)

    # Writing.

    def _target(self) -> Path | None:
        """The opened capture that is shown; None if it is the one being recorded."""
        reader = self._desk.reader
        return None if self._desk.shows_live or reader is None else reader.path

    def _change(self, target: Path | None, change: MarkChange) -> None:
        if target is None:
            self._engine.change_marks(change)
            return
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append((target, change))
        self._write_next()

    def _write_next(self) -> None:
        """Write the next change on another thread, because a file may be slow or locked by others."""
        if self._writing or not self._waiting:
            return
        path, change = self._waiting.popleft()
        self._writing = self._jobs.run(
            lambda: change_marks_of(path, change),
            lambda _: self._written(),
            self._not_written,
        )
        if not self._writing:
            self._waiting.clear()
            self._banner.say(Tone.ERROR, self._jobs.refusal())

    def _written(self) -> None:
        self._writing = False
        self.model.refresh()
        self._write_next()

    def _not_written(self, error: Exception) -> None:
        self._banner.say(Tone.ERROR, str(error))
        self._written()
