"""A JSON payload as a tree whose values can be changed; everything else of the payload stays as it was."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from app.logic.held_edit import json_root, with_value
from app.logic.text import counted, one_line
from app.look.look import Look
from app.look.theme import ThemeRole
from core.decoders.decoder import TokenKind
from core.decoders.tree import Node
from core.errors import PayloadError

_NAME, _VALUE = 0, 1
_WRITTEN = Qt.ItemDataRole.UserRole
"""The value as it is written in the payload."""
_NUMBER = Qt.ItemDataRole.UserRole + 1
"""Place in the list of values that can be changed."""
_ROLES = {
    TokenKind.STRING: ThemeRole.JSON_STRING,
    TokenKind.NUMBER: ThemeRole.JSON_NUMBER,
    TokenKind.LITERAL: ThemeRole.JSON_LITERAL,
    TokenKind.PUNCTUATION: ThemeRole.JSON_PUNCTUATION,
}
_EDIT_KEYS = (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter)
_LONGEST = 2000
"""Characters of a value in a row."""


class JsonTree(QTreeWidget):
    """Shows one payload. Enter, F2 or a double click changes a value."""

    edited = Signal()
    """`payload` has changed."""
    refused = Signal(str)
    """What was typed is no JSON value; a sentence."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._payload = b""
        self._nodes: list[Node] = []
        """The values that can be changed."""
        self.setColumnCount(2)
        self.setHeaderLabels([self.tr("Name"), self.tr("Value")])
        self.setAccessibleName(self.tr("JSON values"))
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self.setUniformRowHeights(True)
        self.header().setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Interactive)
        self.header().setStretchLastSection(True)
        delegate = _ValueDelegate(self)
        delegate.typed.connect(self._typed)
        self.setItemDelegate(delegate)
        look.theme.changed.connect(self._show)

    @property
    def payload(self) -> bytes:
        """The payload with all changes."""
        return self._payload

    def show_payload(self, payload: bytes) -> bool:
        """Show a payload; False if it is no JSON object or array that makes a tree."""
        if json_root(payload) is None:
            return False
        self._payload = payload
        self._show()
        self.resizeColumnToContents(_NAME)
        self.setColumnWidth(_NAME, min(self.columnWidth(_NAME) + 16, 260))
        return True

    def event(self, event: QEvent) -> bool:
        # Claim the key before a shortcut of the window takes it.
        if (
            event.type() is QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_F2
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        is_editing = self.state() is QAbstractItemView.State.EditingState
        item = self.currentItem()
        if plain and event.key() in _EDIT_KEYS and item is not None and not is_editing:
            self.edit(self.indexFromItem(item, _VALUE))
        else:
            super().keyPressEvent(event)

    def _show(self) -> None:
        """Build the rows anew; what was folded stays folded."""
        folded = self._folded()
        chosen = self._path(self.currentItem())
        root = json_root(self._payload)
        self.clear()
        self._nodes.clear()
        if root is None:
            return
        top = QTreeWidgetItem(self.invisibleRootItem())
        waiting = [(top, root)]
        self.setFont(self._theme.mono_font())
        while waiting:
            item, node = waiting.pop()
            self._fill(item, node)
            waiting += [(QTreeWidgetItem(item), child) for child in node.children]
        self.expandAll()
        for path in folded:
            self._item(path).setExpanded(False)
        if chosen:
            self.setCurrentItem(self._item(chosen), _VALUE)

    def _fill(self, item: QTreeWidgetItem, node: Node) -> None:
        item.setText(_NAME, one_line(node.name) if item.parent() is not None else self.tr("message"))
        item.setForeground(_NAME, QColor(self._theme.color(ThemeRole.JSON_KEY)))
        item.setForeground(_VALUE, QColor(self._theme.color(_ROLES.get(node.kind, ThemeRole.TEXT))))
        if node.children:
            one, many = self.tr("1 value"), self.tr("{count} values")
            item.setText(_VALUE, counted(len(node.children), one, many))
            item.setForeground(_VALUE, QColor(self._theme.color(ThemeRole.MUTED)))
            return
        item.setText(_VALUE, one_line(node.value[:_LONGEST]))
        item.setData(_VALUE, _WRITTEN, node.value)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        item.setData(_VALUE, _NUMBER, len(self._nodes))
        self._nodes.append(node)

    def _typed(self, index: QModelIndex, text: str) -> None:
        number = index.data(_NUMBER)
        node = self._nodes[number] if isinstance(number, int) and number < len(self._nodes) else None
        if node is None or text == node.value:
            return
        try:
            self._payload = with_value(self._payload, node, text)
        except PayloadError as error:
            self.refused.emit(str(error))
            return
        self._show()
        self.edited.emit()

    # Places.

    def _path(self, item: QTreeWidgetItem | None) -> tuple[int, ...]:
        """The place of an item: its row in its parent, and so on; empty for None."""
        path: list[int] = []
        while item is not None:
            parent = item.parent() or self.invisibleRootItem()
            path.insert(0, parent.indexOfChild(item))
            item = item.parent()
        return tuple(path)

    def _item(self, path: tuple[int, ...]) -> QTreeWidgetItem:
        """The item at a place, or as far as there are any."""
        item = self.invisibleRootItem()
        for row in path:
            child = item.child(row)
            if child is None:
                break
            item = child
        return item

    def _folded(self) -> list[tuple[int, ...]]:
        waiting = _children(self.invisibleRootItem())
        found = []
        while waiting:
            item = waiting.pop()
            if item.childCount() and not item.isExpanded():
                found.append(self._path(item))
            waiting += _children(item)
        return found


def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    every = (item.child(row) for row in range(item.childCount()))
    return [child for child in every if child is not None]


class _ValueDelegate(QStyledItemDelegate):
    """Edits a value as it is written, and only passes on what was typed."""

    typed = Signal(QModelIndex, str)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        del option
        editor = QLineEdit(parent)
        editor.setFrame(False)
        # Names, and what has values of its own, are not changed here.
        editor.setReadOnly(index.column() != _VALUE or index.data(_WRITTEN) is None)
        return editor

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        if isinstance(editor, QLineEdit):
            written = index.data(_WRITTEN)
            editor.setText(str(index.data() if written is None else written))
            editor.selectAll()

    def setModelData(
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if isinstance(editor, QLineEdit) and not editor.isReadOnly():
            # The tree is built anew, which must not happen while the editor still belongs to it.
            text, row = editor.text(), QPersistentModelIndex(index)
            QTimer.singleShot(0, self, lambda: self._pass_on(model, row, text))

    def _pass_on(self, model: QAbstractItemModel, row: QPersistentModelIndex, text: str) -> None:
        if row.isValid():
            self.typed.emit(model.index(row.row(), row.column(), row.parent()), text)
