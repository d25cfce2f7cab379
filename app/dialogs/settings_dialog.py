"""Address, limits, rules and look in one dialog. It changes nothing itself; the caller reads the values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.look.theme import ThemeChoice
from app.settings import Settings
from core.decoders.visible import visible
from core.errors import AddressError
from core.net.settings import (
    KIB,
    LARGEST_HEAD,
    LARGEST_MESSAGE,
    EngineSettings,
    ListenAddress,
    keep_text,
    parse_address,
    parse_host_name,
    parse_keep,
    parse_origin,
)
from core.protocol.violations import Judgement
from core.sizes import UNITS_HELP, parse_size, size_text

_MOST_MEMORY = 1 << 40


class SettingsDialog(QDialog):
    """Shows `settings`; after `accept` its properties hold the new values."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumWidth(860)
        self._before = settings.engine
        self._problem = QLabel()
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        self._problem.setProperty("look", "error")
        self._problem.hide()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 10, 20, 16)
        layout.setSpacing(12)
        columns = QHBoxLayout()
        columns.setSpacing(16)
        for boxes in (
            (self._listening_box(settings), self._peers_box(settings)),
            (self._limits_box(), self._recording_box(), self._look_box(settings)),
        ):
            column = QVBoxLayout()
            column.setSpacing(12)
            for box in boxes:
                column.addWidget(box)
            column.addStretch(1)
            columns.addLayout(column, 1)
        layout.addLayout(columns)
        layout.addWidget(self._problem)
        layout.addWidget(buttons)

    @property
    def address(self) -> ListenAddress:
        return parse_address(self._address.text())

    @property
    def engine(self) -> EngineSettings:
        limits = replace(
            self._before.limits,
            message_bytes=parse_size(self._message.text()),
            memory_bytes=parse_size(self._memory.text()),
            head_bytes=parse_size(self._head.text()),
            header_count=self._headers.value(),
            connections=self._connections.value(),
            handshake_seconds=float(self._handshake.value()),
        )
        return replace(
            self._before,
            limits=limits,
            judgement=self._judgement.currentData(),
            compression=self._compression.isChecked(),
            allowed_origins=self.origins if self._only_origins.isChecked() else None,
            check_host=self._check_host.isChecked(),
            extra_hosts=_parsed(self._hosts.text(), parse_host_name),
            keep=parse_keep(self._keep.text()),
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The list of origins, whether it is in force or not."""
        return _parsed(self._origins.toPlainText(), parse_origin)

    @property
    def theme(self) -> ThemeChoice:
        choice = self._theme.currentData()
        assert isinstance(choice, ThemeChoice)
        return choice

    def accept(self) -> None:
        problem = self._find_problem()
        self._problem.setVisible(bool(problem))
        self._problem.setText(visible(problem))
        if not problem:
            super().accept()

    def _find_problem(self) -> str:
        try:
            parse_address(self._address.text())
            _parsed(self._origins.toPlainText(), parse_origin)
            _parsed(self._hosts.text(), parse_host_name)
            parse_keep(self._keep.text())
        except (AddressError, ValueError) as error:
            return str(error)
        for field, smallest, largest, what in (
            (self._message, 1, LARGEST_MESSAGE, self.tr("Largest message")),
            (self._head, KIB, LARGEST_HEAD, self.tr("Largest request head")),
            (self._memory, 1, _MOST_MEMORY, self.tr("Memory for all peers")),
        ):
            try:
                size = parse_size(field.text())
            except ValueError as error:
                return f"{what}: {error}"
            if not smallest <= size <= largest:
                return self.tr("{what}: give a size from {smallest} to {largest}.").format(
                    what=what, smallest=size_text(smallest), largest=size_text(largest)
                )
        try:
            _ = self.engine
        except ValueError as error:
            return str(error)
        return ""

    def _listening_box(self, settings: Settings) -> QGroupBox:
        box, form = self._box(self.tr("Listening"))
        self._address = QLineEdit(str(settings.address))
        self._address.setToolTip(self.tr("HOST:PORT; port 0 picks a free one"))
        self._judgement = QComboBox()
        self._judgement.addItem(self.tr("Fail the connection, as the RFC says"), Judgement.STRICT)
        self._judgement.addItem(self.tr("Record it and carry on where possible"), Judgement.TOLERANT)
        self._judgement.setCurrentIndex(self._judgement.findData(self._before.judgement))
        self._compression = QCheckBox(self.tr("Accept permessage-deflate"))
        self._compression.setChecked(self._before.compression)
        form.addRow(self.tr("&Address"), self._address)
        form.addRow(self.tr("&Broken rules"), self._judgement)
        form.addRow(self.tr("Compression"), self._compression)
        return box

    def _peers_box(self, settings: Settings) -> QGroupBox:
        box, form = self._box(self.tr("Who may connect, from the next connection on"))
        self._only_origins = QCheckBox(self.tr("Only pages of these origins, one a line"))
        self._only_origins.setChecked(self._before.allowed_origins is not None)
        self._only_origins.setToolTip(self.tr("Programs that send no Origin may connect all the same"))
        self._origins = QPlainTextEdit("\n".join(settings.origins))
        self._origins.setPlaceholderText("https://example.com")
        self._origins.setTabChangesFocus(True)
        self._origins.setFixedHeight(64)
        self._origins.setAccessibleName(self.tr("Origins that may connect"))
        self._check_host = QCheckBox(self.tr("Over loopback, only clients that call us localhost"))
        self._check_host.setChecked(self._before.check_host)
        self._check_host.setToolTip(
            self.tr("Keeps out web pages that had their own name point to this machine (DNS rebinding)")
        )
        self._hosts = QLineEdit(" ".join(self._before.extra_hosts))
        self._hosts.setPlaceholderText("unmask.test dev.example.com")
        self._hosts.setToolTip(self.tr("Other names that Host may have, without a port, with spaces between"))
        form.addRow(self.tr("&Origins"), self._only_origins)
        form.addRow("", self._origins)
        form.addRow(self.tr("Hos&t"), self._check_host)
        form.addRow(self.tr("Or these &names"), self._hosts)
        return box

    def _limits_box(self) -> QGroupBox:
        limits = self._before.limits
        box, form = self._box(self.tr("Limits for each peer, from its next connection on"))
        self._message = QLineEdit(size_text(limits.message_bytes))
        self._head = QLineEdit(size_text(limits.head_bytes))
        self._memory = QLineEdit(size_text(limits.memory_bytes))
        for field in (self._message, self._head):
            field.setToolTip(self.tr("Bytes, or a number with a unit: {0}").format(UNITS_HELP))
        self._memory.setToolTip(
            self.tr(
                "What is held of all peers together: unfinished messages and what waits to be sent. At least four "
                "times the largest message; takes effect at once. Units: {0}"
            ).format(UNITS_HELP)
        )
        self._headers = self._number(limits.header_count, 1, 10_000)
        self._connections = self._number(limits.connections, 1, 100_000)
        self._handshake = self._number(round(limits.handshake_seconds), 1, 3600)
        self._handshake.setSuffix(self.tr(" s"))
        form.addRow(self.tr("Largest &message"), self._message)
        form.addRow(self.tr("Largest request &head"), self._head)
        form.addRow(self.tr("Header &lines"), self._headers)
        form.addRow(self.tr("Open &connections"), self._connections)
        form.addRow(self.tr("Time for the hand&shake"), self._handshake)
        form.addRow(self.tr("Memory for all &peers"), self._memory)
        return box

    def _recording_box(self) -> QGroupBox:
        box, form = self._box(self.tr("Recording"))
        self._keep = QLineEdit(keep_text(self._before.keep))
        self._keep.setPlaceholderText(self.tr("everything"))
        self._keep.setToolTip(
            self.tr(
                "A size on disk, a number of frames or a time; or several, with commas between. The size counts the "
                "write-ahead log too; it may be exceeded by a fifth for moments, or by three of the largest messages. "
                "Units of sizes: {0}"
            ).format(UNITS_HELP)
        )
        hint = QLabel(self.tr("Such as 2GB, 1000000 frames or 24h. Older frames are dropped."))
        hint.setProperty("look", "muted")
        hint.setWordWrap(True)
        form.addRow(self.tr("&Keep the last"), self._keep)
        form.addRow(hint)
        return box

    def _look_box(self, settings: Settings) -> QGroupBox:
        box, form = self._box(self.tr("Look"))
        self._theme = QComboBox()
        self._theme.addItem(self.tr("Like the system"), ThemeChoice.SYSTEM)
        self._theme.addItem(self.tr("Light"), ThemeChoice.LIGHT)
        self._theme.addItem(self.tr("Dark"), ThemeChoice.DARK)
        self._theme.setCurrentIndex(self._theme.findData(settings.theme))
        form.addRow(self.tr("&Theme"), self._theme)
        return box

    def _box(self, title: str) -> tuple[QGroupBox, QFormLayout]:
        box = QGroupBox(title)
        form = QFormLayout(box)
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        return box, form

    def _number(self, value: int, low: int, high: int) -> QSpinBox:
        box = QSpinBox()
        box.setRange(low, high)
        # A style sheet's padding does not reach the editor inside.
        box.lineEdit().setTextMargins(6, 0, 0, 0)
        box.setValue(value)
        return box


def _parsed(text: str, parse: Callable[[str], str]) -> tuple[str, ...]:
    """The distinct words of `text`; raises AddressError for an invalid one."""
    return tuple(dict.fromkeys(parse(word) for word in text.replace(",", " ").split()))
