"""The Message tab: what a frame carried, inflated and joined, through the best or the chosen decoder.

However long a payload is, this thread handles only a page of it at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.logic.shown_edit import ShownEdit
from app.logic.shown_frame import AT_ONCE, ShownFrame
from app.logic.text import count_bytes, grouped
from app.look.theme import Theme
from app.runtime.jobs import Jobs
from app.views.message.differences import Differences
from app.views.message.facts import describe_message, shown_content
from app.views.message.handling_bar import HandlingBar
from app.views.message.text_pane import FOLD, TextPane
from app.views.parts.find_bar import FindBar
from app.views.parts.finder import Finder
from app.views.parts.page_bar import PageBar
from app.views.parts.page_loader import PageLoader
from app.views.parts.payload_carrier import COPY_LIMIT, PayloadCarrier
from app.views.parts.work_bar import WorkBar
from core.decoders.context import Context
from core.decoders.decoder import ContentKind, Page, TextPlace
from core.decoders.registry import Decoders
from core.decoders.search import Hit
from core.decoders.source import Source
from core.protocol.frames import Opcode
from core.query.needles import Needle

_HOPELESS = 4
"""A text estimated at this many times the copy limit is refused without being assembled."""
_MARKED_AT_ONCE = 500
"""Finds marked in one line of text."""


class MessageView(QWidget):
    """One message."""

    def __init__(self, theme: Theme, jobs: Jobs, decoders: Decoders, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._jobs = jobs
        self._decoders = decoders
        self._edit: ShownEdit | None = None
        self._source: Source | None = None
        self._context = Context(Opcode.TEXT)
        self._page: Page | None = None
        self._sought: Sequence[Needle] = ()
        """In each message shown, the first of these that occurs is marked."""
        self._is_due = False
        """Whether this message has yet to be searched for it."""
        self._marked_to = 0
        """Finds are marked up to this byte of the page."""
        self.loader = PageLoader(jobs, decoders, self)
        self.finder = Finder(jobs, self)
        self.carrier = PayloadCarrier(jobs, self)
        self._make_widgets()
        self._arrange()
        self._connect()
        self.show_frame(None)

    def show_frame(self, shown: ShownFrame | None) -> None:
        """Show the message that a frame completed, or else what the frame itself carried."""
        self.facts.setText("" if shown is None else describe_message(shown.outline))
        self.handling.show_frame(shown)
        self._edit = None if shown is None else shown.edit
        self._source = None
        if shown is not None:
            self._source, self._context = shown_content(shown)
        self._decode(None)
        self._compare()

    @property
    def chosen_byte(self) -> int | None:
        """The byte of the message whose text is selected, or at the cursor; None if nothing is shown."""
        at = self.text.chosen_character
        return None if self._page is None else self._page.bytes_of(at, at + 1).start

    def stop(self) -> None:
        """Cancel everything in progress, even the saving of a payload or the copying of a text."""
        self.carrier.cancel()
        self.show_frame(None)

    def look_for(self, wanted: Sequence[Needle]) -> None:
        """Mark the first of these that occurs, in this message and the following ones, without taking the keyboard.

        An empty sequence ends that.
        """
        self._sought = wanted
        self._is_due = bool(wanted)
        if wanted or self.find_bar.isVisible():
            self.find_bar.input.setText(wanted[0].text if wanted else "")
            self.find_bar.setVisible(bool(wanted))
            self.finder.clear()
        self._find_sought()

    @property
    def is_settled(self) -> bool:
        """Whether everything asked for is shown."""
        return self.loader.is_settled and self.text.is_whole

    def decoder_name(self) -> str | None:
        """The decoder chosen by hand; None for the automatic choice."""
        name: str | None = self.choice.currentData()
        return name

    def copy_all(self) -> None:
        """Put the whole decoded text on the clipboard, or say why not."""
        pages = self.loader.pages
        if pages is None or self._page is None:
            return
        if self.loader.is_preparing or self.loader.is_stopped:
            self._say(self.tr("Not all pages are known yet. Copy this page, or save the payload as it is."))
        elif pages.count == 1:
            self.carrier.copy(self._page.text)
        elif len(self._page.text) * pages.known > _HOPELESS * COPY_LIMIT * (
            self._page.end - self._page.first
        ):
            self.carrier.refuse()
        else:
            self.carrier.copy_pages(pages)

    def copy_page(self) -> None:
        """Put the text of the page on the clipboard."""
        if self._page is not None:
            self.carrier.copy(self._page.text)

    def save_payload(self) -> None:
        """Ask for a file name and write the bytes of the message to it unchanged."""
        if self._source is not None:
            self.carrier.ask_save(self._source)

    def find_text(self) -> None:
        """Open the find line, or find the next place if it is open. It looks through the message itself."""
        self.handling.differences.setChecked(False)
        self.find_bar.open_or_go_on()

    def _open_find(self) -> None:
        self.handling.differences.setChecked(False)
        self.find_bar.open()

    # Building

    def _make_widgets(self) -> None:
        self.facts = self._plain_label("muted")
        self.notice = self._plain_label("warning")
        self.go_on = QPushButton(self.tr("Go on"), self)
        self.go_on.setProperty("look", "quiet")
        self.choice = QComboBox(self)
        self.choice.setAccessibleName(self.tr("Decoder"))
        self.choice.setToolTip(self.tr("How the payload is shown"))
        self.choice.addItem(self.tr("Auto"), None)
        for decoder in self._decoders:
            self.choice.addItem(decoder.title, decoder.name)
            self.choice.setItemData(self.choice.count() - 1, decoder.help, Qt.ItemDataRole.ToolTipRole)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.wrap = QCheckBox(self.tr("Wrap"), self)
        self.wrap.setToolTip(self.tr("Break long lines at the edge of the window"))
        self.wrap.setChecked(True)
        self.search = self._tool(self.tr("Find"), self.tr("Find in the whole message (F3)"))
        self.copy = self._tool(self.tr("Copy"), self.tr("Copy the whole text as it is shown here"))
        self.save = self._tool(self.tr("Save…"), self.tr("Save the payload, as it is, to a file"))
        self.text = TextPane(self._theme, self)
        self.text.setAccessibleName(self.tr("Message"))
        self.text.setProperty("look", "pane")
        self.differences = Differences(self._theme, self._jobs, self._decoders, self)
        self.handling = HandlingBar(self)
        self.find_bar = FindBar(self)
        self.page_bar = PageBar(self)
        self.folded = self._plain_label("muted")
        self.folded.setText(
            self.tr("Lines are broken after {0} characters; what you copy is not.").format(grouped(FOLD))
        )
        self.preparing = WorkBar(self)
        self.carrying = WorkBar(self)

    def _plain_label(self, look: str) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setProperty("look", look)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _tool(self, text: str, tooltip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(12, 5, 8, 5)
        top.setSpacing(6)
        top.addWidget(self.facts, 1)
        for widget in (self.wrap, self.search, self.copy, self.save, self.choice):
            top.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self._notice_row = QWidget(self)
        notice = QHBoxLayout(self._notice_row)
        notice.setContentsMargins(12, 0, 12, 4)
        notice.addWidget(self.notice, 1)
        notice.addWidget(self.go_on)
        self.folded.setContentsMargins(12, 2, 12, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.handling)
        layout.addWidget(self._notice_row)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.differences, 1)
        for line in (self.folded, self.preparing, self.carrying, self.page_bar, self.find_bar):
            layout.addWidget(line)

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(self._decode_again)
        self.choice.currentIndexChanged.connect(self._compare)
        self.handling.differences.toggled.connect(self._compare)
        self.wrap.toggled.connect(self._set_wrap)
        self.search.clicked.connect(self._open_find)
        self.copy.clicked.connect(self.copy_all)
        self.save.clicked.connect(self.save_payload)
        self.go_on.clicked.connect(self._decode_again)
        self.text.shown_changed.connect(lambda: self.folded.setVisible(self.text.is_folded))
        self.page_bar.page_requested.connect(self.loader.show_page)
        self.page_bar.copy.clicked.connect(self.copy_page)
        self.page_bar.byte_requested.connect(self._go_to_byte)
        self.loader.page_ready.connect(self._show_page)
        self.loader.changed.connect(self._show_reading)
        self.loader.failed.connect(self._say)
        self.preparing.cancelled.connect(self.loader.stop)
        self.carrying.follow(self.carrier)
        self.carrier.said.connect(self._say)
        self.find_bar.find_requested.connect(self._find)
        self.find_bar.stop_requested.connect(self.finder.stop)
        self.find_bar.edited.connect(self._forget_sought)
        self.find_bar.closed.connect(self._end_find)
        self.finder.found.connect(self.loader.show_bytes)
        self.finder.changed.connect(self._show_found)
        for keys, slot in (
            ("F3", self.find_text),
            ("Shift+F3", lambda: self.find_bar.search(backward=True)),
            ("Alt+PgDown", self.page_bar.next.click),
            ("Alt+PgUp", self.page_bar.previous.click),
            ("Alt+Home", self.page_bar.first.click),
            ("Alt+End", self.page_bar.last.click),
        ):
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(slot)
            self.addAction(action)

    def _compare(self) -> None:
        """Show what was changed in the message, if the person wants that, or the message."""
        edit = self._edit if self.handling.differences.isChecked() else None
        self.text.setVisible(edit is None)
        self.differences.setVisible(edit is not None)
        self.differences.show_edit(edit, self.decoder_name())

    # Pages

    def _decode_again(self) -> None:
        """Decode with another decoder, or continue after a stop; the same bytes stay visible."""
        page = self._page
        self._decode(None if page is None or not page.first else Hit(page.first, page.first))

    def _decode(self, at: Hit | None) -> None:
        self.choice.setItemText(0, self.tr("Auto"))
        self.finder.clear()
        self._take_page(None)
        self._say("")
        self._is_due = bool(self._sought)
        for line in (self.page_bar, self.preparing, self.folded):
            line.hide()
        if self._source is None:
            self.loader.close()
            return
        self.loader.open(self._source, self._context, self.decoder_name(), at)
        if self._page is None and not self.notice.text():
            self._say(self.tr("Reading {0} …").format(count_bytes(len(self._source))))

    def _show_reading(self) -> None:
        """More pages are known, or another decoder took over."""
        reading, pages = self.loader.reading, self.loader.pages
        if reading is None or reading.decoder is None or self._source is None:
            return
        if self.decoder_name() is None:
            self.choice.setItemText(0, self.tr("Auto: {0}").format(reading.decoder.title))
        count = 0 if pages is None else pages.count
        self.page_bar.show_count(count, is_final=self.loader.is_complete)
        self.page_bar.setVisible(count > 1 and self._page is not None)
        if self.loader.is_preparing:
            words = self.tr("Reading {0} as {1}").format(
                count_bytes(len(self._source)), reading.decoder.title
            )
            self.preparing.show_work(words, self.loader.done, len(self._source))
        else:
            self.preparing.hide()
        self._say(self._notices())

    def _show_page(self, page: Page, hit: Hit | None) -> None:
        if page is not self._page:
            self._take_page(page)
            self.page_bar.show_page(self.loader.number, page, len(self._source or b""))
            self.page_bar.setVisible(self.loader.pages is not None and self.loader.pages.count > 1)
            self._say(self._notices())
            self._find_sought()
        if hit is not None:
            self.text.show_places(page.places(hit.first, max(hit.end, hit.first + 1)))

    def _take_page(self, page: Page | None) -> None:
        self._page = page
        self._marked_to = self.finder.reached
        self._set_wrap()
        self.text.show_page(page)
        self.folded.setVisible(self.text.is_folded)

    def _notices(self) -> str:
        reading = self.loader.reading
        parts = [] if reading is None else [reading.notice]
        if self._page is not None:
            parts.append(self._page.notice)
        if self.loader.is_stopped and self.loader.pages is not None and self._source is not None:
            sentence = self.tr("Stopped: pages are known of the first {0} of {1} bytes.")
            parts.append(sentence.format(grouped(self.loader.pages.known), grouped(len(self._source))))
        return " ".join(filter(None, parts))

    def _go_to_byte(self, offset: int) -> None:
        if self._source is not None:
            last = max(len(self._source) - 1, 0)
            if offset > last:
                self._say(self.tr("The last byte is {0}.").format(grouped(last)))
            else:
                self.loader.show_bytes(Hit(offset, offset + 1))

    def _set_wrap(self) -> None:
        """Set the wrapping. A hex dump is never wrapped, because its columns would break."""
        is_hex = self.loader.pages is not None and self.loader.pages.kind is ContentKind.HEX
        mode = QPlainTextEdit.LineWrapMode
        self.text.setLineWrapMode(mode.WidgetWidth if self.wrap.isChecked() and not is_hex else mode.NoWrap)

    def _say(self, sentence: str) -> None:
        self.notice.setText(sentence)
        self.go_on.setVisible(self.loader.is_stopped)
        self._notice_row.setVisible(bool(sentence))

    # Find

    def _find(self, wanted: str, backward: bool) -> None:
        pages, page, source = self.loader.pages, self._page, self._source
        if pages is None or page is None or source is None:
            return
        at = page.bytes_of(self.text.first_in_sight(), self.text.first_in_sight() + 1).start
        self.finder.find(source, pages.needle(wanted, self.find_bar.case), at, backward=backward)

    def _find_sought(self) -> None:
        if self._is_due and self._page is not None:
            self._is_due = False
            sought = self._first_contained()
            self.find_bar.input.setText(sought.text)
            if sought.folded:
                self.find_bar.take_either_case()
            self._find(sought.text, backward=False)

    def _first_contained(self) -> Needle:
        """The first of the needles that occurs; the very first if none is known to occur."""
        source = self._source
        content = source.read(0, AT_ONCE) if source is not None and source.is_held else b""
        there = (each for each in self._sought if each.is_in(content))
        return next(there, self._sought[0])

    def _forget_sought(self) -> None:
        """The person searches for something else."""
        self._sought, self._is_due = (), False
        self.finder.clear()

    def _show_found(self) -> None:
        self.find_bar.show_result(self.finder.summary(), running=self.finder.is_running)
        if not self.finder.has_hits:
            self._marked_to = 0
            self.text.mark_places(None)
        elif self._page is not None and self._marked_to < min(self.finder.reached, self._page.end):
            self._marked_to = self.finder.reached
            self.text.mark_places(self._found_places)

    def _found_places(self, start: int, end: int) -> list[TextPlace]:
        """Finds among these characters of the page."""
        if self._page is None:
            return []
        among = self._page.bytes_of(start, end)
        hits = self.finder.hits(among.start, among.stop, _MARKED_AT_ONCE)
        return [place for hit in hits for place in self._page.places(hit.first, hit.end)]

    def _end_find(self) -> None:
        self._forget_sought()
        self.text.setFocus()
