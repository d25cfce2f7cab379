"""The Message tab: what a frame carried, inflated and joined, through the decoder that fits or the chosen one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
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

from app.jobs import Jobs
from app.text import count_bytes, grouped
from app.theme import Theme
from app.views.find_bar import FindBar
from app.views.message_facts import describe_message, shown_payload
from app.views.text_pane import FOLD, TextPane
from core.capture.records import FrameRecord
from core.decoders.decoder import ContentKind, Decoded
from core.decoders.registry import Decoders

AT_ONCE = 64 * 1024
"""Bytes that are decoded right here; more goes to another thread."""
MORE = 1024 * 1024
"""Characters that "Show more" adds."""
COPY_LIMIT = 64 * 1024 * 1024
"""Characters that are put on the clipboard."""


class MessageView(QWidget):
    """One message."""

    def __init__(self, theme: Theme, jobs: Jobs, decoders: Decoders, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._jobs = jobs
        self._decoders = decoders
        self._record: FrameRecord | None = None
        self._decoded: Decoded | None = None
        self._busy = False
        self._asked = 0
        """Goes up with every payload and choice of decoder; an answer to an older one is thrown away."""
        self._make_widgets()
        self._arrange()
        self._connect()
        self.show_frame(None)

    def show_frame(self, record: FrameRecord | None) -> None:
        """Show the message that a frame completed, or else what the frame itself carried."""
        self._record = record
        self.facts.setText("" if record is None else describe_message(record))
        self._decode()

    def decoder_name(self) -> str | None:
        """The decoder that is chosen by hand, or None for the automatic choice."""
        name: str | None = self.choice.currentData()
        return name

    def copy_all(self) -> None:
        """Put the whole decoded text on the clipboard."""
        if self._decoded is None:
            return
        if len(self._decoded.text) > COPY_LIMIT:
            sentence = self.tr("The text has {0} characters and at most {1} can be copied.")
            self._say(sentence.format(grouped(len(self._decoded.text)), grouped(COPY_LIMIT)))
            return
        QGuiApplication.clipboard().setText(self._decoded.text)

    def find_text(self) -> None:
        """Open the find line, or go to the next place where it is open."""
        if self.find_bar.isVisible() and self.find_bar.input.text():
            self.find_bar.search(backward=False)
        else:
            self.find_bar.open()

    # Building

    def _make_widgets(self) -> None:
        self.facts = self._plain_label("muted")
        self.notice = self._plain_label("warning")
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
        self.search = self._tool(self.tr("Find"), self.tr("Find in this message (F3)"))
        self.copy = self._tool(self.tr("Copy"), self.tr("Copy the whole text as it is shown here"))
        self.text = TextPane(self._theme, self)
        self.text.setAccessibleName(self.tr("Message"))
        self.text.setProperty("look", "pane")
        self.find_bar = FindBar(self)
        self.part = self._plain_label("muted")
        self.more = self._push(self.tr("Show more"))
        self.everything = self._push(self.tr("Show all"))

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

    def _push(self, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("look", "quiet")
        return button

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(12, 5, 8, 5)
        top.setSpacing(6)
        top.addWidget(self.facts, 1)
        for widget in (self.wrap, self.search, self.copy, self.choice):
            top.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self._notice_row = QWidget(self)
        notice = QHBoxLayout(self._notice_row)
        notice.setContentsMargins(12, 0, 12, 4)
        notice.addWidget(self.notice)
        self._part_row = QWidget(self)
        part = QHBoxLayout(self._part_row)
        part.setContentsMargins(12, 2, 12, 2)
        part.addWidget(self.part, 1)
        part.addWidget(self.more)
        part.addWidget(self.everything)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self._notice_row)
        layout.addWidget(self.text, 1)
        layout.addWidget(self._part_row)
        layout.addWidget(self.find_bar)

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(self._decode)
        self.wrap.toggled.connect(self._set_wrap)
        self.search.clicked.connect(self.find_bar.open)
        self.copy.clicked.connect(self.copy_all)
        self.more.clicked.connect(lambda: self.text.show_more(MORE))
        self.everything.clicked.connect(lambda: self.text.show_more(self.text.total))
        self.text.shown_changed.connect(self._show_part)
        self.find_bar.find_requested.connect(self._find)
        self.find_bar.closed.connect(self.text.setFocus)
        for keys, slot in (("F3", self.find_text), ("Shift+F3", lambda: self.find_bar.search(backward=True))):
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(slot)
            self.addAction(action)

    # Decoding

    def _decode(self) -> None:
        """Decode what is shown, here where it is short, else on another thread, one at a time."""
        self._asked += 1
        self.choice.setItemText(0, self.tr("Auto"))
        if self._record is None:
            self._show(None)
            return
        payload, opcode = shown_payload(self._record)
        name = self.decoder_name()
        if len(payload) <= AT_ONCE:
            self._show(self._decoders.decode(payload, opcode, name))
            return
        self._show(None)
        self._say(self.tr("Reading {0} …").format(count_bytes(len(payload))))
        if not self._busy:
            self._start(payload, opcode, name)

    def _start(self, payload: bytes, opcode: int, name: str | None) -> None:
        asked = self._asked
        self._busy = self._jobs.run(
            lambda: self._decoders.decode(payload, opcode, name),
            lambda decoded: self._on_decoded(asked, decoded),
            lambda error: self._on_failed(asked, error),
        )
        if not self._busy:
            self._say(self.tr("Too much is under way to read this now; select it again in a moment."))

    def _on_decoded(self, asked: int, decoded: Decoded) -> None:
        self._busy = False
        if asked == self._asked:
            self._show(decoded)
        else:
            self._decode()

    def _on_failed(self, asked: int, error: Exception) -> None:
        self._busy = False
        if asked == self._asked:
            self._say(self.tr("This payload could not be read: {0}").format(error))
        else:
            self._decode()

    def _show(self, decoded: Decoded | None) -> None:
        self._decoded = decoded
        self._say("" if decoded is None else decoded.notice)
        if decoded is not None and self.decoder_name() is None:
            chosen = self._decoders.get(decoded.decoder)
            self.choice.setItemText(
                0, self.tr("Auto: {0}").format(chosen.title if chosen else decoded.decoder)
            )
        self._set_wrap()
        self.text.show_decoded(decoded)

    def _set_wrap(self) -> None:
        """A hex dump is never wrapped: its columns would fall apart."""
        is_hex = self._decoded is not None and self._decoded.kind is ContentKind.HEX
        mode = QPlainTextEdit.LineWrapMode
        self.text.setLineWrapMode(mode.WidgetWidth if self.wrap.isChecked() and not is_hex else mode.NoWrap)

    def _say(self, sentence: str) -> None:
        self.notice.setText(sentence)
        self._notice_row.setVisible(bool(sentence))

    def _show_part(self) -> None:
        """Say how much of the text is shown, and whether long lines are broken."""
        shown, total = self.text.shown, self.text.total
        sentences = []
        if shown < total:
            sentences.append(
                self.tr("Showing the first {0} of {1} characters.").format(grouped(shown), grouped(total))
            )
        if self.text.is_folded:
            sentences.append(
                self.tr("Lines are broken after {0} characters; what you copy is not.").format(grouped(FOLD))
            )
        self.part.setText(" ".join(sentences))
        self.more.setVisible(shown < total)
        self.everything.setVisible(shown < total)
        self._part_row.setVisible(bool(sentences))

    def _find(self, wanted: str, backward: bool) -> None:
        if self.text.find_text(wanted, backward=backward):
            self.find_bar.show_result("")
        elif self.text.shown < self.text.total:
            self.find_bar.show_result(self.tr("Not in the part that is shown"))
        else:
            self.find_bar.show_result(self.tr("Not found"))
