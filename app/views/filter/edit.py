"""The line for typing a filter: colours its parts, points at errors, and offers what can come next."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QKeyEvent, QResizeEvent, QTextCharFormat
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.logic.filter_assistant import FilterAssistant, FilterPartKind, FilterReading, FilterStanding
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.filter.popup import FilterPopup, StripTone
from core.query.candidates import Candidate, CandidateKind

_COLOURS = {
    FilterPartKind.FIELD: ThemeRole.JSON_KEY,
    FilterPartKind.OPERATOR: ThemeRole.JSON_PUNCTUATION,
    FilterPartKind.WORD: ThemeRole.JSON_LITERAL,
    FilterPartKind.TEXT: ThemeRole.JSON_STRING,
    FilterPartKind.NUMBER: ThemeRole.JSON_NUMBER,
}
_MAX_CHARACTERS = 30_000
"""More than a filter may have, so that a text that is too long is reported instead of cut."""


class FilterEdit(QLineEdit):
    """Judges only whether the text is a filter; others apply it on `entered`."""

    entered = Signal()
    """Enter was pressed, and not to accept a candidate."""
    entered_backward = Signal()
    """Shift+Enter was pressed."""
    escaped = Signal()
    """Esc was pressed while nothing hangs below the line."""

    def __init__(self, assistant: FilterAssistant, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._assistant = assistant
        self._theme = look.theme
        self.popup = FilterPopup(look)
        self._reading: FilterReading | None = None
        self._looked_at = ("", 0)
        self._offering = False
        """Whether to show candidates: while typing, and on request."""
        self._insisted = False
        """Whether the person tried to apply an unfinished text, so that it counts as wrong."""
        self._accepting = False
        self.setMaxLength(_MAX_CHARACTERS)
        self.setFont(look.theme.mono_font())
        self.textEdited.connect(self._edited)
        self.textChanged.connect(self._changed)
        self.cursorPositionChanged.connect(self._moved)
        self.popup.accepted.connect(self.accept)
        look.theme.changed.connect(self._paint_parts)
        self.destroyed.connect(self.popup.deleteLater)

    @property
    def standing(self) -> FilterStanding:
        return FilterStanding.EMPTY if self._reading is None else self._reading.standing

    @property
    def reading(self) -> FilterReading | None:
        """The result of examining the text; None before the first character."""
        return self._reading

    def insist(self) -> None:
        """Treat what is missing as an error, because the person wants the text as it is."""
        self._insisted = True
        self._offering = False
        self._refresh()

    def offer(self) -> None:
        """Show what can come next."""
        self._offering = True
        self._refresh()

    def accept(self, candidate: Candidate) -> None:
        """Replace the typed part by a candidate."""
        if self._reading is None:
            return
        completion = self._reading.completion
        whole = candidate.kind is CandidateKind.VALUE or candidate.text[-1:] in ("(", "[", '"')
        self._accepting = True
        self.setSelection(completion.start, completion.end - completion.start)
        self.insert(candidate.text if whole else candidate.text + " ")
        self._accepting = False
        # An accepted value is complete: nothing more is offered before the next character.
        self._offering = candidate.kind is not CandidateKind.VALUE
        self._refresh()

    # Following the text.

    def _edited(self) -> None:
        self._offering = True
        self._refresh()

    def _changed(self) -> None:
        self._insisted = False
        if not self._accepting:
            self._refresh()

    def _moved(self) -> None:
        if not self._accepting and self._reading is not None and self.isActiveWindow():
            self._refresh()

    def _refresh(self) -> None:
        """Examine the text and show the result."""
        place = (self.text(), self.cursorPosition())
        if self._reading is None or place != self._looked_at:
            self._looked_at = place
            self._reading = self._assistant.read(*place)
        reading = self._reading
        self._paint_parts()
        self._mark(reading)
        self._show_popup(reading)

    def _mark(self, reading: FilterReading) -> None:
        standing = self._shown_standing(reading)
        name = {FilterStanding.VALID: "valid", FilterStanding.WRONG: "wrong"}.get(standing, "")
        if self.property("standing") != name:
            self.setProperty("standing", name)
            self.style().unpolish(self)
            self.style().polish(self)

    def _shown_standing(self, reading: FilterReading) -> FilterStanding:
        wrong = reading.standing is FilterStanding.UNFINISHED and self._insisted
        return FilterStanding.WRONG if wrong else reading.standing

    def _show_popup(self, reading: FilterReading) -> None:
        if not self.hasFocus():
            self.popup.hide()
            return
        candidates = reading.completion.candidates if self._offering else ()
        typed = self.text()[reading.completion.start : reading.completion.end]
        if [each.text for each in candidates] == [typed]:
            candidates = ()
        wrong = self._shown_standing(reading) is FilterStanding.WRONG
        message = reading.message if wrong or self._offering else ""
        if candidates and not wrong:
            message = self.tr("Tab takes the first · ↑ ↓ choose · Esc closes")
        if not candidates and not message:
            self.popup.hide()
            return
        self.popup.fill(candidates, StripTone.ERROR if wrong else StripTone.HINT, message)
        self.popup.show_below(self)

    def _paint_parts(self) -> None:
        """Colour the parts. Only an input method event can format a QLineEdit."""
        reading = self._reading
        if reading is None:
            return
        cursor = self.cursorPosition()
        attributes = []

        def paint(start: int, end: int, shape: QTextCharFormat) -> None:
            kind = QInputMethodEvent.AttributeType.TextFormat
            attributes.append(QInputMethodEvent.Attribute(kind, start - cursor, end - start, shape))

        for part in reading.parts:
            shape = QTextCharFormat()
            shape.setForeground(self._theme.color(_COLOURS[part.kind]))
            paint(part.start, part.end, shape)
        if self._shown_standing(reading) is FilterStanding.WRONG:
            shape = QTextCharFormat()
            shape.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            shape.setUnderlineColor(self._theme.color(ThemeRole.ERROR))
            shape.setForeground(self._theme.color(ThemeRole.ERROR))
            # If something is missing at the end, mark the last character.
            start = min(reading.start, max(0, len(self.text().rstrip()) - 1))
            paint(start, max(reading.end, start + 1), shape)
        QApplication.sendEvent(self, QInputMethodEvent("", attributes))

    # Events.

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            if event.type() is QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
            if (
                event.type() is QEvent.Type.KeyPress
                and event.key() == Qt.Key.Key_Tab
                and self._take_candidate()
            ):
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enter(backward=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            if self.popup.isVisible() and self.popup.list.count():
                self.popup.step(1 if key == Qt.Key.Key_Down else -1)
            else:
                self.offer()
        elif key == Qt.Key.Key_Space and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.offer()
        elif key == Qt.Key.Key_Escape:
            self._escape()
        else:
            super().keyPressEvent(event)

    def _enter(self, *, backward: bool) -> None:
        chosen = self.popup.current if self.popup.isVisible() else None
        if chosen is not None:
            self.accept(chosen)
            return
        self._offering = False
        self.popup.hide()
        if backward:
            self.entered_backward.emit()
        else:
            self.entered.emit()

    def _take_candidate(self) -> bool:
        """Take the chosen candidate or the first; False if there is none."""
        if not self.popup.isVisible() or not self.popup.list.count():
            return False
        self.accept(self.popup.current or self.popup.candidates[0])
        return True

    def _escape(self) -> None:
        if self.popup.isVisible():
            self._offering = False
            self.popup.hide()
        else:
            self.escaped.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._reading is not None:
            self._show_popup(self._reading)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._offering = False
        self.popup.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.popup.isVisible():
            self.popup.show_below(self)
