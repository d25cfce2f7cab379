"""The icons of `resources/icons`, tinted with a colour of the theme and crisp on any screen."""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.look.folders import ICON_FOLDER
from app.look.theme import Theme, ThemeRole

# Menus and tool bars, at one and at two device pixels per logical pixel.
_SIZES = (16, 18, 32, 36)
HELD = 512
"""Pictures kept, most recently used first; a few KiB each."""


class IconName(StrEnum):
    """The file names, without `.svg`."""

    ABOUT = "about"
    ADD = "add"
    ANSWER = "answer"
    BASE64 = "base64"
    BOOK = "book"
    BOOKMARK = "bookmark"
    BOOKMARK_NEXT = "bookmark-next"
    BOOKMARK_ON = "bookmark-on"
    BOOKMARK_PREVIOUS = "bookmark-previous"
    BOTTOM = "bottom"
    BROWSER = "browser"
    CERTIFICATE = "certificate"
    CLEAR = "clear"
    CLOSE = "close"
    COMPOSER = "composer"
    COMPRESS = "compress"
    CONNECT = "connect"
    CONNECTIONS = "connections"
    CONTROL = "control"
    COPY = "copy"
    DETAILS = "details"
    DIAGNOSTICS = "diagnostics"
    DISCONNECT = "disconnect"
    DOWN = "down"
    DROP = "drop"
    ECHO = "echo"
    EDIT = "edit"
    ERROR = "error"
    EXPORT = "export"
    FIELD = "field"
    FILE = "file"
    FILTER = "filter"
    FOLLOW = "follow"
    FORWARD = "forward"
    FORWARD_ALL = "forward-all"
    FRAGMENTS = "fragments"
    FRAMES = "frames"
    FREEZE = "freeze"
    GO_TO = "go-to"
    GUIDE = "guide"
    HEARTBEAT = "heartbeat"
    HEX = "hex"
    HISTORY = "history"
    HTTP = "http"
    IMPORT = "import"
    INTERCEPT = "intercept"
    INTERCEPT_OFF = "intercept-off"
    JSON = "json"
    KEYBOARD = "keyboard"
    KEYWORD = "keyword"
    LISTEN = "listen"
    MASK = "mask"
    MORE = "more"
    NEW = "new"
    NEXT = "next"
    NOTE = "note"
    OPEN = "open"
    OPERATOR = "operator"
    ORIGINS = "origins"
    PAGE = "page"
    PAUSE = "pause"
    PING = "ping"
    PONG = "pong"
    PREVIOUS = "previous"
    PROBE = "probe"
    PROXY = "proxy"
    QUIT = "quit"
    RECORD = "record"
    RELAY = "relay"
    REPEAT = "repeat"
    RULE = "rule"
    SAVE = "save"
    SCRIPT = "script"
    SEARCH = "search"
    SEND = "send"
    SEND_ALL = "send-all"
    SETTINGS = "settings"
    STAR = "star"
    START = "start"
    STOP = "stop"
    SUCCESS = "success"
    TEXT = "text"
    THEME = "theme"
    TO_CLIENT = "to-client"
    TO_SERVER = "to-server"
    TOLERANT = "tolerant"
    TOP = "top"
    UP = "up"
    VALUE = "value"
    WARNING = "warning"


class _Drawing(NamedTuple):
    """The way an icon is drawn."""

    name: IconName
    colour: str
    """`#rrggbb`."""
    size: int
    """Device pixels."""
    device_pixel_ratio: float = 1.0


class Icons:
    """Renders icons in the theme's current colours. An icon keeps its colours: ask again on `Theme.changed`."""

    def __init__(self, theme: Theme, folder: Path = ICON_FOLDER) -> None:
        self._theme = theme
        self._folder = folder
        self._shapes: dict[IconName, QSvgRenderer] = {}
        self._pictures: OrderedDict[_Drawing, QPixmap] = OrderedDict()

    def icon(self, name: IconName, role: ThemeRole = ThemeRole.TEXT, *, on: ThemeRole | None = None) -> QIcon:
        """An icon for buttons and menus: grey when disabled, in the colour `on` when switched on."""
        icon = QIcon()
        looks = [
            (QIcon.Mode.Normal, QIcon.State.Off, role),
            (QIcon.Mode.Disabled, QIcon.State.Off, ThemeRole.DISABLED),
        ]
        if on is not None:
            looks.append((QIcon.Mode.Normal, QIcon.State.On, on))
        for mode, state, its_role in looks:
            for size in _SIZES:
                icon.addPixmap(self._picture(_Drawing(name, self._theme.name(its_role), size)), mode, state)
        return icon

    def pixmap(self, name: IconName, role: ThemeRole, size: int, device_pixel_ratio: float = 1.0) -> QPixmap:
        """A picture `size` logical pixels wide and high. It is shared, so callers must not change it."""
        pixels = round(size * device_pixel_ratio)
        return self._picture(_Drawing(name, self._theme.name(role), pixels, device_pixel_ratio))

    def _picture(self, drawing: _Drawing) -> QPixmap:
        held = self._pictures.get(drawing)
        if held is None:
            held = self._pictures[drawing] = self._render(drawing)
            if len(self._pictures) > HELD:
                self._pictures.popitem(last=False)
        else:
            self._pictures.move_to_end(drawing)
        return held

    def _render(self, drawing: _Drawing) -> QPixmap:
        shape = self._shapes.get(drawing.name)
        if shape is None:
            shape = self._shapes[drawing.name] = QSvgRenderer(str(self._folder / f"{drawing.name}.svg"))
        pixmap = QPixmap(drawing.size, drawing.size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        square = QRectF(0, 0, drawing.size, drawing.size)
        shape.render(painter, square)
        # The file is drawn in one colour, whatever that is: reading it again for each would take far longer.
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(square, QColor(drawing.colour))
        painter.end()
        pixmap.setDevicePixelRatio(drawing.device_pixel_ratio)
        return pixmap


def application_icon(folder: Path = ICON_FOLDER) -> QIcon:
    """The icon of the window and the task bar."""
    renderer = QSvgRenderer(str(folder / "unmask.svg"))
    icon = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter)
        painter.end()
        icon.addPixmap(pixmap)
    return icon
