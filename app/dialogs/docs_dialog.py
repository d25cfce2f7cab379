"""A page of Unmask's own documentation."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget


class DocsDialog(QDialog):
    """Shows a Markdown file that comes with Unmask; peers never contribute to it."""

    def __init__(self, title: str, path: Path, parent: QWidget | None = None) -> None:
        """Raises OSError if the file cannot be read."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(860, 640)
        text = path.read_text("utf-8")
        if text.startswith("<!--"):
            text = text.partition("-->")[2]
        self.page = QTextBrowser(self)
        self.page.setOpenLinks(False)
        self.page.document().setDocumentMargin(16)
        self.page.setMarkdown(text)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(self.page, 1)
        layout.addWidget(buttons)
