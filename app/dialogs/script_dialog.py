"""The script that runs: its file, how it is, and what it has said."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.logic.text import tooltip
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.parts.selectable_label import selectable_label
from core.decoders.visible import visible
from core.scripts.log import MOST_ENTRIES, LogEntry
from core.scripts.records import Utterance
from core.scripts.script import ScriptState, ScriptStatus

_SIZE = (760, 480)
_STATES = {
    ScriptState.STARTING: (IconName.HISTORY, ThemeRole.MUTED),
    ScriptState.RUNNING: (IconName.SUCCESS, ThemeRole.SUCCESS),
    ScriptState.EARLIER: (IconName.WARNING, ThemeRole.WARNING),
    ScriptState.STUCK: (IconName.WARNING, ThemeRole.WARNING),
    ScriptState.OVER: (IconName.ERROR, ThemeRole.ERROR),
}
_ROLES = {
    Utterance.LOG: ThemeRole.TEXT,
    Utterance.PRINT: ThemeRole.TEXT,
    Utterance.NEWS: ThemeRole.MUTED,
    Utterance.TROUBLE: ThemeRole.WARNING,
    Utterance.ERROR: ThemeRole.ERROR,
}
_MARK = 16


class ScriptDialog(QDialog):
    """Not modal, so that the window can be used meanwhile. Emits what the person wants."""

    choose_wanted = Signal()
    new_wanted = Signal()
    restart_wanted = Signal()
    stop_wanted = Signal()
    clear_wanted = Signal()
    help_wanted = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Script"))
        self.resize(*_SIZE)
        self._look = look
        self._entries: deque[LogEntry] = deque(maxlen=MOST_ENTRIES)
        self._status: ScriptStatus | None = None
        self._mark = QLabel()
        self._mark.setFixedSize(_MARK, _MARK)
        self.state = selectable_label("title")
        self.trouble = selectable_label("muted")
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(MOST_ENTRIES)
        self.log.setAccessibleName(self.tr("Log of the script"))
        self.log.setFont(look.theme.mono_font())
        self.log.setTabChangesFocus(True)
        self.log.setPlaceholderText(
            self.tr(
                "A script is a Python file of yours: on_message(message) is called with each message and answers, "
                "changes, delays or drops it. What it prints, and where it fails, stands here."
            )
        )
        self.choose = self._button(self.tr("&Choose…"), self.tr("Run a Python file"), self.choose_wanted)
        self.new = self._button(self.tr("&New…"), self.tr("Write a file to begin with"), self.new_wanted)
        self.restart = self._button(
            self.tr("Star&t again"), self.tr("Run the file once more"), self.restart_wanted
        )
        self.stop = self._button(
            self.tr("S&top"), self.tr("End the script: messages pass unchanged"), self.stop_wanted
        )
        self.clear = self._button(self.tr("C&lear"), self.tr("Remove these lines"), self.clear_wanted)
        self.help = self._button(self.tr("&Help"), self.tr("What a script can do"), self.help_wanted)
        close = QPushButton(self.tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._mark)
        head.addWidget(self.state, 1)
        for button in (self.choose, self.new, self.restart, self.stop):
            head.addWidget(button)
        foot = QHBoxLayout()
        for button in (self.clear, self.help):
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(10)
        layout.addLayout(head)
        layout.addWidget(self.trouble)
        layout.addWidget(self.log, 1)
        layout.addLayout(foot)
        look.theme.changed.connect(self._look_changed)
        self.show_status(None)

    def show_status(self, status: ScriptStatus | None) -> None:
        """Tell how the script is; None: there is none."""
        self._status = status
        for button in (self.restart, self.stop):
            button.setEnabled(status is not None)
        self._mark.setVisible(status is not None)
        if status is None:
            self.state.setText(self.tr("No script runs."))
            self.trouble.setText("")
        else:
            icon, role = _STATES[status.state]
            self._mark.setPixmap(self._look.icons.icon(icon, role).pixmap(_MARK, _MARK))
            self.state.setText(visible(self._sentence(status)))
            self.state.setToolTip(tooltip(str(status.path)))
            self.trouble.setText(visible(status.trouble) if status.trouble else self._figures(status))

    @property
    def last_shown(self) -> int:
        """The number of the newest entry that is shown; 0 if there is none."""
        return self._entries[-1].number if self._entries else 0

    def clear_entries(self) -> None:
        """Show none of what was shown."""
        self._entries.clear()
        self.log.clear()

    def add_entries(self, entries: Sequence[LogEntry]) -> None:
        """Show what came after `last_shown`; the first may be what is shown last, said once more."""
        if entries and self._entries and _is_again(self._entries[-1], entries[0]):
            self._entries.pop()
            self._remove_last_line()
        self._append(entries)
        self._entries.extend(entries)

    def _remove_last_line(self) -> None:
        cursor = QTextCursor(self.log.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        # The line before it ends there.
        cursor.deletePreviousChar()

    def _append(self, entries: Sequence[LogEntry]) -> None:
        bar = self.log.verticalScrollBar()
        was_at_end = bar.value() >= bar.maximum()
        cursor = QTextCursor(self.log.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for entry in entries:
            form = QTextCharFormat()
            form.setForeground(self._look.theme.color(_ROLES[entry.kind]))
            if not cursor.atStart():
                cursor.insertBlock()
            # Plain text only: `insertText` reads no markup. An entry is one block, whatever lines it has.
            cursor.insertText(self._line(entry).replace("\n", "\u2028"), form)
        cursor.endEditBlock()
        if was_at_end:
            bar.setValue(bar.maximum())

    def _line(self, entry: LogEntry) -> str:
        time = datetime.fromtimestamp(entry.time_ns / 10**9).strftime("%H:%M:%S")
        times = self.tr(" (%n times)", "", entry.times) if entry.times > 1 else ""
        detail = f"\n{visible(entry.detail.rstrip())}" if entry.detail else ""
        return f"{time}  {visible(entry.text)}{times}{detail}"

    def _sentence(self, status: ScriptStatus) -> str:
        words = {
            ScriptState.STARTING: self.tr("{name} starts"),
            ScriptState.RUNNING: self.tr("{name} runs"),
            ScriptState.EARLIER: self.tr("{name} runs as it was before the last save"),
            ScriptState.STUCK: self.tr("{name} does not answer: everything passes unchanged"),
            ScriptState.OVER: self.tr("{name} does not run: everything passes unchanged"),
        }
        return words[status.state].format(name=status.path.name)

    def _figures(self, status: ScriptStatus) -> str:
        return self.tr("{path}  ·  asked {asked} times  ·  {unchanged} passed without an answer").format(
            path=visible(str(status.path)), asked=status.asked, unchanged=status.unchanged
        )

    def _look_changed(self) -> None:
        self.log.setFont(self._look.theme.mono_font())
        self.show_status(self._status)
        entries = tuple(self._entries)
        self.clear_entries()
        self.add_entries(entries)

    def _button(self, text: str, tooltip: str, wanted: SignalInstance) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setToolTip(tooltip)
        button.clicked.connect(lambda: wanted.emit())
        return button


def _is_again(shown: LogEntry, entry: LogEntry) -> bool:
    """Whether an entry is one that is shown, said once more."""
    same = (shown.kind, shown.text, shown.line) == (entry.kind, entry.text, entry.line)
    return same and entry.times > shown.times
