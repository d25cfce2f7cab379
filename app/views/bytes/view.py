"""The Bytes tab: the exact wire bytes of a frame, and a line that describes the selection."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from app.logic.payload_transfer import HexText
from app.logic.shown_frame import ShownFrame
from app.logic.text import count_bytes, counted, grouped
from app.look.theme import Theme
from app.runtime.jobs import Jobs
from app.views.bytes.byte_window import ByteWindow
from app.views.bytes.dump import ByteDump
from app.views.bytes.wire_bytes import WireBytes
from app.views.parts.find_bar import FindBar
from app.views.parts.finder import Finder
from app.views.parts.payload_carrier import PayloadCarrier
from app.views.parts.widgets import field_of, part_range
from app.views.parts.work_bar import WorkBar
from core.decoders.hexdump import HexDumpDecoder
from core.decoders.search import Hit
from core.decoders.visible import visible
from core.protocol.anatomy import FrameField, Part, anatomy
from core.protocol.violations import Violation

COPY_LIMIT = 4 * 1024 * 1024
"""Bytes that can be copied; they become three times as many characters."""
_AT_ONCE = 16 * 1024
_NAMED = 6


class BytesView(QWidget):
    """The bytes of one frame."""

    field_selected = Signal(object)
    """The `FrameField` of the byte that the person selected."""

    def __init__(self, theme: Theme, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._shown: ShownFrame | None = None
        self.window_ = ByteWindow(jobs, self)
        self.finder = Finder(jobs, self)
        self.carrier = PayloadCarrier(jobs, self)
        self._fields: tuple[FrameField, ...] = ()
        self._wire: WireBytes | None = None
        self.dump = ByteDump(theme, self)
        self._status = QLabel(self)
        self._status.setTextFormat(Qt.TextFormat.PlainText)
        self._status.setProperty("look", "muted")
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        foot = QHBoxLayout()
        foot.setContentsMargins(10, 4, 10, 5)
        foot.addWidget(self._status, 1)
        self.carrying = WorkBar(self)
        self.find_bar = FindBar(self)
        self.find_bar.set_hint(self.tr("Find text, or bytes as hex digits, in the whole payload"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.dump, 1)
        layout.addLayout(foot)
        layout.addWidget(self.carrying)
        layout.addWidget(self.find_bar)
        self._make_actions()
        self._connect()
        self.show_frame(None)

    def show_frame(self, shown: ShownFrame | None) -> None:
        """Show a frame, or nothing."""
        self._shown = shown
        self.finder.clear()
        if shown is None:
            self._fields, self._wire = (), None
            self.window_.set_source(None)
        else:
            outline = shown.outline
            self._fields = anatomy(outline.frame, outline.row.captured_length)
            self._wire = WireBytes(outline.frame, outline.row.captured_length, self.window_.peek)
            self.window_.set_source(shown.payload)
        self.dump.show_bytes(self._wire, self._fields, () if shown is None else shown.outline.violations)
        self._status.setText(self._summary())

    def stop(self) -> None:
        """Cancel everything in progress."""
        self.carrier.cancel()
        self.show_frame(None)

    def highlight(self, part: Part | None) -> None:
        """Mark the bytes of a field and name it; None marks nothing."""
        field = next((field for field in self._fields if field.part is part), None)
        self.dump.mark(range(0) if field is None else part_range(self._fields, field.part))
        self._status.setText(self._summary() if field is None else self._describe(field))

    def show_violation(self, violation: Violation) -> None:
        """Mark the bytes that broke a rule, and name the rule."""
        self.dump.mark(range(violation.offset, violation.offset + violation.length))
        self._status.setText(visible(f"{violation.rule.sentence} {violation.detail}".rstrip()))

    def status_text(self) -> str:
        """The line below the bytes."""
        return self._status.text()

    def copy_wire(self) -> None:
        """Copy the selected wire bytes as hex."""
        self._copy(plain=False)

    def copy_plain(self) -> None:
        """Copy the selected bytes unmasked, as hex."""
        self._copy(plain=True)

    def select_all(self) -> None:
        """Select every byte."""
        self.dump.select(range(len(self._wire or ())))

    def find_text(self) -> None:
        """Open the find line, or find the next place if it is open."""
        self.find_bar.open_or_go_on()

    def _connect(self) -> None:
        self.dump.selection_changed.connect(self._on_selection)
        self.window_.loaded.connect(self.dump.viewport().update)
        self.window_.failed.connect(self._status.setText)
        self.carrier.said.connect(self._status.setText)
        self.carrying.follow(self.carrier)
        self.find_bar.find_requested.connect(self._find)
        self.find_bar.stop_requested.connect(self.finder.stop)
        self.find_bar.edited.connect(self.finder.clear)
        self.find_bar.closed.connect(self._end_find)
        self.finder.found.connect(self._show_hit)
        self.finder.changed.connect(
            lambda: self.find_bar.show_result(self.finder.summary(), running=self.finder.is_running)
        )

    def _make_actions(self) -> None:
        copy = QAction(self.tr("Copy as hex\tCtrl+C"), self)
        copy.triggered.connect(self.copy_wire)
        plain = QAction(self.tr("Copy unmasked as hex"), self)
        plain.setShortcut(QKeySequence(self.tr("Ctrl+Shift+C")))
        plain.triggered.connect(self.copy_plain)
        everything = QAction(self.tr("Select all\tCtrl+A"), self)
        everything.triggered.connect(self.select_all)
        find = QAction(self.tr("Find"), self)
        find.setShortcut(QKeySequence("F3"))
        find.triggered.connect(self.find_text)
        back = QAction(self.tr("Find previous"), self)
        back.setShortcut(QKeySequence("Shift+F3"))
        back.triggered.connect(lambda: self.find_bar.search(backward=True))
        for action in (plain, find, back):
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.addActions([copy, plain, everything, find, back])
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
        found = read(chosen.start, chosen.stop) if len(chosen) <= _AT_ONCE else None
        if found is not None:
            QGuiApplication.clipboard().setText(found.hex(" "))
            self._status.setText(self.tr("Copied {0}.").format(count_bytes(len(chosen))))
            return
        assert self._shown is not None
        outline = self._shown.outline
        wire = WireBytes(outline.frame, outline.row.captured_length, self._shown.payload.read)
        text = HexText(wire.plain if plain else wire.wire, chosen)
        words = self.tr("Copying {0}").format(count_bytes(len(chosen)))
        self.carrier.copy_steps(text, len(chosen), words)

    def _find(self, wanted: str, backward: bool) -> None:
        if self._shown is None or self._wire is None:
            return
        source, header = self._shown.payload, self._wire.header_length
        needle = HexDumpDecoder().pages(source, self._shown.context).needle(wanted, self.find_bar.case)
        origin = max(self.dump.first_in_sight() - header, 0)
        self.finder.find(source, needle, origin, backward=backward)

    def _show_hit(self, hit: Hit) -> None:
        if self._wire is not None:
            header = self._wire.header_length
            self.dump.mark(range(header + hit.first, header + hit.end))
            text = self.tr("Found at byte {0} of the payload, {1} of the frame.")
            self._status.setText(text.format(grouped(hit.first), grouped(header + hit.first)))

    def _end_find(self) -> None:
        self.finder.clear()
        self.dump.mark(range(0))
        self.dump.setFocus()

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

    def _describe(self, field: FrameField) -> str:
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
        if self._shown is None:
            return text
        row = self._shown.outline.row
        missing = count_bytes(row.declared_length - row.captured_length)
        if row.truncated:
            text += self.tr("; {0} that the header declares are not here").format(missing)
        elif row.handling.is_redacted:
            text += self.tr("; {0} came, which a rule kept out of the capture").format(missing)
        return text
