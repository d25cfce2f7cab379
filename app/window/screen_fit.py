"""Keeps a window, frame included, within the screen's free area beside panels and docks."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMargins, QObject, QRect, QSize
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QStyle, QWidget


class ScreenFit(QObject):
    """Shrinks a window that would not fit: before it is shown, and once its frame is known."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._fitted = QSize()
        """The size that the window was given here."""

    def open_at(self, size: QSize, *, placed: bool) -> None:
        """Give a window that is not shown yet this size, or less. `placed` means that its position was chosen."""
        self._window.resize(size)
        self.fit(move=placed)
        self._window.installEventFilter(self)

    def fit(self, *, move: bool) -> None:
        """Make the window as small as necessary; with `move`, also bring all of it into view."""
        window = self._window
        if window.isMaximized() or window.isFullScreen():
            # Left to the system.
            return
        room = self._screen().availableGeometry().marginsRemoved(self._frame())
        window.resize(window.size().boundedTo(room.size()))
        self._fitted = window.size()
        place = QRect(window.geometry())
        if move and not room.contains(place):
            place.moveLeft(max(min(place.left(), room.right() - place.width() + 1), room.left()))
            place.moveTop(max(min(place.top(), room.bottom() - place.height() + 1), room.top()))
            window.setGeometry(place)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate:
            # By now the window manager has added its frame.
            self._window.removeEventFilter(self)
            if self._window.size() == self._fitted:
                self.fit(move=True)
        return super().eventFilter(watched, event)

    def _screen(self) -> QScreen:
        return QGuiApplication.screenAt(self._window.geometry().center()) or self._window.screen()

    def _frame(self) -> QMargins:
        """The frame around the window, or its likely size before it is shown."""
        outer, inner = self._window.frameGeometry(), self._window.geometry()
        if self._window.isVisible():
            return QMargins(
                inner.left() - outer.left(),
                inner.top() - outer.top(),
                outer.right() - inner.right(),
                outer.bottom() - inner.bottom(),
            )
        style = self._window.style()
        title = style.pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight, None, self._window)
        edge = style.pixelMetric(QStyle.PixelMetric.PM_MdiSubWindowFrameWidth, None, self._window)
        return QMargins(edge, title, edge, edge)
