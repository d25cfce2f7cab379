"""Copies long texts and saves payloads, on another thread and with progress."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.logic.payload_transfer import Gathered, WholeText, save_steps
from app.logic.text import count_bytes, grouped
from app.runtime.jobs import Jobs
from app.runtime.stepping import Stepper
from core.decoders.decoder import Pages
from core.decoders.source import Source

COPY_LIMIT = 16 * 1024 * 1024
"""Characters that can be copied; every program that watches the clipboard gets all of them at once."""


class PayloadCarrier(QObject):
    """One task at a time; a new one replaces the current one."""

    changed = Signal()
    """There is progress, or the task has ended."""
    said = Signal(str)
    """The result, as a sentence."""

    def __init__(self, jobs: Jobs, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._text: Gathered | None = None
        self._target = Path()
        self.words = ""
        """Describes the task."""
        self.total = 0
        self._stepper = Stepper(jobs, self)
        self._stepper.stepped.connect(self.changed)
        self._stepper.ended.connect(self._end)
        self._stepper.failed.connect(self._fail)

    @property
    def is_running(self) -> bool:
        return self._stepper.is_running

    @property
    def done(self) -> int:
        """Progress, out of `total`."""
        return self._stepper.done

    def cancel(self) -> None:
        """Cancel the task."""
        if self.is_running:
            self._stepper.cancel()
            self.changed.emit()

    def copy(self, text: str) -> None:
        """Put a text on the clipboard now."""
        if len(text) > COPY_LIMIT:
            self.refuse()
        else:
            QGuiApplication.clipboard().setText(text)

    def copy_pages(self, pages: Pages) -> None:
        """Put all pages, joined, on the clipboard."""
        self.copy_steps(WholeText(pages, COPY_LIMIT), pages.count, self.tr("Copying the whole text"))

    def refuse(self) -> None:
        """Say that a text is too long to be copied."""
        self.said.emit(
            self.tr(
                "The text has more than the {0} characters that can be copied at once, and nothing was copied. Copy "
                "this page, or save the payload."
            ).format(grouped(COPY_LIMIT))
        )

    def copy_steps(self, text: Gathered, total: int, words: str) -> None:
        """Put a text on the clipboard that takes `total` units of work to join."""
        self._text = text
        self._start(text.steps(), total, words)

    def ask_save(self, source: Source) -> None:
        """Ask for a file name and write the payload there."""
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save payload"), "payload.bin")
        if name:
            self.save(source, Path(name))

    def save(self, source: Source, target: Path) -> None:
        """Write the payload to a file, replacing one that is there."""
        self._text, self._target = None, target
        words = self.tr("Saving {0}").format(count_bytes(len(source)))
        self._start(save_steps(source, target), len(source), words)

    def _start(self, steps: Generator[int], total: int, words: str) -> None:
        self.words, self.total = words, total
        self._stepper.start(steps)
        self.changed.emit()

    def _end(self) -> None:
        self.changed.emit()
        if self._text is None:
            self.said.emit(self.tr("Saved as {0}.").format(self._target))
        elif self._text.is_too_long:
            self.refuse()
        else:
            text, self._text = self._text.text, None
            QGuiApplication.clipboard().setText(text)
            self.said.emit(self.tr("Copied {0} characters.").format(grouped(len(text))))

    def _fail(self, error: Exception) -> None:
        self.changed.emit()
        if self._text is None:
            self.said.emit(self.tr("The payload cannot be saved as {0}: {1}").format(self._target, error))
        else:
            self.said.emit(self.tr("The text cannot be copied: {0}").format(error))
