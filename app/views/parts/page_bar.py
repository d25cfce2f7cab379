"""Shows which page of how many is visible, and goes to others."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget

from app.logic.text import grouped
from core.decoders.decoder import Page


class PageBar(QWidget):
    """A line below a text of many pages. Pages count from 1 here, and from 0 in signals."""

    page_requested = Signal(int)
    byte_requested = Signal("qint64")  # type: ignore[arg-type]

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self._count = 1
        self.first = self._button("«", self.tr("First page (Alt+Home)"))
        self.previous = self._button("‹", self.tr("Previous page (Alt+PgUp)"))
        self.page = QSpinBox(self)
        self.page.setKeyboardTracking(False)
        self.page.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.page.setAccessibleName(self.tr("Page"))
        self.page.setToolTip(self.tr("Number of the page: type another one and press Enter"))
        self.of = QLabel(self)
        self.next = self._button("›", self.tr("Next page (Alt+PgDown)"))
        self.last = self._button("»", self.tr("Last page (Alt+End)"))
        self.part = QLabel(self)
        for label in (self.of, self.part):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setProperty("look", "muted")
        self.copy = self._button(self.tr("Copy page"), self.tr("Copy the text of this page"))
        self.byte = QLineEdit(self)
        self.byte.setPlaceholderText(self.tr("Go to byte"))
        self.byte.setToolTip(
            self.tr("Offset of a byte, as 1048576 or 0x100000; Enter shows the page on which it is")
        )
        self.byte.setFixedWidth(self.byte.fontMetrics().horizontalAdvance("0x0000000000") + 24)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 12, 2)
        layout.setSpacing(2)
        for widget in (self.first, self.previous, QLabel(self.tr("Page ")), self.page, self.of):
            layout.addWidget(widget)
        for widget in (self.next, self.last):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addWidget(self.part, 1)
        layout.addWidget(self.copy)
        layout.addWidget(self.byte)
        self.first.clicked.connect(lambda: self.page_requested.emit(0))
        self.previous.clicked.connect(lambda: self.page_requested.emit(self._number - 1))
        self.next.clicked.connect(lambda: self.page_requested.emit(self._number + 1))
        self.last.clicked.connect(lambda: self.page_requested.emit(self._count - 1))
        self.page.valueChanged.connect(lambda value: self.page_requested.emit(value - 1))
        self.byte.returnPressed.connect(self._go_to_byte)

    def show_page(self, number: int, page: Page, total: int) -> None:
        """Show that page `number` of a payload of `total` bytes is visible."""
        self._number = number
        self._set_value()
        last = max(page.first, page.end - 1)
        text = self.tr("Bytes {0} to {1} of {2}")
        self.part.setText(text.format(grouped(page.first), grouped(last), grouped(total)))
        self._enable()

    def show_count(self, count: int, *, is_final: bool) -> None:
        """Show how many pages are known."""
        self._count = max(count, 1)
        self._set_value()
        text = self.tr("of {0}") if is_final else self.tr("of {0} so far")
        self.of.setText(" " + text.format(grouped(self._count)) + " ")
        self._enable()

    def _set_value(self) -> None:
        self.page.blockSignals(True)
        self.page.setRange(1, max(self._count, self._number + 1))
        self.page.setValue(self._number + 1)
        self.page.blockSignals(False)

    def _enable(self) -> None:
        for button in (self.first, self.previous):
            button.setEnabled(self._number > 0)
        for button in (self.next, self.last):
            button.setEnabled(self._number + 1 < self._count)

    def _go_to_byte(self) -> None:
        try:
            offset = int(self.byte.text().replace(" ", "").replace("\u202f", ""), 0)
        except ValueError:
            self.byte.selectAll()
            return
        self.byte_requested.emit(max(0, min(offset, 2**62)))

    def _button(self, text: str, tooltip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("look", "quiet")
        button.setToolTip(tooltip)
        button.setAccessibleName(tooltip)
        return button
