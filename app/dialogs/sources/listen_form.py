"""The form of a source that listens: Unmask is the server."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.dialogs.sources.fields import LineField
from app.dialogs.sources.form import SourceForm
from app.dialogs.sources.tls_fields import TlsFields
from app.look.look import Look
from core.errors import UnmaskError
from core.net.settings import parse_address
from core.net.sources import Listen


def address_field(address: str, hint: str) -> LineField:
    """Where a source listens. It says whether others can reach that."""
    translate = QCoreApplication.translate
    field = LineField(translate("SourceForm", "Address here"), address, "", parse_address, hint=hint)

    def explain() -> None:
        try:
            is_local = parse_address(field.text).is_loopback
        except UnmaskError:
            is_local = True
        if is_local:
            note = translate(
                "SourceForm", "HOST:PORT. 127.0.0.1 is for this machine alone; port 0 picks a free one."
            )
        else:
            note = translate(
                "SourceForm",
                "Others can reach this address over the network, without a password. You are asked before it opens.",
            )
        field.set_note(note)

    field.changed.connect(explain)
    explain()
    return field


class ListenForm(SourceForm[Listen]):
    """Asks for an address."""

    def __init__(
        self,
        what: Listen,
        name: str,
        taken: Sequence[str],
        look: Look,
        parent: QWidget,
        *,
        is_new: bool,
    ) -> None:
        super().__init__(look, parent, is_new=is_new)
        self._picture(
            self.tr("Listen for clients"),
            self.tr("Unmask is the server of the clients that connect to this address."),
            (self.tr("Your client"), ""),
        )
        self.address = address_field(str(what.address), "127.0.0.1:8080")
        self.tls = TlsFields(what.tls)
        self._add(self.address, *self.tls.fields)
        self._add_name(name, taken)
        self._finish()

    @property
    def what(self) -> Listen:
        return Listen(parse_address(self.address.text), self.tls.tls)

    def suggested_name(self) -> str:
        return self.tr("Listen {place}").format(place=self.address.text)
