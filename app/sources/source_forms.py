"""Makes the form for each kind of source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt

from app.dialogs.sources.connect_form import ConnectForm
from app.dialogs.sources.connection_shelf import ConnectionShelf
from app.dialogs.sources.form import SourceForm
from app.dialogs.sources.listen_form import ListenForm
from app.dialogs.sources.proxy_form import ProxyForm
from app.dialogs.sources.relay_form import RelayForm
from app.logic.connect_draft import ConnectDraft
from app.logic.known_sources import Wish
from app.views.shell import Shell
from core.capture.records import Mode
from core.net.proxy import Proxy
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.net.sources import Listen


class SourceForms:
    """The forms stand over the window, and are deleted once closed."""

    def __init__(self, shell: Shell, shelf: ConnectionShelf) -> None:
        self._shell = shell
        self._shelf = shelf

    def of(
        self, kind: Mode, wish: Wish | None, name: str, taken: Sequence[str], *, is_new: bool
    ) -> SourceForm[Any]:
        """A form of that kind, filled from `wish`. `taken` are the names of other sources."""
        form = self._make(kind, wish, name, taken, is_new=is_new)
        form.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return form

    def _make(
        self, kind: Mode, wish: Wish | None, name: str, taken: Sequence[str], *, is_new: bool
    ) -> SourceForm[Any]:
        look, window = self._shell.look, self._shell.window
        if kind is Mode.RELAY:
            relay = wish if isinstance(wish, Relay) else None
            return RelayForm(relay, name, taken, look, window, is_new=is_new)
        if kind is Mode.PROXY:
            proxy = wish if isinstance(wish, Proxy) else Proxy()
            return ProxyForm(proxy, name, taken, look, window, is_new=is_new)
        if kind is Mode.CONNECT:
            draft = wish if isinstance(wish, ConnectDraft) else ConnectDraft()
            return ConnectForm(draft, name, taken, look, window, is_new=is_new, shelf=self._shelf)
        listen = wish if isinstance(wish, Listen) else Listen(ListenAddress("127.0.0.1", 8081))
        return ListenForm(listen, name, taken, look, window, is_new=is_new)
