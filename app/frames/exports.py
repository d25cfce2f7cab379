"""Exports the shown capture or a part of it: asks for part, format and file, and writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtWidgets import QFileDialog

from app.actions.registry import ActionId
from app.captures.workplace import Workplace
from app.dialogs.export_dialog import ExportDialog, Offer
from app.dialogs.export_progress import ExportProgress
from app.filters.filtering import Filtering
from app.frames.selection import Selection
from app.logic.exporting import EVERYTHING, ExportPart, ExportWork, Scope, export_capture, missed_sentence
from app.logic.rows import extent_of
from app.logic.scan_run import RunState
from app.logic.text import counted, one_line
from app.views.frames.table import FrameTable
from app.views.shell import Shell
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.errors import CancelledError, CaptureError, UnmaskError
from core.formats.registry import Format, Formats


class Exports(QObject):
    """Offers what fits the person's current selection, filter and connection."""

    problem = Signal(str)
    """Something could not be done; a sentence."""
    done = Signal(str)
    """Something was done; a sentence."""

    def __init__(
        self,
        work: Workplace,
        formats: Formats,
        frames: FrameTable,
        selection: Selection,
        filtering: Filtering,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._desk = work.desk
        self._settings = work.settings
        self._jobs = work.jobs
        self._formats = formats
        self._frames = frames
        self._selection = selection
        self._filtering = filtering
        self._window = shell.window
        self._under_way: list[ExportWork] = []
        shell.actions[ActionId.EXPORT].triggered.connect(lambda _checked=False: self.ask())

    def ask(self) -> None:
        """Ask what to export, in which format and where to, and write it."""
        reader = self._desk.reader
        if reader is None:
            return
        try:
            offers = list(self._offers(reader))
        except CaptureError as error:
            self.problem.emit(str(error))
            return
        narrowed = self._narrowed()
        begin = self._settings.export_scope(narrowed) or (narrowed or (Scope.EVERYTHING,))[0]
        dialog = ExportDialog(offers, begin, self._formats, self._settings.export_format, self._window)
        dialog.accepted.connect(lambda: self._ask_target(dialog.offer, dialog.wanted, narrowed))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def export(self, wanted: Format, path: Path, part: ExportPart = EVERYTHING) -> None:
        """Write the export on another thread; answers with `done` or `problem`.

        If it takes long, a dialog shows the progress and can cancel.
        """
        reader = self._desk.reader
        if reader is None:
            return
        source, live, work = reader.path, self._desk.live_path, ExportWork()
        progress = ExportProgress(work, path.name, self._window)

        def ended(say: SignalInstance, sentence: str) -> None:
            self._under_way.remove(work)
            progress.end()
            say.emit(sentence)

        def failed(error: Exception) -> None:
            if isinstance(error, CancelledError):
                ended(self.done, str(error))
                return
            if isinstance(error, UnmaskError):
                ended(self.problem, str(error))
                return
            fault = self.tr("The export to {path} failed by a fault of Unmask: {error}. Please report it.")
            ended(self.problem, fault.format(path=path, error=repr(error)))

        self._under_way.append(work)
        accepted = self._jobs.run(
            lambda: export_capture(wanted, source, path, (live,), part, work),
            lambda _: ended(*self._exported(work, path)),
            failed,
        )
        if not accepted:
            ended(self.problem, self._jobs.refusal())

    def _exported(self, work: ExportWork, path: Path) -> tuple[SignalInstance, str]:
        """The signal and the sentence that report the end of an export."""
        done = self.tr("Exported to {path}.").format(path=path)
        if not work.missed_frames:
            return self.done, done
        return self.problem, f"{done} {missed_sentence(work.missed_frames)}"

    def cancel(self) -> None:
        """Cancel running exports; they leave nothing."""
        for work in self._under_way:
            work.cancel()

    # The choices.

    def _narrowed(self) -> tuple[Scope, ...]:
        """The ways in which the person narrowed the view, the narrowest first: selecting, filtering, choosing."""
        turned_to = (
            (Scope.SELECTED, self._frames.selected_count() > 1),
            (Scope.MATCHING, self._filtering.applied is not None),
            (Scope.CONNECTION, self._selection.view.connection is not None),
        )
        return tuple(scope for scope, has in turned_to if has)

    def _offers(self, reader: CaptureReader) -> Iterator[Offer]:
        """What can be exported, the smallest part first. Raises CaptureError."""
        selected, view = self._frames.selected_count(), self._selection.view
        if selected:
            part = ExportPart(self._filtering.narrowing, view.connection, self._frames.selected_ids())
            yield Offer(
                Scope.SELECTED,
                self.tr("&Selected frames"),
                self.tr("With the handshakes and closes of their connections"),
                self._frames_in(selected),
                part,
            )
        if self._filtering.applied is not None and self._filtering.found is not None:
            yield self._matching(view)
        connection = self._selection.connection
        if connection is not None:
            only = self._filtering.of_view(View(connection.id, control=True))
            held = extent_of(reader, View(connection.id, control=True)).held
            yield Offer(
                Scope.CONNECTION,
                self.tr("&Connection #{number}").format(number=connection.id),
                one_line(connection.path),
                self._frames_in(held),
                ExportPart(only, connection.id),
            )
        one, many = self.tr("1 connection"), self.tr("{count} connections")
        yield Offer(
            Scope.EVERYTHING,
            self.tr("&Everything"),
            counted(reader.totals().connections, one, many),
            self._frames_in(extent_of(reader, View()).held),
            EVERYTHING,
        )

    def _matching(self, view: View) -> Offer:
        found, applied = self._filtering.found, self._filtering.applied
        assert found is not None
        assert applied is not None
        words = one_line(applied.text)
        if view.connection is not None:
            words = self.tr("{filter} · connection #{number}").format(filter=words, number=view.connection)
        if not view.control:
            words = self.tr("{filter} · without control frames").format(filter=words)
        amount = self._frames_in(len(found))
        if found.progress.state is not RunState.COMPLETE:
            amount = self.tr("{frames} so far").format(frames=amount)
        part = ExportPart(found.run.wanted, view.connection)
        return Offer(Scope.MATCHING, self.tr("Frames that &match"), words, amount, part)

    def _frames_in(self, count: int) -> str:
        return counted(count, self.tr("1 frame"), self.tr("{count} frames"))

    # The file.

    def _ask_target(self, offer: Offer, wanted: Format, narrowed: tuple[Scope, ...]) -> None:
        self._settings.set_export_scope(narrowed, offer.scope)
        self._settings.export_format = wanted.name
        start = str(Path(self._settings.export_folder) / f"{self._proposed(offer)}{wanted.ending}")
        name, _ = QFileDialog.getSaveFileName(
            self._window, self.tr("Export capture"), start, f"{wanted.title} (*{wanted.ending})"
        )
        if name:
            path = Path(name)
            self._settings.export_folder = str(path.parent)
            self.export(wanted, path, offer.part)

    def _proposed(self, offer: Offer) -> str:
        """A file name without its ending."""
        if offer.scope is Scope.CONNECTION:
            return f"connection-{offer.part.connection}"
        return {Scope.SELECTED: "selected", Scope.MATCHING: "matching"}.get(offer.scope, "capture")
