"""Whom Unmask trusts as a client, who it is towards servers, and the proxy that it goes through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.certificates.own_certificate_form import OwnCertificateForm
from app.dialogs.sources.fields import Field, LineField, TextField
from app.logic.text import one_line
from app.logic.tls_texts import upstream_text
from core.net.host_list import parse_hosts
from core.net.settings import EngineSettings
from core.net.tls.credentials import read_certificates
from core.net.tls.settings import ClientCertificate
from core.net.upstream import parse_upstream

_LIST_HEIGHT = 70


class ServersPage(QWidget):
    """Shows `engine`; `engine` holds the new values."""

    def __init__(self, engine: EngineSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before = engine
        self._certificates = list(engine.tls.client_certificates)
        tls, upstream = engine.tls, engine.upstream
        self.exceptions = TextField(
            self.tr("Servers whose certificate is not verified"),
            str(tls.exceptions),
            self.tr(
                "Such as test.example.com or 10.0.0.0/8. Anybody in between could pose as them. The Handshake tab "
                "says what is wrong with a certificate."
            ),
            parse_hosts,
            lines=2,
        )
        self.ca_files = TextField(
            self.tr("Certificates of authorities to trust beside this system's"),
            "\n".join(map(str, tls.ca_files)),
            self.tr("One file in a line: PEM, DER or PKCS #12."),
            _check_files,
            lines=2,
        )
        self.key_log = LineField(
            self.tr("Key log"),
            str(tls.key_log or ""),
            self.tr(
                "A file that gets the keys of all TLS streams, for Wireshark (as SSLKEYLOGFILE). Whoever has it can "
                "read them. Empty: none is written."
            ),
        )
        self.upstream = LineField(
            self.tr("Go through another proxy"),
            upstream_text(upstream),
            self.tr(
                "http:// or socks5://, with USER:PASSWORD@ where it asks for them. For all sources that connect."
            ),
            lambda text: parse_upstream(text) if text else None,
            hint="http://127.0.0.1:3128",
        )
        self.direct = LineField(
            self.tr("Reach these without it"),
            "" if upstream is None else str(upstream.exceptions),
            self.tr("Such as localhost or 10.0.0.0/8."),
            parse_hosts,
        )
        self._fields: tuple[Field, ...] = (
            self.exceptions, self.ca_files, self.key_log, self.upstream, self.direct,
        )  # fmt: skip
        self._arrange()
        self._list_certificates()

    @property
    def engine(self) -> EngineSettings:
        """The settings as they are here. Raises UnmaskError if a field cannot be used."""
        tls = replace(
            self._before.tls,
            exceptions=parse_hosts(self.exceptions.text),
            ca_files=tuple(map(Path, _lines(self.ca_files.text))),
            client_certificates=tuple(self._certificates),
            key_log=Path(self.key_log.text) if self.key_log.text else None,
        )
        upstream = None
        if self.upstream.text:
            upstream = parse_upstream(self.upstream.text, parse_hosts(self.direct.text))
        return replace(self._before, tls=tls, upstream=upstream)

    def insist(self) -> bool:
        """Say what is wrong; tells whether nothing is."""
        for field in self._fields:
            field.insist()
        wrong = next((field for field in self._fields if field.problem), None)
        if wrong is not None:
            wrong.setFocus()
            self._scroll.ensureWidgetVisible(wrong)
        return wrong is None

    def _arrange(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(12)
        column.addWidget(self.exceptions)
        column.addWidget(self.ca_files)
        add = QPushButton(self.tr("Add a &file…"))
        add.clicked.connect(self._ask_file)
        column.addWidget(add, 0, Qt.AlignmentFlag.AlignLeft)
        title = QLabel(self.tr("Certificates that Unmask shows to servers"))
        title.setProperty("look", "title")
        self.shown = QListWidget()
        self.shown.setFixedHeight(_LIST_HEIGHT)
        self.shown.setProperty("look", "box")
        self.shown.setAccessibleName(title.text())
        title.setBuddy(self.shown)
        column.addWidget(title)
        column.addWidget(self.shown)
        self.add_certificate = QPushButton(self.tr("&Add…"))
        self.add_certificate.clicked.connect(self._ask_certificate)
        self.remove_certificate = QPushButton(self.tr("&Remove"))
        self.remove_certificate.clicked.connect(self._remove)
        row = QHBoxLayout()
        row.addWidget(self.add_certificate)
        row.addWidget(self.remove_certificate)
        row.addStretch(1)
        column.addLayout(row)
        for field in (self.upstream, self.direct, self.key_log):
            column.addWidget(field)
        column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)

    def _ask_file(self) -> None:
        names = self.tr("Certificates (*.pem *.crt *.cer *.der *.p12);;All files (*)")
        dialog = QFileDialog(self, self.tr("Trust this authority"), str(Path.home()), names)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(
            lambda files: self.ca_files.set_text("\n".join((*_lines(self.ca_files.text), *files)))
        )
        dialog.open()

    def _ask_certificate(self) -> None:
        form = OwnCertificateForm(self, for_hosts=True)
        form.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        form.accepted.connect(lambda: self._add(form.client_certificate))
        form.open()

    def _add(self, certificate: ClientCertificate) -> None:
        self._certificates.append(certificate)
        self._list_certificates()

    def _remove(self) -> None:
        row = self.shown.currentRow()
        if row >= 0:
            del self._certificates[row]
            self._list_certificates()

    def _list_certificates(self) -> None:
        self.shown.clear()
        self.shown.addItems([one_line(f"{each.hosts}: {each.certificate}") for each in self._certificates])
        self.remove_certificate.setEnabled(bool(self._certificates))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _check_files(text: str) -> None:
    for line in _lines(text):
        read_certificates(Path(line))
