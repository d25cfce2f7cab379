"""What replaces the editor when a file or a close frame is composed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.errors import PayloadError
from core.protocol.close_codes import CloseCode, describe, may_be_sent

_NO_CODE = "no code"


class FilePage(QWidget):
    """Chooses a file."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = QLineEdit(self)
        self.path.setPlaceholderText(self.tr("Path of the file to send as one binary message"))
        self.path.setAccessibleName(self.tr("File"))
        self.browse = QPushButton(self.tr("Choose…"), self)
        self.browse.setToolTip(self.tr("Choose a file"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.path, 1)
        layout.addWidget(self.browse)
        layout.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.path.textChanged.connect(self.changed)
        self.browse.clicked.connect(self._choose)

    def text(self) -> str:
        """The path; "" if none is chosen."""
        return self.path.text().strip()

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("File to send"), self.text())
        if path:
            self.path.setText(path)


class ClosePage(QWidget):
    """Chooses or accepts a close code, explains it, and accepts a reason."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.codes = QComboBox(self)
        self.codes.setAccessibleName(self.tr("Close code"))
        self.codes.setToolTip(self.tr("Choose a close code or type one"))
        self.codes.setEditable(True)
        self.codes.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.codes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.codes.setMinimumContentsLength(24)
        self.codes.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for code in filter(may_be_sent, CloseCode):
            self.codes.addItem(f"{int(code)}  {describe(code).name}", int(code))
        self.codes.addItem(self.tr("no code"), _NO_CODE)
        self.reason = QLineEdit(self)
        self.reason.setPlaceholderText(self.tr("Reason, at most 123 bytes"))
        self.reason.setAccessibleName(self.tr("Close reason"))
        self.explanation = QLabel(self)
        self.explanation.setTextFormat(Qt.TextFormat.PlainText)
        self.explanation.setWordWrap(True)
        self.explanation.setProperty("look", "muted")
        row = QHBoxLayout()
        row.addWidget(self.codes)
        row.addWidget(self.reason, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.explanation)
        layout.addStretch(1)
        self.codes.currentTextChanged.connect(self._on_code)
        self.reason.textChanged.connect(self.changed)
        self._explain()

    def set_close(self, code: int | None, reason: str) -> None:
        """Fill both boxes; None for no code."""
        place = self.codes.findData(_NO_CODE if code is None else code)
        if place >= 0:
            self.codes.setCurrentIndex(place)
        else:
            self.codes.setEditText(str(code))
        self.reason.setText(reason)

    def code(self) -> int | None:
        """The chosen or typed code; None for no code. Raises PayloadError if it is not a number."""
        text = self.codes.currentText().strip()
        if not text or self.codes.itemData(self.codes.findText(text)) == _NO_CODE:
            return None
        number = text.split()[0]
        if not (number.isascii() and number.isdigit() and len(number) <= 5):
            raise PayloadError(f"{number!r} is no close code; type a number such as 1000.")
        return int(number)

    def _on_code(self) -> None:
        self._explain()
        self.changed.emit()

    def _explain(self) -> None:
        try:
            code = self.code()
        except PayloadError:
            self.explanation.setText("")
            return
        empty = self.tr("An empty close frame; the other side reports 1005, no status.")
        self.explanation.setText(empty if code is None else describe(code).explanation)
