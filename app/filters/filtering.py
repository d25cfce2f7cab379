"""The window's filter: reads the line, runs the scan, and shows what matches in the list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from PySide6.QtCore import QObject, Signal

from app.actions.registry import ActionId
from app.captures.workplace import Workplace
from app.filters.search import Search
from app.logic.filter_assistant import FilterAssistant, make_language
from app.logic.filter_mode import FilterMode
from app.logic.found import FoundFrames, FoundRows, MarkedRows
from app.logic.rows import BEHIND_ALL_FRAMES, RowSource, ViewRows
from app.logic.scan_run import Progress, RunState
from app.logic.text import counted, grouped, one_line, tooltip
from app.views.filter.bar import FilterBar
from app.views.frames.table import FrameTable
from app.views.shell import Shell
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.errors import FilterError
from core.query.expressions import Expression, Filter, all_of, fields_in
from core.query.needles import needles
from core.query.quoting import text_literal

_SHORT = 24


class Way(Enum):
    """The direction from one hit to another."""

    NEXT = auto()
    PREVIOUS = auto()


@dataclass(frozen=True, slots=True)
class Applied:
    """The filter that the list uses."""

    text: str
    expression: Expression
    mode: FilterMode


class Filtering(QObject):
    """Connects the line, the list, and a thread that scans."""

    problem = Signal(str)
    """The capture cannot be searched; a sentence, emitted once for each run."""
    note = Signal(str)
    """A sentence that is not about a problem."""
    sought = Signal(object)
    """What to look for in messages: a tuple of needles."""
    changed = Signal()
    """The list uses another filter, or none."""
    stood_otherwise = Signal()
    """The state of the search has changed, or the line now holds another filter than the list uses."""

    def __init__(
        self, work: Workplace, assistant: FilterAssistant, bar: FilterBar, frames: FrameTable, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._assistant = assistant
        self._bar = bar
        self._model = frames.frame_model
        self._frames = frames
        self._desk = work.desk
        self._settings = work.settings
        self._actions = shell.actions
        self._applied: Applied | None = None
        self._source: str | None = None
        """The name of the only source whose frames are shown; None for all."""
        self._awaited: Way | None = None
        self._is_other = False
        self._wrapped = ""
        """A remark that the last step went around an end."""
        self.hits = Search(work, self)
        """What the filter finds."""
        self._of_source = Search(work, self)
        """The frames of the source, where the filter only marks."""
        for search in (self.hits, self._of_source):
            search.problem.connect(self.problem)
            search.note.connect(self.note)
            search.stood_otherwise.connect(self.stood_otherwise)
        work.refresher.due.connect(self._follow)
        self._model.counts_changed.connect(self._show)
        frames.current_frame_changed.connect(self._show)
        self._connect_bar()
        self._connect_actions()
        bar.set_mode(self._settings.filter_mode)
        # Slow to make, and not needed before the first key.
        work.jobs.run(make_language, assistant.take, lambda _error: None)

    # Called by others.

    @property
    def applied(self) -> Applied | None:
        """The filter that the list uses; None if it shows everything."""
        return self._applied

    @property
    def line_is_other(self) -> bool:
        """Whether a filter is applied and the line holds another text, even an unfinished one."""
        return self._applied is not None and self._applied.text != self._bar.edit.text().strip()

    @property
    def found(self) -> FoundFrames | None:
        """What the applied filter has found so far."""
        return self.hits.found

    @property
    def rows_found(self) -> FoundFrames | None:
        """The search that gives the list its rows; None if it has all of the view."""
        return self.hits.found if self.hides else self._of_source.found

    @property
    def hides(self) -> bool:
        """Whether frames that do not match are hidden."""
        return self._is_narrow if self._applied is None else self._applied.mode is FilterMode.HIDE

    @property
    def _is_narrow(self) -> bool:
        """Whether frames of other sources are left out, beyond what the view does."""
        return self._source is not None and self._model.view.connection is None

    @property
    def shown(self) -> Filter | None:
        """The filter that all frames with rows match; None if none are left out."""
        found = self.rows_found
        return None if found is None else found.run.wanted

    @property
    def narrowing(self) -> Filter | None:
        """A filter for exactly the frames that have rows; None if all frames have."""
        return self.shown or self.of_view(self._model.view)

    def of_view(self, view: View) -> Filter | None:
        """A filter for the frames of a view; None if the view has all frames."""
        return self._filter(view) if view != View() else None

    def apply(self, text: str) -> None:
        """Apply a filter as if it had been typed and entered. An invalid one is pointed out."""
        if text != self._bar.edit.text():
            self._bar.edit.setText(text)
        text = text.strip()
        if not text:
            self.clear()
            return
        try:
            expression = self._assistant.parse(text)
        except FilterError:
            # The filter may come from a menu; errors are shown below the line, which needs the keyboard.
            self._bar.edit.setFocus()
            self._bar.edit.insist()
            return
        self._settings.add_recent_filter(text)
        self._put(Applied(text, expression, self._bar.mode))

    def clear(self) -> None:
        """Empty the line and show everything."""
        self._bar.edit.clear()
        if self._applied is not None:
            self._put(None)

    def set_source(self, name: str | None) -> None:
        """Show only frames of the source with this name; None for all."""
        if name != self._source:
            self._source = name
            self._put(self._applied)

    def set_mode(self, mode: FilterMode) -> None:
        """Hide what does not match, or mark what does; an applied filter stays applied."""
        self._settings.filter_mode = mode
        self._bar.set_mode(mode)
        if self._applied is not None and self._applied.mode is not mode:
            self._put(Applied(self._applied.text, self._applied.expression, mode))

    def go(self, way: Way) -> None:
        """Go to the next or the previous hit, if necessary as soon as it is found."""
        if self.hits.found is None:
            self._bar.focus()
            return
        self._awaited = way
        self._go_on()
        self._show()

    def ask_anew_of(self, fields: frozenset[str]) -> None:
        """Run a filter about any of these fields again, because they have changed."""
        if self._applied is not None and not fields.isdisjoint(fields_in(self._applied.expression)):
            self._put(self._applied)

    def stop(self) -> None:
        """End the threads, at the end of the window."""
        self.hits.stop()
        self._of_source.stop()

    # The list.

    def _put(self, applied: Applied | None) -> None:
        self._applied = applied
        self._awaited = None
        self._wrapped = ""
        self._bar.show_status("")
        if applied is None and not self._is_narrow:
            self.hits.end()
        if applied is None or applied.mode is FilterMode.HIDE:
            self._mark(None)
        self._frames.set_rows(self._rows)
        self._show()
        self.changed.emit()

    def _rows(self, reader: CaptureReader, view: View) -> RowSource:
        """The rows of the list. The model calls this when the filter, the view or the capture has changed."""
        applied, is_narrow = self._applied, self._source is not None and view.connection is None
        marks = applied is not None and applied.mode is FilterMode.MARK
        every: RowSource = ViewRows(reader, view)
        if is_narrow and marks:
            every = FoundRows(reader, self._of_source.begin(reader, self._filter(view)))
        else:
            self._of_source.end()
        self._frames.set_old(up_to=reader.last_frame_id() if is_narrow or (applied and not marks) else 0)
        if applied is None and not is_narrow:
            self.hits.end()
            return every
        found = self.hits.begin(reader, self._filter(view, applied))
        if not marks:
            return FoundRows(reader, found)
        self._mark(found)
        return MarkedRows(reader, found, every)

    def _mark(self, hits: FoundFrames | None) -> None:
        """Mark these rows and the needles in them; if there are hits, mark the needles in messages too."""
        looked_for = () if self._applied is None else needles(self._applied.expression)
        self._frames.set_hits(hits, looked_for)
        self.sought.emit(() if hits is None else looked_for)

    def _filter(self, view: View, applied: Applied | None = None) -> Filter:
        """A filter for the frames of a view, or for those that match; at least one of both restricts."""
        narrow = [] if view.connection is None else [f"connection == {view.connection}"]
        narrow += [] if view.control else ["not control"]
        if self._source is not None and view.connection is None:
            narrow.append(f"source == {text_literal(self._source)}")
        parts = list(map(self._assistant.parse, narrow))
        if applied is None:
            return Filter(tuple(narrow), all_of(parts))
        return Filter((*narrow, applied.text), all_of([*parts, applied.expression]))

    # Following the scan.

    def _follow(self) -> None:
        """The capture or the scan has advanced."""
        self._of_source.follow()
        self.hits.follow()
        found = self.hits.found
        if found is None:
            return
        if len(found) and not self.hides:
            self._frames.viewport().update()
        self._go_on()
        self._show()

    # From hit to hit.

    def _go_on(self) -> None:
        """Go to the awaited hit, if it is known by now."""
        found, way = self.hits.found, self._awaited
        if found is None or way is None:
            return
        # First, because everything found by the end of the search is known then.
        searching = found.progress.state is RunState.SEARCHING
        found.pull()
        current = self._frames.current_frame
        wrapped = ""
        self._wrapped = ""
        if way is Way.NEXT:
            target = found.next_after(current or 0)
        else:
            target = found.last_before(current or BEHIND_ALL_FRAMES)
        if target is None:
            if searching:
                return
            if way is Way.NEXT:
                target, wrapped = found.next_after(0), self.tr(" · went on from the first")
            else:
                target, wrapped = found.last_before(BEHIND_ALL_FRAMES), self.tr(" · went on from the last")
        if target is not None and not self._may_have_row(target):
            return
        self._awaited = None
        if target is None:
            self._say_none(found.progress)
            return
        if not self._frames.go_to_frame(target):
            text = self.tr(
                "Frame {number} is not in the list: it came after the list was frozen, or is gone."
            )
            self.note.emit(text.format(number=target))
        elif len(found) > 1:
            self._wrapped = wrapped

    def _may_have_row(self, frame: int) -> bool:
        """False while the search for rows has not come so far."""
        rows = self._of_source.found
        searching = rows is not None and rows.progress.state is RunState.SEARCHING
        return not searching or rows is None or rows.progress.through >= frame

    def _say_none(self, progress: Progress) -> None:
        if progress.state is RunState.PAUSED:
            text = self.tr("Nothing was found up to {share} %, where the search was stopped. Continue it.")
            self.note.emit(text.format(share=int(progress.share * 100)))
        elif progress.state is not RunState.FAILED:
            self.note.emit(self.tr("No frame matches."))

    # The texts.

    def _show(self) -> None:
        """Show counts, progress and possible actions."""
        found, bar = self.hits.found, self._bar
        applied, other = self._applied, self.line_is_other
        bar.show_applied(applied=applied is not None and not other)
        if other is not self._is_other:
            self._is_other = other
            self.stood_otherwise.emit()
        for identity in (ActionId.CLEAR_FILTER, ActionId.NEXT_HIT, ActionId.PREVIOUS_HIT):
            self._actions[identity].setEnabled(applied is not None or identity is ActionId.CLEAR_FILTER)
        if found is None or applied is None:
            bar.show_status("")
            bar.show_progress(None)
            bar.show_halt("", "")
            return
        progress = found.progress
        searching, paused = progress.state is RunState.SEARCHING, progress.state is RunState.PAUSED
        bar.show_progress(progress.share if searching or paused else None)
        bar.show_status(*self._status(found, applied), tone="warning" if other else "muted")
        if searching:
            bar.show_halt(self.tr("Stop"), self.tr("Stop the search; what was found stays"))
        elif paused:
            bar.show_halt(self.tr("Continue"), self.tr("Go on with the search where it stopped"))
        else:
            bar.show_halt("", "")

    def _status(self, found: FoundFrames, applied: Applied) -> tuple[str, str]:
        progress = found.progress
        if progress.state is RunState.FAILED:
            return self.tr("Search failed"), tooltip(progress.problem)
        count, every = len(found), self._model.view_count
        if self._model.frozen and applied.mode is FilterMode.HIDE:
            count = self._model.frame_count
        current = self._frames.current_frame
        number = None if current is None else found.number(current)
        if self._awaited is not None:
            words = self.tr("searching…")
        elif applied.mode is FilterMode.MARK and number is not None:
            words = self.tr("hit {number} of {count}").format(number=grouped(number), count=grouped(count))
        elif applied.mode is FilterMode.MARK:
            words = counted(count, self.tr("1 hit"), self.tr("{count} hits"))
        else:
            words = self.tr("{count} of {every} frames").format(count=grouped(count), every=grouped(every))
        if progress.state is RunState.SEARCHING and progress.last and progress.share < 1:
            words += self.tr(" · {share} %").format(share=int(progress.share * 100))
        elif progress.state is RunState.PAUSED:
            words += self.tr(" · stopped at {share} %").format(share=int(progress.share * 100))
        words += self._wrapped
        if self.line_is_other:
            told = self.tr("still “{filter}”: {count}").format(filter=_short(applied.text), count=words)
            return told, tooltip(
                told, self.tr("What stands in the line is not applied: the list is as before")
            )
        return words, tooltip(words, self.tr("Frames that match, of all in the list"))

    # Set-up.

    def _connect_bar(self) -> None:
        bar = self._bar
        bar.edit.entered.connect(self._entered)
        bar.edit.entered_backward.connect(lambda: self.go(Way.PREVIOUS))
        bar.edit.escaped.connect(self._escaped)
        bar.edit.textChanged.connect(self._show)
        bar.cleared.connect(self.clear)
        bar.mode_chosen.connect(self.set_mode)
        bar.halt_wanted.connect(self._halt)

    def _connect_actions(self) -> None:
        self._actions.connect_each(
            {
                ActionId.FOCUS_FILTER: lambda: self._focus(FilterMode.HIDE),
                ActionId.FOCUS_FIND: lambda: self._focus(FilterMode.MARK),
                ActionId.APPLY_FILTER: self._entered,
                ActionId.CLEAR_FILTER: self.clear,
                ActionId.NEXT_HIT: lambda: self.go(Way.NEXT),
                ActionId.PREVIOUS_HIT: lambda: self.go(Way.PREVIOUS),
            }
        )

    def _focus(self, mode: FilterMode) -> None:
        self.set_mode(mode)
        self._bar.focus()

    def _entered(self) -> None:
        """Apply the text in the line; if it is applied already and only marks, go to the next hit."""
        text = self._bar.edit.text()
        found = self.hits.found
        failed = found is not None and found.progress.state is RunState.FAILED
        if self._applied is None or self._applied.text != text.strip() or failed:
            self.apply(text)
        if (
            self._applied is not None
            and self._applied.mode is FilterMode.MARK
            and self._applied.text == text.strip()
        ):
            self.go(Way.NEXT)

    def _escaped(self) -> None:
        if self._bar.edit.text() or self._applied is not None:
            self.clear()
        else:
            self._frames.setFocus()

    def _halt(self) -> None:
        found = self.hits.found
        if found is None:
            return
        if found.progress.state is RunState.SEARCHING:
            self._awaited = None
        self.hits.halt()
        self._show()


def _short(text: str) -> str:
    """A shortened filter, so that remarks on it fit beside it."""
    line = one_line(text)
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"
