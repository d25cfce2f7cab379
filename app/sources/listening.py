"""Starts and stops listening, with the address field and the button."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from app.actions.registry import ActionId
from app.logic.client_lines import reachable
from app.look.icons import IconName
from app.runtime.engine_thread import EngineThread
from app.settings import Settings
from app.sources.network_question import NetworkQuestion
from app.views.bars.tool_bar import ToolBar
from app.views.shell import Shell
from core.capture.records import Mode
from core.errors import AddressError
from core.net.failures import Failure, FailureKind
from core.net.settings import ListenAddress
from core.net.sources import Listen, Source, parse_listen

FIRST = 0
"""The id of the source that the tool bar starts and stops."""


class Listening(QObject):
    """Knows where Unmask listens. Sends requests to the engine and shows the results."""

    changed = Signal(object)
    """The current addresses as tuple[str, ...]; empty if not listening."""
    problem = Signal(str)
    """A sentence."""
    secure_wanted = Signal(object)
    """A `Listen` with TLS was entered, which takes a source of its own."""
    caution = Signal(str)
    """A warning about an address that others can reach."""

    def __init__(
        self,
        engine: EngineThread,
        settings: Settings,
        tool_bar: ToolBar,
        question: NetworkQuestion,
        shell: Shell,
    ) -> None:
        super().__init__(shell.window)
        self._question = question
        self._engine = engine
        self._settings = settings
        self._actions = shell.actions
        self._tool_bar = tool_bar
        self._addresses: tuple[str, ...] = ()
        self._asked: ListenAddress | None = None
        """The address of a request that the engine has not answered yet."""
        self._failure = ""
        self._wanted: ListenAddress | None = None
        """The address of the current listener, as it was requested; None if there is none."""
        self._entered: ListenAddress | None = None
        """The address that the person entered, to be remembered once Unmask listens there."""
        self._given: ListenAddress | None = None
        """The address given for this run; None after the person entered another one."""
        tool_bar.address.setText(str(settings.address))
        tool_bar.address.textEdited.connect(lambda: tool_bar.mark_address(valid=True))
        tool_bar.address_entered.connect(self.start)
        engine.listening.connect(self._started)
        engine.stopped_listening.connect(self._stopped)
        engine.failed.connect(self._failed)
        shell.actions[ActionId.LISTEN].triggered.connect(self.toggle)
        shell.actions[ActionId.OPEN_TEST_PAGE].triggered.connect(self.open_test_page)
        self._show()

    @property
    def name(self) -> str:
        """What its source is called."""
        return self.tr("Listen")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The real addresses, such as `127.0.0.1:8080`; empty if Unmask does not listen."""
        return self._addresses

    @property
    def failure(self) -> str:
        """The error of the last try to listen; "" when it no longer applies."""
        return self._failure

    @property
    def next_address(self) -> str:
        """The address that `start` would use, as in the tool bar."""
        return self._tool_bar.address.text().strip() or str(ListenAddress())

    def toggle(self) -> None:
        if self._addresses:
            self.stop()
        else:
            self.start()

    def stop(self) -> None:
        """Accept no more clients."""
        self._wanted = None
        self._engine.stop_listening()

    def start(self) -> None:
        """Listen on the address in the tool bar instead of the current one."""
        try:
            entered = parse_listen(self.next_address)
        except AddressError as error:
            self._tool_bar.mark_address(valid=False)
            self._tool_bar.focus_address()
            self._failure = str(error)
            self.problem.emit(self._failure)
            return
        address = entered.address
        if entered.tls is not None:
            self._tool_bar.address.setText(str(self._wanted or self._settings.address))
            self.secure_wanted.emit(entered)
            return
        self._entered = None if address == self._given else address
        self._start_on(address)

    def move_to(self, address: ListenAddress) -> None:
        """If Unmask listens, listen on this address instead; it is remembered in any case."""
        if self._addresses:
            self._entered = address
            self._start_on(address)
        else:
            self._settings.address = address
            self._tool_bar.address.setText(str(address))

    def agree(self, address: ListenAddress) -> None:
        """Note that the person lets others connect to this address in this run."""
        self._question.agree(address)

    def start_on(self, address: ListenAddress) -> None:
        """Listen there in this run, after a question if others can reach it; the remembered address stays."""
        self._given = address
        self._start_on(address)

    def _start_on(self, address: ListenAddress) -> None:
        self._tool_bar.mark_address(valid=True)
        self._tool_bar.address.setText(str(address))
        self._question.ask(address, Mode.LISTEN, lambda: self._listen(address), self._stay)

    def start_again(self) -> None:
        """Listen with a new engine where the previous one did."""
        if self._wanted is not None:
            self._listen(self._wanted)

    def _listen(self, address: ListenAddress) -> None:
        self._asked = address
        if not address.is_loopback:
            text = self.tr("{address} is not only this machine's: everyone who can reach it can connect.")
            self.caution.emit(text.format(address=address))
        self._engine.start_source(Source(FIRST, self.name, Listen(address)))

    def _stay(self) -> None:
        """Keep the current listener after all."""
        self._entered = None
        if self._wanted is not None:
            self._tool_bar.address.setText(str(self._wanted))

    def test_page_url(self) -> str:
        """URL of the test page; "" while not listening."""
        if not self._addresses:
            return ""
        return f"http://{reachable(self._addresses[0])}/"

    def open_test_page(self) -> None:
        url = self.test_page_url()
        if not QDesktopServices.openUrl(QUrl(url)):
            self.problem.emit(self.tr("No web browser could be opened. Open {url} yourself.").format(url=url))

    def _started(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses
        if self._asked is not None:
            self._wanted, self._asked = self._asked, None
        if self._entered is not None and self._entered == self._wanted:
            self._settings.address = self._entered
            self._given = None
        self._entered = None
        self._show()
        self._failure = ""

    def _failed(self, failure: Failure) -> None:
        if failure.kind is FailureKind.LISTEN and failure.subject == str(self._asked):
            self._asked = self._entered = None
            self._failure = failure.sentence
            # The field differs from the current listener.
            self._tool_bar.mark_address(valid=False)

    def _stopped(self) -> None:
        self._addresses = ()
        self._show()

    def _show(self) -> None:
        listening = bool(self._addresses)
        if listening:
            self._actions.set_look(
                ActionId.LISTEN,
                self.tr("Stop &listening"),
                self.tr("Stop"),
                IconName.STOP,
                self.tr("Accept no more clients; connections that are open stay open"),
            )
        else:
            self._actions.set_look(
                ActionId.LISTEN,
                self.tr("Start &listening"),
                self.tr("Listen"),
                IconName.START,
                self.tr("Accept WebSocket clients on the address beside this button"),
            )
        self._actions[ActionId.OPEN_TEST_PAGE].setEnabled(listening)
        self._tool_bar.stress_listen(stressed=not listening)
        self.changed.emit(self._addresses)
