"""How each system comes to trust the authority and to go through the proxy, with lines to copy."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look.icons import IconName
from app.look.look import Look
from core.net.fronts.certificate_guide import Guide, GuideStep

_LIST_WIDTH = 130


class GuidePage(QWidget):
    """One guide at a time."""

    copied = Signal(str)
    """Lines were put on the clipboard."""

    def __init__(self, guides: Sequence[Guide], look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._guides = tuple(guides)
        self._look = look
        self.names = QListWidget()
        self.names.setFixedWidth(_LIST_WIDTH)
        self.names.setProperty("look", "choices")
        self.names.setSpacing(4)
        self.names.setAccessibleName(self.tr("Systems and programs"))
        self.names.addItems([guide.title for guide in self._guides])
        self.steps = QScrollArea()
        self.steps.setFrameShape(QFrame.Shape.NoFrame)
        self.steps.setWidgetResizable(True)
        self.steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.names)
        layout.addWidget(self.steps, 1)
        self.names.currentRowChanged.connect(self._show)
        self.names.setCurrentRow(0)

    def _show(self, row: int) -> None:
        guide = self._guides[row]
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        hint = QLabel(self.tr("Where a step says “download”, you can also save the file on the first page."))
        hint.setWordWrap(True)
        hint.setProperty("look", "muted")
        column.addWidget(hint)
        for number, step in enumerate(guide.steps, 1):
            self._add(column, f"{number}. ", step)
        if guide.undo:
            heading = QLabel(self.tr("To take it back"))
            heading.setProperty("look", "title")
            column.addSpacing(8)
            column.addWidget(heading)
            for step in guide.undo:
                self._add(column, "", step)
        column.addStretch(1)
        self.steps.setWidget(page)

    def _add(self, column: QVBoxLayout, mark: str, step: GuideStep) -> None:
        text = QLabel(mark + step.text)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(text)
        if not step.lines:
            return
        lines = "\n".join(step.lines)
        # A command may be broken anywhere, so that it is seen whole.
        box = QLabel("\u200b".join(lines))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWordWrap(True)
        box.setFont(self._look.theme.mono_font())
        box.setAccessibleName(self.tr("Lines to copy"))
        box.setProperty("look", "code")
        copy = QToolButton()
        copy.setIcon(self._look.icons.icon(IconName.COPY))
        copy.setToolTip(self.tr("Copy these lines"))
        copy.setAccessibleName(self.tr("Copy these lines"))
        copy.clicked.connect(lambda: self._copy(lines))
        row = QHBoxLayout()
        row.addWidget(box, 1)
        row.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)

    def _copy(self, lines: str) -> None:
        QGuiApplication.clipboard().setText(lines)
        self.copied.emit(lines)
