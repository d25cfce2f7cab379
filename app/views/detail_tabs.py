"""The tabs below the frame table. Only the tab in sight does work; the others catch up when they come into sight."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from app.icons import Icons
from app.jobs import Jobs
from app.theme import Theme
from app.views.bytes_view import BytesView
from app.views.frame_bits import FrameBits
from app.views.handshake_view import HandshakeView
from app.views.message_view import MessageView
from core.capture.records import ConnectionRecord, FrameRecord
from core.decoders.registry import Decoders
from core.protocol.anatomy import Field, Part
from core.protocol.violations import Violation


class DetailTabs(QWidget):
    """Everything about the selected frame and its connection."""

    tab_changed = Signal(str)
    """The name of the tab that the person chose, for settings."""

    def __init__(
        self, theme: Theme, icons: Icons, jobs: Jobs, decoders: Decoders, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._frame: FrameRecord | None = None
        self._connection: ConnectionRecord | None = None
        self._violations: tuple[Violation, ...] = ()
        self._chosen: Part | None = None
        self.message = MessageView(theme, jobs, decoders)
        self.frame = FrameBits(theme, icons)
        self.bytes = BytesView(theme)
        self.handshake = HandshakeView(theme, icons)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self._refresh: dict[QWidget, Callable[[], None]] = {}
        self._stale: set[QWidget] = set()
        self._add("message", self.message, self.tr("Message"), lambda: self.message.show_frame(self._frame))
        self._add("frame", self.frame, self.tr("Frame"), self._refresh_frame)
        self._add("bytes", self.bytes, self.tr("Bytes"), self._refresh_bytes)
        self._add("handshake", self.handshake, self.tr("Handshake"), self._refresh_handshake)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.setFocusProxy(self.tabs)
        self._connect()

    def show_frame(self, record: FrameRecord | None) -> None:
        """Show a frame, or none."""
        self._frame = record
        self._chosen = None
        self._outdated(self.message, self.frame, self.bytes)

    def show_connection(self, connection: ConnectionRecord | None, violations: tuple[Violation, ...]) -> None:
        """Show a connection and the rules that its handshake broke, or none."""
        self._connection, self._violations = connection, violations
        self._outdated(self.handshake)

    def current_tab(self) -> str:
        """The name of the tab in sight: `message`, `frame`, `bytes`, `handshake`."""
        view = self.tabs.currentWidget()
        return "" if view is None else view.objectName()

    def set_current_tab(self, name: str) -> None:
        """Bring a tab into sight; a name that there is not changes nothing."""
        for view in self._refresh:
            if view.objectName() == name:
                self.tabs.setCurrentWidget(view)

    def _add(self, name: str, view: QWidget, title: str, refresh: Callable[[], None]) -> None:
        view.setObjectName(name)
        self.tabs.addTab(view, title)
        self._refresh[view] = refresh

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._on_tab)
        self.frame.field_selected.connect(self._choose)
        self.frame.field_hovered.connect(self._point_at)
        self.frame.field_activated.connect(self._show_bytes_of)
        self.bytes.field_selected.connect(self._choose_from_bytes)

    def _outdated(self, *views: QWidget) -> None:
        self._stale.update(views)
        self._catch_up()

    def _catch_up(self) -> None:
        view = self.tabs.currentWidget()
        if view is not None and view in self._stale:
            self._stale.discard(view)
            self._refresh[view]()

    def _on_tab(self) -> None:
        self._catch_up()
        self.tab_changed.emit(self.current_tab())

    def _refresh_frame(self) -> None:
        self.frame.show_frame(self._frame)
        self.frame.select(self._chosen)

    def _refresh_bytes(self) -> None:
        self.bytes.show_frame(self._frame)
        self.bytes.highlight(self._chosen)

    def _refresh_handshake(self) -> None:
        self.handshake.show_connection(self._connection, self._violations)

    def _choose(self, field: Field) -> None:
        """A field was chosen in the Frame tab: mark its bytes."""
        self._chosen = field.part
        if self.bytes not in self._stale:
            self.bytes.highlight(field.part)

    def _point_at(self, field: Field | None) -> None:
        """A field is under the mouse in the Frame tab: mark its bytes for as long."""
        if self.bytes not in self._stale:
            self.bytes.highlight(self._chosen if field is None else field.part)

    def _choose_from_bytes(self, field: Field) -> None:
        """Bytes were chosen in the Bytes tab: mark their field."""
        self._chosen = field.part
        if self.frame not in self._stale:
            self.frame.select(field.part)

    def _show_bytes_of(self, field: Field) -> None:
        self._choose(field)
        self.tabs.setCurrentWidget(self.bytes)
