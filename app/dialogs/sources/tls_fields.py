"""The fields of a form about TLS towards clients: none, by the local authority, or with a certificate of one's own."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from app.dialogs.sources.fields import ChoiceField, Field, FileField, SecretField
from core.errors import CertificateError
from core.net.tls.credentials import read_credentials
from core.net.tls.settings import ServerTls


class _Way(Enum):
    PLAIN = auto()
    AUTHORITY = auto()
    OWN = auto()


class TlsFields:
    """Fields to be added to a form in their order."""

    def __init__(self, tls: ServerTls | None) -> None:
        way = _Way.PLAIN if tls is None else _Way.AUTHORITY if tls.certificate is None else _Way.OWN
        self._before = tls or ServerTls()
        self.way = ChoiceField(
            _tr("Encryption towards clients"),
            (
                (_Way.PLAIN, _tr("None (ws://)"), _tr("Everybody on the way can read what is sent.")),
                (
                    _Way.AUTHORITY,
                    _tr("TLS (wss://) by Unmask's own authority"),
                    _tr(
                        "A certificate for whatever name a client asks for. Clients must trust the authority: see "
                        "Sources, Certificates."
                    ),
                ),
                (
                    _Way.OWN,
                    _tr("TLS (wss://) with a certificate of your own"),
                    _tr("For a name that clients trust already."),
                ),
            ),
            way,
        )
        names = _tr("Certificates (*.pem *.crt *.cer *.p12 *.pfx *.key);;All files (*)")
        self.certificate = FileField(
            _tr("Certificate"),
            _text(self._before.certificate),
            _tr("PEM, its issuers behind it, or PKCS #12 (.p12, .pfx)."),
            _existing,
            names,
        )
        self.key = FileField(
            _tr("Key"),
            _text(self._before.key),
            _tr("PEM. Empty: it stands in the same file."),
            lambda text: _existing(text) if text else None,
            names,
        )
        self.password = SecretField(
            _tr("Password of the key"), self._before.password, _tr("Empty: it has none."), self._check_all
        )
        self.way.changed.connect(self._show)
        for field in (self.certificate, self.key):
            field.changed.connect(self.password.look)
        self._show()

    @property
    def fields(self) -> tuple[Field, ...]:
        return (self.way, self.certificate, self.key, self.password)

    @property
    def tls(self) -> ServerTls | None:
        """What was chosen. Raises CertificateError if it cannot be used."""
        if self.way.value is _Way.PLAIN:
            return None
        if self.way.value is _Way.AUTHORITY:
            return ServerTls()
        wanted = self._own()
        read_credentials(wanted.certificate or Path(), wanted.key, wanted.password)
        return wanted

    def _own(self) -> ServerTls:
        key = Path(self.key.text) if self.key.text else None
        return ServerTls(Path(self.certificate.text), key, self.password.text)

    def _check_all(self, _password: str) -> None:
        """Whether certificate, key and password belong together."""
        if not (self.certificate.problem or self.key.problem):
            wanted = self._own()
            read_credentials(wanted.certificate or Path(), wanted.key, wanted.password)

    def _show(self) -> None:
        for field in self.fields[1:]:
            field.setVisible(self.way.value is _Way.OWN)


def _existing(text: str) -> None:
    if not text:
        raise CertificateError(_tr("Name the file."))
    if not Path(text).is_file():
        raise CertificateError(_tr("There is no file {path}.").format(path=text))


def _text(path: Path | None) -> str:
    return "" if path is None else str(path)


def _tr(text: str) -> str:
    return QCoreApplication.translate("TlsFields", text)
