"""What was changed in a message: lines that went and came, each with a sign and a tint."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from app.logic.differing import COMPARED_BYTES, MOST_LINES, Comparison, DiffLine, LineKind, compare
from app.logic.shown_edit import ShownEdit
from app.logic.shown_frame import is_at_hand
from app.logic.text import counted, grouped
from app.look.theme import Theme, ThemeRole
from app.runtime.jobs import Jobs
from core.decoders.registry import Decoders
from core.sizes import byte_size

_SIGNS = {LineKind.BOTH: "  ", LineKind.GONE: "− ", LineKind.COME: "+ ", LineKind.SKIPPED: "  "}
_TINTS = {
    LineKind.GONE: (ThemeRole.ERROR, ThemeRole.ERROR_TINT),
    LineKind.COME: (ThemeRole.SUCCESS, ThemeRole.SUCCESS_TINT),
}


class Differences(QWidget):
    """One edit."""

    def __init__(self, theme: Theme, jobs: Jobs, decoders: Decoders, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._jobs = jobs
        self._decoders = decoders
        self._edit: ShownEdit | None = None
        self._comparison: Comparison | None = None
        self._asked = 0
        """Grows with every edit; answers about older ones are ignored."""
        self.remark = QLabel(self)
        self.remark.setTextFormat(Qt.TextFormat.PlainText)
        self.remark.setWordWrap(True)
        self.remark.setProperty("look", "muted")
        self.remark.setContentsMargins(12, 0, 12, 4)
        self.text = QPlainTextEdit(self)
        self.text.setAccessibleName(self.tr("Differences"))
        self.text.setProperty("look", "pane")
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setTabChangesFocus(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.remark)
        layout.addWidget(self.text, 1)
        theme.changed.connect(self._paint)

    def show_edit(self, edit: ShownEdit | None, decoder: str | None) -> None:
        """Compare the two messages of an edit as that decoder shows them; None: as the best does."""
        self._asked += 1
        self._edit, self._comparison = edit, None
        self._paint()
        if edit is None:
            return
        work = partial(compare, self._decoders, edit.before, edit.after, decoder)
        if is_at_hand(edit.before.source) and is_at_hand(edit.after.source):
            self._take(self._asked, work())
            return
        self.remark.setText(self.tr("Comparing …"))
        asked = self._asked
        if not self._jobs.run(work, partial(self._take, asked), partial(self._fail, asked)):
            self.remark.setText(self._jobs.refusal())

    def _take(self, asked: int, comparison: Comparison) -> None:
        if asked == self._asked:
            self._comparison = comparison
            self._paint()

    def _fail(self, asked: int, error: Exception) -> None:
        if asked == self._asked:
            self.remark.setText(str(error))

    def _paint(self) -> None:
        found = self._comparison
        self.remark.setText("" if found is None or self._edit is None else self._remark(self._edit, found))
        self.text.clear()
        self.text.document().setDefaultFont(self._theme.mono_font())
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        for number, line in enumerate(() if found is None else found.lines):
            block = QTextBlockFormat()
            tint = _TINTS.get(line.kind)
            if tint is not None:
                block.setBackground(self._theme.color(tint[1]))
            if number:
                cursor.insertBlock(block)
            else:
                cursor.setBlockFormat(block)
            self._insert(cursor, line)
        cursor.endEditBlock()
        self.text.moveCursor(QTextCursor.MoveOperation.Start)

    def _insert(self, cursor: QTextCursor, line: DiffLine) -> None:
        sign = _SIGNS[line.kind]
        if line.kind is LineKind.SKIPPED:
            said = counted(
                line.skipped, self.tr("… 1 line is the same"), self.tr("… {count} lines are the same")
            )
            cursor.insertText(sign + said, self._format(ThemeRole.MUTED))
            return
        plain = self._format(ThemeRole.TEXT)
        tint = _TINTS.get(line.kind)
        cursor.insertText(sign, plain if tint is None else self._format(tint[0]))
        at = 0
        for place in line.changed:
            cursor.insertText(line.text[at : place.start], plain)
            changed = self._format(ThemeRole.TEXT if tint is None else tint[0])
            changed.setFontUnderline(True)
            cursor.insertText(line.text[place.start : place.end], changed)
            at = place.end
        cursor.insertText(line.text[at:], plain)

    def _format(self, role: ThemeRole) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setForeground(self._theme.color(role))
        return made

    def _remark(self, edit: ShownEdit, found: Comparison) -> str:
        said = [
            self.tr("− frame {0}, which came · + frame {1}, which went on · as {2}").format(
                grouped(edit.original), grouped(edit.edited), found.title
            )
        ]
        if found.is_same:
            said.append(self.tr("Nothing differs."))
        if not found.is_whole:
            text = self.tr("Only the first {0} and {1} lines of each are compared.")
            said.append(text.format(byte_size(COMPARED_BYTES), grouped(MOST_LINES)))
        return "   ".join(said)
