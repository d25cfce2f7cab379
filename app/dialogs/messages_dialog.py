"""The messages that a person keeps: searched, put into the composer, added and removed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.logic.raw_draft import RawDraft
from app.logic.saved_connections import clean_folder
from app.logic.saved_messages import Messages, SavedMessage
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from core.decoders.visible import visible

_SIZE = (720, 460)
_PREVIEW = 4000
"""Characters of a message that are shown."""
_PLACE = Qt.ItemDataRole.UserRole


class MessagesDialog(QDialog):
    """Emits what the person wants to do; its content is set anew after each change."""

    use_wanted = Signal(object)
    """A SavedMessage to be put into the composer."""
    keep_wanted = Signal(str, str)
    """Name and folder under which the composer's content is to be kept."""
    remove_wanted = Signal(object)
    """A SavedMessage."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = look.icons
        self._kept: Messages = ()
        self.setWindowTitle(self.tr("Saved messages"))
        self.resize(*_SIZE)
        self.search = self._line(self.tr("Search"), self.tr("Search in names, folders and texts"))
        self.search.setClearButtonEnabled(True)
        self.tree = QTreeWidget(self)
        self.tree.setHeaderHidden(True)
        self.tree.setAccessibleName(self.tr("Saved messages"))
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setUniformRowHeights(True)
        self.preview = QPlainTextEdit(self)
        self.preview.setReadOnly(True)
        self.preview.setAccessibleName(self.tr("Text of the message"))
        self.preview.document().setDefaultFont(look.theme.mono_font())
        self.name = self._line(self.tr("Name"), self.tr("Name"))
        self.folder = self._line(self.tr("Folder"), self.tr("Folder, such as login/errors"))
        self.keep = self._button(self.tr("&Keep the composer's"), self._keep)
        self.keep.setToolTip(self.tr("Keep what stands in the composer under this name"))
        self.status = QLabel(self)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setWordWrap(True)
        self.status.setProperty("look", "muted")
        self.remove = self._button(self.tr("&Remove"), self._remove)
        self.use = self._button(self.tr("&Put into the composer"), self._use)
        self.use.setDefault(True)
        self.use.setProperty("look", "primary")
        self._arrange()
        self.search.textChanged.connect(self._fill)
        self.tree.currentItemChanged.connect(lambda *_items: self._show())
        self.tree.itemActivated.connect(lambda *_item: self._use())
        self.name.textChanged.connect(self._show_keep)
        self._show()

    def set_messages(self, kept: Messages) -> None:
        """Show these."""
        self._kept = kept
        self._fill()

    def say(self, sentence: str) -> None:
        """Show a sentence below the list."""
        self.status.setText(visible(sentence))

    def chosen(self) -> SavedMessage | None:
        """The message that is selected."""
        item = self.tree.currentItem()
        place = None if item is None else item.data(0, _PLACE)
        return next((each for each in self._kept if each.place == place), None)

    def choose(self, place: tuple[str, str]) -> None:
        """Select the message at that place."""
        for item in self._leaves():
            if item.data(0, _PLACE) == place:
                self.tree.setCurrentItem(item)

    # Set-up.

    def _arrange(self) -> None:
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.setChildrenCollapsible(False)
        split.addWidget(self.tree)
        split.addWidget(self.preview)
        split.setSizes([300, 400])
        adding = QHBoxLayout()
        adding.setSpacing(8)
        adding.addWidget(self.name, 2)
        adding.addWidget(self.folder, 1)
        adding.addWidget(self.keep)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.remove)
        below.addStretch(1)
        below.addWidget(self._button(self.tr("Close"), self.reject))
        below.addWidget(self.use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(10)
        layout.addWidget(self.search)
        layout.addWidget(split, 1)
        layout.addLayout(adding)
        layout.addWidget(self.status)
        layout.addLayout(below)

    def _line(self, name: str, placeholder: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setAccessibleName(name)
        line.setPlaceholderText(placeholder)
        return line

    def _button(self, words: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(words, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: act())
        return button

    # Content.

    def _fill(self) -> None:
        """Build the tree of what fits the search."""
        chosen = self.chosen()
        wanted = self.search.text().strip()
        self.tree.clear()
        folders: dict[str, QTreeWidgetItem] = {}
        for each in self._kept:
            if each.fits(wanted):
                item = QTreeWidgetItem([visible(each.name)])
                item.setData(0, _PLACE, each.place)
                item.setIcon(0, self._icons.icon(IconName.TEXT, ThemeRole.MUTED))
                parent = self._folder(each.folder, folders)
                (self.tree.addTopLevelItem if parent is None else parent.addChild)(item)
        self.tree.expandAll()
        leaves = self._leaves()
        if chosen is not None:
            self.choose(chosen.place)
        if self.tree.currentItem() is None and leaves:
            self.tree.setCurrentItem(leaves[0])
        self._show()

    def _folder(self, path: str, folders: dict[str, QTreeWidgetItem]) -> QTreeWidgetItem | None:
        if not path:
            return None
        if path not in folders:
            outer, _, name = path.rpartition("/")
            item = QTreeWidgetItem([visible(name)])
            item.setIcon(0, self._icons.icon(IconName.OPEN, ThemeRole.MUTED))
            parent = self._folder(outer, folders)
            (self.tree.addTopLevelItem if parent is None else parent.addChild)(item)
            folders[path] = item
        return folders[path]

    def _leaves(self) -> list[QTreeWidgetItem]:
        found: list[QTreeWidgetItem] = []
        waiting = [self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount())]
        while waiting:
            item = waiting.pop(0)
            if item is not None and item.data(0, _PLACE) is not None:
                found.append(item)
            elif item is not None:
                waiting[:0] = [item.child(row) for row in range(item.childCount())]
        return found

    def _show(self) -> None:
        message = self.chosen()
        for button in (self.use, self.remove):
            button.setEnabled(message is not None)
        self.preview.setPlainText("" if message is None else visible(_shown(message)[:_PREVIEW]))
        if message is not None:
            self.name.setText(message.name)
            self.folder.setText(message.folder)
        self._show_keep()

    def _show_keep(self) -> None:
        self.keep.setEnabled(bool(self.name.text().strip()))

    def _use(self) -> None:
        message = self.chosen()
        if message is not None:
            self.use_wanted.emit(message)
            self.accept()

    def _remove(self) -> None:
        message = self.chosen()
        if message is not None:
            self.remove_wanted.emit(message)

    def _keep(self) -> None:
        self.keep_wanted.emit(self.name.text().strip(), clean_folder(self.folder.text()))


def _shown(message: SavedMessage) -> str:
    raw: RawDraft | None = message.raw
    return message.text if raw is None else f"0x{raw.opcode:X}  {raw.text}"
