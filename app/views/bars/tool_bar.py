"""The tool bar: the listen address and the most frequent actions."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QSizePolicy, QToolBar, QToolButton, QWidget

from app.actions.registry import ActionId, Actions

_GROUPS: tuple[tuple[ActionId, ...], ...] = (
    (ActionId.RECORD, ActionId.FREEZE),
    (ActionId.FOLLOW, ActionId.SHOW_CONTROL),
    (ActionId.INTERCEPT, ActionId.AUTO_REPLY, ActionId.TOLERANT, ActionId.ONLY_ORIGINS),
)
_RIGHT = (ActionId.CLEAR, ActionId.OPEN_CAPTURE, ActionId.SAVE_AS, ActionId.THEME, ActionId.SETTINGS)
_WITH_WORDS = frozenset(
    {
        ActionId.LISTEN,
        ActionId.OPEN_TEST_PAGE,
        ActionId.RECORD,
        ActionId.FREEZE,
        ActionId.FOLLOW,
        ActionId.SHOW_CONTROL,
        ActionId.INTERCEPT,
        ActionId.AUTO_REPLY,
        ActionId.TOLERANT,
        ActionId.ONLY_ORIGINS,
    }
)


class ToolBar(QToolBar):
    """Buttons for actions of the registry, and the address to listen on."""

    address_entered = Signal()
    """Return was pressed in the address."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.setObjectName("tool_bar")
        self.setWindowTitle(self.tr("Tool bar"))
        self.setMovable(False)
        self.setIconSize(QSize(18, 18))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.address = QLineEdit()
        self.address.setFixedWidth(170)
        self.address.setPlaceholderText("127.0.0.1:8080")
        self.address.setToolTip(
            self.tr(
                "Address to listen on: HOST:PORT, a port or a ws:// URL; port 0 picks a free one; wss:// adds a source "
                "(Ctrl+L)"
            )
        )
        self.address.setAccessibleName(self.tr("Address to listen on"))
        self.address.returnPressed.connect(self.address_entered)
        scheme = QLabel("ws://")
        scheme.setProperty("look", "muted")
        scheme.setContentsMargins(4, 0, 2, 0)
        self.addWidget(scheme)
        self.addWidget(self.address)
        self._add(ActionId.LISTEN)
        self._add(ActionId.OPEN_TEST_PAGE)
        for group in _GROUPS:
            self.addSeparator()
            for action in group:
                self._add(action)
        gap = QWidget()
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(gap)
        for action in _RIGHT:
            self._add(action)
        self._words = True
        self._needed = 0
        """Pixels that the buttons need with their words."""

    def focus_address(self) -> None:
        self.address.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.address.selectAll()

    def stress_listen(self, *, stressed: bool) -> None:
        """Emphasize the button for listening."""
        button = self.widgetForAction(self._actions[ActionId.LISTEN])
        button.setProperty("look", "primary" if stressed else "")
        button.style().unpolish(button)
        button.style().polish(button)

    def mark_address(self, *, valid: bool) -> None:
        """Put a red border around an address that is invalid or unavailable."""
        self.address.setProperty("invalid", not valid)
        self.address.style().unpolish(self.address)
        self.address.style().polish(self.address)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._words:
            self._needed = self.sizeHint().width()
        self._show_words(event.size().width() >= self._needed)
        super().resizeEvent(event)

    def _show_words(self, shown: bool) -> None:
        """Show words beside the pictures, or pictures only except on the most important button."""
        if shown == self._words:
            return
        self._words = shown
        for identity in _WITH_WORDS - {ActionId.LISTEN}:
            self._style(self.widgetForAction(self._actions[identity]), words=shown)

    @staticmethod
    def _style(button: QWidget, *, words: bool) -> None:
        if isinstance(button, QToolButton):
            style = Qt.ToolButtonStyle
            button.setToolButtonStyle(style.ToolButtonTextBesideIcon if words else style.ToolButtonIconOnly)
            button.setProperty("words", words)
            button.style().unpolish(button)
            button.style().polish(button)

    def _add(self, identity: ActionId) -> None:
        self.addAction(self._actions[identity])
        button = self.widgetForAction(self._actions[identity])
        if isinstance(button, QToolButton):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._style(button, words=identity in _WITH_WORDS)
            button.setObjectName(f"button_{identity.name}")
