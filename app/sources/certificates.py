"""Opens the dialog about certificates, and browsers that trust the authority; tells of clients that do not."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QPushButton

from app.actions.registry import ActionId
from app.dialogs.certificates.certificates_dialog import CertificatesDialog
from app.logic.browser import BrowserProfiles, BrowserVisit, OpenBrowser, choose_browser, installed_browsers
from app.logic.client_lines import reachable
from app.logic.source_lines import SourceLine, SourceState
from app.runtime.engine_thread import EngineThread
from app.settings import Settings
from app.sources.sources import Sources
from app.views.bars.banner import Tone
from app.views.shell import Shell
from core.capture.records import Mode
from core.errors import UnmaskError
from core.net.failures import Failure, FailureKind
from core.net.fronts.certificate_guide import GuidePlaces, certificate_guides
from core.net.proxy import Proxy
from core.net.settings import EngineSettings, ListenAddress
from core.net.tls.authority import AuthorityStore


class Certificates(QObject):
    """The authority of the window, and the browsers that were opened."""

    problem = Signal(str)
    note = Signal(str)
    _browser_failed = Signal(str)
    """A sentence about a browser that ended at once or with a fault. Emitted on another thread."""

    def __init__(self, engine: EngineThread, settings: Settings, sources: Sources, shell: Shell) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._settings = settings
        self._sources = sources
        self._shell = shell
        self._browsers: list[OpenBrowser] = []
        self._awaited: int | None = None
        """The proxy through which a browser is to go once it runs."""
        self._browser_failed.connect(self.problem)
        engine.failed.connect(self._failed)
        sources.changed.connect(self._look)
        shell.actions[ActionId.CERTIFICATES].triggered.connect(lambda: self.show())
        shell.actions[ActionId.OPEN_BROWSER].triggered.connect(lambda: self.open_browser())

    @property
    def store(self) -> AuthorityStore:
        return AuthorityStore(self._settings.engine.tls.authority_folder)

    def show(self) -> None:
        """Open the dialog; accepted changes take effect at once."""
        dialog = CertificatesDialog(
            self.store,
            certificate_guides(self._places()),
            self._settings.engine,
            self._shell.look,
            self._shell.window,
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._apply(dialog.engine))
        dialog.open()

    def open_browser(self) -> None:
        """Open a browser that goes through a proxy of Unmask; start one if none runs."""
        proxies = [line for line in self._sources.lines if line.kind is Mode.PROXY]
        running = next((line for line in proxies if line.state is SourceState.RUNNING), None)
        if running is not None:
            self._open(running)
        elif proxies:
            self._awaited = proxies[0].id
            self._sources.start(proxies[0].id)
        else:
            name = self.tr("Browser")
            self._awaited = self._sources.add(name, Proxy(ListenAddress("127.0.0.1", 0)))

    def stop(self) -> None:
        """End the browsers, at the end of the window; their profiles are removed."""
        for browser in self._browsers:
            browser.end()
        self._browsers.clear()

    def _apply(self, engine: EngineSettings) -> None:
        self._settings.engine = engine
        self._engine.set_settings(engine)

    def _places(self) -> GuidePlaces:
        """What the steps name: the proxy that runs, or would."""
        proxies = [line for line in self._sources.lines if line.kind is Mode.PROXY]
        proxies.sort(key=lambda line: line.state is not SourceState.RUNNING)
        place = reachable(proxies[0].address.split(", ")[0]) if proxies else str(Proxy().address)
        host, _, port = place.rpartition(":")
        known = next((each for each in self._sources.known if proxies and each.id == proxies[0].id), None)
        guarded = known is not None and isinstance(known.wish, Proxy) and known.wish.credentials is not None
        try:
            authority = self.store.existing()
        except UnmaskError:
            authority = None
        name = self.tr("Unmask") if authority is None else authority.name
        return GuidePlaces(host.strip("[]"), int(port), name, has_credentials=guarded)

    def _look(self) -> None:
        """Whether the proxy that a browser waits for runs."""
        if self._awaited is None:
            return
        line = self._sources.line(self._awaited)
        if line is None or line.state is SourceState.FAILED:
            self._awaited = None
        elif line.state is SourceState.RUNNING:
            self._awaited = None
            self._open(line)

    def _open(self, line: SourceLine) -> None:
        self._browsers = [browser for browser in self._browsers if browser.is_running]
        try:
            found = choose_browser(installed_browsers())
            visit = BrowserVisit(reachable(line.address.split(", ")[0]), self.store.authority().spki_sha256)
            self._browsers.append(
                OpenBrowser(found, visit, BrowserProfiles(), tell_failed=self._browser_failed.emit)
            )
        except UnmaskError as error:
            self.problem.emit(str(error))
            return
        text = self.tr("{browser} goes through “{source}”. Its profile is removed when you close it.")
        self.note.emit(text.format(browser=found.name, source=line.name))

    def _failed(self, failure: Failure) -> None:
        """A client does not take our certificate: offer to leave the host alone."""
        if failure.kind is not FailureKind.CERTIFICATE_REFUSED:
            return
        host = failure.subject
        buttons = []
        proxies = [each for each in self._sources.known if each.kind is Mode.PROXY]
        if proxies and host:
            leave = QPushButton(self.tr("&Pass this host through"))
            leave.setToolTip(self.tr("Do not open its TLS any more; its traffic is counted, not read"))
            leave.clicked.connect(lambda: self._pass_through(host))
            buttons.append(leave)
        more = QPushButton(self.tr("&Certificates…"))
        more.clicked.connect(self._shell.actions[ActionId.CERTIFICATES].trigger)
        self._shell.banner.say(Tone.WARNING, failure.sentence, *buttons, more)

    def _pass_through(self, host: str) -> None:
        for known in self._sources.known:
            if known.kind is Mode.PROXY:
                self._sources.pass_through(known.id, host)
        self._shell.banner.dismiss()
        self.note.emit(self.tr("The TLS of {host} passes untouched from now on.").format(host=host))
