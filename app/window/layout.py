"""The division of the window, remembered between runs."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.settings import Settings
from app.views.panes import Panes
from app.window.screen_fit import ScreenFit

_HANDLE = 5
_COLUMNS = "frame-columns"
_FIRST_SIZE = QSize(1280, 800)
_LEAST_SIZE = QSize(720, 420)
_SOURCES_HEIGHT = 124
"""Pixels for the bar of the sources and two rows."""
_RAW_HEIGHT = 360
"""Pixels for the boxes of a raw frame."""
_LEAST_DETAILS = 72
_SOURCES_SHARE = 0.45
"""Part of the column that they may take by themselves."""


class WindowLayout:
    """Two splitters: connections beside the rest; frames, details and composer below each other."""

    def __init__(
        self, window: QMainWindow, panes: Panes, filter_bar: QWidget, catch_up: QWidget, start: QWidget
    ) -> None:
        """`start` can stand in place of frames and details; see `show_start`."""
        self._window = window
        self._fit = ScreenFit(window)
        self._frames = panes.frames
        self._composer = panes.composer
        self._details = panes.details
        self.details = QSplitter(Qt.Orientation.Vertical)
        self.details.setObjectName("details")
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(filter_bar)
        rows = QWidget()
        below = QVBoxLayout(rows)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(panes.frames, 1)
        below.addWidget(catch_up)
        self._pages = QStackedWidget()
        self._pages.addWidget(rows)
        self._pages.addWidget(start)
        column.addWidget(self._pages, 1)
        for widget, stretch in ((listed, 4), (panes.details, 5), (panes.composer, 0)):
            self.details.addWidget(widget)
            self.details.setStretchFactor(self.details.indexOf(widget), stretch)
        self.sides = QSplitter(Qt.Orientation.Horizontal)
        self.sides.setObjectName("sides")
        self.left = QSplitter(Qt.Orientation.Vertical)
        self.left.setObjectName("left")
        self.left.addWidget(panes.sources)
        self.left.addWidget(panes.sides)
        self.left.setStretchFactor(1, 1)
        self.sides.addWidget(self.left)
        self.sides.addWidget(self.details)
        self.sides.setStretchFactor(1, 1)
        for splitter in (self.sides, self.details, self.left):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(_HANDLE)
        self.left.setMinimumWidth(160)
        # Half of a 1600×1000 screen is what a scale of 2 leaves. Set here, so that no banner enlarges the window.
        window.setMinimumSize(_LEAST_SIZE)
        self._sources = panes.sources
        self._sources_moved = False
        """The person has given the list of sources a height."""
        self.left.splitterMoved.connect(self._note_height)
        panes.sources.list.source_model.modelReset.connect(self._fit_sources)
        panes.frames.setMinimumHeight(60)
        panes.details.setMinimumHeight(_LEAST_DETAILS)
        panes.composer.setMinimumHeight(84)
        self._height_before: int | None = None
        """The composer's height before it was given more room."""
        panes.composer.room_wanted.connect(self._give_room)

    def show_composer(self, *, shown: bool) -> None:
        """Show or hide the composer; the splitter remembers its height."""
        focused = self._window.focusWidget()
        if not shown and focused is not None and self._composer.isAncestorOf(focused):
            # Otherwise the address field would get the keyboard, and Return would listen on what was typed.
            self._frames.setFocus()
        self._composer.setVisible(shown)

    def _give_room(self, wanted: bool) -> None:
        """Give the composer the height that a raw frame needs, or the one that it had before."""
        listed, details, composer = self.details.sizes()
        if wanted and composer < _RAW_HEIGHT:
            self._height_before = composer
            height = min(_RAW_HEIGHT, composer + max(0, details - _LEAST_DETAILS))
        elif not wanted and self._height_before is not None:
            height, self._height_before = self._height_before, None
        else:
            return
        self.details.setSizes([listed, details + composer - height, height])

    def _note_height(self) -> None:
        self._sources_moved = True

    def _fit_sources(self) -> None:
        """Give the list of sources the height of its rows, within reason."""
        if self._sources_moved:
            return
        most = int(self.left.height() * _SOURCES_SHARE)
        wanted = min(self._sources.wanted_height, max(most, _SOURCES_HEIGHT))
        self.left.setSizes([wanted, max(self.left.height() - wanted, 1)])

    @property
    def shows_start(self) -> bool:
        """Whether the page of ways to begin is shown."""
        return self._pages.currentIndex() == 1

    def show_start(self, *, shown: bool) -> None:
        """Show the ways to begin in place of frames and details, or these again."""
        if shown != self.shows_start:
            self._pages.setCurrentIndex(1 if shown else 0)
            self._details.setVisible(not shown)

    def restore(self, settings: Settings) -> None:
        """Restore what `keep` stored, or the layout of the first start."""
        geometry = settings.layout("window")
        placed = geometry is not None and self._window.restoreGeometry(geometry)
        self._fit.open_at(self._window.size() if placed else _FIRST_SIZE, placed=placed)
        self.sides.setSizes([270, 1010])
        self.details.setSizes([320, 300, 110])
        self.left.setSizes([_SOURCES_HEIGHT, 600])
        for splitter in (self.sides, self.details, self.left):
            if (state := settings.layout(splitter.objectName())) is not None:
                splitter.restoreState(state)
                self._sources_moved |= splitter is self.left
        if (state := settings.layout(_COLUMNS)) is not None:
            self._frames.header.restore(state)

    def keep(self, settings: Settings) -> None:
        settings.set_layout("window", self._window.saveGeometry())
        # The splitter forgets the height of what is hidden.
        self.show_start(shown=False)
        for splitter in (self.sides, self.details, *((self.left,) if self._sources_moved else ())):
            settings.set_layout(splitter.objectName(), splitter.saveState())
        settings.set_layout(_COLUMNS, self._frames.header.save())
