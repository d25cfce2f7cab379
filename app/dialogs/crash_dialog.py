"""Shows an exception that nothing caught."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.runtime.crash import CrashedPart, CrashReport
from core.capture.private_files import written_whole


class CrashDialog(QDialog):
    """One sentence, the traceback, and the choice to continue or to quit."""

    quit_requested = Signal()
    restart_requested = Signal()
    """Emitted only when the engine has died."""

    def __init__(self, report: CrashReport, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report = report
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Something went wrong"))
        self.resize(760, 460)
        mark = QLabel()
        mark.setPixmap(look.icons.pixmap(IconName.ERROR, ThemeRole.ERROR, 36, self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        sentence = QLabel(self._sentence())
        sentence.setWordWrap(True)
        summary = QLabel(report.summary)
        summary.setTextFormat(Qt.TextFormat.PlainText)
        summary.setWordWrap(True)
        summary.setProperty("look", "error")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(sentence)
        words.addWidget(summary)
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(mark)
        head.addLayout(words, 1)
        self._details = QPlainTextEdit(report.text)
        self._details.setReadOnly(True)
        self._details.setFont(look.theme.mono_font(delta=-1))
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(14)
        layout.addLayout(head)
        layout.addWidget(self._details, 1)
        layout.addLayout(self._buttons())

    def _sentence(self) -> str:
        if self._report.part is CrashedPart.ENGINE:
            return self.tr(
                "The engine failed: connections are closed and nobody can connect until it is restarted. "
                "What was recorded is safe on disk, and recording goes on in the same capture."
            )
        return self.tr(
            "A part of Unmask failed. What was recorded is safe on disk, and you can go on; "
            "if things look wrong, quit and start again."
        )

    def copy(self) -> None:
        """Put the report on the clipboard."""
        QGuiApplication.clipboard().setText(self._report.text)

    def save(self, path: Path) -> str | None:
        """Write the report; the result is a sentence if that fails, else None."""
        try:
            with written_whole(path) as out:
                out.write(self._report.text.encode(errors="backslashreplace"))
        except OSError as error:
            return self.tr("The report cannot be written to {path}: {error}").format(path=path, error=error)
        return None

    def _buttons(self) -> QHBoxLayout:
        copy = QPushButton(self.tr("&Copy"))
        copy.clicked.connect(self.copy)
        save = QPushButton(self.tr("&Save report…"))
        save.clicked.connect(self._ask_and_save)
        leave = QPushButton(self.tr("&Quit"))
        leave.clicked.connect(self.quit_requested)
        go_on = QPushButton(self.tr("Co&ntinue"))
        go_on.clicked.connect(self.accept)
        last = [leave, go_on]
        if self._report.part is CrashedPart.ENGINE:
            restart = QPushButton(self.tr("&Restart engine"))
            restart.clicked.connect(self.restart_requested)
            restart.clicked.connect(self.accept)
            last.append(restart)
        last[-1].setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (copy, save):
            row.addWidget(button)
        row.addStretch(1)
        for button in last:
            row.addWidget(button)
        return row

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Save report"), "unmask-report.txt")
        if name and (problem := self.save(Path(name))):
            self._details.setPlainText(f"{problem}\n\n{self._report.text}")
