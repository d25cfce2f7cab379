"""All sources of the window: starts and stops them, asks for new ones, remembers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QMessageBox, QPushButton

from app.actions.menus import source_menu
from app.actions.registry import ActionId
from app.dialogs.question import Question
from app.dialogs.sources.connection_shelf import ConnectionShelf
from app.logic.connect_draft import ConnectDraft
from app.logic.known_sources import KnownSource, Wish, next_id, wish_of
from app.logic.source_lines import SourceLine, SourceState, line_of
from app.runtime.engine_thread import EngineThread
from app.runtime.jobs import Jobs
from app.settings import Settings
from app.sources.listening import FIRST, Listening
from app.sources.network_question import NetworkQuestion
from app.sources.source_forms import SourceForms
from app.views.bars.banner import Tone
from app.views.shell import Shell
from app.views.sources.source_pane import SourcePane
from core.capture.records import Mode
from core.errors import UnmaskError
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.settings import parse_address
from core.net.sources import Listen, Source, SourceStatus, What


class Sources(QObject):
    """Knows every source: that of the tool bar, and those that were added."""

    changed = Signal()
    """Another source, or another state of one."""
    note = Signal(str)
    """A sentence that is not about a problem."""
    problem = Signal(str)

    def __init__(
        self,
        engine: EngineThread,
        settings: Settings,
        listening: Listening,
        question: NetworkQuestion,
        pane: SourcePane,
        jobs: Jobs,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._settings = settings
        self._listening = listening
        self._question = question
        self._pane = pane
        self._shell = shell
        self._shelf = ConnectionShelf(settings, jobs, parent=self)
        self._awaiting: dict[int, SourceStatus] = {}
        """Sources that start as soon as the secrets are read, and how they stood before."""
        self._forms = SourceForms(shell, self._shelf)
        self._known = list(settings.sources)
        self._statuses: dict[int, SourceStatus] = {}
        self._passing: set[int] = set()
        """Sources of this run, which are not remembered until they are changed."""
        self._given: dict[int, What] = {}
        """What sources are in this run, where more was given than is remembered of it."""
        self._last: dict[int, str] = {}
        """Where each listens, or did when its engine died."""
        self._wanted: set[int] = set()
        """Sources that the person started and did not stop."""
        self._shelf.secrets_read.connect(self._start_awaiting)
        engine.source.connect(self._changed)
        engine.crashed.connect(self._crashed)
        listening.changed.connect(self._show)
        listening.secure_wanted.connect(self._ask_secure)
        pane.list.toggle_wanted.connect(self.toggle)
        pane.list.edit_wanted.connect(self.edit)
        pane.list.remove_wanted.connect(self.ask_remove)
        pane.list.context_menu_requested.connect(self._open_menu)
        pane.list.chosen.connect(self._enable)
        shell.actions.connect_each(
            {
                ActionId.ADD_LISTEN: lambda: self.ask_new(Mode.LISTEN),
                ActionId.ADD_RELAY: lambda: self.ask_new(Mode.RELAY),
                ActionId.ADD_PROXY: lambda: self.ask_new(Mode.PROXY),
                ActionId.ADD_CONNECT: lambda: self.ask_new(Mode.CONNECT),
                ActionId.TOGGLE_SOURCE: lambda: self._with_chosen(self.toggle),
                ActionId.EDIT_SOURCE: lambda: self._with_chosen(self.edit),
                ActionId.DUPLICATE_SOURCE: lambda: self._with_chosen(self.duplicate),
                ActionId.REMOVE_SOURCE: lambda: self._with_chosen(self.ask_remove),
                ActionId.ALL_SOURCES: lambda: pane.list.choose(None),
                ActionId.FOCUS_SOURCES: pane.list.setFocus,
            }
        )
        self._show()

    # Looking.

    @property
    def lines(self) -> tuple[SourceLine, ...]:
        """Every source with its state, that of the tool bar first."""
        return (self._first_line(), *map(self._line, self._known))

    @property
    def chosen(self) -> int | None:
        """The source that is chosen in the list; None for all."""
        return self._pane.list.chosen_source

    def place_of(self, source: int) -> QPoint:
        """Where a menu about a source is to open, on the screen."""
        place = self._pane.list.button_rect(source).bottomLeft()
        return self._pane.list.viewport().mapToGlobal(place)

    @property
    def known(self) -> tuple[KnownSource, ...]:
        """Those that were added."""
        return tuple(self._known)

    def line(self, source: int) -> SourceLine | None:
        """A source with its state; None if there is none with this id."""
        return next((line for line in self.lines if line.id == source), None)

    def refresh(self) -> None:
        """Ask the engine how many connections are open."""
        for status in self._engine.sources:
            before = self._statuses.get(status.id)
            if before is not None and before.open_connections != status.open_connections:
                self._statuses[status.id] = replace(before, open_connections=status.open_connections)
        running = {status.id for status in self._engine.sources}
        for number, status in self._statuses.items():
            if number not in running and status.open_connections:
                self._statuses[number] = replace(status, open_connections=0)
        self._show()

    # Acting.

    def offer(self) -> None:
        """Start what was running when the program ended; where others could reach it, offer to."""
        asked = []
        for known in self._known:
            if not known.was_on:
                continue
            if known.address is not None and self._question.is_settled(known.address):
                self.start(known.id)
            else:
                asked.append(known)
        if asked:
            start = QPushButton(self.tr("&Start again"))
            start.clicked.connect(lambda: self._start_each([each.id for each in asked]))
            names = ", ".join(each.name for each in asked)
            text = self.tr("Running when Unmask ended, and not started again by itself: {names}.")
            self._shell.banner.say(Tone.NOTE, text.format(names=names), start)

    def add(self, name: str, wish: Wish) -> int:
        """Add a source and start it; gives its id."""
        known = KnownSource(next_id(self._known), name, wish)
        self._known.append(known)
        self._keep()
        self._show()
        self.start(known.id)
        return known.id

    def add_for_this_run(self, name: str, what: What) -> None:
        """Start a source that is not remembered unless it is changed."""
        wish = wish_of(what)
        known = next((each for each in self._known if each.wish == wish), None)
        number = next_id(self._known) if known is None else known.id
        self._given[number] = what
        if known is None:
            self._passing.add(number)
            self._known.append(KnownSource(number, name, wish))
            self._show()
        self.start(number)

    def start(self, source: int) -> None:
        """Start a source, after a question if others can reach it."""
        known = self._find(source)
        if known is None:
            if source == FIRST:
                self._listening.start()
            return
        if known.address is None:
            self._start(known)
        else:
            self._question.ask(known.address, known.kind, lambda: self._start(known))

    def stop(self, source: int) -> None:
        """Let a source take on no more connections."""
        self._wanted.discard(source)
        self._last.pop(source, None)
        if self._awaiting.pop(source, None) is not None:
            self._changed(SourceStatus(source, SourceState.STOPPED))
        if source == FIRST:
            self._listening.stop()
        else:
            self._engine.stop_source(source)

    def toggle(self, source: int) -> None:
        """Start a source that is stopped; stop one that is not."""
        line = self.line(source)
        if line is not None:
            (self.stop if line.is_on else self.start)(source)

    def start_again(self) -> None:
        """Start what was running with a new engine."""
        for source in sorted(self._wanted):
            self.start(source)

    def ask_new(self, kind: Mode, wish: Wish | None = None, name: str = "", note: str = "") -> None:
        """Ask for another source of a kind, beginning with `wish`. `note` says where that comes from."""
        form = self._forms.of(kind, wish, name, self._names(), is_new=True)
        form.say(note)
        form.accepted.connect(lambda: self._added(form.name, form.what))
        form.open()

    def _ask_secure(self, wanted: Listen) -> None:
        note = self.tr("The tool bar listens on ws:// alone; this is a source of its own, for wss://.")
        self.ask_new(Mode.LISTEN, wanted, note=note)

    def edit(self, source: int) -> None:
        """Change a source; if it runs, it starts again."""
        known = self._find(source)
        if known is None:
            self._shell.actions[ActionId.FOCUS_ADDRESS].trigger()
            return
        taken = [name for name in self._names() if name != known.name]
        form = self._forms.of(known.kind, known.wish, known.name, taken, is_new=False)
        form.accepted.connect(lambda: self.replace(source, form.name, form.what))
        form.open()

    def replace(self, source: int, name: str, wish: Wish) -> None:
        """Set a source up differently; if it runs, it starts again."""
        at = next(at for at, known in enumerate(self._known) if known.id == source)
        self._known[at] = replace(self._known[at], name=name, wish=wish)
        self._passing.discard(source)
        self._given.pop(source, None)
        self._keep()
        line = self.line(source)
        if line is not None and line.is_on:
            self.start(source)
        self._show()

    def _keeping_port(self, known: KnownSource) -> KnownSource:
        """A source that runs on a port of the system's choice, to be started anew on the same one."""
        last, address = self._last.get(known.id), known.address
        if last is None or address is None or address.port:
            return known
        real = parse_address(last)
        if isinstance(known.wish, ConnectDraft) or real.host != address.host:
            return known
        return replace(known, wish=replace(known.wish, address=real))

    def duplicate(self, source: int) -> None:
        """Ask for a source like this one."""
        known = self._find(source)
        if known is None:
            self.ask_new(Mode.LISTEN)
        else:
            self.ask_new(known.kind, known.wish, self.tr("{name} (copy)").format(name=known.name))

    def ask_remove(self, source: int) -> None:
        """Forget a source; ask if it runs."""
        known, line = self._find(source), self.line(source)
        if known is None or line is None:
            self.note.emit(self.tr("This one belongs to the tool bar and stays. It can be stopped."))
            return
        if not line.is_on:
            self._remove(source)
            return
        box = Question(
            self.tr("Remove a source that is running"),
            self.tr("Stop “{name}” and remove it?").format(name=known.name),
            self.tr("Connections that are open stay open, and what was recorded stays in the capture."),
            self._shell.look.icons,
            self._shell.window,
        )
        box.add(self.tr("&Remove"), QMessageBox.ButtonRole.DestructiveRole, lambda: self._remove(source))
        box.open()

    def pass_through(self, source: int, host: str) -> None:
        """Have a proxy no longer open the TLS of a host, at once and without starting it again."""
        known, line = self._find(source), self.line(source)
        if known is None or line is None or not isinstance(known.wish, Proxy):
            return
        hosts = parse_hosts(host)
        self._known[self._known.index(known)] = replace(known, wish=known.wish.passing(hosts))
        given = self._given.get(source)
        if isinstance(given, Proxy):
            self._given[source] = given.passing(hosts)
        self._keep()
        if line.is_on:
            self._engine.let_pass(source, hosts)

    def keep(self) -> None:
        """Remember which are running, at the end of the window."""
        self._known = [replace(each, was_on=each.id in self._wanted) for each in self._known]
        self._keep()

    # Within.

    def _added(self, name: str, wish: Wish) -> None:
        self._pane.list.choose(None)
        self.add(name, wish)

    def _start(self, known: KnownSource) -> None:
        wish = known.wish
        if known.id not in self._given and isinstance(wish, ConnectDraft) and not self._shelf.knows(wish):
            stopped = SourceStatus(known.id, SourceState.STOPPED)
            self._awaiting.setdefault(known.id, self._statuses.get(known.id, stopped))
            self._changed(SourceStatus(known.id, SourceState.STARTING))
            self._shelf.read_secrets()
            return
        try:
            self._begin(known)
        except UnmaskError as error:
            self.problem.emit(str(error))

    def _start_awaiting(self) -> None:
        awaiting, self._awaiting = self._awaiting, {}
        for known in filter(None, map(self._find, awaiting)):
            try:
                self._begin(known)
            except UnmaskError as error:
                self._changed(replace(awaiting[known.id], failure=str(error)))
                self.problem.emit(str(error))

    def _begin(self, known: KnownSource) -> None:
        """Have the engine start a source. Raises UnmaskError."""
        given = self._given.get(known.id)
        source = self._source_of(known) if given is None else Source(known.id, known.name, given)
        self._wanted.add(known.id)
        self._engine.start_source(source)

    def _source_of(self, known: KnownSource) -> Source:
        """What the engine is to start. Raises UnmaskError."""
        wish = known.wish
        variables = self._shelf.variables_for(wish) if isinstance(wish, ConnectDraft) else {}
        return self._keeping_port(known).source(variables)

    def _start_each(self, sources: list[int]) -> None:
        self._shell.banner.dismiss()
        for source in sources:
            self.start(source)

    def _remove(self, source: int) -> None:
        self.stop(source)
        self._known = [each for each in self._known if each.id != source]
        if self._pane.list.chosen_source == source:
            self._pane.list.choose(None)
        self._keep()
        self._show()

    def _changed(self, status: SourceStatus) -> None:
        self._statuses[status.id] = status
        client = status.client
        if client is not None and (client.failures <= 1 or client.next_attempt_ns is None):
            # Further attempts stand in the list alone.
            for sentence in client.news:
                self.note.emit(sentence)
        if status.state is SourceState.RUNNING and status.addresses:
            self._last[status.id] = status.addresses[0]
        if status.state is SourceState.FAILED:
            self._last.pop(status.id, None)
            self._wanted.discard(status.id)
        self._show()

    def _crashed(self) -> None:
        for number, status in self._statuses.items():
            self._statuses[number] = SourceStatus(number, SourceState.STOPPED, failure=status.failure)
        self._show()

    def _find(self, source: int) -> KnownSource | None:
        return next((each for each in self._known if each.id == source), None)

    def _names(self) -> list[str]:
        return [line.name for line in self.lines]

    def _first_line(self) -> SourceLine:
        listening = self._listening
        status = self._statuses.get(FIRST, SourceStatus(FIRST, SourceState.STOPPED))
        address = ", ".join(listening.addresses) or listening.next_address
        return SourceLine(
            FIRST,
            listening.name,
            Mode.LISTEN,
            status.state,
            address,
            "",
            status.open_connections,
            False,
            status.failure,
        )

    def _line(self, known: KnownSource) -> SourceLine:
        return line_of(known, self._statuses.get(known.id, SourceStatus(known.id, SourceState.STOPPED)))

    def _keep(self) -> None:
        self._settings.sources = tuple(each for each in self._known if each.id not in self._passing)

    def _show(self) -> None:
        self._enable()
        self.changed.emit()

    def _enable(self) -> None:
        """Only what can be done with the chosen source."""
        actions, chosen = self._shell.actions, self._pane.list.chosen_source
        for identity in (
            ActionId.TOGGLE_SOURCE, ActionId.EDIT_SOURCE, ActionId.DUPLICATE_SOURCE, ActionId.COPY_SOURCE_LINE,
        ):  # fmt: skip
            actions[identity].setEnabled(chosen is not None and self.line(chosen) is not None)
        actions[ActionId.REMOVE_SOURCE].setEnabled(chosen is not None and self._find(chosen) is not None)
        actions[ActionId.ALL_SOURCES].setEnabled(chosen is not None)

    def _with_chosen(self, act: Callable[[int], None]) -> None:
        chosen = self._pane.list.chosen_source
        if chosen is None:
            self.note.emit(self.tr("No source is chosen. Choose one at the left."))
        else:
            act(chosen)

    def _open_menu(self, position: QPoint) -> None:
        menu = source_menu(self._shell.window, self._shell.actions)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)
