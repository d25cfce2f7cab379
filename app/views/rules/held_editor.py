"""The editor of what is held: as text, as a JSON tree, as hex; opcode, frames, compression."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.logic.held_edit import EditMode, TextForm, first_mode, hex_payload, hex_text, modes_of, text_form
from app.logic.held_lines import HeldKind, HeldLine
from app.logic.text import count_bytes, one_line
from app.look.look import Look
from app.views.parts.selectable_label import selectable_label
from app.views.rules.json_tree import JsonTree
from core.errors import PayloadError
from core.protocol.frames import Opcode
from core.protocol.http11 import parsed_request, parsed_response
from core.protocol.outgoing import Compression
from core.protocol.sender import check_control_payload
from core.protocol.utf8 import is_utf8
from core.rules.verdict import Replacement

MOST_FRAMES = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """The state of the editor: a payload and how it is to go on."""

    payload: bytes
    mode: EditMode | None
    opcode: int
    frames: int
    """0: as many as it came in, or one if it is changed."""
    compression: Compression


class HeldEditor(QWidget):
    """Edits one held message at a time. An untouched message stays exactly what it was."""

    changed = Signal()
    """Something was edited, or can no longer be."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._line: HeldLine | None = None
        self._form: TextForm | None = None
        self._mode: EditMode | None = None
        self._kept = b""
        """The payload that the visible page was filled with."""
        self._filling = False
        self._refusal = ""
        self._make()
        self._arrange()
        self._connect()
        self.show_line(None)

    @property
    def line(self) -> HeldLine | None:
        """What is edited."""
        return self._line

    @property
    def mode(self) -> EditMode | None:
        return self._mode

    def show_line(self, line: HeldLine | None, edit: Edit | None = None) -> None:
        """Edit this one, from where `edit` left off."""
        self._line = line
        self._filling = True
        self._refusal = ""
        for control in (self.opcode, self.frames, self.compress):
            control.setVisible(line is not None and line.is_message and not line.is_control)
        self.status_code.setVisible(line is not None and line.kind is HeldKind.REQUEST)
        if line is None:
            self._fill(b"", None)
        else:
            start = edit or Edit(
                line.payload,
                first_mode(line.payload, Opcode.BINARY if line.opcode == Opcode.BINARY else Opcode.TEXT),
                line.opcode,
                0,
                Compression.AS_NEGOTIATED,
            )
            self.opcode.setCurrentIndex(max(self.opcode.findData(int(start.opcode)), 0))
            self.frames.setValue(start.frames)
            self.compress.setEnabled(line.negotiated)
            self.compress.setChecked(line.negotiated and start.compression is Compression.AS_NEGOTIATED)
            self._fill(start.payload, start.mode)
        self._filling = False
        self._check()

    def payload(self) -> bytes:
        """What the editor holds. Raises PayloadError."""
        if self._mode is EditMode.TEXT:
            text = _text_of(self.text)
            form = self._form or TextForm("", "\n")
            return self._kept if text == form.text else form.payload(text)
        if self._mode is EditMode.HEX:
            text = _text_of(self.hex)
            return self._kept if text == hex_text(self._kept) else hex_payload(text)
        return self.tree.payload if self._mode is EditMode.JSON else self._kept

    def edit(self) -> Edit | None:
        """Where the person left off; None if there is nothing to keep, or what is typed cannot be understood."""
        try:
            edit = self._edit()
        except PayloadError:
            return None
        return edit if self._is_change(edit) else None

    def replacement(self) -> Replacement | None:
        """What is to go on in its place; None if nothing was changed. Raises PayloadError."""
        edit, line = self._edit(), self._line
        if line is not None and not line.is_message:
            _check_head(line.kind, edit.payload)
        if line is not None and line.is_control:
            check_control_payload(edit.payload)
        if edit.opcode == Opcode.TEXT and self._is_change(edit) and not is_utf8(edit.payload):
            raise PayloadError("These bytes are not UTF-8, which a text message must be. Send it as binary.")
        if not self._is_change(edit):
            return None
        return Replacement(edit.opcode, edit.payload, max(edit.frames, 1), edit.compression)

    def answer(self) -> Replacement:
        """What its sender is to get in place of letting it go on. Raises PayloadError."""
        if self._line is None or self._line.is_message:
            return self.sends()
        head = f"HTTP/1.1 {self.status_code.value()} Intercepted\r\nContent-Length: 0\r\n\r\n"
        return Replacement(Opcode.TEXT, head.encode())

    def sends(self) -> Replacement:
        """What the editor holds, changed or not, as a message. Raises PayloadError."""
        edit = self._edit()
        if self._line is not None and self._line.is_control:
            return Replacement(Opcode.TEXT if is_utf8(edit.payload) else Opcode.BINARY, edit.payload)
        if edit.opcode == Opcode.TEXT and not is_utf8(edit.payload):
            raise PayloadError("These bytes are not UTF-8, which a text message must be. Send it as binary.")
        return Replacement(edit.opcode, edit.payload, max(edit.frames, 1), edit.compression)

    def show_controls(self, *, shown: bool) -> None:
        """Show the row above the page, or leave its room to the page."""
        self._controls.setVisible(shown)

    def say(self, sentence: str, look: str) -> None:
        """Show a sentence below the page; "" shows none."""
        self.status.setText(one_line(sentence))
        self.status.setVisible(bool(sentence))
        if self.status.property("look") != look:
            self.status.setProperty("look", look)
            self.status.style().unpolish(self.status)
            self.status.style().polish(self.status)

    def set_mode(self, mode: EditMode) -> None:
        """Go on in another way; nothing happens while what is typed cannot be understood."""
        if mode is self._mode:
            return
        try:
            payload = self.payload()
        except PayloadError:
            self._show_mode()
            return
        if mode in modes_of(payload):
            self._filling = True
            self._fill(payload, mode)
            self._filling = False
        self._check()

    # Building.

    def _make(self) -> None:
        self.modes = QButtonGroup(self)
        self.segment = QFrame()
        self.segment.setProperty("look", "segment")
        row = QHBoxLayout(self.segment)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        names = {
            EditMode.TEXT: (self.tr("Text"), self.tr("Edit it as text")),
            EditMode.JSON: (self.tr("JSON"), self.tr("Edit the values of a JSON message in a tree")),
            EditMode.HEX: (self.tr("Hex"), self.tr("Edit its bytes as hex digits")),
        }
        for mode, (words, tooltip) in names.items():
            button = QToolButton()
            button.setText(words)
            button.setToolTip(tooltip)
            button.setCheckable(True)
            button.setProperty("look", "segment")
            button.setProperty("bare", True)
            self.modes.addButton(button, mode.value)
            row.addWidget(button)
        self.opcode = QComboBox()
        self.opcode.addItem(self.tr("Text"), int(Opcode.TEXT))
        self.opcode.addItem(self.tr("Binary"), int(Opcode.BINARY))
        self.opcode.setAccessibleName(self.tr("Opcode"))
        self.opcode.setToolTip(self.tr("What the message goes on as"))
        self.frames = QSpinBox()
        self.frames.setRange(0, MOST_FRAMES)
        self.frames.setSpecialValueText(self.tr("as it came"))
        self.frames.lineEdit().setTextMargins(6, 0, 0, 0)
        self.frames.setAccessibleName(self.tr("Frames"))
        self.frames.setToolTip(
            self.tr("Number of frames it goes on in; a changed message goes on in one if unset")
        )
        self.compress = QCheckBox(self.tr("Compress"))
        self.compress.setToolTip(
            self.tr("Compress with permessage-deflate, where the connection negotiated it")
        )
        self.status_code = QSpinBox()
        self.status_code.setRange(200, 599)
        self.status_code.setValue(403)
        self.status_code.setPrefix(self.tr("answer with "))
        self.status_code.lineEdit().setTextMargins(6, 0, 0, 0)
        self.status_code.setAccessibleName(self.tr("Status of the answer"))
        self.status_code.setToolTip(self.tr("The HTTP status that “Answer instead” answers the request with"))
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(self.tr("Message as text"))
        self.hex = QPlainTextEdit()
        self.hex.setAccessibleName(self.tr("Message as hex digits"))
        self.tree = JsonTree(self._look)
        self.whole = selectable_label("muted")
        self.whole.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.status = selectable_label("muted")

    def _arrange(self) -> None:
        self._controls = QWidget()
        top = QHBoxLayout(self._controls)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(8)
        for widget in (self.segment, self.opcode, self.frames, self.compress, self.status_code):
            top.addWidget(widget)
        top.addStretch(1)
        self.pages = QStackedWidget()
        for page in (self.text, self.tree, self.hex, self.whole):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._controls)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.status)
        self._restyle()

    def _connect(self) -> None:
        self.modes.idClicked.connect(lambda number: self.set_mode(EditMode(number)))
        for changed in (self.text.textChanged, self.hex.textChanged, self.tree.edited):
            changed.connect(self._edited)
        self.opcode.currentIndexChanged.connect(self._edited)
        self.frames.valueChanged.connect(self._edited)
        self.compress.toggled.connect(self._edited)
        self.tree.refused.connect(self._refuse)
        self._look.theme.changed.connect(self._restyle)

    def _restyle(self) -> None:
        for editor in (self.text, self.hex):
            editor.document().setDefaultFont(self._look.theme.mono_font())

    # State.

    def _fill(self, payload: bytes, mode: EditMode | None) -> None:
        self._kept, self._mode = payload, mode
        self._form = text_form(payload) if mode is EditMode.TEXT else None
        pages: dict[EditMode | None, QWidget] = {
            EditMode.TEXT: self.text,
            EditMode.JSON: self.tree,
            EditMode.HEX: self.hex,
        }
        self.text.setPlainText("" if self._form is None else self._form.text)
        self.hex.setPlainText(hex_text(payload) if mode is EditMode.HEX else "")
        if mode is EditMode.JSON:
            self.tree.show_payload(payload)
        if mode is None and payload:
            text = self.tr("{0} are too long to be edited here. It can go on, or be dropped.")
            self.whole.setText(text.format(count_bytes(len(payload))))
        self.pages.setCurrentWidget(pages.get(mode, self.whole))
        self.setFocusProxy(pages.get(mode, self.whole))
        self._show_mode()

    def _show_mode(self) -> None:
        possible = modes_of(self._kept)
        for mode in EditMode:
            button = self.modes.button(mode.value)
            button.setEnabled(mode in possible)
            button.setChecked(mode is self._mode)

    def _edit(self) -> Edit:
        compress = self.compress.isChecked() or not self.compress.isEnabled()
        compression = Compression.AS_NEGOTIATED if compress else Compression.NEVER
        chosen: int = self.opcode.currentData()
        opcode = self._line.opcode if self._line is not None and self._line.is_control else chosen
        return Edit(self.payload(), self._mode, opcode, self.frames.value(), compression)

    def _is_change(self, edit: Edit) -> bool:
        line = self._line
        if line is None:
            return False
        if line.kind is not HeldKind.MESSAGE:
            return edit.payload != line.payload
        return (
            edit.payload != line.payload
            or edit.opcode != line.opcode
            or edit.frames > 0
            or edit.compression is Compression.NEVER
        )

    def _edited(self) -> None:
        if not self._filling:
            self._refusal = ""
            self._check()

    def _refuse(self, sentence: str) -> None:
        self._refusal = sentence
        self._check()

    def _check(self) -> None:
        """Say what is wrong, or that it is changed."""
        try:
            changed = self._line is not None and self.replacement() is not None
        except PayloadError as error:
            self.say(str(error), "error")
        else:
            if self._refusal:
                self.say(self._refusal, "error")
            elif changed:
                size = count_bytes(len(self.payload()))
                self.say(self.tr("Changed; {0} go on in its place.").format(size), "warning")
            else:
                self.say("", "muted")
        self.changed.emit()


def _check_head(kind: HeldKind, raw: bytes) -> None:
    """Raise PayloadError if this is no head."""
    parse = parsed_request if kind is HeldKind.REQUEST else parsed_response
    if parse(raw) is None:
        raise PayloadError("This is no head: it needs a first line, headers, and an empty line at the end.")


def _text_of(editor: QPlainTextEdit) -> str:
    """The text with its no-break spaces, which `toPlainText` would replace."""
    return editor.document().toRawText().replace("\u2029", "\n")
