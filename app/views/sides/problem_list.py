"""The Problems list: every broken rule of the capture, the way to its frame or handshake, and a filter by severity."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.logic.text import grouped
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.problems import ProblemModel
from app.views.parts.row_table import RowTable
from app.views.sides.entry_delegate import EntryDelegate, ListEntry
from core.protocol.violations import Severity

SEVERITY_LOOKS = {
    Severity.ERROR: (IconName.ERROR, ThemeRole.ERROR),
    Severity.WARNING: (IconName.WARNING, ThemeRole.WARNING),
    Severity.NOTE: (IconName.NOTE, ThemeRole.NOTE),
}


class ProblemList(QWidget):
    """Shows a `ProblemModel`."""

    chosen = Signal(object)
    """A `Problem` that the person wants to see in its place."""

    def __init__(self, model: ProblemModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._icons = look.icons
        delegate = EntryDelegate(self._entry, look, self)
        self.rows = RowTable(self.tr("Problems"), model, delegate, look.theme, self)
        self._frame: int | None = None
        """The frame to point at, once there is a row about it."""
        self.filters = {severity: QToolButton(self) for severity in reversed(Severity)}
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 5, 8, 5)
        bar.setSpacing(4)
        for severity, button in self.filters.items():
            button.setCheckable(True)
            button.setChecked(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setProperty("words", True)
            button.setAccessibleName(model.severity_name(severity))
            button.toggled.connect(self._filter)
            bar.addWidget(button)
        bar.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.rows, 1)
        self.setFocusProxy(self.rows)
        self.rows.clicked.connect(lambda index: self._choose(index.row()))
        self.rows.entered_row.connect(self._choose)
        model.counts_changed.connect(self._show_counts)
        model.counts_changed.connect(self._point)
        look.theme.changed.connect(self._tint)
        self._tint()
        self._show_counts()

    @property
    def problem_model(self) -> ProblemModel:
        """What it shows."""
        return self._model

    def point_at(self, frame_id: int | None) -> None:
        """Select the row about a frame that the person went to, as soon as there is one."""
        self._frame = frame_id
        self._point()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._point()

    def _point(self) -> None:
        if self._frame is None or not self.isVisible():
            return
        known = self._model.problem(self.rows.currentIndex().row())
        if known is not None and known.frame == self._frame:
            self._frame = None
        elif (row := self._model.row_of(self._frame)) is not None:
            self._frame = None
            self.rows.selectRow(row)
            self.rows.scrollTo(self._model.index(row))

    def _choose(self, row: int) -> None:
        problem = self._model.problem(row)
        if problem is not None:
            self.chosen.emit(problem)

    def _filter(self) -> None:
        self._model.set_severities(
            frozenset(severity for severity, button in self.filters.items() if button.isChecked())
        )

    def _show_counts(self) -> None:
        names = {
            Severity.ERROR: self.tr("Show what fails a connection in strict mode ({count})"),
            Severity.WARNING: self.tr("Show warnings ({count})"),
            Severity.NOTE: self.tr("Show notes ({count})"),
        }
        for severity, button in self.filters.items():
            count = grouped(self._model.count(severity))
            button.setText(count)
            button.setToolTip(names[severity].format(count=count))
        every = len(self._model.severities) == len(Severity)
        self.rows.set_empty_text(
            self.tr("No rule has been broken.") if every else self.tr("Nothing that is shown here.")
        )

    def _tint(self) -> None:
        for severity, button in self.filters.items():
            icon, role = SEVERITY_LOOKS[severity]
            button.setIcon(self._icons.icon(icon, ThemeRole.DISABLED, on=role))

    def _entry(self, row: int) -> ListEntry | None:
        problem = self._model.problem(row)
        if problem is None:
            return None
        icon, role = SEVERITY_LOOKS[problem.violation.rule.severity]
        return ListEntry(icon, role, self._model.sentence(problem), below=self._model.place(problem))
