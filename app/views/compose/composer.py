"""The composer: writes messages and control frames, and reports what is wrong before they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.logic.compose import ComposeKind, Draft, build
from app.logic.raw_draft import RawDraft
from app.logic.saved_messages import SavedMessage
from app.logic.text import grouped
from app.look.look import Look
from app.models.connections import ConnectionModel
from app.views.compose.bar import ComposeBar
from app.views.compose.check import examine
from app.views.compose.editor import ComposeEditor, History, HistoryEntry
from app.views.compose.kinds import placeholder
from app.views.compose.pages import ClosePage, FilePage
from app.views.compose.raw_page import RawPage
from app.views.compose.sending_bar import SendingBar
from app.views.compose.target_box import Recipient, TargetBox, ToAll, ToOne
from core.decoders.visible import visible
from core.errors import PayloadError
from core.protocol.outgoing import Compression, Outgoing
from core.protocol.state import Role
from core.sizes import byte_size

_MOST_AWAITED = 256
"""Pending results; older ones are no longer distinguished."""
_CHECK_MS = 120
"""Pause in typing after which the text is checked."""
_ROOMY = 660
"""Pixels from which there is room for the size beside all boxes."""


@dataclass(frozen=True, slots=True)
class SendOrder:
    """What to send, and to whom."""

    outgoing: Outgoing
    recipients: tuple[int, ...]
    """Ids of the connections; the message goes to these and no others."""
    entry: HistoryEntry
    """What the person wrote."""
    toward: Role | None = None
    """The side of a relayed connection that gets it; None: whoever is at the other end."""


class Composer(QWidget):
    """Composes messages. It sends nothing itself: it emits `send_requested`, and the result comes to `show_*`."""

    send_requested = Signal(object)
    """A SendOrder."""
    room_wanted = Signal(bool)
    """Whether what is composed needs more height than a few lines."""

    def __init__(self, connections: ConnectionModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._theme = look.theme
        self._queued = 0
        self._offered: int | None = None
        """A connection that the person went to while there was text for another one."""
        self._history = History()
        self._awaited: dict[int, SendOrder] = {}
        """Orders without a result, by number of the request."""
        self._failure = ""
        self._shown_target: Recipient = None
        self._timer = QTimer(self, singleShot=True, interval=_CHECK_MS)
        self._timer.timeout.connect(self._check)
        self.targets = TargetBox(connections, look, self)
        self.bar = ComposeBar(self.targets, look, self)
        self.kinds, self.fragments, self.compress = self.bar.kinds, self.bar.fragments, self.bar.compress
        self.amount, self.send_button = self.bar.amount, self.bar.send_button
        self._make_controls()
        self._arrange()
        self._connect()
        look.theme.changed.connect(self._restyle)
        self._restyle()
        self._on_kind()

    # Called by the window.

    def refresh(self) -> None:
        """Take over changes of the list of connections."""
        self.targets.refresh(may_choose=not self._holds_text())

    def address(self, connection: int) -> None:
        """Make this connection the target, as the person asked."""
        self.targets.choose(connection)

    def went_to(self, connection: int) -> None:
        """The person went to a connection in the list; it becomes the target while nothing is written."""
        if not self._holds_text():
            self.targets.go_to(connection)
        else:
            self._offered = connection
            self._check()

    def set_queued(self, count: int) -> None:
        """Set the bytes that wait for the target, whose peer does not read; 0 if it does."""
        if count != self._queued:
            self._queued = count
            self._check()

    def await_result(self, request: int, order: SendOrder) -> None:
        """Expect the result of an order under this number."""
        self._awaited[request] = order
        while len(self._awaited) > _MOST_AWAITED:
            self._awaited.pop(next(iter(self._awaited)))

    def show_error(self, sentence: str, request: int | None = None) -> None:
        """Show beside the editor why something was not sent, until the text changes or is sent again."""
        self._failure = sentence
        if request is not None:
            self._awaited.pop(request, None)
        self._check()

    def show_sent(self, request: int, count: int) -> None:
        """Note that a request was sent to so many connections: keep the text in the history, and clear the editor if
        nothing else was typed since.
        """
        order = self._awaited.pop(request, None)
        if order is None:
            return
        self._history.add(order.entry)
        if count < len(order.recipients):
            text = self.tr("Sent to {sent} of {asked}: the others closed meanwhile, or do not read.")
            self._failure = text.format(sent=grouped(count), asked=grouped(len(order.recipients)))
        again = any(other.entry.text == order.entry.text for other in self._awaited.values())
        if self._edits() and self.editor.toPlainText() == order.entry.text and not again:
            failure = self._failure
            self.editor.set_text("")
            # Explains why another message was not sent.
            self._failure = failure
        self._check()

    def history(self) -> tuple[str, ...]:
        """What was sent, oldest first, for the settings."""
        return self._history.lines()

    def set_history(self, lines: Sequence[str]) -> None:
        """Restore what `history` gave."""
        self._history.set_lines(lines)

    def kind(self) -> ComposeKind:
        """What is being composed."""
        return self.bar.kind()

    def set_kind(self, kind: ComposeKind) -> None:
        """Choose what to compose."""
        self.bar.set_kind(kind)

    def set_text(self, text: str) -> None:
        """Fill the editor, for example with a payload to send again."""
        self.editor.set_text(text)

    def compose(self, draft: Draft) -> None:
        """Put a draft into the boxes, as if it had been written here."""
        self.set_kind(draft.kind)
        if draft.kind is ComposeKind.CLOSE:
            self.close_frame.set_close(draft.code, draft.text)
        elif draft.kind is ComposeKind.FILE:
            self.file.path.setText(draft.text)
        else:
            self.editor.set_text(draft.text)
            self.editor.setFocus()
        if draft.kind.is_message:
            self.fragments.setValue(draft.fragments)
            self.compress.setChecked(draft.compression is Compression.AS_NEGOTIATED)

    def compose_raw(self, draft: RawDraft) -> None:
        """Put a raw frame into its boxes."""
        self.set_kind(ComposeKind.RAW)
        self.raw.set_draft(draft)
        self.raw.editor.setFocus()

    def written(self, name: str, folder: str) -> SavedMessage:
        """What stands in the boxes, to be kept under a name. Raises PayloadError."""
        if self.kind() is ComposeKind.RAW:
            return SavedMessage(name, ComposeKind.RAW, "", folder, raw=self.raw.draft())
        draft = self._draft()
        return SavedMessage(name, draft.kind, draft.text, folder, draft.code)

    def order(self) -> SendOrder | None:
        """What Send would ask for; None if that is not possible, which is then said."""
        return self._order(self.targets.recipients, self.targets.fault())

    def send(self) -> None:
        """Ask to send to the chosen target."""
        self._send(self.targets.recipients, self.targets.fault())

    def send_to_all(self) -> None:
        """Ask to send to all open connections."""
        everybody = self.targets.everybody
        nobody = self.tr("No connection is open. Wait for a client to connect, or connect to a server.")
        self._send(everybody, "" if everybody else nobody)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.amount.setVisible(event.size().width() >= _ROOMY)

    # Building

    def _make_controls(self) -> None:
        self.editor = ComposeEditor(self)
        self.editor.setAccessibleName(self.tr("Message to send"))
        self.file = FilePage(self)
        self.close_frame = ClosePage(self)
        self.raw = RawPage(self._look, self)
        self.status = QLabel(self)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setWordWrap(True)
        self.status.setProperty("look", "muted")
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.instead = QPushButton(self)
        self.progress = SendingBar(self)

    def _arrange(self) -> None:
        self.pages = QStackedWidget(self)
        for page in (self.editor, self.file, self.close_frame, self.raw):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 7, 10, 8)
        layout.setSpacing(6)
        layout.addWidget(self.bar)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.progress)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.status, 1)
        below.addWidget(self.instead)
        layout.addLayout(below)

    def _connect(self) -> None:
        self.bar.kind_chosen.connect(self._on_kind)
        self.targets.changed.connect(self._on_target)
        self.targets.popup.picked.connect(lambda _line: self.editor.setFocus())
        self.instead.clicked.connect(self._send_there_instead)
        self.send_button.clicked.connect(self.send)
        self.editor.send_pressed.connect(self.send)
        self.editor.send_all_pressed.connect(self.send_to_all)
        self.editor.older_pressed.connect(self._older)
        self.editor.newer_pressed.connect(self._newer)
        self.raw.editor.send_pressed.connect(self.send)
        self.raw.editor.send_all_pressed.connect(self.send_to_all)
        for changed in (
            self.editor.textChanged,
            self.file.changed,
            self.close_frame.changed,
            self.raw.changed,
        ):
            changed.connect(self._on_edit)
        self.bar.cut_changed.connect(self._on_edit)
        self.bar.side_chosen.connect(self._on_edit)

    def _restyle(self) -> None:
        self.editor.document().setDefaultFont(self._theme.mono_font())

    # State

    def _edits(self) -> bool:
        """Whether this kind uses the text editor."""
        return self.kind() not in (ComposeKind.FILE, ComposeKind.CLOSE, ComposeKind.RAW)

    def _on_kind(self) -> None:
        kind = self.kind()
        pages: dict[ComposeKind, QWidget] = {
            ComposeKind.FILE: self.file,
            ComposeKind.CLOSE: self.close_frame,
            ComposeKind.RAW: self.raw,
        }
        self.pages.setCurrentWidget(pages.get(kind, self.editor))
        self.bar.fit()
        self.room_wanted.emit(kind is ComposeKind.RAW)
        self.editor.setPlaceholderText(placeholder(kind))
        # Qt repaints a changed placeholder only when something else changes too.
        self.editor.viewport().update()
        self._failure = ""
        self._check()

    def _on_edit(self) -> None:
        self._failure = ""
        if not self._holds_text():
            self._offered = None
        self._timer.start()

    def _on_target(self) -> None:
        if self._shown_target != self.targets.target:
            self._shown_target = self.targets.target
            self._failure = ""
            self._queued = 0
            self._offered = None
        self._check()

    def _holds_text(self) -> bool:
        """Whether the composer has text meant for somebody."""
        texts = (self.editor.toPlainText(), self.file.text(), self.close_frame.reason.text())
        return any(texts) or bool(self.raw.editor.toPlainText())

    def _instead(self) -> int | None:
        """The one other connection that is worth offering."""
        everybody, now = self.targets.everybody, self.targets.recipients
        if self._offered in everybody and (self._offered,) != now and self._holds_text():
            return self._offered
        lost = isinstance(self.targets.target, ToOne) and not now
        return everybody[0] if lost and len(everybody) == 1 else None

    def _send_there_instead(self) -> None:
        other = self._instead()
        if other is not None:
            self.targets.choose(other)
            self.editor.setFocus()

    def _draft(self) -> Draft:
        kind = self.kind()
        compression = self.bar.compression()
        if kind is ComposeKind.CLOSE:
            return Draft(kind, self.close_frame.reason.text(), self.close_frame.code())
        if kind is ComposeKind.FILE:
            return Draft(kind, self.file.text(), None, self.fragments.value(), compression)
        return Draft(kind, self.editor.toPlainText(), None, self.fragments.value(), compression)

    def _problem_and_size(self) -> tuple[str, str]:
        """What is wrong with the draft, and its size, as text; both "" if there is nothing to say."""
        if self.kind() is ComposeKind.RAW:
            self.raw.set_sender(*self.bar.sending_side)
            return self.raw.show_meaning()
        try:
            return examine(self._draft())
        except PayloadError as error:
            return str(error), ""

    def _check(self) -> None:
        """Update the remarks, and enable Send only if it would work."""
        unreachable = self.targets.fault()
        problem, size = self._problem_and_size()
        blank = self._is_blank()
        self.send_button.setEnabled(not unreachable and not problem)
        record = self.targets.record
        negotiated = record is not None and "permessage-deflate" in record.extensions
        self.bar.offer_sides(offered=self.targets.is_relayed)
        self.bar.allow_compression(is_negotiated=negotiated or isinstance(self.targets.target, ToAll))
        self.send_button.setToolTip(unreachable or problem or self.tr("Send (Ctrl+Enter)"))
        self._offer_another()
        wrong = self._failure or ("" if blank else problem)
        caution = self._slowness() or self._still_there()
        if not caution and self.kind() is ComposeKind.RAW:
            caution = self.raw.verdict
        if wrong or (unreachable and self._holds_text()):
            self._say(wrong or unreachable, "error" if wrong else "warning")
        elif unreachable or not caution:
            self._say(unreachable, "muted")
        else:
            self._say(caution, "warning")
        self.amount.setText(size)

    def _offer_another(self) -> None:
        other = self._instead()
        self.instead.setVisible(other is not None)
        if other is not None:
            self.instead.setText(self.tr("Send to #{0} instead").format(other))

    def _still_there(self) -> str:
        """A remark on the recipient, after the person has gone to another connection."""
        target = self.targets.target
        if self._offered is None or not isinstance(target, ToOne) or self._offered == target.id:
            return ""
        return self.tr("What you wrote goes to #{0}, not to #{1}.").format(target.id, self._offered)

    def _slowness(self) -> str:
        if not self._queued or self.targets.record is None:
            return ""
        return self.tr("The peer is not reading, {0} queued").format(byte_size(self._queued))

    def _is_blank(self) -> bool:
        """Whether nothing has been entered yet, which is not an error."""
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

    # Actions.

    def _send(self, recipients: tuple[int, ...], unreachable: str) -> None:
        order = self._order(recipients, unreachable)
        if order is not None:
            self.send_requested.emit(order)

    def _order(self, recipients: tuple[int, ...], unreachable: str) -> SendOrder | None:
        self._timer.stop()
        if unreachable:
            self.show_error(unreachable)
            return None
        try:
            outgoing, entry = self._composed()
        except PayloadError as error:
            self.show_error(str(error))
            return None
        self._failure = ""
        return SendOrder(outgoing, recipients, entry, self.bar.side())

    def _composed(self) -> tuple[Outgoing, HistoryEntry]:
        """What is to be sent, and what the person wrote. Raises PayloadError."""
        if self.kind() is ComposeKind.RAW:
            self.raw.set_sender(*self.bar.sending_side)
            outgoing = self.raw.outgoing()
            self.raw.sent()
            # Its boxes stay as they are.
            return outgoing, HistoryEntry(ComposeKind.RAW, "")
        draft = self._draft()
        return build(draft), HistoryEntry(draft.kind, draft.text)

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
            to_all = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            (self.send_to_all if to_all else self.send)()
        else:
            super().keyPressEvent(event)
