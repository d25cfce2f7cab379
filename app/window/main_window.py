"""The window: puts the parts together and connects their signals. Decisions are made in the parts."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from app.actions.menus import fill_menu_bar
from app.actions.registry import ActionId, Actions
from app.captures.commands import CaptureCommands
from app.captures.recovery import Recovery
from app.captures.workplace import UnsavedCaptures, Workplace
from app.filters.desk import FilterDesk
from app.frames.clipboard import FrameCopier, PlainClipboard
from app.frames.connection_commands import ConnectionCommands
from app.frames.context_menus import ContextMenus
from app.frames.empty_table import EmptyTable
from app.frames.exports import Exports
from app.frames.marking import Marking
from app.frames.navigation import Navigation
from app.frames.probing import Probing
from app.frames.repeating import Repeating
from app.frames.resending import Resending
from app.frames.selection import Selection
from app.frames.sending import Sending
from app.frames.source_choice import SourceChoice
from app.frames.view_options import ViewOptions
from app.help.diagnostics import Diagnostics
from app.help.pages import HelpPages
from app.logic.copying import CopyFormat
from app.look.icons import application_icon
from app.look.look import Look
from app.models.connections import ConnectionModel
from app.models.frames import FrameModel
from app.models.problems import ProblemModel
from app.models.sources import SourceModel
from app.rules.desk import RuleDesk
from app.rules.intercepting import Intercepting
from app.rules.making import RuleMaking
from app.runtime.engine_thread import EngineThread
from app.scripts.desk import ScriptDesk
from app.sources.certificates import Certificates
from app.sources.controls import EngineControls
from app.sources.listening import Listening
from app.sources.network_question import NetworkQuestion
from app.sources.sources import Sources
from app.sources.watch import Watch
from app.views.bars.banner import Banner, Tone
from app.views.bars.status_bar import StatusBar
from app.views.bars.tool_bar import ToolBar
from app.views.compose.composer import Composer
from app.views.detail_tabs import DetailTabs
from app.views.frames.catch_up import CatchUp
from app.views.frames.table import FrameTable
from app.views.panes import Panes
from app.views.shell import Shell
from app.views.sides.connection_list import ConnectionList
from app.views.sides.connections_page import ConnectionsPage
from app.views.sides.problem_list import ProblemList
from app.views.sides.tabs import SideTabs
from app.views.sources.source_pane import SourcePane
from app.views.sources.start_page import StartPage
from app.window.beginning import Beginning
from app.window.figures import Figures
from app.window.layout import WindowLayout
from app.window.on_display import OnDisplay
from app.window.pulse import Pulse
from core.decoders.registry import Decoders
from core.formats.registry import Formats


class MainWindow(QMainWindow):
    """The window over one engine. `closed` tells that it has released everything; the caller stops the engine."""

    closed = Signal()

    def __init__(
        self,
        engine: EngineThread,
        work: Workplace,
        unsaved: UnsavedCaptures,
        look: Look,
        decoders: Decoders,
        formats: Formats,
        version: str,
    ) -> None:
        super().__init__()
        self._work = work
        self._desk, self._settings = work.desk, work.settings
        self._leaving = False
        self.actions_ = Actions(self, look)
        self.fault_banner = Banner(look, lasting=True)
        self.banner = Banner(look)
        shell = Shell(self, self.actions_, look, self.banner)
        self.tool_bar = ToolBar(self.actions_)
        self.status = StatusBar(look)
        panes = self._make_panes(look, decoders)
        self.catch_up = CatchUp(self.frames, look)
        self.question = NetworkQuestion(shell)
        self.listening = Listening(engine, work.settings, self.tool_bar, self.question, shell)
        self.sources = Sources(
            engine, work.settings, self.listening, self.question, self.source_pane, work.jobs, shell
        )
        self.controls = EngineControls(engine, work.settings, self.listening, shell)
        self.certificates = Certificates(engine, work.settings, self.sources, shell)
        self.watch = Watch(engine, work.settings, self.listening, self.fault_banner, self.actions_, self)
        self.commands = CaptureCommands(engine, work, unsaved, shell)
        self.recovery = Recovery(work, unsaved.folder, self.commands, shell)
        self.help_pages = HelpPages(self.actions_, version, self)
        clipboard = QGuiApplication.clipboard()
        self._plain_clipboard = PlainClipboard(clipboard, self)
        self._copier = FrameCopier(work, self.frames, clipboard, self)
        self.diagnostics = Diagnostics(engine, self.frames, clipboard, shell)
        self.selection = Selection(work.desk, panes, self)
        self.sending = Sending(engine, work.desk, panes, self.selection, shell)
        self.repeating = Repeating(engine, work.desk, panes, self.sending, shell)
        self.resending = Resending(work.desk, work.settings, panes, self.repeating, shell)
        self.filters = FilterDesk(work, panes, shell)
        self.filtering, self.filter_bar = self.filters.filtering, self.filters.bar
        self.marking = Marking(engine, work, panes, self.selection, self.filtering, shell)
        self.rules = RuleDesk(engine, work, panes, self.filters.assistant, shell)
        self.intercepting = Intercepting(engine, work, panes, self.rules, shell)
        self.making = RuleMaking(work.desk, self.rules, self.filter_bar, panes, shell)
        self._context_menus = ContextMenus(panes, self.filters.menus, self.making, shell)
        self.scripts = ScriptDesk(engine, shell)
        self.probing = Probing(engine, work.desk, self.selection, shell)
        self.exports = Exports(work, formats, self.frames, self.selection, self.filtering, shell)
        self._empty_table = EmptyTable(
            work.desk,
            self.frames,
            self.selection,
            self.filtering,
            self.listening,
            self.connection_model,
            self,
        )
        self.navigation = Navigation(work.desk, panes, self.selection, shell)
        self._view_options = ViewOptions(work.settings, panes, self.selection, shell)
        self._connection_commands = ConnectionCommands(
            engine, self.commands, self.controls, self.sources, work.desk, self.selection, shell
        )
        self._source_choice = SourceChoice(
            work.desk,
            self.sources,
            self.source_pane.list,
            self._connections_page,
            self.connection_model,
            self.filtering,
            shell,
        )
        self.start_page = StartPage(self.actions_, look)
        self._layout = WindowLayout(self, panes, self.filter_bar, self.catch_up, self.start_page)
        self.beginning = Beginning(
            work.desk, self.sources, self.start_page, self._layout, self.connection_model, clipboard, shell
        )
        self._on_display = OnDisplay(work.desk, panes, self.selection, self.status, self._layout, shell)
        self._pulse = Pulse(work, panes, self.selection, self.sending, self.watch, self)
        self._figures = Figures(self.status, panes, self.listening, self.sources, self.watch, self)
        self._arrange()
        self._connect_banner()
        self._connect_parts(engine)
        self._connect_actions(engine)
        self._restore()
        self._on_display.take_reader()

    # Set-up.

    def _make_panes(self, look: Look, decoders: Decoders) -> Panes:
        self.connection_model = ConnectionModel(self)
        self.problem_model = ProblemModel(self)
        self.frame_model = FrameModel(self)
        self.connections = ConnectionList(self.connection_model, look)
        self.problems = ProblemList(self.problem_model, look)
        self._connections_page = ConnectionsPage(self.connections, self.actions_)
        self.sides = SideTabs(self._connections_page, self.problems, look)
        self.source_model = SourceModel(self)
        self.source_pane = SourcePane(self.source_model, self.actions_, look)
        self.frames = FrameTable(self.frame_model, look)
        self.frames.set_names(self.connection_model.name)
        self.tabs = DetailTabs(look, self._work.jobs, decoders)
        self.composer = Composer(self.connection_model, look)
        return Panes(
            self.connections,
            self.problems,
            self.sides,
            self.source_pane,
            self.frames,
            self.tabs,
            self.composer,
        )

    def _arrange(self) -> None:
        self.setWindowIcon(application_icon())
        self.addToolBar(self.tool_bar)
        self.setStatusBar(self.status)
        self._columns = fill_menu_bar(self.menuBar(), self.actions_)
        self._columns.aboutToShow.connect(self._fill_columns)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.fault_banner)
        layout.addWidget(self.banner)
        layout.addWidget(self.intercepting.bar)
        layout.addWidget(self._layout.sides, 1)
        self.setCentralWidget(centre)

    def _connect_banner(self) -> None:
        """Show what the parts report."""
        for tone, signals in (
            (
                Tone.ERROR,
                (
                    self.listening.problem, self.watch.problem, self.commands.problem, self.recovery.problem,
                    self.selection.problem, self.filtering.problem, self.exports.problem,
                    self.frame_model.failed, self.connection_model.failed, self.problem_model.failed,
                    self._copier.problem, self.help_pages.problem, self.diagnostics.problem, self.sources.problem,
                    self.certificates.problem, self.scripts.problem, self.probing.problem,
                ),
            ),
            (Tone.WARNING, (self.listening.caution, self.commands.caution, self._copier.caution, self.watch.recovered)),
            (
                Tone.NOTE,
                (
                    self.commands.done, self.exports.done, self.selection.note, self.filtering.note, self.controls.note,
                    self._copier.note, self.sources.note, self.beginning.note, self.certificates.note,
                ),
            ),
        ):  # fmt: skip
            for signal in signals:
                signal.connect(lambda sentence, tone=tone: self.banner.say(tone, sentence))

    def _connect_parts(self, engine: EngineThread) -> None:
        engine.changed.connect(self._work.refresher.poke)
        self.watch.looked.connect(self.sources.refresh)
        self.watch.restarted.connect(self.scripts.begin_anew)
        self.watch.restarted.connect(self.sources.start_again)
        self.watch.save_wanted.connect(self.commands.ask_save)
        self.recovery.opened.connect(lambda path: self._on_display.offer_to_save(self.recovery, path))
        self.listening.changed.connect(self._listens)
        self.tool_bar.address.textChanged.connect(self._empty_table.look)
        self.filtering.sought.connect(self.tabs.look_for)
        self.frames.opened.connect(self.tabs.setFocus)
        self.frames.connection_opened.connect(self.connections.choose)
        self.frames.current_frame_changed.connect(self.problems.point_at)
        self.connections.picked.connect(self.sending.went_to)
        self.connections.picked.connect(self.beginning.close)
        self.problems.chosen.connect(self.selection.go_to_problem)
        self.probing.frame_wanted.connect(self.selection.go_to_frame)
        self.probing.connection_wanted.connect(self._show_handshake)
        self.probing.running.connect(self.composer.targets.leave_alone)
        self.status.problems.clicked.connect(self.actions_[ActionId.FOCUS_PROBLEMS].trigger)

    def _show_handshake(self, connection: int) -> None:
        self.connections.choose(connection)
        self.tabs.set_current_tab("handshake")

    def _connect_actions(self, engine: EngineThread) -> None:
        self.actions_.connect_each(
            {
                ActionId.FOCUS_ADDRESS: self.tool_bar.focus_address,
                ActionId.NEW_CAPTURE: self.commands.ask_new,
                ActionId.OPEN_CAPTURE: self.commands.ask_open,
                ActionId.SAVE_AS: self.commands.ask_save,
                ActionId.CLEAR: self.commands.ask_clear,
                ActionId.QUIT: self.close,
                ActionId.COPY_TEXT: lambda: self._copier.copy(CopyFormat.TEXT),
                ActionId.COPY_HEX: lambda: self._copier.copy(CopyFormat.HEX),
                ActionId.COPY_BASE64: lambda: self._copier.copy(CopyFormat.BASE64),
                ActionId.COPY_JSON: lambda: self._copier.copy(CopyFormat.JSON),
                ActionId.FOCUS_CONNECTIONS: lambda: self.sides.show_page(self.connections),
                ActionId.FOCUS_PROBLEMS: lambda: self.sides.show_page(self.problems),
            }
        )
        self.actions_[ActionId.RECORD].toggled.connect(engine.set_recording)
        self.actions_[ActionId.RECORD].toggled.connect(self.status.set_recording)

    def _fill_columns(self) -> None:
        self._columns.clear()
        self.frames.header.fill_menu(self._columns)

    def _listens(self, addresses: tuple[str, ...]) -> None:
        if addresses and self.banner.text == self.listening.failure:
            self.banner.dismiss()
        self._empty_table.look()

    # Remembered between runs.

    def _restore(self) -> None:
        settings = self._settings
        self._layout.restore(settings)
        self.intercepting.restore()
        self.composer.set_history(settings.composer_history)
        self.tabs.set_current_tab(settings.detail_tab)
        self.actions_[ActionId.RECORD].setChecked(True)
        self._view_options.restore()
        self.frames.setFocus()

    def _keep(self) -> None:
        settings = self._settings
        self._layout.keep(settings)
        self.intercepting.keep()
        self.sources.keep()
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
        self._work.refresher.stop()
        self._figures.stop()
        self.watch.stop()
        self.filtering.stop()
        self.rules.stop()
        self.intercepting.stop()
        self.exports.cancel()
        self.diagnostics.stop()
        self.tabs.stop()
        self.certificates.stop()
        self.probing.stop()
        self.repeating.stop()
        self.recovery.close()
        self._desk.close()
        super().closeEvent(event)
        self.closed.emit()

    def leave(self) -> None:
        """Close without a question. Unsaved captures are offered at the next start."""
        self._leaving = True
        self.close()

    def _leave_unsaved(self) -> None:
        self.commands.discard_at_end()
        self.leave()
