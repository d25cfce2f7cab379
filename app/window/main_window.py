"""The window: puts the parts together and passes their signals on. What a part can decide is decided there."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QMainWindow, QPushButton, QVBoxLayout, QWidget

from app.actions.ids import OF_LIVE_CAPTURE
from app.actions.menus import fill_menu_bar
from app.actions.registry import ActionId, Actions
from app.captures.commands import CaptureCommands
from app.captures.desk import CaptureDesk
from app.captures.recovery import Recovery
from app.filters.desk import FilterDesk
from app.frames.clipboard import FrameCopier, PlainClipboard
from app.frames.context_menus import ContextMenus
from app.frames.empty_table import EmptyTable
from app.frames.exports import Exports
from app.frames.marking import Marking
from app.frames.navigation import Navigation
from app.frames.selection import Selection
from app.frames.sending import Sending
from app.help.diagnostics import Diagnostics
from app.help.pages import HelpPages
from app.logic.copying import CopyFormat
from app.logic.frame_lines import TimeFormat
from app.look.icons import Icons, application_icon
from app.look.theme import Theme
from app.models.connections import ConnectionModel
from app.models.frames import FrameModel
from app.models.problems import ProblemModel
from app.runtime.engine_thread import EngineThread
from app.runtime.jobs import Jobs
from app.runtime.refresher import Refresher
from app.settings import Settings
from app.sources.controls import EngineControls
from app.sources.listening import Listening
from app.sources.watch import Watch
from app.views.bars.banner import Banner, Tone
from app.views.bars.status_bar import StatusBar
from app.views.bars.tool_bar import ToolBar
from app.views.compose.composer import Composer
from app.views.detail_tabs import DetailTabs
from app.views.frames.catch_up import CatchUp
from app.views.frames.table import FrameTable
from app.views.sides.connection_list import ConnectionList
from app.views.sides.problem_list import ProblemList
from app.views.sides.tabs import SideTabs
from app.window.layout import WindowLayout
from core.capture.session_files import CaptureFolder, ClaimedCapture
from core.decoders.registry import Decoders
from core.formats.registry import Formats
from core.net.failures import Failure, FailureKind

_RATE_MS = 1000
_REST = 9


class MainWindow(QMainWindow):
    """The window over one engine. `closed` tells that it has let go of everything; the caller stops the engine."""

    closed = Signal()

    def __init__(
        self,
        engine: EngineThread,
        desk: CaptureDesk,
        settings: Settings,
        theme: Theme,
        icons: Icons,
        jobs: Jobs,
        decoders: Decoders,
        formats: Formats,
        folder: CaptureFolder,
        claimed: ClaimedCapture | None,
        version: str,
    ) -> None:
        super().__init__()
        self._engine = engine
        self._desk = desk
        self._settings = settings
        self._theme = theme
        self.actions_ = Actions(self, theme, icons)
        self.frame_model = FrameModel(self)
        self.connection_model = ConnectionModel(self)
        self.problem_model = ProblemModel(self)
        self.tool_bar = ToolBar(self.actions_)
        self.fault_banner = Banner(theme, icons, lasting=True)
        self.banner = Banner(theme, icons)
        self.connections = ConnectionList(self.connection_model, theme, icons)
        self.problems = ProblemList(self.problem_model, theme, icons)
        self.sides = SideTabs(self.connections, self.problems, theme, icons)
        self.frames = FrameTable(self.frame_model, theme, icons)
        self.catch_up = CatchUp(self.frames, theme, icons)
        self.tabs = DetailTabs(theme, icons, jobs, decoders)
        self.composer = Composer(self.connection_model, theme, icons)
        self.status = StatusBar(theme, icons)
        self.listening = Listening(engine, settings, self.actions_, self.tool_bar, icons, self)
        self.controls = EngineControls(engine, settings, self.actions_, theme, self.listening, self)
        self.watch = Watch(engine, settings, self.listening, self.fault_banner, self.actions_, self)
        self.commands = CaptureCommands(engine, desk, settings, jobs, folder, claimed, icons, self)
        self.recovery = Recovery(
            folder, self.commands, desk, settings, jobs, self.actions_, theme, icons, self
        )
        self.help_pages = HelpPages(self.actions_, version, self)
        clipboard = QGuiApplication.clipboard()
        self.diagnostics = Diagnostics(
            engine, self.actions_, self.frame_model, self.frames, theme, clipboard, self
        )
        self.selection = Selection(desk, self.connections, self.frames, self.tabs, self)
        self.sending = Sending(
            engine, desk, self.connection_model, self.composer, self.selection, self.banner, self.actions_, icons, self,
        )  # fmt: skip
        self._copier = FrameCopier(desk, self.frames, clipboard, jobs, self)
        self._plain_clipboard = PlainClipboard(clipboard, self)
        self._leaving = False
        self._connections_due = 0.0
        self._refresher = Refresher(self)
        self.filters = FilterDesk(
            self.frame_model, self.frames, self.tabs, self.connection_model, desk, settings, self.actions_,
            self._refresher, jobs, theme, icons, self,
        )  # fmt: skip
        self.filtering, self.filter_bar = self.filters.filtering, self.filters.bar
        self._context_menus = ContextMenus(
            self.frames, self.connections, self.filters.menus, self.actions_, self
        )
        self.exports = Exports(
            desk, settings, jobs, formats, self.frames, self.selection, self.filtering, self.actions_, self
        )
        self._empty_table = EmptyTable(
            self.frames, self.frame_model, self.selection, self.filtering, self.listening, desk, self
        )
        self.navigation = Navigation(
            desk, self.frame_model, self.frames, self.tabs, self.composer, self.selection, self.banner, self.actions_,
            self,
        )  # fmt: skip
        self.marking = Marking(
            engine, desk, jobs, self.frames, self.sides, self.selection, self.filtering, self._refresher, self.banner,
            self.actions_, theme, icons, self,
        )  # fmt: skip
        self._rate_timer = QTimer(self)
        self._rate_timer.setInterval(_RATE_MS)
        self._arrange()
        self._connect_engine()
        self._connect_parts()
        self._connect_actions()
        self._restore()
        self._take_reader()

    # Set-up.

    def _arrange(self) -> None:
        self.setWindowIcon(application_icon())
        self.addToolBar(self.tool_bar)
        self.setStatusBar(self.status)
        self._columns = fill_menu_bar(self.menuBar(), self.actions_)
        self._columns.aboutToShow.connect(self._fill_columns)
        self._layout = WindowLayout(
            self, self.sides, self.filter_bar, self.frames, self.catch_up, self.tabs, self.composer
        )
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.fault_banner)
        layout.addWidget(self.banner)
        layout.addWidget(self._layout.sides, 1)
        self.setCentralWidget(centre)

    def _connect_engine(self) -> None:
        engine = self._engine
        engine.changed.connect(self._refresher.poke)
        engine.failed.connect(self._show_failure)
        self.watch.looked.connect(self._show_pressure)
        self.watch.save_wanted.connect(self.commands.ask_save)
        self._refresher.due.connect(self._refresh)
        self._rate_timer.timeout.connect(self._show_totals)
        self._rate_timer.start()

    def _connect_parts(self) -> None:
        self._desk.reader_changed.connect(self._take_reader)
        self._desk.state_changed.connect(self._show_capture)
        self.listening.changed.connect(self._show_listening)
        for tone, signals in (
            (
                Tone.ERROR,
                (
                    self.listening.problem, self.commands.problem, self.recovery.problem, self.selection.problem,
                    self.filtering.problem, self.exports.problem,
                    self.frame_model.failed, self.connection_model.failed, self.problem_model.failed,
                    self._copier.problem, self.help_pages.problem, self.diagnostics.problem,
                ),
            ),
            (Tone.WARNING, (self.listening.caution, self.commands.caution, self._copier.caution, self.watch.recovered)),
            (
                Tone.NOTE,
                (
                    self.commands.done, self.exports.done, self.selection.note, self.filtering.note, self.controls.note,
                    self._copier.note,
                ),
            ),
        ):  # fmt: skip
            for signal in signals:
                signal.connect(lambda sentence, tone=tone: self.banner.say(tone, sentence))
        self.controls.edit_offered.connect(self._offer_settings)
        self.recovery.opened.connect(self._offer_to_save)
        self.selection.control_wanted.connect(lambda: self.actions_[ActionId.SHOW_CONTROL].setChecked(True))
        self.tool_bar.address.textChanged.connect(self._empty_table.look)
        self.frame_model.counts_changed.connect(self._show_counts)
        self.filtering.sought.connect(self.tabs.look_for)
        self.connection_model.totals_changed.connect(self._show_totals)
        self.frames.opened.connect(self.tabs.setFocus)
        self.frames.connection_opened.connect(self.connections.choose)
        self.connections.picked.connect(self.sending.went_to)
        self.frames.set_names(self.connection_model.name)
        self.frames.following_changed.connect(self.actions_[ActionId.FOLLOW].setChecked)
        self.frames.current_frame_changed.connect(self.problems.point_at)
        self.problems.chosen.connect(self.selection.go_to_problem)
        self.sides.currentChanged.connect(self._refresher.poke)
        self.status.problems.clicked.connect(self.actions_[ActionId.FOCUS_PROBLEMS].trigger)

    def _connect_actions(self) -> None:
        pushed = {
            ActionId.FOCUS_ADDRESS: self.tool_bar.focus_address,
            ActionId.DISCONNECT: self._disconnect,
            ActionId.NEW_CAPTURE: self.commands.ask_new,
            ActionId.OPEN_CAPTURE: self.commands.ask_open,
            ActionId.SHOW_LIVE: self._show_live,
            ActionId.SAVE_AS: self.commands.ask_save,
            ActionId.QUIT: self.close,
            ActionId.CLEAR: self.commands.ask_clear,
            ActionId.CLEAR_CONNECTION: lambda: self.commands.ask_clear_connection(self.selection.connection),
            ActionId.TIME_FORMAT: self._next_time_format,
            ActionId.ALLOW_ORIGIN: lambda: self.controls.allow_origin(self.selection.connection),
            ActionId.COPY_TEXT: lambda: self._copier.copy(CopyFormat.TEXT),
            ActionId.COPY_HEX: lambda: self._copier.copy(CopyFormat.HEX),
            ActionId.COPY_BASE64: lambda: self._copier.copy(CopyFormat.BASE64),
            ActionId.COPY_JSON: lambda: self._copier.copy(CopyFormat.JSON),
            ActionId.ONLY_CONNECTION: self.selection.toggle_only_connection,
            ActionId.FOCUS_CONNECTIONS: lambda: self.sides.show_page(self.connections),
            ActionId.FOCUS_PROBLEMS: lambda: self.sides.show_page(self.problems),
        }
        for identity, slot in pushed.items():
            # `triggered` hands over a flag that none of these wants.
            self.actions_[identity].triggered.connect(lambda _checked=False, slot=slot: slot())
        switches = {
            ActionId.RECORD: self._set_recording,
            ActionId.FREEZE: self.frame_model.set_frozen,
            ActionId.SHOW_CONTROL: self._set_control,
        }
        for identity, switch in switches.items():
            self.actions_[identity].toggled.connect(switch)
        self.actions_[ActionId.FOLLOW].triggered.connect(self.frames.set_following)

    # From one start to the next.

    def _restore(self) -> None:
        settings = self._settings
        self._layout.restore(settings)
        self.frame_model.set_time_format(settings.time_format)
        self.composer.set_history(settings.composer_history)
        self.tabs.set_current_tab(settings.detail_tab)
        actions = self.actions_
        actions[ActionId.FOLLOW].setChecked(True)
        actions[ActionId.RECORD].setChecked(True)
        actions[ActionId.SHOW_CONTROL].setChecked(settings.show_control)
        self.selection.show_control(settings.show_control)
        self.frames.setFocus()

    def _keep(self) -> None:
        settings = self._settings
        self._layout.keep(settings)
        settings.composer_history = self.composer.history()
        settings.detail_tab = self.tabs.current_tab()
        settings.sync()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._leaving and self.commands.unsaved().worth_keeping:
            event.ignore()
            self.commands.ask_about_unsaved(self._leave_unsaved, discard_words=self.tr("&Don't save"))
            return
        self._leaving = True
        self._keep()
        self._refresher.stop()
        self._rate_timer.stop()
        self.watch.stop()
        self.filtering.stop()
        self.exports.cancel()
        self.diagnostics.stop()
        self.tabs.stop()
        self.recovery.close()
        self._desk.close()
        super().closeEvent(event)
        self.closed.emit()

    def leave(self) -> None:
        """Closes without a question. What is not saved is offered at the next start."""
        self._leaving = True
        self.close()

    def _leave_unsaved(self) -> None:
        self.commands.discard_at_end()
        self.leave()

    # The capture.

    def _take_reader(self) -> None:
        reader = self._desk.reader
        chosen, frame = self.connections.chosen_connection, self.frames.current_frame
        if not self._desk.kept_numbers:
            # The same numbers mean others in another capture.
            chosen = frame = None
        self.connection_model.set_reader(reader)
        self.frame_model.set_reader(reader)
        self.problem_model.set_reader(reader)
        self.selection.reload()
        self.connections.choose(chosen)
        if frame is not None:
            self.frames.go_to_frame(frame)
        self._show_capture()

    def _refresh(self) -> None:
        began = time.monotonic()
        if began >= self._connections_due:
            self.connection_model.refresh()
            # Thousands of busy connections take long to read: never more than a tenth of the time.
            self._connections_due = time.monotonic() + _REST * (time.monotonic() - began)
        else:
            self._refresher.poke()
        self.frame_model.refresh()
        if self.sides.shows_problems and self.problem_model.refresh():
            self._refresher.poke()
        self.selection.refresh()
        self.sending.refresh()

    def _offer_to_save(self, path: Path) -> None:
        save = QPushButton(self.tr("&Save as…"))
        save.clicked.connect(lambda: self.recovery.save(path))
        self.banner.say(
            Tone.NOTE, self.tr("This capture of an earlier run is not saved yet."), save, self._back_button()
        )

    def _show_live(self) -> None:
        self.banner.dismiss()
        self._desk.show_live()

    def _back_button(self) -> QPushButton:
        back = QPushButton(self.tr("&Back to the live capture"))
        back.clicked.connect(self.actions_[ActionId.SHOW_LIVE].trigger)
        return back

    def _show_capture(self) -> None:
        self.status.set_capture(self._desk.state, self._desk.name)
        live = self._desk.shows_live
        name = self._desk.name if not live or self._desk.live_saved else self.tr("Unsaved capture")
        self.setWindowTitle(self.tr("{name} – Unmask").format(name=name))
        self._layout.show_composer(shown=live)
        self.actions_[ActionId.SHOW_LIVE].setEnabled(not live)
        if not live:
            text = self.tr("You are looking at {name}. The live one is recorded meanwhile; send from there.")
            self.banner.say(Tone.NOTE, text.format(name=self._desk.name), self._back_button())
        for identity in OF_LIVE_CAPTURE:
            self.actions_[identity].setEnabled(live)

    # The engine.

    def _disconnect(self) -> None:
        target = self.selection.connection
        if target is None:
            self.banner.say(Tone.NOTE, self.tr("No connection is selected. Select the one to disconnect."))
        else:
            self._engine.disconnect_peer(target.id)

    def _set_recording(self, on: bool) -> None:
        self._engine.set_recording(on)
        self.status.set_recording(on)

    def _show_failure(self, failure: Failure) -> None:
        if failure.kind is FailureKind.CAPTURE and self._engine.recorder.failure is not None:
            self.watch.look()
        else:
            self.banner.say(Tone.ERROR, failure.sentence)

    def _show_pressure(self) -> None:
        live = self._desk.shows_live
        self.connection_model.set_slow_peers(self.watch.slow_peers if live else {})
        self.status.set_lagging(self.watch.recording_lags)
        self.sending.refresh()

    # The view.

    def _set_control(self, shown: bool) -> None:
        self._settings.show_control = shown
        self.selection.show_control(shown)

    def _next_time_format(self) -> None:
        formats = list(TimeFormat)
        chosen = formats[(formats.index(self.frame_model.time_format) + 1) % len(formats)]
        self._settings.time_format = chosen
        self.frame_model.set_time_format(chosen)

    def _fill_columns(self) -> None:
        self._columns.clear()
        self.frames.header.fill_menu(self._columns)

    def _offer_settings(self, sentence: str) -> None:
        edit = QPushButton(self.tr("&Edit…"))
        edit.clicked.connect(self.actions_[ActionId.SETTINGS].trigger)
        self.banner.say(Tone.NOTE, sentence, edit)

    # What is said about it all.

    def _show_listening(self, addresses: tuple[str, ...]) -> None:
        self.status.set_listening(addresses)
        if addresses and self.banner.text == self.listening.failure:
            self.banner.dismiss()
        self._empty_table.look()

    def _show_totals(self) -> None:
        totals = self.connection_model.totals
        self.status.set_totals(totals, self.connection_model.open_count)
        self.sides.set_count(self.problems, totals.violations)

    def _show_counts(self) -> None:
        model = self.frame_model
        self.status.set_frozen(model.frozen, model.behind)
        self.status.set_hidden(0 if model.view.control else model.control_count)
