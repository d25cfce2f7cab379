"""What an empty window offers: the four ways in which traffic can come to Unmask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions.registry import ActionId, Actions, plain_text
from app.logic.client_lines import ClientLine
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.parts.sketch import Sketch

_TWO_COLUMNS = 640
"""Width in pixels from which two cards stand beside each other."""
_WIDEST = 1040


class _Card(QFrame):
    """One way: what the person has, a picture, a sentence, and buttons."""

    def __init__(self, title: str, names: Sequence[str], look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        heading = QLabel(title)
        heading.setProperty("look", "title")
        self.sentence = QLabel()
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setProperty("look", "muted")
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 12)
        layout.setSpacing(8)
        layout.addWidget(heading)
        layout.addWidget(Sketch(names, look))
        layout.addWidget(self.sentence)
        layout.addStretch(1)
        layout.addLayout(self.buttons)
        self.setAccessibleName(title)


class StartPage(QScrollArea):
    """Offers the ways; the actions behind the buttons are those of the registry."""

    copy_wanted = Signal(object)
    """A `ClientLine` to copy."""
    closed = Signal()
    """The person wants to see the empty lists instead."""

    def __init__(self, actions: Actions, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._look = look
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Ways to begin"))
        client, server = self.tr("Your client"), self.tr("Your server")
        self.listen = _Card(self.tr("I have a client"), (client, ""), look)
        self.relay = _Card(self.tr("I have a client and a server"), (client, "", server), look)
        self.proxy = _Card(
            self.tr("I have a browser or an app"), (self.tr("Browser, app"), "", self.tr("Any server")), look
        )
        self.connect_ = _Card(self.tr("I have a server"), ("", server), look)
        self._copy = QToolButton()
        self._menu = QMenu(self._copy)
        self._fill_cards()
        self._arrange()
        self.show_lines((), "")
        look.theme.changed.connect(self._tint)
        self._tint()

    def show_lines(self, lines: Sequence[ClientLine], place: str) -> None:
        """Offer these lines for the first way; without any, offer to listen on `place`."""
        self._menu.clear()
        for line in lines:
            entry = self._menu.addAction(line.place)
            entry.setToolTip(line.text)
            entry.triggered.connect(partial(self.copy_wanted.emit, line))
        self._copy.setVisible(bool(lines))
        self._start.setVisible(not lines)
        self._page_button.setVisible(bool(lines))
        if lines:
            text = self.tr("Unmask is its server. Point the client at\n{place}")
        else:
            text = self.tr("Unmask is its server, once it listens on\n{place}")
        self.listen.sentence.setText(text.format(place=place))

    def _fill_cards(self) -> None:
        self.relay.sentence.setText(
            self.tr("Unmask stands between them: point the client at Unmask, and Unmask at the server.")
        )
        self.proxy.sentence.setText(
            self.tr(
                "Unmask is its proxy and sees every WebSocket it opens, encrypted ones too. Nothing is installed for "
                "the browser that Unmask opens."
            )
        )
        self.connect_.sentence.setText(
            self.tr("Unmask is its client. Paste a URL, or a curl, wscat or websocat line.")
        )
        self._copy.setText(self.tr("Copy the line"))
        self._copy.setToolTip(self.tr("Copy what to paste into the client, in the language of your choice"))
        self._copy.setProperty("look", "primary")
        self._copy.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._copy.setIconSize(QSize(16, 16))
        self._copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._copy.setMenu(self._menu)
        self._menu.setToolTipsVisible(True)
        self.listen.buttons.addWidget(self._copy)
        self._start = self._button(self.listen, ActionId.LISTEN, self.tr("Listen"), primary=True)
        self._page_button = self._button(self.listen, ActionId.OPEN_TEST_PAGE, self.tr("Open the test page"))
        self._button(self.relay, ActionId.ADD_RELAY, self.tr("Relay…"), primary=True)
        self._button(self.proxy, ActionId.OPEN_BROWSER, self.tr("Open a browser"), primary=True)
        self._button(self.proxy, ActionId.ADD_PROXY, self.tr("Set up a proxy…"))
        self._button(self.connect_, ActionId.ADD_CONNECT, self.tr("Connect…"), primary=True)
        for card in self._cards:
            card.buttons.addStretch(1)

    @property
    def _cards(self) -> tuple[_Card, ...]:
        return (self.listen, self.relay, self.proxy, self.connect_)

    def _button(self, card: _Card, identity: ActionId, words: str, *, primary: bool = False) -> QPushButton:
        action = self._actions[identity]
        button = QPushButton(words)
        if primary:
            button.setProperty("look", "primary")
        button.setToolTip(action.toolTip())
        button.setAccessibleName(plain_text(words))
        button.clicked.connect(action.trigger)
        card.buttons.addWidget(button)
        return button

    def _arrange(self) -> None:
        page = QWidget()
        page.setBackgroundRole(QPalette.ColorRole.Window)
        title = QLabel(self.tr("What do you have?"))
        title.setProperty("look", "headline")
        self.close_button = QPushButton(self.tr("Show the empty lists"))
        self.close_button.setProperty("look", "quiet")
        self.close_button.setToolTip(self.tr("Help, Ways to begin brings this page back"))
        self.close_button.clicked.connect(self.closed)
        top = QHBoxLayout()
        top.addWidget(title, 1)
        top.addWidget(self.close_button)
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        inner = QWidget()
        inner.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 10, 16, 14)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(self._grid)
        column.addStretch(1)
        outer = QHBoxLayout(page)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addStretch(1)
        outer.addWidget(inner, 1000)
        outer.addStretch(1)
        self.setWidget(page)
        self._columns = 0
        self._place_cards(2)

    def _place_cards(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for number, card in enumerate(self._cards):
            self._grid.addWidget(card, number // columns, number % columns)
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_cards(2 if event.size().width() >= _TWO_COLUMNS else 1)

    def _tint(self) -> None:
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        self._copy.setIcon(self._look.icons.icon(IconName.COPY, ThemeRole.ON_ACCENT))
