"""The tabs below the frame table. Only the visible tab works; the others catch up when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from app.logic.shown_frame import ShownFrame
from app.logic.shown_handshake import ShownHandshake
from app.look.look import Look
from app.runtime.jobs import Jobs
from app.views.bits.view import FrameBits
from app.views.bytes.view import BytesView
from app.views.handshake.view import HandshakeView
from app.views.message.view import MessageView
from app.views.parts.connection_label import ConnectionLabel
from core.capture.records import Problem
from core.decoders.registry import Decoders
from core.protocol.anatomy import FrameField, Part
from core.protocol.violations import Violation
from core.query.needles import Needle


class _TabPage(QStackedWidget):
    """A view, or a sentence in its place when there is nothing to show."""

    def __init__(self, name: str, view: QWidget, hint: str) -> None:
        super().__init__()
        self.setObjectName(name)
        label = QLabel(hint, self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setWordWrap(True)
        label.setProperty("look", "muted")
        label.setBackgroundRole(QPalette.ColorRole.Base)
        label.setAutoFillBackground(True)
        self.addWidget(label)
        self.addWidget(view)

    def set_empty(self, empty: bool) -> None:
        self.setCurrentIndex(0 if empty else 1)


class DetailTabs(QWidget):
    """Everything about the selected frame and its connection."""

    tab_changed = Signal(str)
    """The name of the tab that the person chose, for settings."""
    frame_requested = Signal(int)
    """Id of another frame of the same connection to go to."""

    def __init__(self, look: Look, jobs: Jobs, decoders: Decoders, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: ShownFrame | None = None
        self._handshake: ShownHandshake | None = None
        self._chosen: Part | None = None
        self.message = MessageView(look.theme, jobs, decoders)
        self.frame = FrameBits(look)
        self.bytes = BytesView(look.theme, jobs)
        self.handshake = HandshakeView(look)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.whose = ConnectionLabel(look.theme)
        self.tabs.setCornerWidget(self.whose)
        self._refresh: dict[_TabPage, Callable[[], bool]] = {}
        """Brings each page up to date; the result tells whether there is anything to show."""
        self._message_page = self._add(
            _TabPage("message", self.message, self.tr("Select a frame to see what it carried.")),
            self.tr("Message"),
            self._refresh_message,
        )
        self._frame_page = self._add(
            _TabPage("frame", self.frame, self.tr("Select a frame to see it bit by bit.")),
            self.tr("Frame"),
            self._refresh_frame,
        )
        self._bytes_page = self._add(
            _TabPage(
                "bytes", self.bytes, self.tr("Select a frame to see its bytes as they were on the wire.")
            ),
            self.tr("Bytes"),
            self._refresh_bytes,
        )
        hint = self.tr("Select a connection to see how it was opened.")
        self._handshake_page = self._add(
            _TabPage("handshake", self.handshake, hint), self.tr("Handshake"), self._refresh_handshake
        )
        self._stale: set[_TabPage] = set(self._refresh)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.setFocusProxy(self.tabs)
        self._connect()
        self._catch_up()

    def show_frame(self, shown: ShownFrame | None) -> None:
        """Show a frame, or none."""
        self._frame = shown
        self._chosen = None
        for page, view in ((self._message_page, self.message), (self._bytes_page, self.bytes)):
            if page is not self.tabs.currentWidget():
                # Its current work is no longer of use.
                view.show_frame(None)
        self._outdated(self._message_page, self._frame_page, self._bytes_page)

    def add_page(self, page: QWidget, name: str, title: str) -> None:
        """Add a tab that is not about the selected frame."""
        page.setObjectName(name)
        self.tabs.addTab(page, title)

    def set_title(self, page: QWidget, title: str) -> None:
        """Change the words on a tab that was added."""
        self.tabs.setTabText(self.tabs.indexOf(page), title)

    def show_page(self, page: QWidget) -> None:
        """Show a tab that was added, and give it the keyboard."""
        self.tabs.setCurrentWidget(page)
        page.setFocus()

    def stop(self) -> None:
        """Cancel everything in progress, such as saving a payload."""
        self.message.stop()
        self.bytes.stop()

    def show_handshake(self, shown: ShownHandshake | None) -> None:
        """Show how a connection was opened, or nothing."""
        self._handshake = shown
        self.whose.show_connection(None if shown is None else shown.record)
        self._outdated(self._handshake_page)

    def current_tab(self) -> str:
        """The name of the visible tab: `message`, `frame`, `bytes`, `handshake`, or that of a page that was added."""
        page = self.tabs.currentWidget()
        return "" if page is None else page.objectName()

    def set_current_tab(self, name: str) -> None:
        """Show a tab; an unknown name changes nothing."""
        for at in range(self.tabs.count()):
            page = self.tabs.widget(at)
            if page is not None and page.objectName() == name:
                self.tabs.setCurrentWidget(page)

    @property
    def selected_text(self) -> str:
        """The selected text of the visible message."""
        text = self.message.text
        if not text.isVisible() or not text.textCursor().hasSelection():
            return ""
        return text.createMimeDataFromSelection().text()

    @property
    def chosen_byte(self) -> int | None:
        """The byte of the message at the cursor in its text; None while that is out of sight."""
        return self.message.chosen_byte if self.message.text.isVisible() else None

    def look_for(self, wanted: Sequence[Needle]) -> None:
        """Mark the first of these needles that occurs in each message shown from now on."""
        self.message.look_for(wanted)

    def show_frame_violation(self, violation: Violation) -> None:
        """Mark the bytes of the frame that broke a rule."""
        self.tabs.setCurrentWidget(self._bytes_page)
        self.bytes.show_violation(violation)

    def show_handshake_violation(self, problem: Problem) -> None:
        """Mark the bytes of the handshake that broke a rule."""
        self.tabs.setCurrentWidget(self._handshake_page)
        self.handshake.show_violation(problem.violation, problem.head)

    def _add(self, page: _TabPage, title: str, refresh: Callable[[], bool]) -> _TabPage:
        self.tabs.addTab(page, title)
        self._refresh[page] = refresh
        return page

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._on_tab)
        self.message.handling.frame_requested.connect(self.frame_requested)
        self.frame.field_selected.connect(self._choose)
        self.frame.field_hovered.connect(self._point_at)
        self.frame.field_activated.connect(self._show_bytes_of)
        self.frame.violation_chosen.connect(self.show_frame_violation)
        self.bytes.field_selected.connect(self._choose_from_bytes)

    def _outdated(self, *pages: _TabPage) -> None:
        self._stale.update(pages)
        self._catch_up()

    def _catch_up(self) -> None:
        page = self.tabs.currentWidget()
        if isinstance(page, _TabPage) and page in self._stale:
            self._stale.discard(page)
            page.set_empty(not self._refresh[page]())

    def _on_tab(self) -> None:
        self._catch_up()
        # Pages that were added are not about the selected frame's connection.
        self.whose.setVisible(self.tabs.currentWidget() in self._refresh)
        self.tab_changed.emit(self.current_tab())

    def _refresh_message(self) -> bool:
        self.message.show_frame(self._frame)
        return self._frame is not None

    def _refresh_frame(self) -> bool:
        self.frame.show_frame(self._frame)
        self.frame.select(self._chosen)
        return self._frame is not None

    def _refresh_bytes(self) -> bool:
        self.bytes.show_frame(self._frame)
        self.bytes.highlight(self._chosen)
        return self._frame is not None

    def _refresh_handshake(self) -> bool:
        self.handshake.show_handshake(self._handshake)
        return self._handshake is not None

    def _choose(self, field: FrameField) -> None:
        """A field was chosen in the Frame tab: mark its bytes."""
        self._chosen = field.part
        if self._bytes_page not in self._stale:
            self.bytes.highlight(field.part)

    def _point_at(self, field: FrameField | None) -> None:
        """A field is under the mouse in the Frame tab: mark its bytes for as long."""
        if self._bytes_page not in self._stale:
            self.bytes.highlight(self._chosen if field is None else field.part)

    def _choose_from_bytes(self, field: FrameField) -> None:
        """Bytes were chosen in the Bytes tab: mark their field."""
        self._chosen = field.part
        if self._frame_page not in self._stale:
            self.frame.select(field.part)

    def _show_bytes_of(self, field: FrameField) -> None:
        self._choose(field)
        self.tabs.setCurrentWidget(self._bytes_page)
