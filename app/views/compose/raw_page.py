"""The page on which a raw frame is built, with the bits that will go out and the rules that they break."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.logic.raw_draft import Form, RawDraft, Seen, fault_draft, outgoing_raw, raw_bytes, seen
from app.logic.text import count_bytes, grouped
from app.look.look import Look
from app.views.compose.editor import ComposeEditor
from app.views.compose.raw_boxes import RawBoxes
from app.views.parts.bit_diagram import BitDiagram
from app.views.parts.violation_list import ViolationList
from core.errors import PayloadError
from core.probe.preset import FrameFault, Writer
from core.probe.registry import presets_of
from core.protocol.anatomy import anatomy
from core.protocol.deflate import DeflateParameters
from core.protocol.frames import new_masking_key
from core.protocol.outgoing import OutgoingRaw
from core.protocol.state import Role

_UNFOLDED = 6
_ROOMY = QSize(600, 250)
_LEAST_EDITOR = 48


class RawPage(QWidget):
    """The boxes of a raw frame at the left; what comes of them at the right."""

    changed = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._sender = Role.SERVER
        self._deflate: DeflateParameters | None = None
        self._key = new_masking_key()
        """Masks the frame where a fresh key is usual; another one after each frame that was sent."""
        self.presets = QComboBox(self)
        self.presets.setAccessibleName(self.tr("Faults"))
        self.presets.setToolTip(self.tr("Fill the boxes with a fault that breaks a rule of the RFC"))
        # Its longest entry must not widen the window.
        self.presets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.presets.setMinimumContentsLength(12)
        self.editor = ComposeEditor(self)
        self.editor.setAccessibleName(self.tr("Payload"))
        self.editor.setMinimumHeight(_LEAST_EDITOR)
        self.boxes = RawBoxes(self.editor, self)
        self.diagram = BitDiagram(look.theme, self, has_bytes_tab=False)
        self.violations = ViolationList(look, _UNFOLDED, self)
        self.verdict = ""
        """The rules that it breaks, in one line; "" if there are none."""
        self.remark = QLabel(self)
        self.remark.setTextFormat(Qt.TextFormat.PlainText)
        self.remark.setWordWrap(True)
        self.remark.setProperty("look", "muted")
        self._arrange()
        self.presets.activated.connect(self._take_preset)
        self.boxes.changed.connect(self._on_boxes)
        self.editor.textChanged.connect(self.changed)
        look.theme.changed.connect(self._restyle)
        self._restyle()
        self._on_boxes()

    def sizeHint(self) -> QSize:
        return _ROOMY

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 80)

    def draft(self) -> RawDraft:
        """What stands in the boxes."""
        return self.boxes.draft(self.editor.toPlainText())

    def set_draft(self, draft: RawDraft) -> None:
        """Fill the boxes."""
        self.boxes.set_draft(draft)
        self.editor.set_text(draft.text)

    def set_sender(self, sender: Role, deflate: DeflateParameters | None) -> None:
        """Take the side that Unmask has on the target's connection, and its compression."""
        if sender is not self._sender or not self.presets.count():
            self._offer_presets(sender)
        self._sender, self._deflate = sender, deflate

    def _offer_presets(self, sender: Role) -> None:
        self.presets.clear()
        self.presets.addItem(self.tr("Begin with a fault…"), None)
        for preset in presets_of(sender):
            if isinstance(preset.fault, FrameFault):
                self.presets.addItem(f"{preset.id}: {preset.title}", preset)

    def _take_preset(self, row: int) -> None:
        """Fill the boxes with a fault; the list goes back to its first row."""
        preset = self.presets.itemData(row)
        self.presets.setCurrentIndex(0)
        if preset is not None and isinstance(preset.fault, FrameFault):
            self.set_draft(fault_draft(preset.fault.made(Writer(self._sender))))

    def outgoing(self) -> OutgoingRaw:
        """What would go out now. Raises PayloadError."""
        return outgoing_raw(self.draft(), self._sender, self._key)

    def sent(self) -> None:
        """The frame is on its way; another one gets another key."""
        self._key = new_masking_key()

    def show_meaning(self) -> tuple[str, str]:
        """Draw what would go out; gives what is wrong with the boxes, and the size, both as text."""
        try:
            raw = self.outgoing()
            whole = raw_bytes(self.draft(), self._sender, self._key)
        except PayloadError as error:
            self.diagram.set_frame(None, ())
            self.violations.set_violations(())
            self.remark.setText("")
            self.verdict = ""
            return str(error), ""
        found = seen(raw, self._sender, self._deflate)
        first = found.first
        fields = () if first is None else anatomy(first)
        self.diagram.set_frame(first, fields)
        self.violations.set_violations(found.violations)
        self.verdict = self._verdict_on(found)
        self.remark.setText(self._remark_on(found, len(whole), raw))
        size = count_bytes(raw.size)
        if len(raw.pieces) > 1:
            size = self.tr("{0} in {1} pieces").format(size, grouped(len(raw.pieces)))
        return "", size

    def _verdict_on(self, found: Seen) -> str:
        ids = tuple(dict.fromkeys(each.rule.id for each in found.violations))
        if not ids:
            return ""
        one, many = self.tr("It breaks a rule: {ids}"), self.tr("It breaks {count} rules: {ids}")
        return (one if len(ids) == 1 else many).format(count=len(ids), ids=", ".join(ids))

    def _remark_on(self, found: Seen, whole: int, raw: OutgoingRaw) -> str:
        parts: list[str] = []
        if len(found.frames) > 1:
            words = self.tr("The bytes make {count} frames; this is the first.")
            parts.append(words.format(count=grouped(len(found.frames))))
        if found.behind:
            parts.append(self.tr("{0} behind it are no whole header.").format(count_bytes(found.behind)))
        if raw.size < whole:
            parts.append(self.tr("{0} never go out.").format(count_bytes(whole - raw.size)))
        if found.first is not None and found.first.truncated:
            parts.append(self.tr("What is sent next becomes part of it."))
        if not found.violations and found.frames and not parts:
            parts.append(self.tr("It breaks no rule."))
        return " ".join(parts)

    def _arrange(self) -> None:
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.presets)
        column.addWidget(self.boxes, 1)
        right = QWidget(self)
        meaning = QVBoxLayout(right)
        meaning.setContentsMargins(0, 0, 0, 0)
        meaning.setSpacing(6)
        meaning.addWidget(self.diagram)
        meaning.addWidget(self.remark)
        meaning.addWidget(self.violations)
        meaning.addStretch(1)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        for widget in (left, right):
            scroll = QScrollArea(splitter)
            scroll.setFrameShape(QFrame.Shape.NoFrame)
            scroll.setWidgetResizable(True)
            scroll.setWidget(widget)
            splitter.addWidget(scroll)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([300, 420])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def _on_boxes(self) -> None:
        is_frame = self.boxes.form() is Form.FRAME
        self.editor.setPlaceholderText(
            self.boxes.payload_hint(is_frame=is_frame),
        )
        self.editor.viewport().update()
        self.changed.emit()

    def _restyle(self) -> None:
        self.editor.document().setDefaultFont(self._theme.mono_font())
