"""The form of a connection to a server: Unmask is the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.dialogs.sources.connection_shelf import ConnectionShelf
from app.dialogs.sources.fields import ChoiceField, LineField, SecretField, SwitchField
from app.dialogs.sources.form import LONGEST_NAME, SourceForm
from app.dialogs.sources.headers_field import HeadersField
from app.dialogs.sources.saved_dialog import SaveAsDialog, SavedDialog
from app.dialogs.sources.variables_dialog import VariablesDialog
from app.logic.connect_draft import Auth, AuthKind, ConnectDraft, Trust, parse_headers, request_of
from app.logic.connect_line import read_pasted
from app.logic.saved_connections import SavedConnection
from app.logic.variables import names_in
from app.look.look import Look
from core.errors import UnmaskError
from core.net.upstream import parse_upstream


class ConnectForm(SourceForm[ConnectDraft]):
    """Asks for a URL, or takes a pasted line apart; everything else is optional."""

    def __init__(
        self,
        what: ConnectDraft,
        name: str,
        taken: Sequence[str],
        look: Look,
        parent: QWidget,
        *,
        is_new: bool,
        shelf: ConnectionShelf,
    ) -> None:
        super().__init__(look, parent, is_new=is_new)
        self._before = what
        self._shelf = shelf
        self._reads = False
        """Whether a pasted line is being put into the fields."""
        self._wants_variables = False
        """The dialog about variables is to open as soon as the secret ones are read."""
        shelf.secrets_read.connect(self._secrets_read)
        self._picture(
            self.tr("Connect to a server"),
            self.tr(
                "Unmask is the client: it opens the connection, and you write to the server below the frames."
            ),
            ("", self.tr("Your server")),
        )
        self._url_note = self.tr(
            "ws:// or wss://. Or paste a line of curl (“Copy as cURL” in a browser), wscat or websocat."
        )
        self.url = LineField(
            self.tr("URL"), what.url, self._url_note, self._check_url, hint="wss://example.com/chat"
        )
        self.url.edit.setMaxLength(1 << 20)
        self._make_fields(what)
        self._add(self.url)
        self._add_shelf()
        said = what != replace(ConnectDraft(), url=what.url)
        self._add_more(
            self.tr("What it says"),
            *(self.origin, self.subprotocols, self.auth, self.user, self.secret, self.cookies, self.headers),
            self.compression,
            shown=said,
        )
        self._add_more(
            self.tr("How it gets there"),
            self.trust,
            self.proxy,
            self.seconds,
            self.answer_seconds,
            self.follows,
        )
        self._add_more(self.tr("While it is open"), self.reconnects, self.ping)
        self._add_name(name, taken)
        self.url.edit.textChanged.connect(self._read)
        self.auth.changed.connect(self._show_auth)
        self._show_auth()
        self._finish()

    def _make_fields(self, what: ConnectDraft) -> None:
        self.origin = LineField(
            self.tr("Origin"),
            what.origin,
            self.tr("The page that a browser would name. Empty: none, as programs do."),
            hint="https://example.com",
        )
        self.subprotocols = LineField(
            self.tr("Subprotocols"), ", ".join(what.subprotocols), self.tr("Best first, separated by commas.")
        )
        self.auth = ChoiceField(
            self.tr("Authorization"),
            (
                (AuthKind.NONE, self.tr("None"), ""),
                (AuthKind.BASIC, self.tr("Basic: user and password"), ""),
                (AuthKind.BEARER, self.tr("Bearer: a token"), ""),
            ),
            what.auth.kind,
        )
        self.user = LineField(self.tr("User"), what.auth.user, "")
        self.secret = SecretField(
            self.tr("Password or token"),
            what.auth.secret,
            self.tr("It is sent, and recorded; a secret variable such as {token} is recorded masked."),
        )
        self.cookies = LineField(self.tr("Cookies"), what.cookies, self.tr("Such as a=1; b=2."))
        self.headers = HeadersField(
            self.tr("Further headers"),
            what.headers,
            self.tr("Those of the handshake itself are added. Delete removes a row."),
            parse_headers,
        )
        self.compression = LineField(
            self.tr("Extensions to offer"), what.compression, self.tr("Empty: no compression is offered.")
        )
        self.trust = ChoiceField(
            self.tr("Certificate of the server"),
            (
                (
                    Trust.VERIFIED,
                    self.tr("Must be trusted"),
                    self.tr("By this system, or by the authorities in the settings."),
                ),
                (
                    Trust.ANY,
                    self.tr("Any will do"),
                    self.tr("Anybody in between can read and change everything."),
                ),
            ),
            what.trust,
        )
        self.proxy = LineField(
            self.tr("Through a proxy"),
            what.proxy,
            self.tr("http:// or socks5://, with USER:PASSWORD@ where it asks for them. Empty: directly."),
            lambda text: parse_upstream(text) if text and "{" not in text else None,
            hint="http://127.0.0.1:3128",
        )
        self.seconds = LineField(
            self.tr("Seconds to reach the server"), f"{what.connect_seconds:g}", "", parse_number
        )
        self.answer_seconds = LineField(
            self.tr("Seconds for its answer"), f"{what.handshake_seconds:g}", "", parse_number
        )
        self.follows = LineField(
            self.tr("Redirects to follow"),
            str(what.follows),
            self.tr("0: show them and follow none."),
            parse_number,
        )
        self.reconnects = SwitchField(
            self.tr("Connect again when it is lost"),
            self.tr("After a pause that grows. Stopping the source ends it."),
            on=what.reconnects,
        )
        self.ping = LineField(
            self.tr("Seconds between pings"), f"{what.ping_seconds:g}", self.tr("0: none."), parse_number
        )

    @property
    def what(self) -> ConnectDraft:
        draft = self._draft()
        # Raises for what no request can have.
        request_of(draft, self._shelf.stand_ins_for(draft))
        return draft

    def _draft(self) -> ConnectDraft:
        kind = self.auth.value
        return replace(
            self._before,
            url=self.url.text,
            origin=self.origin.text,
            subprotocols=tuple(each.strip() for each in self.subprotocols.text.split(",") if each.strip()),
            auth=Auth(kind, self.user.text, self.secret.text) if kind is not AuthKind.NONE else Auth(),
            cookies=self.cookies.text,
            headers=parse_headers(self.headers.text),
            compression=self.compression.text,
            trust=self.trust.value,
            proxy=self.proxy.text,
            connect_seconds=parse_number(self.seconds.text),
            handshake_seconds=parse_number(self.answer_seconds.text),
            follows=int(parse_number(self.follows.text)),
            reconnects=self.reconnects.is_on,
            ping_seconds=parse_number(self.ping.text),
        )

    def suggested_name(self) -> str:
        place = self.url.text.partition("://")[2].partition("/")[0].partition("?")[0]
        return self.tr("Connect {place}").format(place=place) if place else self.tr("Connect")

    def _check_url(self, text: str) -> None:
        if len(text.split()) > 1:
            # A line that could be read is taken apart already.
            read_pasted(text)
        draft = ConnectDraft(url=text)
        request_of(draft, self._shelf.stand_ins_for(draft))

    def _add_shelf(self) -> None:
        """What is saved, and the variables."""
        row = QHBoxLayout()
        for words, tip, act in (
            (self.tr("Sa&ved…"), self.tr("Take a saved connection"), self._ask_saved),
            (self.tr("Save &as…"), self.tr("Save this connection under a name, in a folder"), self._ask_name),
            (
                self.tr("Va&riables…"),
                self.tr("What {host}, {token} and the like stand for; secret ones too"),
                self._ask_variables,
            ),
        ):
            button = QPushButton(words)
            button.setToolTip(tip)
            button.setAutoDefault(False)
            button.clicked.connect(act)
            row.addWidget(button)
        row.addStretch(1)
        self._column.addLayout(row)

    def _ask_saved(self) -> None:
        dialog = SavedDialog(self._shelf, self._look, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._use)
        dialog.open()

    def _ask_name(self) -> None:
        try:
            draft = self._draft()
        except (UnmaskError, ValueError):
            # The field says what is wrong.
            self.accept()
            return
        dialog = SaveAsDialog(self._shelf, draft, self, name=self.suggested_name())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _ask_variables(self) -> None:
        self._wants_variables = True
        self._shelf.read_secrets()

    def _secrets_read(self) -> None:
        if self._wants_variables and self.isVisible():
            self._show_variables()
        self._wants_variables = False

    def _show_variables(self) -> None:
        known = self._shelf.saved.by_name
        try:
            named = names_in(self._draft().texts)
        except (UnmaskError, ValueError):
            named = names_in((self.url.text,))
        dialog = VariablesDialog(self._shelf, self, tuple(name for name in named if name not in known))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._look_at_all)
        dialog.open()

    def _use(self, saved: SavedConnection) -> None:
        self._reads = True
        self._show(saved.draft)
        self._reads = False
        if self._name is not None and not self._name.text:
            self._name.set_text(saved.name[:LONGEST_NAME])
        self._look_at_all()

    def _look_at_all(self) -> None:
        self._look_again()
        for field in self._fields:
            field.look()

    def _read(self, text: str) -> None:
        """Take a pasted line apart, and say what of it was left out."""
        if self._reads or len(text.split()) < 2:
            return
        try:
            pasted = read_pasted(text)
        except UnmaskError:
            return
        self._reads = True
        self._show(pasted.draft)
        self._reads = False
        self.url.set_note(" ".join((self.tr("Taken from the line."), *pasted.told)))
        for button in {self._folds[field] for field in (self.origin, self.trust)}:
            button.setChecked(True)
        # What was left out is said below the URL.
        self._scroll.verticalScrollBar().setValue(0)

    def _show(self, draft: ConnectDraft) -> None:
        self.url.set_text(draft.url)
        self.origin.set_text(draft.origin)
        self.subprotocols.set_text(", ".join(draft.subprotocols))
        self.auth.choose(draft.auth.kind)
        self.user.set_text(draft.auth.user)
        self.secret.set_text(draft.auth.secret)
        self.cookies.set_text(draft.cookies)
        self.headers.set_headers(draft.headers)
        self.compression.set_text(draft.compression)
        self.trust.choose(draft.trust)
        self.proxy.set_text(draft.proxy)
        self.seconds.set_text(f"{draft.connect_seconds:g}")
        self.answer_seconds.set_text(f"{draft.handshake_seconds:g}")
        self.reconnects.switch.setChecked(draft.reconnects)
        self.ping.set_text(f"{draft.ping_seconds:g}")
        self.follows.set_text(str(draft.follows))

    def _show_auth(self) -> None:
        self.user.setVisible(self.auth.value is AuthKind.BASIC)
        self.secret.setVisible(self.auth.value is not AuthKind.NONE)


def parse_number(text: str) -> float:
    """A number that is not negative. Raises ValueError."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1e6:
        raise ValueError(f"“{text}” is no number: write one such as 10.")
    return number
