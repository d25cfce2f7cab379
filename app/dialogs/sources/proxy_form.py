"""The form of a forward proxy: Unmask stands between a browser or an app and all its servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtWidgets import QWidget

from app.dialogs.sources.fields import LineField, SecretField, SwitchField, TextField
from app.dialogs.sources.form import SourceForm
from app.dialogs.sources.listen_form import address_field
from app.look.look import Look
from core.errors import CallerError
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.settings import parse_address
from core.protocol.proxy_request import ProxyCredentials


class ProxyForm(SourceForm[Proxy]):
    """Asks for an address, and whose TLS is opened."""

    def __init__(
        self,
        what: Proxy,
        name: str,
        taken: Sequence[str],
        look: Look,
        parent: QWidget,
        *,
        is_new: bool,
    ) -> None:
        super().__init__(look, parent, is_new=is_new)
        self._before = what
        self._picture(
            self.tr("Proxy for a browser or an app"),
            self.tr(
                "Name the address here as HTTP and HTTPS proxy. To see inside TLS, clients must trust the certificate "
                "of Unmask (Sources, Certificates); the browser that Unmask opens does already."
            ),
            (self.tr("Browser, app"), "", self.tr("Any server")),
        )
        self.address = address_field(str(what.address), "127.0.0.1:3128")
        self.open_hosts = TextField(
            self.tr("Open TLS of these hosts only"),
            str(what.open_hosts),
            self.tr(
                "Names such as example.com or *.example.com, addresses such as 10.0.0.0/8. Empty: all hosts."
            ),
            parse_hosts,
            lines=2,
        )
        self.pass_hosts = TextField(
            self.tr("Never open TLS of these"),
            str(what.pass_hosts),
            self.tr(
                "Passed through untouched and unread, for clients that accept one certificate only. They go before "
                "the list above."
            ),
            parse_hosts,
            lines=2,
        )
        credentials = what.credentials or ProxyCredentials("", "")
        self.user = LineField(
            self.tr("User that clients must name"),
            credentials.username,
            self.tr("Asked for as Proxy-Authorization. Empty: none is asked for."),
            _check_user,
        )
        self.password = SecretField(
            self.tr("Password"), credentials.password, self.tr("It is kept with the settings of this user.")
        )
        self.metadata = SwitchField(
            self.tr("Connect to link-local addresses too"),
            self.tr("Such as 169.254.169.254, where clouds give out secrets. Refused unless allowed here."),
            on=what.allow_metadata,
        )
        self._add(self.address)
        changed = bool(what.open_hosts or what.pass_hosts)
        self._add_more(self.tr("Which TLS is opened"), self.open_hosts, self.pass_hosts, shown=changed)
        guarded = what.credentials is not None or what.allow_metadata
        self._add_more(self.tr("Who may use it"), self.user, self.password, self.metadata, shown=guarded)
        self._add_name(name, taken)
        self._finish()

    @property
    def what(self) -> Proxy:
        user, password = self.user.text, self.password.text
        if password and not user:
            raise CallerError("There is a password, but no user: write one, or leave both empty.")
        return replace(
            self._before,
            address=parse_address(self.address.text),
            open_hosts=parse_hosts(self.open_hosts.text),
            pass_hosts=parse_hosts(self.pass_hosts.text),
            credentials=ProxyCredentials(user, password) if user else None,
            allow_metadata=self.metadata.is_on,
        )

    def suggested_name(self) -> str:
        return self.tr("Proxy {place}").format(place=self.address.text)


def _check_user(text: str) -> None:
    if ":" in text:
        # RFC 7617 section 2.
        raise CallerError("A user name may not contain a colon: it ends there.")
