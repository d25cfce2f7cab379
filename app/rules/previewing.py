"""Shows what a rule would do to what was recorded, while it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject

from app.captures.workplace import Workplace
from app.dialogs.rules.rule_dialog import RuleDialog
from app.logic.frame_lines import TimeFormat, make_line
from app.logic.known_rules import KnownRules
from app.logic.rule_preview import MOST_SHOWN, effect_on_connections, effect_on_frame
from app.logic.scan_run import RunState, ScanRun
from app.logic.text import counted, grouped
from app.runtime.scanning import ScanThread
from core.errors import CaptureError, FilterError
from core.rules.preview import recorded_filters
from core.rules.rule import Rule

if TYPE_CHECKING:
    from core.query.language import FilterLanguage

_R = TypeVar("_R")


class Previewing(QObject):
    """Serves one dialog at a time. `stop` ends its thread."""

    def __init__(self, work: Workplace, known: KnownRules, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = work.desk
        self._jobs = work.jobs
        self._known = known
        self._scanner = ScanThread(self)
        self._scanner.found.connect(self._found)
        self._dialog: RuleDialog | None = None
        self._rule: Rule | None = None
        self._run: ScanRun | None = None
        self._first: int | None = None
        """The frame that the rule was made of, which is shown first."""
        self._ids: list[int] = []
        self._count = 0
        self._request = 0

    def serve(self, dialog: RuleDialog, language: FilterLanguage, first: int | None) -> None:
        """Show in this dialog what its rule would do, until it is closed. `first`: the frame to show if it matches."""
        self._dialog, self._first = dialog, first
        dialog.preview_wanted.connect(lambda rule: self._look(rule, language))
        dialog.preview.chosen.connect(self._show_effect)
        dialog.finished.connect(self._end)

    def stop(self) -> None:
        """End the thread."""
        self._end()
        self._scanner.stop()

    # Internals.

    def _end(self) -> None:
        self._dialog = self._rule = self._run = None
        self._scanner.search(None)

    def _look(self, rule: Rule | None, language: FilterLanguage) -> None:
        """Search anew for what the condition matches, if that is another one."""
        dialog, reader = self._dialog, self._desk.reader
        if dialog is None:
            return
        if rule is None or reader is None:
            dialog.preview.say(self.tr("What is wrong with the rule stands beside its field."))
            self._rule = None
            return
        before, self._rule = self._rule, rule
        texts = recorded_filters(rule.when)
        dialog.preview.show_list(shown=bool(texts))
        if not texts:
            self._scanner.search(None)
            self._run = None
            dialog.matches.set_lines(())
            self._show_connections()
            return
        if before is not None and self._run is not None and before.when == rule.when:
            row = dialog.preview.rows.currentIndex().row()
            line = dialog.matches.line(row)
            if line is not None:
                self._show_effect(line.row.id)
            return
        try:
            wanted = language.filter(*texts)
        except FilterError as error:
            dialog.preview.say(str(error))
            return
        self._ids, self._count = [], 0
        dialog.matches.set_lines(())
        dialog.preview.show_effect("")
        self._run = ScanRun(reader.path, wanted)
        self._scanner.search(self._run)
        self._say()

    def _found(self) -> None:
        dialog, run, reader = self._dialog, self._run, self._desk.reader
        if dialog is None or run is None or reader is None:
            return
        fresh = run.take()
        self._count += len(fresh)
        if len(fresh):
            chosen = dialog.matches.line(dialog.preview.rows.currentIndex().row())
            self._ids = [*self._ids, *fresh[-MOST_SHOWN:]][-MOST_SHOWN:]
            shown = list(self._ids)
            if self._first is not None and self._first not in shown and self._first in fresh:
                shown.insert(0, self._first)
            try:
                rows = sorted(reader.rows_of(shown), key=lambda row: -row.id)
            except CaptureError as error:
                dialog.preview.say(str(error))
                return
            dialog.matches.set_lines(
                [
                    make_line(row, previous_ns=None, start_ns=0, time_format=TimeFormat.ABSOLUTE)
                    for row in rows
                ]
            )
            wanted = self._first if chosen is None else chosen.row.id
            dialog.preview.choose_row(max(dialog.matches.row_of(wanted or 0), 0))
        self._say()

    def _say(self) -> None:
        dialog, run, reader = self._dialog, self._run, self._desk.reader
        if dialog is None or run is None or reader is None:
            return
        progress = run.progress
        if progress.state is RunState.FAILED:
            dialog.preview.say(progress.problem)
            return
        if progress.state is RunState.SEARCHING and not progress.last:
            dialog.preview.say(self.tr("Looking through what was recorded …"))
            return
        one = self.tr("1 of {all} recorded frames matches")
        many = self.tr("{count} of {all} recorded frames match")
        text = counted(self._count, one, many, all=grouped(max(progress.last, progress.through)))
        if self._count > MOST_SHOWN:
            text += self.tr("; the newest {0} are listed").format(grouped(MOST_SHOWN))
        dialog.preview.say(text + (" …" if progress.state is RunState.SEARCHING else "."))

    def _show_effect(self, frame_id: int) -> None:
        """Find out on another thread what would become of a frame: a pattern may take long."""
        rule, reader = self._rule, self._desk.reader
        if rule is not None and reader is not None:
            book, path, when = self._known.alone(rule), reader.path, rule.when
            self._work(lambda: effect_on_frame(path, book, when, frame_id), self._take_effect)

    def _show_connections(self) -> None:
        """Find out what would become of the connections that are there."""
        rule, reader = self._rule, self._desk.reader
        if rule is not None and reader is not None:
            book, path, when = self._known.alone(rule), reader.path, rule.when
            self._work(lambda: effect_on_connections(path, book, when), self._take_both)

    def _take_effect(self, dialog: RuleDialog, effect: str) -> None:
        dialog.preview.show_effect(effect)

    def _take_both(self, dialog: RuleDialog, found: tuple[str, str]) -> None:
        dialog.preview.say(found[0])
        dialog.preview.show_effect(found[1])

    def _work(self, work: Callable[[], _R], take: Callable[[RuleDialog, _R], None]) -> None:
        """Work on another thread; only the last result is of use."""
        self._request += 1
        request, dialog = self._request, self._dialog

        def done(result: _R) -> None:
            if dialog is not None and self._dialog is dialog and request == self._request:
                take(dialog, result)

        def failed(error: Exception) -> None:
            if dialog is not None and self._dialog is dialog:
                dialog.preview.show_effect(str(error))

        if not self._jobs.run(work, done, failed) and dialog is not None:
            dialog.preview.show_effect(self._jobs.refusal())
