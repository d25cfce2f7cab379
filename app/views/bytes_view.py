"""The Bytes tab: the exact wire bytes of a frame, and a line that says what is selected."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from app.text import count_bytes, counted, grouped
from app.theme import Theme
from app.views.byte_dump import ByteDump
from app.views.parts import field_of, part_range
from app.views.wire_bytes import WireBytes
from core.capture.records import FrameRecord
from core.decoders.visible import visible
from core.protocol.anatomy import Field, Part, anatomy
from core.protocol.violations import Violation

COPY_LIMIT = 16 * 1024 * 1024
"""Bytes that are copied at once."""
_NAMED = 6


class BytesView(QWidget):
    """The bytes of one frame."""

    field_selected = Signal(object)
    """The `Field` of the byte that the person selected."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._record: FrameRecord | None = None
        self._fields: tuple[Field, ...] = ()
        self._wire: WireBytes | None = None
        self.dump = ByteDump(theme, self)
        self._status = QLabel(self)
        self._status.setTextFormat(Qt.TextFormat.PlainText)
        self._status.setProperty("look", "muted")
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        foot = QHBoxLayout()
        foot.setContentsMargins(10, 4, 10, 5)
        foot.addWidget(self._status, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.dump, 1)
        layout.addLayout(foot)
        self._make_actions()
        self.dump.selection_changed.connect(self._on_selection)
        self.show_frame(None)

    def show_frame(self, record: FrameRecord | None) -> None:
        """Show a frame, or nothing."""
        self._record = record
        self._fields = () if record is None else anatomy(record.frame)
        self._wire = None if record is None else WireBytes(record.frame)
        self.dump.show_bytes(self._wire, self._fields, () if record is None else record.violations)
        self._status.setText(self._summary())

    def highlight(self, part: Part | None) -> None:
        """Mark the bytes of a field and name it; None marks nothing."""
        field = next((field for field in self._fields if field.part is part), None)
        self.dump.mark(range(0) if field is None else part_range(self._fields, field.part))
        self._status.setText(self._summary() if field is None else self._describe(field))

    def show_violation(self, violation: Violation) -> None:
        """Mark the bytes that broke a rule and say which."""
        self.dump.mark(range(violation.offset, violation.offset + violation.length))
        self._status.setText(visible(f"{violation.rule.sentence} {violation.detail}".rstrip()))

    def status_text(self) -> str:
        """The line below the bytes."""
        return self._status.text()

    def copy_wire(self) -> None:
        """Put the selected bytes on the clipboard as hex, as they stood on the wire."""
        self._copy(plain=False)

    def copy_plain(self) -> None:
        """The same, unmasked."""
        self._copy(plain=True)

    def select_all(self) -> None:
        """Select every byte."""
        self.dump.select(range(len(self._wire or ())))

    def _make_actions(self) -> None:
        copy = QAction(self.tr("Copy as hex\tCtrl+C"), self)
        copy.triggered.connect(self.copy_wire)
        plain = QAction(self.tr("Copy unmasked as hex"), self)
        plain.setShortcut(QKeySequence(self.tr("Ctrl+Shift+C")))
        plain.triggered.connect(self.copy_plain)
        everything = QAction(self.tr("Select all\tCtrl+A"), self)
        everything.triggered.connect(self.select_all)
        plain.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.addActions([copy, plain, everything])
        self.dump.copy_pressed.connect(self.copy_wire)
        self.dump.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.dump.customContextMenuRequested.connect(self._show_menu)

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.addActions(self.actions())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.dump.viewport().mapToGlobal(at))

    def _copy(self, *, plain: bool) -> None:
        chosen = self.dump.selection()
        if self._wire is None or not len(chosen):
            return
        if len(chosen) > COPY_LIMIT:
            sentence = self.tr("{0} are selected and at most {1} can be copied as hex; select fewer.")
            self._status.setText(sentence.format(count_bytes(len(chosen)), count_bytes(COPY_LIMIT)))
            return
        read = self._wire.plain if plain else self._wire.wire
        QGuiApplication.clipboard().setText(read(chosen.start, chosen.stop).hex(" "))
        self._status.setText(self.tr("Copied {0}.").format(count_bytes(len(chosen))))

    def _on_selection(self) -> None:
        chosen = self.dump.selection()
        if not len(chosen):
            return
        field = field_of(self._fields, chosen.start)
        if field is not None:
            self.dump.mark(range(0))
            self.field_selected.emit(field)
        self._status.setText(self._describe_range(chosen))

    def _describe_range(self, chosen: range) -> str:
        touched = [f for f in self._fields if f.first_byte < chosen.stop and f.end_byte > chosen.start]
        names = ", ".join(field.name for field in touched[:_NAMED])
        if len(touched) > _NAMED:
            names += counted(
                len(touched) - _NAMED, self.tr(" and 1 more field"), self.tr(" and {count} more fields")
            )
        if len(chosen) == 1:
            return self.tr("Byte {0}: {1}").format(grouped(chosen.start), names)
        span = self.tr("Bytes {0} to {1}, {2}: {3}")
        return span.format(grouped(chosen.start), grouped(chosen.stop - 1), count_bytes(len(chosen)), names)

    def _describe(self, field: Field) -> str:
        value = visible(field.value)
        if field.bit_length and field.bit_length % 8:
            first = field.bit_offset % 8
            last = first + field.bit_length - 1
            bits = (
                self.tr("bit {0}").format(first)
                if first == last
                else self.tr("bits {0} to {1}").format(first, last)
            )
            return self.tr("{0} = {1}: {2} of byte {3}").format(field.name, value, bits, field.first_byte)
        size = count_bytes(field.bit_length // 8)
        return self.tr("{0} = {1}: {2} from byte {3}").format(field.name, value, size, field.first_byte)

    def _summary(self) -> str:
        if self._wire is None:
            return ""
        header, total = self._wire.header_length, len(self._wire)
        text = self.tr("{0}: {1} of header, {2} of payload").format(
            count_bytes(total), count_bytes(header), count_bytes(total - header)
        )
        if self._record is not None and self._record.frame.truncated:
            missing = self._record.frame.declared_length - len(self._record.frame.payload)
            text += self.tr("; {0} that the header declares are not here").format(count_bytes(missing))
        return text
