"""Name, version and licence."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from app.look.icons import application_icon


class AboutDialog(QDialog):
    """What this program is."""

    def __init__(self, version: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Unmask"))
        icon = QLabel()
        icon.setPixmap(application_icon().pixmap(96, 96))
        name = QLabel(self.tr("Unmask {version}").format(version=version))
        font = QFont(name.font())
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setWeight(QFont.Weight.DemiBold)
        name.setFont(font)
        what = QLabel(
            self.tr(
                "See what really goes over a WebSocket:\nevery handshake header, every frame, every byte."
            )
        )
        versions = QLabel(f"Python {platform.python_version()} · Qt {qVersion()}")
        licence = QLabel(self.tr("Free software under the MIT licence"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        buttons.setCenterButtons(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 28, 40, 20)
        layout.setSpacing(10)
        for label in (icon, name, what, versions, licence):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        for label in (versions, licence):
            label.setProperty("look", "muted")
        layout.addSpacing(8)
        layout.addWidget(buttons)
