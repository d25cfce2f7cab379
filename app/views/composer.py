"""The composer: writes messages and control frames and says what is wrong with them before they are sent."""

from __future__ import annotations

import os
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.compose import ComposeKind, Draft, build, file_size
from app.icons import IconName, Icons
from app.text import count_bytes, grouped
from app.theme import Role, Theme
from app.views.compose_editor import ComposeEditor, History, HistoryEntry
from app.views.compose_pages import ClosePage, FilePage
from core.capture.records import ConnectionRecord
from core.decoders.visible import visible
from core.errors import PayloadError
from core.net.outgoing import Compression, OutgoingClose, OutgoingMessage
from core.sizes import byte_size

MAX_FRAGMENTS = 10_000
_MOST_AWAITED = 256
"""Results that may be awaited; older ones are no longer told apart."""
_CHECK_MS = 120
_TARGET_CHARS = 20
_NARROW = 96
"""Pixels of a box on a small screen."""
"""Pause in typing after which the text is checked."""


class Composer(QWidget):
    """Composes what is sent. It sends nothing itself: `send_requested` asks for it, an answer comes to `show_*`."""

    send_requested = Signal(object, bool)
    """An `Outgoing`, and whether it goes to all open connections and not to the selected one."""

    def __init__(self, theme: Theme, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icons = icons
        self._target: ConnectionRecord | None = None
        self._open_count = 0
        self._queued = 0
        self._all_for_want_of_one = False
        """All open connections are the target because there is no other, and not by the person's choice."""
        self._history = History()
        self._asked: HistoryEntry | None = None
        """What `send_requested` is about."""
        self._awaited: dict[int, HistoryEntry] = {}
        """What was sent and not answered yet, by the number of the request."""
        self._failure = ""
        self._timer = QTimer(self, singleShot=True, interval=_CHECK_MS)
        self._timer.timeout.connect(self._check)
        self._make_controls()
        self._arrange()
        self._connect()
        self._name_frames()
        theme.changed.connect(self._restyle)
        self._restyle()
        self._name_targets()
        self._on_kind()

    # For the window

    @property
    def target(self) -> ConnectionRecord | None:
        """The connection that "to this connection" means."""
        return self._target

    def set_target(self, connection: ConnectionRecord | None) -> None:
        """The connection that "to this connection" means. None: only all open ones can be sent to."""
        before, self._target = self._target, connection
        if _what_counts(before) == _what_counts(connection):
            return
        if before is None or connection is None or before.id != connection.id:
            self._failure = ""
            self._queued = 0
        self._name_targets()
        self._check()

    def set_open_count(self, count: int) -> None:
        """How many connections are open."""
        if count != self._open_count:
            self._open_count = count
            self._name_targets()
            self._check()

    def set_queued(self, count: int) -> None:
        """How many bytes wait for the target, whose peer does not read; 0 where it does."""
        if count != self._queued:
            self._queued = count
            self._check()

    def await_result(self, request: int) -> None:
        """What `send_requested` asks for is under way; its result comes under this number."""
        if self._asked is not None:
            self._awaited[request] = self._asked
            while len(self._awaited) > _MOST_AWAITED:
                self._awaited.pop(next(iter(self._awaited)))

    def show_error(self, sentence: str, request: int | None = None) -> None:
        """Say beside the editor why something was not sent; it stays until the text changes or is sent again."""
        self._failure = sentence
        if request is not None:
            self._awaited.pop(request, None)
        self._check()

    def show_sent(self, request: int) -> None:
        """That request has been met: remember what was sent, and make room for the next if nothing else was typed."""
        entry = self._awaited.pop(request, None)
        if entry is None:
            return
        self._history.add(entry)
        again = any(other.text == entry.text for other in self._awaited.values())
        if self._edits() and self.editor.toPlainText() == entry.text and not again:
            failure = self._failure
            self.editor.set_text("")
            # Why another one was not sent.
            self._failure = failure
        self._check()

    def history(self) -> tuple[str, ...]:
        """What was sent, oldest first, for settings to keep."""
        return self._history.lines()

    def set_history(self, lines: Sequence[str]) -> None:
        """Take back what `history` gave."""
        self._history.set_lines(lines)

    def kind(self) -> ComposeKind:
        """What is being composed."""
        kind: ComposeKind = self.kinds.currentData()
        return kind

    def set_kind(self, kind: ComposeKind) -> None:
        """Compose this."""
        self.kinds.setCurrentIndex(self.kinds.findData(kind))

    def set_text(self, text: str) -> None:
        """Fill the editor, such as with a payload to send again."""
        self.editor.set_text(text)

    def send(self) -> None:
        """Ask to send to what the target box says."""
        self._send(to_all=bool(self.targets.currentData()))

    def send_to_all(self) -> None:
        """Ask to send to all open connections."""
        self._send(to_all=True)

    # Building

    def _make_controls(self) -> None:
        self.targets = QComboBox(self)
        self.targets.setAccessibleName(self.tr("Send to"))
        self.targets.setToolTip(self.tr("Where it is sent"))
        # Not by its contents: a long path must not widen the window.
        self.targets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.targets.setMinimumContentsLength(_TARGET_CHARS)
        self.targets.setMinimumWidth(_NARROW)
        self.targets.addItem("", False)
        self.targets.addItem("", True)
        self.kinds = QComboBox(self)
        self.kinds.setAccessibleName(self.tr("Kind"))
        self.kinds.setToolTip(self.tr("What is sent"))
        self.kinds.setMinimumWidth(_NARROW)
        for kind, text in self._kind_names().items():
            self.kinds.addItem(text, kind)
        self.fragments = QSpinBox(self)
        self.fragments.setRange(1, MAX_FRAGMENTS)
        # A style sheet's padding does not reach the editor inside.
        self.fragments.lineEdit().setTextMargins(6, 0, 0, 0)
        self.fragments.setAccessibleName(self.tr("Frames"))
        self.fragments.setToolTip(self.tr("Cut the message into this many frames"))
        self.compress = QCheckBox(self.tr("Compress"), self)
        self.compress.setChecked(True)
        self.send_button = QPushButton(self.tr("Send"), self)
        self.send_button.setProperty("look", "primary")
        self.editor = ComposeEditor(self)
        self.editor.setAccessibleName(self.tr("Message to send"))
        self.file = FilePage(self)
        self.close_frame = ClosePage(self)
        self.status = QLabel(self)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setWordWrap(True)
        self.status.setProperty("look", "muted")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.amount = QLabel(self)
        self.amount.setTextFormat(Qt.TextFormat.PlainText)
        self.amount.setProperty("look", "muted")

    def _kind_names(self) -> dict[ComposeKind, str]:
        return {
            ComposeKind.TEXT: self.tr("Text"),
            ComposeKind.JSON: self.tr("JSON"),
            ComposeKind.HEX: self.tr("Binary: hex"),
            ComposeKind.BASE64: self.tr("Binary: Base64"),
            ComposeKind.FILE: self.tr("Binary: file"),
            ComposeKind.PING: self.tr("Ping"),
            ComposeKind.PONG: self.tr("Pong"),
            ComposeKind.CLOSE: self.tr("Close"),
        }

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.targets)
        top.addWidget(self.kinds)
        top.addWidget(self.fragments)
        top.addWidget(self.compress)
        top.addSpacing(6)
        top.addStretch(1)
        top.addWidget(self.amount)
        top.addWidget(self.send_button)
        self.pages = QStackedWidget(self)
        for page in (self.editor, self.file, self.close_frame):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 7, 10, 8)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.status)

    def _connect(self) -> None:
        self.kinds.currentIndexChanged.connect(self._on_kind)
        self.targets.currentIndexChanged.connect(self._check)
        self.targets.activated.connect(self._on_target_chosen)
        self.send_button.clicked.connect(self.send)
        self.editor.send_pressed.connect(self.send)
        self.editor.send_all_pressed.connect(self.send_to_all)
        self.editor.older_pressed.connect(self._older)
        self.editor.newer_pressed.connect(self._newer)
        for changed in (self.editor.textChanged, self.file.changed, self.close_frame.changed):
            changed.connect(self._on_edit)
        self.fragments.valueChanged.connect(self._on_edit)
        self.fragments.valueChanged.connect(self._name_frames)

    def _restyle(self) -> None:
        self.editor.document().setDefaultFont(self._theme.mono_font())
        self.send_button.setIcon(self._icons.icon(IconName.SEND, Role.ON_ACCENT))

    # State

    def _name_frames(self) -> None:
        one = self.fragments.value() == 1
        self.fragments.setSuffix(self.tr(" frame") if one else self.tr(" frames"))

    def _edits(self) -> bool:
        """Whether the text editor is what the kind uses."""
        return self.kind() not in (ComposeKind.FILE, ComposeKind.CLOSE)

    def _on_kind(self) -> None:
        kind = self.kind()
        pages: dict[ComposeKind, QWidget] = {
            ComposeKind.FILE: self.file,
            ComposeKind.CLOSE: self.close_frame,
        }
        self.pages.setCurrentWidget(pages.get(kind, self.editor))
        for control in (self.fragments, self.compress):
            control.setVisible(kind.is_message)
        placeholders = {
            ComposeKind.TEXT: self.tr("Text to send; Ctrl+Enter sends, ↑ brings back what was sent"),
            ComposeKind.JSON: self.tr('JSON, checked while you type, such as {"type": "hello"}'),
            ComposeKind.HEX: self.tr("Pairs of hex digits, such as 48 65 6c 6c 6f"),
            ComposeKind.BASE64: self.tr("Base64, such as SGVsbG8="),
            ComposeKind.PING: self.tr("Payload of the ping, at most 125 bytes; may stay empty"),
            ComposeKind.PONG: self.tr("Payload of the pong, at most 125 bytes; may stay empty"),
        }
        self.editor.setPlaceholderText(placeholders.get(kind, ""))
        # Qt paints another placeholder only when something else changes too.
        self.editor.viewport().update()
        self._failure = ""
        self._check()

    def _on_edit(self) -> None:
        self._failure = ""
        self._timer.start()

    def _name_targets(self) -> None:
        target = self._target
        if target is None:
            this = self.tr("No connection selected")
        else:
            path = visible(target.path[:40])
            this = self.tr("To #{0} {1}").format(target.id, path)
        self.targets.setItemText(0, this)
        self.targets.setItemText(1, self.tr("To all open ({0})").format(self._open_count))
        if target is None and self._open_count > 1 and not self.targets.currentIndex():
            self._all_for_want_of_one = True
            self.targets.setCurrentIndex(1)
        elif target is not None and self._all_for_want_of_one:
            self._all_for_want_of_one = False
            self.targets.setCurrentIndex(0)

    def _on_target_chosen(self) -> None:
        self._all_for_want_of_one = False

    def _draft(self) -> Draft:
        kind = self.kind()
        compression = Compression.AS_NEGOTIATED if self.compress.isChecked() else Compression.NEVER
        if kind is ComposeKind.CLOSE:
            return Draft(kind, self.close_frame.reason.text(), self.close_frame.code())
        if kind is ComposeKind.FILE:
            return Draft(kind, self.file.text(), None, self.fragments.value(), compression)
        return Draft(kind, self.editor.toPlainText(), None, self.fragments.value(), compression)

    def _unreachable(self, *, to_all: bool) -> str:
        """Why nothing can be sent there, or ""."""
        if to_all:
            return "" if self._open_count else self.tr("No connection is open. Wait for a client to connect.")
        if self._target is None:
            return self.tr("No connection is selected. Select one in the list, or wait for a client.")
        if not self._target.is_open:
            return self.tr("Connection #{0} is not open. Select another one.").format(self._target.id)
        return ""

    def _examine(self) -> tuple[str, str]:
        """What is wrong with the draft, and how large it is; both "" where there is nothing to say.

        A file is not read here: that happens when it is sent.
        """
        try:
            draft = self._draft()
            if draft.kind is ComposeKind.FILE:
                return self._examine_file(draft.text)
            outgoing = build(draft)
        except PayloadError as error:
            return str(error), ""
        if isinstance(outgoing, OutgoingClose):
            return "", ""
        size = count_bytes(len(outgoing.payload))
        if isinstance(outgoing, OutgoingMessage) and outgoing.fragments > 1:
            return "", self.tr("{0} in {1} frames").format(size, grouped(outgoing.fragments))
        return "", size

    def _examine_file(self, path: str) -> tuple[str, str]:
        size = file_size(path)
        if size is not None:
            return "", count_bytes(size)
        if not path:
            return self.tr("No file is chosen; choose one."), ""
        if os.path.lexists(path):
            return self.tr("{0} is no file whose content can be sent; choose another.").format(path), ""
        return self.tr("There is no file {0}; choose another.").format(path), ""

    def _check(self) -> None:
        """Say how things stand and let Send be pressed only where it would work."""
        unreachable = self._unreachable(to_all=bool(self.targets.currentData()))
        problem, size = self._examine()
        blank = self._is_blank()
        self.send_button.setEnabled(not unreachable and not problem)
        negotiated = self._target is not None and "permessage-deflate" in self._target.extensions
        self.compress.setEnabled(negotiated or bool(self.targets.currentData()))
        self.compress.setToolTip(
            self.tr("Compress with permessage-deflate where it was negotiated")
            if self.compress.isEnabled()
            else self.tr("This connection did not negotiate permessage-deflate")
        )
        self.send_button.setToolTip(unreachable or problem or self.tr("Send (Ctrl+Enter)"))
        wrong = self._failure or ("" if blank else problem)
        slow = "" if wrong or unreachable or self.targets.currentData() else self._slowness()
        self._say(wrong or unreachable or slow, "error" if wrong else "warning" if slow else "muted")
        self.amount.setText(size)

    def _slowness(self) -> str:
        if not self._queued:
            return ""
        return self.tr("The peer is not reading, {0} queued").format(byte_size(self._queued))

    def _is_blank(self) -> bool:
        """Whether nothing has been entered yet, which is no mistake."""
        kind = self.kind()
        if kind is ComposeKind.FILE:
            return not self.file.text()
        return kind is ComposeKind.JSON and not self.editor.toPlainText().strip()

    def _say(self, sentence: str, look: str) -> None:
        self.status.setText(visible(sentence))
        self.status.setVisible(bool(sentence))
        if self.status.property("look") != look:
            self.status.setProperty("look", look)
            self.status.style().unpolish(self.status)
            self.status.style().polish(self.status)

    # Doing

    def _send(self, *, to_all: bool) -> None:
        self._timer.stop()
        unreachable = self._unreachable(to_all=to_all)
        if unreachable:
            self.show_error(unreachable)
            return
        try:
            draft = self._draft()
            outgoing = build(draft)
        except PayloadError as error:
            self.show_error(str(error))
            return
        self._failure = ""
        self._asked = HistoryEntry(draft.kind, draft.text)
        self.send_requested.emit(outgoing, to_all)
        self._asked = None

    def _older(self) -> None:
        self._recall(self._history.older(HistoryEntry(self.kind(), self.editor.toPlainText())))

    def _newer(self) -> None:
        self._recall(self._history.newer())

    def _recall(self, entry: HistoryEntry | None) -> None:
        if entry is None:
            return
        self.set_kind(entry.kind)
        fields = {ComposeKind.FILE: self.file.path, ComposeKind.CLOSE: self.close_frame.reason}
        if entry.kind in fields:
            fields[entry.kind].setText(entry.text)
        else:
            self.editor.set_text(entry.text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._send(to_all=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)


def _what_counts(target: ConnectionRecord | None) -> tuple[object, ...]:
    """All of a target that the composer shows or asks for: the rest changes with every frame."""
    return () if target is None else (target.id, target.path, target.state, target.extensions)
