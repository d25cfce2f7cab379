"""The certificate that clients are to trust: what it says, and what can be done with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.certificates.own_certificate_form import OwnCertificateForm
from app.dialogs.question import Question
from app.look.look import Look
from app.views.parts.fact_table import Fact, FactColumn, FactTable
from core.capture.private_files import make_folder
from core.decoders.visible import visible
from core.errors import CertificateError
from core.net.fronts.certificate_guide import DER_NAME, P12_NAME, PEM_NAME
from core.net.tls.authority import Authority, AuthorityStore, authority_from
from core.net.tls.certificates import describe_chain


class AuthorityPage(QWidget):
    """Shows the authority of an `AuthorityStore`."""

    changed = Signal()
    """There is another authority, or none."""

    def __init__(self, store: AuthorityStore, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._look = look
        about = QLabel(
            self.tr(
                "Unmask signs certificates for the hosts that clients ask for. A client accepts them once it trusts "
                "this one. Its key stays on this machine, in a file that only you can read; whoever had it could "
                "pose as any host towards the clients that trust it."
            )
        )
        about.setWordWrap(True)
        self.facts = FactTable(
            look.theme,
            (FactColumn(self.tr("Certificate")), FactColumn(self.tr("Value"), mono=True)),
            stretch=1,
        )
        self.facts.grow_to_content()
        self.facts.setAccessibleName(self.tr("The certificate of Unmask's authority"))
        self.status = QLabel()
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 10)
        layout.setSpacing(10)
        layout.addWidget(about)
        layout.addWidget(self.facts)
        layout.addLayout(self._saving())
        layout.addLayout(self._changing())
        layout.addWidget(self.status)
        layout.addStretch(1)
        self.look_again()

    @property
    def authority(self) -> Authority | None:
        """The present one."""
        try:
            return self._store.existing()
        except CertificateError as error:
            self._say(str(error), "error")
            return None

    def look_again(self) -> None:
        """Show what is in the store now."""
        authority = self.authority
        for button in self._saves:
            button.setEnabled(authority is not None)
        self.make.setVisible(authority is None)
        self.renew.setVisible(authority is not None)
        if authority is None:
            none = self.tr("There is none yet. It is made when it is first needed.")
            self.facts.set_facts((Fact((self.tr("State"), none)),))
            return
        facts = describe_chain(authority.der, None, datetime.now(UTC))[0]
        span = f"{facts.begins:%Y-%m-%d} – {facts.ends:%Y-%m-%d}" if facts.begins and facts.ends else "—"
        rows = [
            (self.tr("Name"), facts.subject),
            (self.tr("Signed by"), facts.issuer),
            (self.tr("Valid"), span),
            (self.tr("Key"), facts.key),
            (self.tr("SHA-256"), facts.sha256),
            (self.tr("Serial number"), facts.serial),
            (self.tr("File, with its key"), str(self._store.path)),
        ]
        if facts.problem and not facts.problem.startswith("It is self-signed"):
            rows.append((self.tr("Problem"), facts.problem))
        self.facts.set_facts(Fact((name, visible(value))) for name, value in rows)

    def _saving(self) -> QGridLayout:
        grid = QGridLayout()
        title = QLabel(self.tr("Save the certificate for a client, without its key:"))
        grid.addWidget(title, 0, 0, 1, 4)
        self._saves = []
        for column, (words, name, tip) in enumerate(
            (
                (self.tr("As &PEM…"), PEM_NAME, self.tr("For most programs: text")),
                (self.tr("As &DER…"), DER_NAME, self.tr("For Windows and Android: binary, .crt")),
                (
                    self.tr("As P&KCS #12…"),
                    P12_NAME,
                    self.tr("A trust store, such as Java reads, without a password"),
                ),
            )
        ):
            button = QPushButton(words)
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked=False, name=name: self._ask_where(name))
            grid.addWidget(button, 1, column)
            self._saves.append(button)
        grid.setColumnStretch(3, 1)
        return grid

    def _changing(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.make = QPushButton(self.tr("&Make it now"))
        self.make.clicked.connect(self._make)
        self.renew = QPushButton(self.tr("&Remove and make anew…"))
        self.renew.clicked.connect(self._ask_renewal)
        self.own = QPushButton(self.tr("Use &your own…"))
        self.own.setToolTip(self.tr("Sign with an authority that your clients trust already"))
        self.own.clicked.connect(self._ask_own)
        for button in (self.make, self.renew, self.own):
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _ask_where(self, name: str) -> None:
        dialog = QFileDialog(self, self.tr("Save the certificate"), str(Path.home()))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda path: self._save(name, Path(path)))
        dialog.open()

    def _save(self, name: str, path: Path) -> None:
        authority = self.authority
        if authority is None:
            return
        content = {PEM_NAME: authority.pem, DER_NAME: authority.der, P12_NAME: authority.p12}[name]
        try:
            path.write_bytes(content)
        except OSError as error:
            text = self.tr("{path} cannot be written: {reason}. Choose another place.")
            self._say(text.format(path=path, reason=error.strerror or error), "error")
        else:
            self._say(self.tr("Saved in {path}. The key is not in it.").format(path=path), "success")

    def _make(self) -> None:
        self._do(self._store.authority, self.tr("It is made. Nothing trusts it yet: see the next page."))

    def _ask_renewal(self) -> None:
        box = Question(
            self.tr("Remove the authority"),
            self.tr("Remove the authority with its key, and make another one?"),
            self.tr(
                "Every client that trusts the present one must be told to trust the new one; until then it refuses "
                "what Unmask shows it. Remove the old certificate from them too. Connections that are open stay open. "
                "This cannot be undone."
            ),
            self._look.icons,
            self,
        )
        box.add(self.tr("&Remove and make anew"), QMessageBox.ButtonRole.DestructiveRole, self._renew)
        box.open()

    def _renew(self) -> None:
        def anew() -> None:
            self._store.remove()
            self._store.authority()

        self._do(anew, self.tr("There is a new one. Nothing trusts it yet: see the next page."))

    def _ask_own(self) -> None:
        form = OwnCertificateForm(self, lambda credentials: authority_from(credentials))
        form.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def take() -> None:
            replaced = self.tr("Your own authority signs from now on. The one before is gone.")
            self._do(lambda: self._store.replace(authority_from(form.credentials)), replaced)

        form.accepted.connect(take)
        form.open()

    def _do(self, act: object, done: str) -> None:
        assert callable(act)
        try:
            make_folder(self._store.path.parent)
            act()
        except (CertificateError, OSError) as error:
            self._say(str(error), "error")
            return
        self._say(done, "success")
        self.look_again()
        self.changed.emit()

    def _say(self, sentence: str, look: str) -> None:
        self.status.setText(visible(sentence))
        self.status.setProperty("look", look)
        self.status.style().unpolish(self.status)
        self.status.style().polish(self.status)
