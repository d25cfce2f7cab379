"""Puts what was seen, or kept, into the composer: to be edited and sent again."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.dialogs.messages_dialog import MessagesDialog
from app.frames.repeating import Repeating
from app.logic.compose import ComposeKind, Draft
from app.logic.raw_draft import frame_draft
from app.logic.resending import MOST_STEPS, can_be_written, draft_of, sequence_of
from app.logic.saved_messages import (
    SavedMessage,
    filled,
    names_filled,
    with_message,
    without_message,
)
from app.logic.text import count_bytes
from app.settings import Settings
from app.views.bars.banner import Tone
from app.views.panes import Panes
from app.views.shell import Shell
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.errors import CaptureError, UnmaskError

_LARGEST = 1024 * 1024
"""Bytes of a message that an editor is given."""


class Resending(QObject):
    """Edit and resend, sequences, and saved messages."""

    def __init__(
        self, desk: CaptureDesk, settings: Settings, panes: Panes, repeating: Repeating, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._desk = desk
        self._settings = settings
        self._frames = panes.frames
        self._composer = panes.composer
        self._repeating = repeating
        self._banner = shell.banner
        self._shell = shell
        self._dialog: MessagesDialog | None = None
        shell.actions.connect_each(
            {
                ActionId.EDIT_AND_RESEND: self.edit,
                ActionId.EDIT_RAW: self.edit_raw,
                ActionId.SEND_SEQUENCE: self.send_sequence,
                ActionId.MESSAGES: self.open_messages,
            }
        )

    @property
    def dialog(self) -> MessagesDialog | None:
        """The saved messages, open or not; None before they were first opened."""
        return self._dialog

    def edit(self) -> None:
        """Put the message of the current frame into the composer; several selected frames are a sequence."""
        if self._frames.selected_count() > 1:
            self.send_sequence()
            return
        record = self._current()
        if record is None:
            return
        if not can_be_written(record):
            self._composer.compose_raw(frame_draft(record.frame))
            words = self.tr("No correct sender could send this by itself, so it is a raw frame now.")
            self._banner.say(Tone.NOTE, words)
        else:
            self._composer.compose(draft_of(record))

    def edit_raw(self) -> None:
        """Put the current frame into the composer bit by bit."""
        record = self._current()
        if record is not None:
            self._composer.compose_raw(frame_draft(record.frame))

    def send_sequence(self) -> None:
        """Ask how the selected frames are sent again."""
        reader = self._desk.reader
        ids = self._frames.selected_frames(MOST_STEPS + 1)
        if reader is None or not ids:
            self._banner.say(Tone.NOTE, self.tr("No frame is selected. Select those to send again."))
            return
        try:
            sequence = sequence_of(reader.frames(ids))
        except UnmaskError as error:
            self._banner.say(Tone.WARNING, str(error))
            return
        if not sequence.steps:
            words = self.tr(
                "None of the selected frames ends a message, so that there is nothing to send again."
            )
            self._banner.say(Tone.NOTE, words)
            return
        self._repeating.ask_sequence(sequence)

    # Saved messages.

    def open_messages(self) -> None:
        """Show the saved messages."""
        if self._dialog is None:
            dialog = self._dialog = MessagesDialog(self._shell.look, self._shell.window)
            dialog.use_wanted.connect(self._use)
            dialog.keep_wanted.connect(self._keep)
            dialog.remove_wanted.connect(self._remove)
        self._dialog.set_messages(self._settings.saved_messages)
        self._dialog.say("")
        self._dialog.open()
        self._dialog.search.setFocus()

    def _use(self, message: SavedMessage) -> None:
        """Put a kept message into the composer, with the values of the variables that it names."""
        known = self._settings.saved_connections.by_name
        if message.raw is not None:
            raw = replace(message.raw, text=filled(message.raw.text, known))
            self._composer.compose_raw(raw)
        else:
            text = filled(message.text, known)
            self._composer.compose(Draft(message.kind, text, message.code))
        names = names_filled(message.text if message.raw is None else message.raw.text, known)
        if names:
            words = self.tr("Filled in: {0}.")
            self._banner.say(Tone.NOTE, words.format(", ".join(f"{{{name}}}" for name in names)))

    def _keep(self, name: str, folder: str) -> None:
        assert self._dialog is not None
        try:
            message = self._composer.written(name, folder)
            if (
                message.kind is not ComposeKind.RAW
                and not message.text
                and message.kind is not ComposeKind.CLOSE
            ):
                self._dialog.say(self.tr("Nothing stands in the composer."))
                return
            kept = with_message(self._settings.saved_messages, message)
        except UnmaskError as error:
            self._dialog.say(str(error))
            return
        self._settings.saved_messages = kept
        self._dialog.set_messages(kept)
        self._dialog.choose(message.place)
        self._dialog.say(self.tr("Kept as {0}.").format(name))

    def _remove(self, message: SavedMessage) -> None:
        assert self._dialog is not None
        kept = without_message(self._settings.saved_messages, message.place)
        self._settings.saved_messages = kept
        self._dialog.set_messages(kept)
        self._dialog.say(self.tr("Removed {0}.").format(message.name))

    # Frames.

    def _current(self) -> FrameRecord | None:
        """The current frame, if an editor can take it."""
        frame, reader = self._frames.current_frame, self._desk.reader
        if frame is None or reader is None:
            self._banner.say(Tone.NOTE, self.tr("No frame is selected. Select the one to send again."))
            return None
        try:
            return self._read(reader, frame)
        except CaptureError as error:
            self._banner.say(Tone.ERROR, str(error))
            return None

    def _read(self, reader: CaptureReader, frame: int) -> FrameRecord | None:
        length = reader.pieces.content_length(frame)
        if length > _LARGEST:
            words = self.tr(
                "It has {0}, too much for an editor. Save its payload in the Message tab, and send the file."
            )
            self._banner.say(Tone.WARNING, words.format(count_bytes(length)))
            return None
        return reader.frame(frame)
