"""The form of a relay: Unmask stands between a client and its server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtWidgets import QWidget

from app.dialogs.sources.fields import ChoiceField, LineField
from app.dialogs.sources.form import SourceForm
from app.dialogs.sources.listen_form import address_field
from app.dialogs.sources.tls_fields import TlsFields
from app.look.look import Look
from core.errors import UnmaskError
from core.net.connect_request import parse_url
from core.net.relay import Relay
from core.net.settings import parse_address
from core.protocol.head_rewrite import OriginHeader

MOST_SECONDS = 3600.0


class RelayForm(SourceForm[Relay]):
    """Asks for a target and an address, and what becomes of Host and Origin."""

    def __init__(
        self,
        what: Relay | None,
        name: str,
        taken: Sequence[str],
        look: Look,
        parent: QWidget,
        *,
        is_new: bool,
    ) -> None:
        super().__init__(look, parent, is_new=is_new)
        self._picture(
            self.tr("Relay to a server"),
            self.tr(
                "Point your client at the address here; Unmask passes everything on to the server, byte for byte."
            ),
            (self.tr("Your client"), "", self.tr("Your server")),
        )
        self._before = what
        self.target = LineField(
            self.tr("URL of the server"),
            "" if what is None else what.target.text,
            self.tr(
                "With wss:// or https:// it is reached over TLS. A path stands before the path of each request."
            ),
            parse_url,
            hint="wss://example.com/api",
        )
        self.address = address_field(
            "127.0.0.1:9000" if what is None else str(what.address), "127.0.0.1:9000"
        )
        self.host = ChoiceField(
            self.tr("Host"),
            (
                (
                    False,
                    self.tr("That of the server"),
                    self.tr("What most servers need: they look at it to find the site."),
                ),
                (
                    True,
                    self.tr("As the client says"),
                    self.tr("For a server that is to see the address the client uses."),
                ),
            ),
            what is not None and what.keep_host,
        )
        self.origin = ChoiceField(
            self.tr("Origin"),
            (
                (
                    OriginHeader.KEPT,
                    self.tr("As the client says"),
                    self.tr("The page that opened the connection, if it is a browser."),
                ),
                (
                    OriginHeader.TARGET,
                    self.tr("That of the server"),
                    self.tr("For a server that only lets its own pages connect."),
                ),
                (OriginHeader.REMOVED, self.tr("Removed"), self.tr("As if the client were no browser.")),
            ),
            OriginHeader.KEPT if what is None else what.origin,
        )
        seconds = (
            Relay.__dataclass_fields__["connect_seconds"].default if what is None else what.connect_seconds
        )
        self.seconds = LineField(
            self.tr("Seconds to reach the server"),
            f"{seconds:g}",
            self.tr("After this time the client is answered with 504."),
            _parse_seconds,
        )
        self._add(self.target, self.address)
        self.tls = TlsFields(None if what is None else what.tls)
        is_secure = what is not None and what.tls is not None
        self._add_more(self.tr("Encryption towards clients"), *self.tls.fields, shown=is_secure)
        changed = what is not None and (what.keep_host or what.origin is not OriginHeader.KEPT)
        self._add_more(self.tr("Host, Origin, time"), self.host, self.origin, self.seconds, shown=changed)
        self._add_name(name, taken)
        self._finish()

    @property
    def what(self) -> Relay:
        address, target = parse_address(self.address.text), parse_url(self.target.text)
        base = (
            Relay(address, target)
            if self._before is None
            else replace(self._before, address=address, target=target)
        )
        return replace(
            base,
            keep_host=self.host.value,
            origin=self.origin.value,
            tls=self.tls.tls,
            connect_seconds=_parse_seconds(self.seconds.text),
        )

    def suggested_name(self) -> str:
        try:
            place = parse_url(self.target.text).host_header
        except UnmaskError:
            return self.tr("Relay")
        return self.tr("Relay {place}").format(place=place)


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text.replace(",", "."))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"“{text}” is no time to wait: write a number of seconds up to {MOST_SECONDS:g}.")
    return seconds
