"""Colours, fonts and the palette of the window. Every colour comes from a role; one table has them all.

There is one `Theme`, which is passed to everything that paints; `changed` tells when its colours change.
"""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from app.look.folders import ICON_FOLDER
from app.look.stylesheet import stylesheet


class ThemeChoice(Enum):
    """What the person asked for."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class ThemeRole(Enum):
    """What a colour is for."""

    TEXT = auto()
    MUTED = auto()
    """Secondary text."""
    DISABLED = auto()
    BACKGROUND = auto()
    """The window."""
    SURFACE = auto()
    """Background of content: lists, editors, cards."""
    RAISED = auto()
    """Headers, buttons."""
    HOVER = auto()
    BORDER = auto()
    GRID = auto()
    """Thin lines between rows."""
    ACCENT = auto()
    ACCENT_HOVER = auto()
    ON_ACCENT = auto()
    """Text on ACCENT."""
    SELECTION = auto()
    """Background of selected items; TEXT stays readable on it."""
    SELECTION_INACTIVE = auto()
    """Background of selected items in a list without the focus."""
    HIGHLIGHT = auto()
    """Background of something pointed at from elsewhere, such as the bytes of a field."""
    HIT = auto()
    """Background of a row that a search has found."""
    CLIENT = auto()
    """Client→server."""
    SERVER = auto()
    """Server→client."""
    CLIENT_TINT = auto()
    SERVER_TINT = auto()
    ERROR = auto()
    WARNING = auto()
    NOTE = auto()
    SUCCESS = auto()
    ERROR_TINT = auto()
    WARNING_TINT = auto()
    NOTE_TINT = auto()
    SUCCESS_TINT = auto()
    JSON_KEY = auto()
    JSON_STRING = auto()
    JSON_NUMBER = auto()
    JSON_LITERAL = auto()
    JSON_PUNCTUATION = auto()
    MASK = auto()
    """Masking keys and masked bytes."""
    HEADER = auto()
    """Bytes of a frame's header; names of HTTP headers."""
    FIELD_1 = auto()
    """FIELD_1 to FIELD_6: backgrounds of neighbouring fields in a diagram; TEXT is readable on each."""
    FIELD_2 = auto()
    FIELD_3 = auto()
    FIELD_4 = auto()
    FIELD_5 = auto()
    FIELD_6 = auto()
    CONNECTION_1 = auto()
    """CONNECTION_1 to CONNECTION_8: marks that tell connections apart, each beside a number."""
    CONNECTION_2 = auto()
    CONNECTION_3 = auto()
    CONNECTION_4 = auto()
    CONNECTION_5 = auto()
    CONNECTION_6 = auto()
    CONNECTION_7 = auto()
    CONNECTION_8 = auto()


# For each role the light colour, then the dark one.
_COLOURS: dict[ThemeRole, tuple[str, str]] = {
    ThemeRole.TEXT: ("#1c2430", "#e3e8ef"),
    ThemeRole.MUTED: ("#5d6877", "#98a3b3"),
    ThemeRole.DISABLED: ("#a3acb8", "#5c6675"),
    ThemeRole.BACKGROUND: ("#f3f5f8", "#13161b"),
    ThemeRole.SURFACE: ("#ffffff", "#1a1e25"),
    ThemeRole.RAISED: ("#f9fafc", "#222832"),
    ThemeRole.HOVER: ("#e9edf3", "#2a313d"),
    ThemeRole.BORDER: ("#dbe0e8", "#313946"),
    ThemeRole.GRID: ("#edf0f4", "#242a34"),
    ThemeRole.ACCENT: ("#2563d9", "#6aa3ff"),
    ThemeRole.ACCENT_HOVER: ("#1d52b8", "#8cb8ff"),
    ThemeRole.ON_ACCENT: ("#ffffff", "#0d1420"),
    ThemeRole.SELECTION: ("#cfe0fc", "#26426f"),
    ThemeRole.SELECTION_INACTIVE: ("#dfe5ee", "#2d3644"),
    ThemeRole.HIGHLIGHT: ("#ffe08a", "#54430d"),
    ThemeRole.HIT: ("#fff3cd", "#382f14"),
    ThemeRole.CLIENT: ("#0b7a63", "#4fd3b3"),
    ThemeRole.SERVER: ("#7a3fc4", "#bf9bff"),
    ThemeRole.CLIENT_TINT: ("#f0f9f6", "#182522"),
    ThemeRole.SERVER_TINT: ("#f8f4fd", "#201e2b"),
    ThemeRole.ERROR: ("#c6282f", "#ff7b7b"),
    ThemeRole.WARNING: ("#965b00", "#f0b454"),
    ThemeRole.NOTE: ("#2b6a94", "#7cc0ea"),
    ThemeRole.SUCCESS: ("#1c7f3e", "#5fd387"),
    ThemeRole.ERROR_TINT: ("#fdecec", "#3a1f24"),
    ThemeRole.WARNING_TINT: ("#fff4dd", "#372b16"),
    ThemeRole.NOTE_TINT: ("#e8f3fa", "#182c3a"),
    ThemeRole.SUCCESS_TINT: ("#e7f6ec", "#17301f"),
    ThemeRole.JSON_KEY: ("#1f5fbf", "#82b4ff"),
    ThemeRole.JSON_STRING: ("#23753f", "#8fd6a0"),
    ThemeRole.JSON_NUMBER: ("#a2450b", "#f2ac72"),
    ThemeRole.JSON_LITERAL: ("#8a2f9c", "#d79af0"),
    ThemeRole.JSON_PUNCTUATION: ("#707b8a", "#8792a3"),
    ThemeRole.MASK: ("#a83a78", "#f291c2"),
    ThemeRole.HEADER: ("#1b6a86", "#74c6dd"),
    ThemeRole.FIELD_1: ("#dcebff", "#20385c"),
    ThemeRole.FIELD_2: ("#fdeccb", "#4b3a17"),
    ThemeRole.FIELD_3: ("#d9f3e6", "#1d4434"),
    ThemeRole.FIELD_4: ("#efe2fc", "#3d2a57"),
    ThemeRole.FIELD_5: ("#fde0ea", "#522639"),
    ThemeRole.FIELD_6: ("#dcf2f6", "#1a424c"),
    ThemeRole.CONNECTION_1: ("#1f6fe0", "#6aa9ff"),
    ThemeRole.CONNECTION_2: ("#d05a00", "#ff9a45"),
    ThemeRole.CONNECTION_3: ("#12805c", "#4fd39a"),
    ThemeRole.CONNECTION_4: ("#8b3fd0", "#c596ff"),
    ThemeRole.CONNECTION_5: ("#8f7a00", "#e6d24e"),
    ThemeRole.CONNECTION_6: ("#d0286e", "#ff7fae"),
    ThemeRole.CONNECTION_7: ("#0089a8", "#3fd0e8"),
    ThemeRole.CONNECTION_8: ("#6b5346", "#cbb09b"),
}


_MONO_FAMILIES = (
    "JetBrains Mono",
    "Cascadia Mono",
    "SF Mono",
    "Menlo",
    "Consolas",
    "DejaVu Sans Mono",
    "Noto Sans Mono",
    "Liberation Mono",
)
_CJK_FAMILIES = (
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "WenQuanYi Micro Hei Mono",
    "WenQuanYi Micro Hei",
)
_EMOJI_FAMILIES = ("Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji")


class Theme(QObject):
    """The look of the application: applies palette and stylesheet, and provides colours and fonts.

    The stylesheet comes with `dress`, once the window is complete: a widget under a stylesheet is styled anew each time
    that it, or what it lies in, is put into a layout.
    """

    changed = Signal()
    """Colours or fonts have changed; everything should be painted again."""

    def __init__(
        self,
        application: QApplication,
        choice: ThemeChoice = ThemeChoice.SYSTEM,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(application if parent is None else parent)
        self._application = application
        self._choice = choice
        self._colours: dict[ThemeRole, QColor] = {}
        self._dark: bool | None = None
        self._is_dressed = False
        application.setStyleSheet("")
        application.setStyle("Fusion")
        application.styleHints().colorSchemeChanged.connect(self._follow_system)
        self.set_choice(choice)

    def dress(self) -> None:
        """Apply the stylesheet, now and after each change."""
        self._is_dressed = True
        colours = {role.name: self.name(role) for role in ThemeRole}
        self._application.setStyleSheet(stylesheet(colours, ICON_FOLDER, dark=self.is_dark))

    @property
    def choice(self) -> ThemeChoice:
        return self._choice

    @property
    def is_dark(self) -> bool:
        return bool(self._dark)

    def set_choice(self, choice: ThemeChoice) -> None:
        """Choose light, dark, or the system's choice, which is followed when it changes."""
        self._choice = choice
        hints = self._application.styleHints()
        if choice is ThemeChoice.SYSTEM:
            hints.unsetColorScheme()
        else:
            dark = choice is ThemeChoice.DARK
            hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
        self._follow_system()

    def color(self, role: ThemeRole) -> QColor:
        """The colour of a role; a copy that the caller may change."""
        return QColor(self._colours[role])

    def name(self, role: ThemeRole) -> str:
        """The colour of a role as `#rrggbb`."""
        return self._colours[role].name()

    def ui_font(self) -> QFont:
        """The font of labels and buttons."""
        return QFont(self._application.font())

    def mono_font(self, *, delta: int = 0) -> QFont:
        """The font of bytes and payloads, `delta` points larger or smaller than the text around it."""
        present = set(QFontDatabase.families())
        families = [name for name in _MONO_FAMILIES if name in present][:1]
        families = families or [QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()]
        families += [name for name in (*_CJK_FAMILIES, *_EMOJI_FAMILIES) if name in present]
        font = QFont(families)
        font.setStyleHint(QFont.StyleHint.Monospace)
        font.setFixedPitch(True)
        font.setPointSizeF(max(6.0, self._application.font().pointSizeF() + delta))
        return font

    def _follow_system(self) -> None:
        dark = self._wants_dark()
        if dark == self._dark:
            return
        self._dark = dark
        self._colours = {role: QColor(pair[1 if dark else 0]) for role, pair in _COLOURS.items()}
        self._application.setPalette(self._palette())
        if self._is_dressed:
            self.dress()
        self.changed.emit()

    def _wants_dark(self) -> bool:
        if self._choice is not ThemeChoice.SYSTEM:
            return self._choice is ThemeChoice.DARK
        return self._application.styleHints().colorScheme() is Qt.ColorScheme.Dark

    def _palette(self) -> QPalette:
        palette = QPalette()
        for target, role in _PALETTE:
            palette.setColor(target, self.color(role))
        for target in (
            QPalette.ColorRole.WindowText,
            QPalette.ColorRole.Text,
            QPalette.ColorRole.ButtonText,
            QPalette.ColorRole.HighlightedText,
        ):
            palette.setColor(QPalette.ColorGroup.Disabled, target, self.color(ThemeRole.DISABLED))
        return palette


_PALETTE: tuple[tuple[QPalette.ColorRole, ThemeRole], ...] = (
    (QPalette.ColorRole.Window, ThemeRole.BACKGROUND),
    (QPalette.ColorRole.WindowText, ThemeRole.TEXT),
    (QPalette.ColorRole.Base, ThemeRole.SURFACE),
    (QPalette.ColorRole.AlternateBase, ThemeRole.RAISED),
    (QPalette.ColorRole.Text, ThemeRole.TEXT),
    (QPalette.ColorRole.PlaceholderText, ThemeRole.MUTED),
    (QPalette.ColorRole.Button, ThemeRole.RAISED),
    (QPalette.ColorRole.ButtonText, ThemeRole.TEXT),
    (QPalette.ColorRole.BrightText, ThemeRole.ERROR),
    (QPalette.ColorRole.ToolTipBase, ThemeRole.RAISED),
    (QPalette.ColorRole.ToolTipText, ThemeRole.TEXT),
    (QPalette.ColorRole.Highlight, ThemeRole.SELECTION),
    (QPalette.ColorRole.HighlightedText, ThemeRole.TEXT),
    (QPalette.ColorRole.Link, ThemeRole.ACCENT),
    (QPalette.ColorRole.LinkVisited, ThemeRole.ACCENT),
    (QPalette.ColorRole.Accent, ThemeRole.ACCENT),
    (QPalette.ColorRole.Light, ThemeRole.RAISED),
    (QPalette.ColorRole.Midlight, ThemeRole.HOVER),
    (QPalette.ColorRole.Mid, ThemeRole.BORDER),
    (QPalette.ColorRole.Dark, ThemeRole.BORDER),
    (QPalette.ColorRole.Shadow, ThemeRole.BORDER),
)
