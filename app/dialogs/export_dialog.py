"""Asks which part of a capture to export, and in which format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.logic.exporting import ExportPart, Scope
from app.views.parts.cut_label import CutLabel
from core.formats.registry import Format, Formats

_WIDTH = 520
_STEP = 1
_INDENT = 22
"""Indent of the text below a button."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that can be exported."""

    scope: Scope
    title: str
    """With an ampersand before the letter that chooses it."""
    detail: str
    """What the title does not say, such as the filter; plain text on one line."""
    amount: str
    """The number of frames, in words."""
    part: ExportPart


class ExportDialog(QDialog):
    """After `accept`, `offer` and `wanted` hold the choice."""

    def __init__(
        self,
        offers: Sequence[Offer],
        chosen: Scope,
        formats: Formats,
        format_name: str,
        parent: QWidget | None = None,
    ) -> None:
        """`chosen` and `format_name` are the initial choices; the first of each if they do not exist."""
        super().__init__(parent)
        self._offers = tuple(offers)
        self._formats = formats
        self.setWindowTitle(self.tr("Export"))
        self.setMinimumWidth(_WIDTH)
        self._group = QButtonGroup(self)
        self._format = QComboBox()
        self._help = QLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 16)
        layout.setSpacing(16)
        layout.addWidget(self._parts(chosen))
        layout.addLayout(self._formats_row(format_name))
        layout.addStretch(1)
        layout.addWidget(self._buttons())
        self._group.button(self._group.checkedId()).setFocus()

    @property
    def offer(self) -> Offer:
        return self._offers[self._group.checkedId()]

    @property
    def wanted(self) -> Format:
        """The chosen format."""
        return self._formats.get(str(self._format.currentData()))

    def _parts(self, chosen: Scope) -> QFrame:
        card = QFrame()
        card.setProperty("look", "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for number, offer in enumerate(self._offers):
            button = QRadioButton(offer.title)
            button.setAccessibleDescription(f"{offer.amount} {offer.detail}".strip())
            self._group.addButton(button, number)
            amount = QLabel(offer.amount)
            amount.setTextFormat(Qt.TextFormat.PlainText)
            amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            detail = CutLabel(_STEP)
            detail.setText(offer.detail)
            detail.setProperty("look", "muted")
            detail.setContentsMargins(_INDENT, 0, 0, 0)
            detail.setVisible(bool(offer.detail))
            row = 3 * number
            if number:
                grid.setRowMinimumHeight(row - 1, 10)
            grid.addWidget(button, row, 0)
            grid.addWidget(amount, row, 1)
            grid.addWidget(detail, row + 1, 0, 1, 2)
        first = next((at for at, offer in enumerate(self._offers) if offer.scope is chosen), 0)
        self._group.button(first).setChecked(True)
        return card

    def _formats_row(self, format_name: str) -> QGridLayout:
        label = QLabel(self.tr("&Format"))
        label.setBuddy(self._format)
        for each in self._formats:
            self._format.addItem(f"{each.title} (*{each.ending})", each.name)
        self._format.setCurrentIndex(max(0, self._format.findData(format_name)))
        self._help.setTextFormat(Qt.TextFormat.PlainText)
        self._help.setWordWrap(True)
        self._help.setProperty("look", "muted")
        self._format.currentIndexChanged.connect(self._tell_format)
        self._tell_format()
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        grid.addWidget(label, 0, 0)
        row = QHBoxLayout()
        row.addWidget(self._format)
        row.addStretch(1)
        grid.addLayout(row, 0, 1)
        grid.addWidget(self._help, 1, 1)
        return grid

    def _tell_format(self) -> None:
        self._help.setText(self.wanted.help)

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        go_on = QPushButton(self.tr("&Export…"))
        go_on.setDefault(True)
        buttons.addButton(go_on, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons
