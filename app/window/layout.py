"""The division of the window, remembered between runs."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from app.settings import Settings
from app.views.panes import Panes
from app.window.screen_fit import ScreenFit

_HANDLE = 5
_COLUMNS = "frame-columns"
_FIRST_SIZE = QSize(1280, 800)
_LEAST_SIZE = QSize(720, 420)


class WindowLayout:
    """Two splitters: connections beside the rest; frames, details and composer below each other."""

    def __init__(self, window: QMainWindow, panes: Panes, filter_bar: QWidget, catch_up: QWidget) -> None:
        self._window = window
        self._fit = ScreenFit(window)
        self._frames = panes.frames
        self._composer = panes.composer
        self.details = QSplitter(Qt.Orientation.Vertical)
        self.details.setObjectName("details")
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(filter_bar)
        column.addWidget(panes.frames, 1)
        column.addWidget(catch_up)
        for widget, stretch in ((listed, 4), (panes.details, 5), (panes.composer, 0)):
            self.details.addWidget(widget)
            self.details.setStretchFactor(self.details.indexOf(widget), stretch)
        self.sides = QSplitter(Qt.Orientation.Horizontal)
        self.sides.setObjectName("sides")
        self.sides.addWidget(panes.sides)
        self.sides.addWidget(self.details)
        self.sides.setStretchFactor(1, 1)
        for splitter in (self.sides, self.details):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(_HANDLE)
        panes.sides.setMinimumWidth(160)
        # Half of a 1600×1000 screen is what a scale of 2 leaves. Set here, so that no banner enlarges the window.
        window.setMinimumSize(_LEAST_SIZE)
        panes.frames.setMinimumHeight(60)
        panes.details.setMinimumHeight(72)
        panes.composer.setMinimumHeight(84)

    def show_composer(self, *, shown: bool) -> None:
        """Show or hide the composer; the splitter remembers its height."""
        focused = self._window.focusWidget()
        if not shown and focused is not None and self._composer.isAncestorOf(focused):
            # Otherwise the address field would get the keyboard, and Return would listen on what was typed.
            self._frames.setFocus()
        self._composer.setVisible(shown)

    def restore(self, settings: Settings) -> None:
        """Restore what `keep` stored, or the layout of the first start."""
        geometry = settings.layout("window")
        placed = geometry is not None and self._window.restoreGeometry(geometry)
        self._fit.open_at(self._window.size() if placed else _FIRST_SIZE, placed=placed)
        self.sides.setSizes([270, 1010])
        self.details.setSizes([320, 300, 110])
        for splitter in (self.sides, self.details):
            if (state := settings.layout(splitter.objectName())) is not None:
                splitter.restoreState(state)
        if (state := settings.layout(_COLUMNS)) is not None:
            self._frames.header.restore(state)

    def keep(self, settings: Settings) -> None:
        settings.set_layout("window", self._window.saveGeometry())
        for splitter in (self.sides, self.details):
            settings.set_layout(splitter.objectName(), splitter.saveState())
        settings.set_layout(_COLUMNS, self._frames.header.save())
