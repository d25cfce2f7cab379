"""The tab of connections: their list, and what is left out of it with the way back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.actions.registry import ActionId, Actions
from app.logic.text import counted, one_line
from app.views.sides.connection_list import ConnectionList


class _Strip(QFrame):
    """A sentence and a button."""

    def __init__(self, words: str, name: str) -> None:
        super().__init__()
        self.setProperty("look", "bar")
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setProperty("look", "muted")
        # A long name is cut rather than widening the column.
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = QPushButton(words)
        self.button.setAccessibleName(name)
        self.button.setProperty("look", "link")
        row = QHBoxLayout(self)
        row.setContentsMargins(11, 2, 4, 2)
        row.setSpacing(4)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)
        self.hide()


class ConnectionsPage(QWidget):
    """Holds a `ConnectionList`."""

    all_wanted = Signal()
    """The person wants to see the connections of all sources again."""

    def __init__(self, connections: ConnectionList, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = connections.connection_model
        self._of_source = _Strip(self.tr("Show all"), self.tr("Show the connections of all sources"))
        self._of_source.button.setToolTip(actions[ActionId.ALL_SOURCES].toolTip())
        self._of_source.button.clicked.connect(self.all_wanted)
        self._left_out = _Strip(self.tr("Show"), self.tr("Show HTTP exchanges"))
        self._left_out.button.setToolTip(actions[ActionId.SHOW_HTTP].toolTip())
        self._left_out.button.clicked.connect(actions[ActionId.SHOW_HTTP].trigger)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._of_source)
        layout.addWidget(connections, 1)
        layout.addWidget(self._left_out)
        self.setFocusProxy(connections)
        self._model.narrowed.connect(self._show)
        self._show()

    def notes(self) -> tuple[str, ...]:
        """What is said to be left out."""
        strips = (self._of_source, self._left_out)
        return tuple(strip.label.text() for strip in strips if not strip.isHidden())

    def _show(self) -> None:
        model = self._model
        self._of_source.setVisible(model.source is not None)
        self._of_source.label.setText(self.tr("Only {0}").format(one_line(model.source or "")))
        count = 0 if model.shows_exchanges else model.exchange_count
        self._left_out.setVisible(count > 0)
        one, many = self.tr("1 HTTP exchange hidden"), self.tr("{count} HTTP exchanges hidden")
        self._left_out.label.setText(counted(count, one, many))
