"""The saved connections, as a tree of folders, and the question under which name another one is saved."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.sources.connection_shelf import ConnectionShelf
from app.dialogs.sources.fields import Field, LineField
from app.logic.connect_draft import ConnectDraft
from app.logic.saved_connections import LONGEST_NAME, SavedConnection, clean_folder
from app.logic.text import one_line, tooltip
from app.look.icons import IconName
from app.look.look import Look
from core.errors import CallerError, UnmaskError

_ROW_HEIGHT = 28
_BETWEEN = 24
_CONNECTION = Qt.ItemDataRole.UserRole


class SavedDialog(QDialog):
    """Chooses one; removes and moves them."""

    chosen = Signal(object)
    """A SavedConnection that is to be used."""

    def __init__(self, shelf: ConnectionShelf, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self._icons = look.icons
        self.setWindowTitle(self.tr("Saved connections"))
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderHidden(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(self.tr("Saved connections"))
        self.tree.setMinimumHeight(260)
        self.empty = QLabel(
            self.tr("Nothing is saved yet. Fill in a connection, and choose “Save as…” there.")
        )
        self.empty.setWordWrap(True)
        self.empty.setProperty("look", "muted")
        self.use = QPushButton(self.tr("&Use"))
        self.use.setDefault(True)
        self.move_ = QPushButton(self.tr("Re&name or move…"))
        self.remove = QPushButton(self.tr("&Remove"))
        self.use.clicked.connect(self._use)
        self.move_.clicked.connect(self._move)
        self.remove.clicked.connect(self._remove)
        self.tree.itemActivated.connect(self._use)
        self.tree.currentItemChanged.connect(self._enable)
        row = QHBoxLayout()
        row.addWidget(self.move_)
        row.addWidget(self.remove)
        row.addStretch(1)
        close = QPushButton(self.tr("Cancel"))
        close.clicked.connect(self.reject)
        row.addWidget(close)
        row.addWidget(self.use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 14)
        layout.setSpacing(12)
        layout.addWidget(self.empty)
        layout.addWidget(self.tree, 1)
        layout.addLayout(row)
        self.resize(560, 420)
        self.show_saved()

    @property
    def current(self) -> SavedConnection | None:
        """The connection that is selected; None if it is a folder or nothing."""
        item = self.tree.currentItem()
        found = None if item is None else item.data(0, _CONNECTION)
        return found if isinstance(found, SavedConnection) else None

    def show_saved(self) -> None:
        """Show what is saved now."""
        self.tree.clear()
        saved = self._shelf.saved.connections
        folders: dict[str, QTreeWidgetItem] = {}
        first = None
        for connection in saved:
            item = _item(connection.name, connection.draft.url)
            item.setData(0, _CONNECTION, connection)
            item.setToolTip(0, tooltip(connection.name, connection.draft.url))
            item.setIcon(0, self._icons.icon(IconName.CONNECT))
            above = self._folder(connection.folder, folders)
            if above is None:
                self.tree.addTopLevelItem(item)
            else:
                above.addChild(item)
            first = first or item
        self.tree.expandAll()
        self.tree.resizeColumnToContents(0)
        self.tree.setColumnWidth(0, self.tree.columnWidth(0) + _BETWEEN)
        if first is not None:
            self.tree.setCurrentItem(first)
        self.empty.setVisible(not saved)
        self.tree.setVisible(bool(saved))
        self._enable()

    def _folder(self, path: str, folders: dict[str, QTreeWidgetItem]) -> QTreeWidgetItem | None:
        """The item of a folder, made where there is none yet; None for no folder."""
        if not path:
            return None
        if path not in folders:
            before, _, name = path.rpartition("/")
            folders[path] = item = _item(name, "")
            item.setIcon(0, self._icons.icon(IconName.OPEN))
            above = self._folder(before, folders)
            if above is None:
                self.tree.addTopLevelItem(item)
            else:
                above.addChild(item)
        return folders[path]

    def _enable(self) -> None:
        for button in (self.use, self.move_, self.remove):
            button.setEnabled(self.current is not None)

    def _use(self) -> None:
        connection = self.current
        if connection is not None:
            self.chosen.emit(connection)
            self.accept()

    def _move(self) -> None:
        connection = self.current
        if connection is None:
            return
        question = SaveAsDialog(self._shelf, connection.draft, self, connection)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.accepted.connect(self.show_saved)
        question.open()

    def _remove(self) -> None:
        connection = self.current
        if connection is not None:
            self._shelf.saved = self._shelf.saved.without(connection.folder, connection.name)
            self.show_saved()


def _item(name: str, url: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([name, url])
    item.setSizeHint(1, QSize(0, _ROW_HEIGHT))
    return item


class SaveAsDialog(QDialog):
    """Asks for name and folder, and saves."""

    def __init__(
        self,
        shelf: ConnectionShelf,
        draft: ConnectDraft,
        parent: QWidget,
        before: SavedConnection | None = None,
        name: str = "",
    ) -> None:
        """`before` is what takes the new name, or the new folder; None: another one is saved."""
        super().__init__(parent)
        self._shelf = shelf
        self._draft = draft
        self._before = before
        self.setWindowTitle(self.tr("Save the connection") if before is None else self.tr("Rename or move"))
        saved = shelf.saved
        self.name = LineField(self.tr("Name"), before.name if before else name, "", self._check)
        self.folder = QComboBox()
        self.folder.setEditable(True)
        self.folder.addItems(sorted({each.folder for each in saved.connections} | {""}))
        self.folder.setCurrentText(before.folder if before else "")
        line = self.folder.lineEdit()
        if isinstance(line, QLineEdit):
            line.setPlaceholderText(self.tr("none"))
        note = self.tr("Such as staging, or staging/chat for a folder in it. Empty: none.")
        self.note = QLabel()
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.note.setProperty("look", "muted")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Save
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 14)
        layout.setSpacing(12)
        layout.addWidget(self.name)
        layout.addWidget(Field(self.tr("Folder"), self.folder, note))
        layout.addWidget(self.note)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.name.edit.textChanged.connect(self._warn)
        self.folder.currentTextChanged.connect(self._warn)
        self.name.edit.setFocus()
        self.name.edit.selectAll()
        self.resize(440, 240)
        self._warn()

    @property
    def place(self) -> tuple[str, str]:
        """Folder and name."""
        return clean_folder(self.folder.currentText()), self.name.text

    def accept(self) -> None:
        if self.name.problem:
            self.name.insist()
            return
        folder, name = self.place
        saved = self._shelf.saved
        if self._before is not None:
            saved = saved.without(self._before.folder, self._before.name)
        try:
            self._shelf.saved = saved.with_connection(SavedConnection(name, self._draft, folder))
        except UnmaskError as error:
            self.note.setText(one_line(str(error)))
            return
        super().accept()

    def _check(self, text: str) -> None:
        if not text or len(text) > LONGEST_NAME:
            raise CallerError(f"Give it a name of at most {LONGEST_NAME} characters.")

    def _warn(self) -> None:
        """Say that another one is replaced, and that a password typed in is kept openly."""
        said = []
        other = self._shelf.saved.find(*self.place)
        if other is not None and other != self._before:
            said.append(self.tr("A saved connection of this name is replaced."))
        secret = self._draft.auth.secret
        if secret and "{" not in secret:
            said.append(
                self.tr(
                    "Its password or token is kept in the settings as it is. As a secret variable, such as {token}, it "
                    "would stand in the system's keyring."
                )
            )
        self.note.setText(" ".join(said))
        self.note.setVisible(bool(said))
