"""The boxes of a raw frame: header fields, what the payload is written in, and the pace."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.logic.compose import ComposeKind
from app.logic.raw_draft import Form, Masking, RawDraft
from core.protocol.frames import LengthForm, opcode_name
from core.protocol.outgoing import RawEnd

_E = TypeVar("_E", bound=Enum)
_NARROW = 64
_MOST_EVERY = 1_000_000
_LONGEST_PAUSE_MS = 3_600_000


class RawBoxes(QWidget):
    """What is chosen beside the payload of a raw frame."""

    changed = Signal()

    def __init__(self, editor: QWidget, parent: QWidget | None = None) -> None:
        """`editor` has the payload, and stands between the header and the pace."""
        super().__init__(parent)
        self._make_header()
        self._make_pace()
        self._arrange(editor)
        self._connect()
        self._fit()

    def form(self) -> Form:
        """Whether a frame is built, or bytes go out as they are."""
        form: Form = self.forms.currentData()
        return form

    def draft(self, text: str) -> RawDraft:
        """The boxes, with the text of the payload."""
        return RawDraft(
            self.form(),
            self.payloads.currentData(),
            text,
            self.opcodes.currentData(),
            self.fin.isChecked(),
            *self._reserved(),
            self.masks.currentData(),
            self.key.text(),
            self.lengths.currentData(),
            self.stated.text(),
            self.cuts.text(),
            self.every.value(),
            self.pause.value(),
            self.stop_after.text(),
            self.ends.currentData(),
        )

    def _reserved(self) -> tuple[bool, bool, bool]:
        one, two, three = (box.isChecked() for box in self.rsv)
        return one, two, three

    def set_draft(self, draft: RawDraft) -> None:
        """Show a draft; its text stands elsewhere."""
        self.blockSignals(True)
        for box, value in (
            (self.forms, draft.form),
            (self.payloads, draft.payload_kind),
            (self.opcodes, draft.opcode),
            (self.masks, draft.masking),
            (self.lengths, draft.length_form),
            (self.ends, draft.end),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.fin.setChecked(draft.fin)
        for check, is_set in zip(self.rsv, (draft.rsv1, draft.rsv2, draft.rsv3), strict=True):
            check.setChecked(is_set)
        self.key.setText(draft.key)
        self.stated.setText(draft.stated_length)
        self.cuts.setText(draft.cuts)
        self.every.setValue(draft.every)
        self.pause.setValue(draft.pause_ms)
        self.stop_after.setText(draft.stop_after)
        self.blockSignals(False)
        self._on_change()

    def payload_hint(self, *, is_frame: bool) -> str:
        """What an empty editor asks for."""
        if self.payloads.currentData() is ComposeKind.FILE:
            return self.tr("Path of a file")
        if self.payloads.currentData() is ComposeKind.HEX:
            return (
                self.tr("Payload in hex digits") if is_frame else self.tr("Bytes in hex, such as 81 02 68 69")
            )
        return self.tr("Payload as text") if is_frame else self.tr("Bytes as text")

    def _make_header(self) -> None:
        self.forms = self._box(
            self.tr("What goes out"), ((Form.FRAME, self.tr("A frame")), (Form.BYTES, self.tr("Plain bytes")))
        )
        self.opcodes = QComboBox(self)
        self.opcodes.setAccessibleName(self.tr("Opcode"))
        self.opcodes.setToolTip(self.tr("The opcode of the frame"))
        for opcode in range(16):
            self.opcodes.addItem(f"0x{opcode:X} {opcode_name(opcode).split()[0]}", opcode)
        self.opcodes.setCurrentIndex(1)
        self.fin = QCheckBox("FIN", self)
        self.fin.setChecked(True)
        self.fin.setToolTip(self.tr("The frame is the last of its message"))
        self.rsv = tuple(QCheckBox(f"RSV{number}", self) for number in (1, 2, 3))
        for box in self.rsv:
            box.setToolTip(self.tr("A reserved bit"))
        self.masks = self._box(
            self.tr("Mask"),
            (
                (Masking.USUAL, self.tr("Mask: as usual")),
                (Masking.NONE, self.tr("No mask")),
                (Masking.KEY, self.tr("Mask with")),
            ),
        )
        self.key = self._line(self.tr("Masking key"), self.tr("Key, 4 bytes in hex"))
        self.lengths = self._box(
            self.tr("Form of the length"),
            (
                (None, self.tr("Length: shortest")),
                (LengthForm.SEVEN_BIT, self.tr("Length: 7 bits")),
                (LengthForm.SIXTEEN_BIT, self.tr("Length: 16 bits")),
                (LengthForm.SIXTY_FOUR_BIT, self.tr("Length: 64 bits")),
            ),
        )
        self.stated = self._line(self.tr("Stated length"), self.tr("True length"))
        self.payloads = self._box(
            self.tr("Payload"),
            (
                (ComposeKind.TEXT, self.tr("Payload: text")),
                (ComposeKind.HEX, self.tr("Payload: hex")),
                (ComposeKind.FILE, self.tr("Payload: file")),
            ),
        )

    def _make_pace(self) -> None:
        self.cuts = self._line(self.tr("Cut at"), self.tr("Cut at, such as 1, 6"))
        self.every = self._spin(
            self.tr("Bytes of a piece"), _MOST_EVERY, self.tr("One piece"), self.tr(" B a piece")
        )
        self.pause = self._spin(
            self.tr("Pause between pieces"), _LONGEST_PAUSE_MS, self.tr("No pause"), self.tr(" ms apart")
        )
        self.stop_after = self._line(self.tr("Stop after"), self.tr("Stop after … B"))
        self.ends = self._box(
            self.tr("Afterwards"),
            (
                (RawEnd.GO_ON, self.tr("Then go on")),
                (RawEnd.HALF_CLOSE, self.tr("Then end the stream")),
                (RawEnd.RESET, self.tr("Then reset")),
            ),
        )

    def _arrange(self, editor: QWidget) -> None:
        bits = self._bits = QWidget(self)
        row = QHBoxLayout(bits)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for box in (self.fin, *self.rsv):
            row.addWidget(box)
        row.addStretch(1)
        header, pace = _grid(), _grid()
        header.addWidget(self.forms, 0, 0)
        header.addWidget(self.opcodes, 0, 1)
        header.addWidget(bits, 1, 0, 1, 2)
        _add_rows(header, 2, (self.masks, self.key), (self.lengths, self.stated))
        header.addWidget(self.payloads, 4, 0, 1, 2)
        _add_rows(pace, 0, (self.every, self.pause), (self.cuts, self.stop_after))
        pace.addWidget(self.ends, 2, 0, 1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(header)
        column.addWidget(editor, 1)
        column.addLayout(pace)

    def _connect(self) -> None:
        for box in (self.forms, self.opcodes, self.masks, self.lengths, self.payloads, self.ends):
            box.currentIndexChanged.connect(self._on_change)
        for check in (self.fin, *self.rsv):
            check.toggled.connect(self._on_change)
        for line in (self.key, self.stated, self.cuts, self.stop_after):
            line.textChanged.connect(self._on_change)
        for spin in (self.every, self.pause):
            spin.valueChanged.connect(self._on_change)

    def _on_change(self) -> None:
        self._fit()
        self.changed.emit()

    def _fit(self) -> None:
        """Show what has a meaning for what is chosen."""
        is_frame = self.form() is Form.FRAME
        for widget in (self.opcodes, self._bits, self.masks, self.key, self.lengths, self.stated):
            widget.setVisible(is_frame)
        self.key.setEnabled(self.masks.currentData() is Masking.KEY)

    def _box(self, name: str, entries: tuple[tuple[object, str], ...]) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setMinimumWidth(_NARROW)
        for value, text in entries:
            box.addItem(text, value)
        return box

    def _line(self, name: str, placeholder: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setAccessibleName(name)
        line.setToolTip(name)
        line.setPlaceholderText(placeholder)
        line.setMinimumWidth(_NARROW)
        return line

    def _spin(self, name: str, most: int, none: str, suffix: str) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setRange(0, most)
        spin.setAccessibleName(name)
        spin.setToolTip(name)
        spin.setSpecialValueText(none)
        spin.setSuffix(suffix)
        spin.setMinimumWidth(_NARROW)
        # A style sheet's padding does not apply to the editor inside.
        spin.lineEdit().setTextMargins(6, 0, 0, 0)
        return spin


def _grid() -> QGridLayout:
    """Two columns of equal width."""
    grid = QGridLayout()
    grid.setSpacing(6)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    return grid


def _add_rows(grid: QGridLayout, first: int, *rows: tuple[QWidget, QWidget]) -> None:
    for place, (left, right) in enumerate(rows, first):
        grid.addWidget(left, place, 0)
        grid.addWidget(right, place, 1)
