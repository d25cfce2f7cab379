"""The variables that stand in braces in connections, such as {host}; secret ones among them."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.sources.connection_shelf import ConnectionShelf
from app.logic.text import one_line
from app.logic.variables import Variable, check_name, check_value
from core.errors import UnmaskError

_NAME, _VALUE, _SECRET = range(3)


class VariablesDialog(QDialog):
    """A row for each variable; what is entered is kept when the dialog is accepted. Open it once the shelf has read the
    secret ones.
    """

    def __init__(self, shelf: ConnectionShelf, parent: QWidget, missing: tuple[str, ...] = ()) -> None:
        """`missing` are names that are used and have no value yet; they get rows."""
        super().__init__(parent)
        self._shelf = shelf
        self.setWindowTitle(self.tr("Variables"))
        words = QLabel(
            self.tr(
                "A name in braces, such as {host} or {token}, stands for its value in the URL and in every other field "
                "of a connection."
            )
        )
        words.setWordWrap(True)
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName(self.tr("Variables"))
        self.table.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Value"), self.tr("Secret")])
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(_VALUE, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        self.table.setColumnWidth(_NAME, 150)
        self.table.setColumnWidth(_SECRET, 90)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(34)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setMinimumHeight(190)
        self.note = QLabel(self._note_of_secrets())
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.note.setProperty("look", "muted")
        self.problem = QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setWordWrap(True)
        self.problem.setProperty("look", "error")
        self.problem.hide()
        add = QPushButton(self.tr("&Add"))
        add.clicked.connect(lambda: self._add(Variable("", "")).setFocus())
        self._remove = QPushButton(self.tr("&Remove"))
        self._remove.clicked.connect(self._remove_chosen)
        # A click on it leaves the focus in the row that is meant.
        self._remove.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.reveal = QCheckBox(self.tr("Show &secret values"))
        self.reveal.toggled.connect(self._hide_secrets)
        row = QHBoxLayout()
        row.addWidget(add)
        row.addWidget(self._remove)
        row.addStretch(1)
        row.addWidget(self.reveal)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Save
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 14)
        layout.setSpacing(12)
        layout.addWidget(words)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        for variable in shelf.variables():
            self._add(variable)
        first = [self._add(Variable(name, ""), focus_value=True) for name in missing]
        if not self.table.rowCount():
            first.append(self._add(Variable("", "")))
        if first:
            first[0].setFocus()
        self.resize(600, 420)

    def accept(self) -> None:
        try:
            self._shelf.set_variables(tuple(check_value(each) for each in self.variables()))
        except UnmaskError as error:
            self._say(str(error))
            return
        super().accept()

    def variables(self) -> list[Variable]:
        """What stands in the rows that are not empty."""
        found = []
        for row in range(self.table.rowCount()):
            name, value, secret = self._name(row), self._value(row), self._secret(row)
            if name.text().strip() or value.text():
                found.append(Variable(name.text().strip(), value.text(), secret.isChecked()))
        return found

    def _add(self, variable: Variable, *, focus_value: bool = False) -> QLineEdit:
        row = self.table.rowCount()
        self.table.insertRow(row)
        name, value = QLineEdit(variable.name), QLineEdit(variable.value)
        secret = QCheckBox(self.tr("Secret"))
        for edit, words in ((name, self.tr("Name")), (value, self.tr("Value"))):
            edit.setFrame(False)
            edit.setAccessibleName(words)
            edit.textChanged.connect(self._look)
        name.setPlaceholderText("token")
        secret.setToolTip(
            self.tr("Its value is kept in the system's keyring, and stands as asterisks in captures")
        )

        secret.setChecked(variable.is_secret)
        secret.toggled.connect(self._hide_secrets)
        for column, widget in ((_NAME, name), (_VALUE, value), (_SECRET, secret)):
            self.table.setCellWidget(row, column, widget)
        self._hide_secrets()
        return value if focus_value else name

    def _remove_chosen(self) -> None:
        rows = {index.row() for index in self.table.selectionModel().selectedRows()}
        focused = self.focusWidget()
        rows |= {
            row for row in range(self.table.rowCount()) if focused in (self._name(row), self._value(row))
        }
        for row in sorted(rows or {self.table.rowCount() - 1}, reverse=True):
            self.table.removeRow(row)
        self._look()

    def _hide_secrets(self) -> None:
        """Show secret values only if that is asked for."""
        for row in range(self.table.rowCount()):
            hidden = self._secret(row).isChecked() and not self.reveal.isChecked()
            mode = QLineEdit.EchoMode.PasswordEchoOnEdit if hidden else QLineEdit.EchoMode.Normal
            self._value(row).setEchoMode(mode)

    def _look(self) -> None:
        """Say what is wrong with a name while it is typed."""
        self.problem.hide()
        for variable in self.variables():
            try:
                check_name(variable.name)
            except UnmaskError as error:
                if variable.name:
                    self._say(str(error))

    def _say(self, sentence: str) -> None:
        self.problem.setText(one_line(sentence))
        self.problem.show()

    def _note_of_secrets(self) -> str:
        said = self.tr(
            "A secret value is sent as it is, and recorded as asterisks: neither captures nor exports have it."
        )
        problem = self._shelf.problem
        where = (
            self.tr("{problem} Secret values last until Unmask ends.").format(problem=problem)
            if problem
            else self.tr("Secret values are kept in the keyring of this system.")
        )
        return f"{where} {said}"

    def _name(self, row: int) -> QLineEdit:
        return cast(QLineEdit, self.table.cellWidget(row, _NAME))

    def _value(self, row: int) -> QLineEdit:
        return cast(QLineEdit, self.table.cellWidget(row, _VALUE))

    def _secret(self, row: int) -> QCheckBox:
        return cast(QCheckBox, self.table.cellWidget(row, _SECRET))
