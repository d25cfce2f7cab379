"""Asks for a certificate of the person's own, with its key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from app.dialogs.sources.fields import Field, FileField, LineField, SecretField
from core.errors import CertificateError, UnmaskError
from core.net.host_list import parse_hosts
from core.net.tls.credentials import Credentials, read_credentials
from core.net.tls.settings import ClientCertificate

_WIDTH = 520


class OwnCertificateForm(QDialog):
    """Has `credentials` once it is accepted; with `hosts` also a `client_certificate`."""

    def __init__(
        self,
        parent: QWidget,
        check: Callable[[Credentials], object] = lambda _: None,
        *,
        for_hosts: bool = False,
    ) -> None:
        """`check` raises CertificateError for credentials that are not wanted."""
        super().__init__(parent)
        self._check = check
        title = self.tr("Show a certificate to servers") if for_hosts else self.tr("Use your own authority")
        self.setWindowTitle(title)
        self.setMinimumWidth(_WIDTH)
        names = self.tr("Certificates (*.pem *.crt *.cer *.p12 *.pfx *.key);;All files (*)")
        self.hosts = LineField(
            self.tr("Servers"),
            "",
            self.tr("Those that it is shown to, such as *.example.com."),
            _some_hosts,
        )
        self.hosts.setVisible(for_hosts)
        self.certificate = FileField(
            self.tr("Certificate"), "", self.tr("PEM or PKCS #12 (.p12, .pfx)."), _existing, names
        )
        self.key = FileField(
            self.tr("Key"),
            "",
            self.tr("PEM. Empty: it stands in the same file."),
            lambda text: _existing(text) if text else None,
            names,
        )
        self.password = SecretField(self.tr("Password of the key"), "", self.tr("Empty: it has none."))
        self._fields: tuple[Field, ...] = (self.hosts, self.certificate, self.key, self.password)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("look", "error")
        self.problem.hide()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 20, 14)
        layout.setSpacing(12)
        for field in self._fields:
            layout.addWidget(field)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)

    @property
    def credentials(self) -> Credentials:
        """What was named. Raises CertificateError."""
        wanted = self.client_certificate
        return read_credentials(wanted.certificate, wanted.key, wanted.password)

    @property
    def client_certificate(self) -> ClientCertificate:
        """What was named, and to whom it is shown."""
        return ClientCertificate(
            parse_hosts(self.hosts.text),
            Path(self.certificate.text),
            Path(self.key.text) if self.key.text else None,
            self.password.text,
        )

    def accept(self) -> None:
        for field in self._fields:
            field.insist()
        if any(field.problem for field in self._fields):
            return
        try:
            self._check(self.credentials)
        except UnmaskError as error:
            self.problem.setText(str(error))
            self.problem.show()
            return
        super().accept()


def _existing(text: str) -> None:
    if not Path(text).is_file():
        raise CertificateError(f"There is no file “{text}”." if text else "Name the file.")


def _some_hosts(text: str) -> None:
    if not parse_hosts(text):
        raise CertificateError("Name at least one server, such as *.example.com.")
