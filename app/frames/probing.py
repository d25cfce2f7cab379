"""Probes a peer from the window: asks first, goes on step by step, and leads to the frames."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.dialogs.probe.dialog import ProbeDialog
from app.dialogs.question import Question
from app.frames.selection import Selection
from app.logic.connect_draft import ConnectDraft, request_of
from app.logic.repeated_handshake import repeated
from app.runtime.engine_thread import EngineThread
from app.views.shell import Shell
from core.capture.reader import CaptureReader
from core.capture.records import Mode
from core.errors import CaptureError, UnmaskError
from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import is_loopback
from core.net.sources import Listen, Source, SourceState, SourceStatus, parse_listen
from core.probe.engine_port import EnginePort, ProbeFront
from core.probe.preset import Preset
from core.probe.registry import presets_of
from core.probe.report import as_json, markdown
from core.probe.run import Plan, ProbeRun
from core.protocol.state import Role

SOURCE = 1_000_000
"""The id of the source through which a client comes to be probed; nobody else's."""
_STEP_MS = 25
_NAME = "probe"


class Probing(QObject):
    """One probe at a time."""

    problem = Signal(str)
    frame_wanted = Signal(int, int)
    """The id of a frame, and its connection."""
    connection_wanted = Signal(int)
    running = Signal(bool)
    """Whether a probe is under way, whose connections are nobody's to send on."""

    def __init__(self, engine: EngineThread, desk: CaptureDesk, selection: Selection, shell: Shell) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._desk = desk
        self._shell = shell
        self._dialog: ProbeDialog | None = None
        self._run: ProbeRun | None = None
        self._reader: CaptureReader | None = None
        self._front: ProbeFront | None = None
        self._place = ""
        self._scheme = "ws"
        self._selection = selection
        self._like: ConnectDraft | None = None
        """How the connection asked that was selected when the dialog was opened."""
        self._timer = QTimer(self, interval=_STEP_MS)
        self._timer.timeout.connect(self._step)
        engine.source.connect(self._source_changed)
        shell.actions.connect_each({ActionId.PROBE: self.open})

    def open(self) -> None:
        """Show the dialog."""
        if self._dialog is None:
            dialog = self._dialog = ProbeDialog(self._shell.look, self._shell.window)
            dialog.start_wanted.connect(self._ask)
            dialog.stop_wanted.connect(self._stop)
            dialog.export_wanted.connect(self._export)
            dialog.frame_wanted.connect(self.frame_wanted)
            dialog.connection_wanted.connect(self.connection_wanted)
        if self._run is None:
            self._offer(self._dialog)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _offer(self, dialog: ProbeDialog) -> None:
        """Name the peer of the selected connection."""
        record, reader = self._selection.connection, self._desk.reader
        if record is None or reader is None:
            return
        if record.mode is Mode.LISTEN:
            dialog.set_side(Role.SERVER)
            return
        try:
            found = repeated(record, reader.heads(record.id), reader.legs(record.id))
        except UnmaskError:
            return
        dialog.set_side(Role.CLIENT)
        dialog.set_url(found.draft.url)
        self._like = None if found.is_masked else found.draft
        if found.is_masked:
            dialog.say(self.tr("Its secrets were recorded as asterisks, so that its headers are left out."))

    @property
    def dialog(self) -> ProbeDialog | None:
        """Open or not; None before it was first opened."""
        return self._dialog

    def stop(self) -> None:
        """End a probe that is under way, as the window closes."""
        self._stop()
        if self._dialog is not None:
            self._dialog.close()

    # Starting.

    def _ask(self) -> None:
        """Start, after a question if another machine takes part."""
        dialog = self._dialog
        assert dialog is not None
        try:
            presets = self._chosen(dialog)
            plan, listen, is_local = self._planned(dialog, presets)
        except UnmaskError as error:
            dialog.say(str(error), "error")
            return
        if is_local:
            self._start(plan, listen)
            return
        question = Question(
            self.tr("Probe a peer"),
            self.tr("Probe {0}?").format(plan.peer),
            self.tr(
                "It gets up to {0} connections one after the other, each with something wrong in it. Probe only what "
                "is yours, or what you may."
            ).format(len(presets)),
            self._shell.look.icons,
            dialog,
        )
        question.add(self.tr("&Probe"), QMessageBox.ButtonRole.AcceptRole, lambda: self._start(plan, listen))
        question.open()

    def _chosen(self, dialog: ProbeDialog) -> tuple[Preset, ...]:
        wanted = dialog.only.text().strip().lower()
        found = tuple(preset for preset in presets_of(dialog.side()) if wanted in preset.id)
        if not found:
            raise UnmaskError(self.tr("No preset has “{0}” in its name.").format(wanted))
        return found

    def _planned(self, dialog: ProbeDialog, presets: tuple[Preset, ...]) -> tuple[Plan, Listen | None, bool]:
        """The plan, where to listen, and whether only this machine takes part. Raises UnmaskError."""
        if not self._desk.shows_live:
            raise UnmaskError(self.tr("An old capture is shown; go back to the live one first."))
        if not self._shell.actions[ActionId.RECORD].isChecked():
            raise UnmaskError(
                self.tr("Nothing is recorded, so that no outcome would be seen: switch Record on.")
            )
        patience = float(dialog.patience.value())
        if dialog.side() is Role.SERVER:
            listen = parse_listen(dialog.address.text().strip() or dialog.address.placeholderText())
            plan = Plan(str(listen.address), presets, patience_seconds=patience, return_seconds=60.0)
            return plan, listen, listen.address.is_loopback
        url = parse_url(dialog.url.text())
        like = self._like
        request = (
            request_of(like) if like is not None and like.url == dialog.url.text() else ConnectRequest(url)
        )
        if url.is_secure:
            presets = tuple(preset for preset in presets if preset.id != "head-looks-like-tls")
        is_local = url.host.lower() == "localhost" or is_loopback(url.host)
        return Plan(url.text, presets, request, patience), None, is_local

    def _start(self, plan: Plan, listen: Listen | None) -> None:
        dialog = self._dialog
        assert dialog is not None
        try:
            self._reader = CaptureReader(self._desk.live_path)
        except CaptureError as error:
            dialog.say(str(error), "error")
            return
        self._place = ""
        self._scheme = "ws" if listen is None or listen.tls is None else "wss"
        self._front = None if listen is None else ProbeFront()
        if listen is not None and self._front is not None:
            front = self._front
            self._engine.ask(lambda engine: engine.set_front(SOURCE, front))
            self._engine.start_source(Source(SOURCE, _NAME, listen))
        self._run = ProbeRun(EnginePort(self._engine, self._reader, self._front), plan)
        dialog.set_running(running=True)
        self.running.emit(True)
        self._timer.start()

    # While it goes.

    def _step(self) -> None:
        run, dialog, reader = self._run, self._dialog, self._reader
        if run is None or dialog is None or reader is None:
            return
        if reader.path != self._desk.live_path:
            run.stop(self.tr("Another capture is being recorded."))
        elif self._front is None or self._place:
            try:
                run.step(time.monotonic())
            except CaptureError as error:
                run.stop(str(error))
        now = ""
        if run.current is not None:
            now = self.tr("Trying {0}: it gets {1}.").format(run.current.id, run.current.title)
        if self._front is not None and not run.is_over:
            now = f"{self._place}  {now}" if self._place else self.tr("Starting to listen…")
        dialog.show_report(run.report, "" if run.is_over else now)
        if run.is_over:
            self._end()

    def _stop(self) -> None:
        if self._run is not None:
            self._run.stop()
            self._step()

    def _end(self) -> None:
        self._timer.stop()
        if self._front is not None:
            self._engine.stop_source(SOURCE)
        if self._reader is not None:
            self._reader.close()
        self._run = self._reader = self._front = None
        self.running.emit(False)
        if self._dialog is not None:
            self._dialog.set_running(running=False)

    def _source_changed(self, status: SourceStatus) -> None:
        if status.id != SOURCE or self._run is None or self._dialog is None:
            return
        if status.state is SourceState.FAILED:
            self._run.stop(status.failure)
            self._step()
        elif status.state is SourceState.RUNNING:
            where = ", ".join(f"{self._scheme}://{address}/" for address in status.addresses)
            self._place = self.tr("Point the client at {0}.").format(where)

    # Afterwards.

    def _export(self, form: str) -> None:
        dialog = self._dialog
        if dialog is None or dialog.report is None:
            return
        name, kinds = (
            ("probe.json", self.tr("JSON (*.json)"))
            if form == "json"
            else ("probe.md", self.tr("Markdown (*.md)"))
        )
        path, _ = QFileDialog.getSaveFileName(dialog, self.tr("Export the report"), name, kinds)
        if path:
            self.write(Path(path), form)

    def write(self, path: Path, form: str) -> None:
        """Write the report."""
        dialog = self._dialog
        if dialog is None or dialog.report is None:
            return
        text = as_json(dialog.report) if form == "json" else markdown(dialog.report)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            dialog.say(
                self.tr("{0} cannot be written ({1}). Choose another place.").format(path, error.strerror),
                "error",
            )
            return
        dialog.say(self.tr("Exported to {0}.").format(path))
