"""Where the composer sends: to the chosen connection, or to all open ones."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QWidget

from app.logic.text import grouped, tooltip
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.connections import ConnectionLine, ConnectionModel
from app.views.compose.target_popup import TargetPopup
from app.views.parts.connection_mark import ICON, elided_path, mark_icon
from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.protocol.deflate import DeflateParameters, check_agreed
from core.protocol.extensions import parse_extensions
from core.protocol.state import Role, peer_of

_CHARS = 15
_NARROW, _WIDEST = 154, 360
"""Width of the box on a small and on a large screen, in pixels."""
_LEAST_PATH = 4
"""Characters of a path that are worth showing."""
_BESIDE_ICON = 8
"""Pixels between the icon and the text, and after the text."""
_USABLE = frozenset((ConnectionState.CONNECTING, ConnectionState.OPEN))


@dataclass(frozen=True, slots=True)
class ToOne:
    """One connection. A new capture gives it another number, and its old number to another connection."""

    id: int
    opened_ns: int
    peer: str
    title: str

    @classmethod
    def of(cls, line: ConnectionLine) -> ToOne:
        record = line.record
        return cls(record.id, record.opened_ns, record.peer, line.title)

    def is_of(self, line: ConnectionLine | None) -> bool:
        """Whether a line of the list is this connection, whatever its number."""
        return line is not None and (line.record.opened_ns, line.record.peer) == (self.opened_ns, self.peer)


@dataclass(frozen=True, slots=True)
class ToAll:
    """All connections that are open at the time of sending."""


Recipient = ToOne | ToAll | None
"""None until the person has chosen."""


class TargetBox(QComboBox):
    """Shows the target and offers all others. A target whose peer is gone stays, and is marked as gone."""

    changed = Signal()
    """The target, or something about it, has changed."""

    def __init__(self, connections: ConnectionModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._connections = connections
        self._theme = look.theme
        self._icons = look.icons
        self._target: Recipient = None
        self._shown: tuple[object, ...] = ()
        self._chooses_itself = True
        """Whether the only open connection becomes the target by itself, if none was ever chosen."""
        # The style applies to this box only, because a box within it is its own list.
        self.popup = TargetPopup(look, parent)
        self.setAccessibleName(self.tr("Send to"))
        # Not sized by its contents: a long path must not widen the window.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_CHARS)
        self.setMinimumWidth(_NARROW)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(_WIDEST)
        self.setIconSize(QSize(ICON, ICON))
        self.addItem("")
        self.popup.picked.connect(self._picked)
        look.theme.changed.connect(self._show)
        self._show()

    @property
    def target(self) -> Recipient:
        return self._target

    @property
    def record(self) -> ConnectionRecord | None:
        """The target connection while it exists; None for all or no target."""
        line = self._line()
        return None if line is None else line.record

    @property
    def is_relayed(self) -> bool:
        """Whether the target has two sides that something can be sent to."""
        record = self.record
        return record is not None and record.mode in (Mode.RELAY, Mode.PROXY)

    @property
    def sending_side(self) -> tuple[Role, DeflateParameters | None]:
        """The side that Unmask has on the target's connection, and the compression agreed on there."""
        record = self.record
        if record is None:
            return Role.SERVER, None
        extensions, _ = parse_extensions((record.extensions,))
        agreed, _ = check_agreed(extensions, extensions)
        return peer_of(self._connections.toward(record.id)), agreed

    @property
    def recipients(self) -> tuple[int, ...]:
        """The connections that a message would go to now."""
        if isinstance(self._target, ToAll):
            return self.everybody
        record = self.record
        return (record.id,) if record is not None and record.is_open else ()

    @property
    def _is_connecting(self) -> bool:
        record = self.record
        return record is not None and record.state is ConnectionState.CONNECTING

    @property
    def everybody(self) -> tuple[int, ...]:
        """All connections that are open now."""
        return self._connections.open_ids

    def choose(self, connection: int) -> None:
        """Choose one connection."""
        line = self._connections.line_of(connection)
        if line is not None:
            self._set(ToOne.of(line))

    def go_to(self, connection: int) -> None:
        """Choose one connection if it is open, or may still open."""
        line = self._connections.line_of(connection)
        if line is not None and line.record.state in _USABLE:
            self._set(ToOne.of(line))

    def choose_all(self) -> None:
        """Choose all open connections."""
        self._set(ToAll())

    def leave_alone(self, left: bool) -> None:
        """Let no connection become the target by itself, or let it again."""
        self._chooses_itself = not left

    def refresh(self, *, may_choose: bool) -> None:
        """Take over changes of the list.

        If nothing was ever chosen and exactly one connection is open, that becomes the target, provided `may_choose`.
        """
        everybody = self.everybody
        line = self._line()
        if line is not None:
            self._target = ToOne.of(line)
        if self._target is None and may_choose and self._chooses_itself and len(everybody) == 1:
            self.choose(everybody[0])
        self._show()

    def fault(self) -> str:
        """Why nothing can be sent to the target; "" if it can."""
        if self.recipients:
            return ""
        if isinstance(self._target, ToOne):
            if self._is_connecting:
                return self.tr("Connection #{0} is not open yet.").format(self._target.id)
            return self.tr("Connection #{0} is not open any more. Choose another one.").format(
                self._target.id
            )
        if not self.everybody:
            return self.tr("No connection is open. Wait for a client to connect, or connect to a server.")
        return self.tr("Choose the connection to send to.")

    def showPopup(self) -> None:
        target = self._target
        lines = [line for each in self.everybody if (line := self._connections.line_of(each)) is not None]
        self.popup.open_at(self, lines, target.id if isinstance(target, ToOne) else None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ignore the mouse wheel, so that it chooses nothing."""
        event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show()

    def _line(self) -> ConnectionLine | None:
        """The list's entry of the target connection, whatever its number is now; None if it is gone."""
        target, model = self._target, self._connections
        if not isinstance(target, ToOne):
            return None
        line = model.line_of(target.id)
        if target.is_of(line):
            return line
        return next((line for each in model.open_ids if target.is_of(line := model.line_of(each))), None)

    def _picked(self, line: ConnectionLine | None) -> None:
        if line is None:
            self.choose_all()
        else:
            self._set(ToOne.of(line))

    def _set(self, target: Recipient) -> None:
        self._target = target
        self._show()

    def _show(self) -> None:
        is_open, record = bool(self.recipients), self.record
        extensions = record is not None and record.extensions
        true = (self._target, is_open, self._is_connecting, len(self.everybody), extensions)
        look = (self.width(), self.isVisible(), self._theme.is_dark)
        if (true, look) == self._shown:
            return
        told, self._shown = self._shown[:1], (true, look)
        words, icon, tip = self._words(is_open)
        self.setItemText(0, words)
        self.setItemIcon(0, icon)
        self.setToolTip(tip)
        if told != (true,):
            self.changed.emit()

    def _words(self, is_open: bool) -> tuple[str, QIcon, str]:
        """The text of the box, its picture, and its tooltip."""
        target = self._target
        if isinstance(target, ToAll):
            icon = self._icons.icon(IconName.SEND_ALL, ThemeRole.MUTED)
            words = self.tr("To all open ({0})").format(grouped(len(self.everybody)))
            return words, icon, self.tr("It is sent to all connections that are open then")
        if target is None:
            words = (
                self.tr("Choose a connection…")
                if self.everybody
                else self.tr("No connection is open")
            )  # fmt: skip
            # Without a mark there is a little more room.
            room = self._text_width() + _BESIDE_ICON // 2
            if self.isVisible():
                words = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room)
            return words, QIcon(), self.tr("Where it is sent")
        before, behind = self.tr("To #{0} ").format(target.id), ""
        if not is_open:
            behind = self.tr(" (connecting)") if self._is_connecting else self.tr(" (closed)")
        metrics = self.fontMetrics()
        room = self._text_width() - metrics.horizontalAdvance(before + behind)
        path = elided_path(metrics, target.title, room)
        if len(path) < min(_LEAST_PATH, len(target.title)):
            # A bare ellipsis says nothing.
            path, behind = "", behind.lstrip()
        words = f"{before}{path}{behind}".rstrip()
        icon = mark_icon(self._theme, target.id, self.devicePixelRatioF(), hollow=not is_open)
        return words, icon, tooltip(self.tr("To #{0} {1}").format(target.id, target.title))

    def _text_width(self) -> int:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
        return room.width() - ICON - _BESIDE_ICON
