"""Probes a server or a client: who, with what, and how it took each fault, row by row."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.probe_results import ProbeColumn, ProbeResultModel
from core.decoders.visible import visible
from core.probe.outcome import Outcome
from core.probe.report import Report
from core.protocol.state import Role

_SIZE = (980, 580)
_PATIENCE = 3
_LONGEST = 60


class ProbeDialog(QDialog):
    """Shows a probe. It starts nothing itself: it says what the person wants."""

    start_wanted = Signal()
    stop_wanted = Signal()
    export_wanted = Signal(str)
    """The form: markdown or json."""
    frame_wanted = Signal(int, int)
    """The id of a frame, and its connection."""
    connection_wanted = Signal(int)
    """A connection, where no frame made the fault."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Probe a peer"))
        self.resize(*_SIZE)
        self._report: Report | None = None
        self._model = ProbeResultModel(self)
        self._make(look)
        self._arrange()
        self._connect()
        self._fit()
        self.set_running(running=False)

    def set_url(self, url: str) -> None:
        """Name the server to probe."""
        self.url.setText(url)

    def set_side(self, side: Role) -> None:
        """Choose the side that Unmask takes."""
        self.peers.setCurrentIndex(self.peers.findData(side))

    def side(self) -> Role:
        """The side that Unmask takes."""
        role: Role = self.peers.currentData()
        return role

    @property
    def report(self) -> Report | None:
        """What is shown; None before the first probe."""
        return self._report

    def set_running(self, *, running: bool) -> None:
        """Let the person stop, or start."""
        for widget in (self.peers, self.url, self.address, self.only, self.patience):
            widget.setEnabled(not running)
        self.start.setVisible(not running)
        self.stop.setVisible(running)
        self.progress.setVisible(running)
        self._show_exports()

    def show_report(self, report: Report, now: str) -> None:
        """Show what is known so far; `now` says what is being tried."""
        self._report = report
        self._model.set_results(report.results)
        self.progress.setRange(0, report.total)
        self.progress.setValue(len(report.results))
        self.say(now or report.summary + (f". {report.remark}" if report.remark else "."))
        self._show_exports()

    def say(self, sentence: str, look: str = "muted") -> None:
        """Show a sentence below the boxes."""
        self.status.setText(visible(sentence))
        self.status.setProperty("look", look)
        self.status.style().unpolish(self.status)
        self.status.style().polish(self.status)

    def done(self, result: int) -> None:
        self.stop_wanted.emit()
        super().done(result)

    # Set-up.

    def _make(self, look: Look) -> None:
        self.peers = QComboBox(self)
        self.peers.setAccessibleName(self.tr("Who is probed"))
        self.peers.addItem(self.tr("A server"), Role.CLIENT)
        self.peers.addItem(self.tr("A client that connects"), Role.SERVER)
        self.url = self._line(self.tr("URL of the server"), "ws://127.0.0.1:9000/chat")
        self.address = self._line(self.tr("Address to listen on"), "127.0.0.1:0")
        self.only = self._line(self.tr("Presets"), self.tr("All presets, or part of a name"))
        self.patience = QSpinBox(self)
        self.patience.setRange(1, _LONGEST)
        self.patience.setValue(_PATIENCE)
        # A style sheet's padding does not apply to the editor inside.
        self.patience.lineEdit().setTextMargins(6, 0, 0, 0)
        self.patience.setSuffix(self.tr(" s patience"))
        self.patience.setAccessibleName(self.tr("Patience"))
        self.patience.setToolTip(self.tr("How long the peer may do nothing before it counts as hung"))
        self.start = QPushButton(self.tr("&Start"), self)
        self.start.setProperty("look", "primary")
        self.start.setIcon(look.icons.icon(IconName.START, ThemeRole.ON_ACCENT))
        self.start.setDefault(True)
        self.stop = QPushButton(self.tr("S&top"), self)
        self.status = QLabel(self)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(6)
        self.findings = QCheckBox(self.tr("&Only what is against the RFC"), self)
        self.table = QTableView(self)
        self.table.setModel(self._model)
        self.table.setItemDelegateForColumn(
            int(ProbeColumn.PRESET), _MarkDelegate(self._model, look, self.table)
        )
        self.table.setAccessibleName(self.tr("Results"))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(28)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for column, width in zip(ProbeColumn, (220, 230, 190, 190, 90), strict=True):
            self.table.setColumnWidth(column, width)
        self.show_it = QPushButton(self.tr("Show it in the &capture"), self)
        self.markdown = QPushButton(self.tr("Export &Markdown…"), self)
        self.json = QPushButton(self.tr("Export &JSON…"), self)
        self.close_button = QPushButton(self.tr("Close"), self)
        for button in (self.show_it, self.markdown, self.json, self.close_button, self.stop):
            button.setAutoDefault(False)

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.peers)
        top.addWidget(self.url, 2)
        top.addWidget(self.address, 2)
        top.addWidget(self.only, 1)
        top.addWidget(self.patience)
        top.addWidget(self.start)
        top.addWidget(self.stop)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.findings)
        below.addStretch(1)
        for button in (self.show_it, self.markdown, self.json, self.close_button):
            below.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(10)
        layout.addLayout(top)
        layout.addWidget(self.progress)
        layout.addWidget(self.status)
        layout.addWidget(self.table, 1)
        layout.addLayout(below)

    def _connect(self) -> None:
        self.peers.currentIndexChanged.connect(self._fit)
        self.start.clicked.connect(self.start_wanted)
        self.stop.clicked.connect(self.stop_wanted)
        self.findings.toggled.connect(self._model.show_only_findings)
        self.table.activated.connect(lambda _index: self._show_it())
        self.table.selectionModel().currentRowChanged.connect(lambda: self._show_exports())
        self._model.modelReset.connect(self._show_exports)
        self.show_it.clicked.connect(self._show_it)
        self.markdown.clicked.connect(lambda: self.export_wanted.emit("markdown"))
        self.json.clicked.connect(lambda: self.export_wanted.emit("json"))
        self.close_button.clicked.connect(self.reject)

    def _line(self, name: str, placeholder: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setAccessibleName(name)
        line.setToolTip(name)
        line.setPlaceholderText(placeholder)
        return line

    def _fit(self) -> None:
        dials = self.side() is Role.CLIENT
        self.url.setVisible(dials)
        self.address.setVisible(not dials)
        self.say(
            self.tr(
                "Each fault gets a connection of its own, one after the other, and all of it is recorded."
            )
            if dials
            else self.tr(
                "Point a client at the address that is shown here; it has to connect again after each fault."
            )
        )

    def _show_exports(self) -> None:
        has_results = self._report is not None and bool(self._report.results)
        self.markdown.setEnabled(has_results)
        self.json.setEnabled(has_results)
        result = self._model.result(self.table.currentIndex().row())
        self.show_it.setEnabled(result is not None and result.connection is not None)

    def _show_it(self) -> None:
        """Lead to the frame of the chosen fault, or to its connection if no frame made it."""
        result = self._model.result(self.table.currentIndex().row())
        if result is None or result.connection is None:
            return
        frame = result.frame if result.frame is not None else result.answer
        if frame is None:
            self.connection_wanted.emit(result.connection)
        else:
            self.frame_wanted.emit(frame, result.connection)


class _MarkDelegate(QStyledItemDelegate):
    """Puts an icon before the preset: whether the RFC lets the peer do that."""

    def __init__(self, model: ProbeResultModel, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._icons = look.icons

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        result = self._model.result(index.row())
        if result is None or result.outcome is Outcome.SKIPPED:
            name, role = IconName.NOTE, ThemeRole.MUTED
        elif result.is_fine:
            name, role = IconName.SUCCESS, ThemeRole.SUCCESS
        else:
            name, role = IconName.ERROR, ThemeRole.ERROR
        # PySide's stubs do not know that these can be set.
        option.icon = self._icons.icon(name, role)
        option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
