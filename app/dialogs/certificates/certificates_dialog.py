"""All about certificates in three pages. The authority changes at once, the settings of servers when it is accepted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QTabWidget, QVBoxLayout, QWidget

from app.dialogs.certificates.authority_page import AuthorityPage
from app.dialogs.certificates.guide_page import GuidePage
from app.dialogs.certificates.servers_page import ServersPage
from app.look.look import Look
from core.net.fronts.certificate_guide import Guide
from core.net.settings import EngineSettings
from core.net.tls.authority import AuthorityStore

_SIZE = (720, 600)


class CertificatesDialog(QDialog):
    """After `accepted`, `engine` holds the new settings."""

    def __init__(
        self,
        store: AuthorityStore,
        guides: Sequence[Guide],
        engine: EngineSettings,
        look: Look,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Certificates"))
        self.authority = AuthorityPage(store, look)
        self.guides = GuidePage(guides, look)
        self.servers = ServersPage(engine)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.authority, self.tr("Certificate of Unmask"))
        self.tabs.addTab(self.guides, self.tr("Let clients trust it"))
        self.tabs.addTab(self.servers, self.tr("Servers and proxies"))
        self.status = QLabel()
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setProperty("look", "muted")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 12)
        layout.addWidget(self.tabs, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 0, 16, 0)
        foot.addWidget(self.status)
        foot.addWidget(buttons)
        layout.addLayout(foot)
        self.guides.copied.connect(lambda: self.status.setText(self.tr("Copied.")))
        self.resize(*_SIZE)

    @property
    def engine(self) -> EngineSettings:
        return self.servers.engine

    def accept(self) -> None:
        if not self.servers.insist():
            self.tabs.setCurrentWidget(self.servers)
            return
        super().accept()
