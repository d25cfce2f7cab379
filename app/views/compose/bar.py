"""The row above the editor: to whom, what, in how many frames, and the button that sends it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from app.logic.compose import ComposeKind
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.compose.kinds import kind_names
from app.views.compose.target_box import TargetBox
from core.protocol.deflate import DeflateParameters
from core.protocol.outgoing import Compression
from core.protocol.state import Role, peer_of

MAX_FRAGMENTS = 10_000
_NARROW = 96
"""Width of a box on a small screen, in pixels."""
_SPACE = 8


class ComposeBar(QWidget):
    """What is set beside the text of a message."""

    kind_chosen = Signal()
    cut_changed = Signal()
    """Another number of frames."""
    side_chosen = Signal()
    """The other side of a relayed connection."""

    def __init__(self, targets: TargetBox, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = look.icons
        self._targets = targets
        self._make_controls()
        self._arrange(targets)
        self.kinds.currentIndexChanged.connect(self.kind_chosen)
        self.fragments.valueChanged.connect(self._name_frames)
        self.fragments.valueChanged.connect(self.cut_changed)
        self.sides.currentIndexChanged.connect(self.side_chosen)
        look.theme.changed.connect(self._restyle)
        self._name_frames()
        self._restyle()

    def kind(self) -> ComposeKind:
        """What is being composed."""
        kind: ComposeKind = self.kinds.currentData()
        return kind

    def set_kind(self, kind: ComposeKind) -> None:
        """Choose what to compose."""
        self.kinds.setCurrentIndex(self.kinds.findData(kind))

    def side(self) -> Role | None:
        """The side of a relayed connection that gets it; None where the target has one side alone."""
        side: Role = self.sides.currentData()
        return None if self.sides.isHidden() else side

    @property
    def sending_side(self) -> tuple[Role, DeflateParameters | None]:
        """The side in whose place Unmask sends, and the compression agreed on with the receiver."""
        sender, deflate = self._targets.sending_side
        side = self.side()
        return (sender if side is None else peer_of(side)), deflate

    def offer_sides(self, *, offered: bool) -> None:
        """Let the person choose a side, as the target is relayed."""
        self.sides.setVisible(offered)

    def compression(self) -> Compression:
        """Whether the message is compressed where that was negotiated."""
        return Compression.AS_NEGOTIATED if self.compress.isChecked() else Compression.NEVER

    def fit(self) -> None:
        """Show the controls that the kind has a use for."""
        for control in (self.fragments, self.compress):
            control.setVisible(self.kind().is_message)

    def allow_compression(self, *, is_negotiated: bool) -> None:
        """Enable compressing, or say why there is none."""
        self.compress.setEnabled(is_negotiated)
        self.compress.setToolTip(
            self.tr("Compress with permessage-deflate where it was negotiated")
            if is_negotiated
            else self.tr("This connection did not negotiate permessage-deflate")
        )

    def _make_controls(self) -> None:
        self.sides = QComboBox(self)
        self.sides.setAccessibleName(self.tr("Side"))
        self.sides.setToolTip(self.tr("Which side of the relayed connection gets it"))
        self.sides.addItem(self.tr("its client"), Role.CLIENT)
        self.sides.addItem(self.tr("its server"), Role.SERVER)
        self.sides.hide()
        self.kinds = QComboBox(self)
        self.kinds.setAccessibleName(self.tr("Kind"))
        self.kinds.setToolTip(self.tr("What is sent"))
        self.kinds.setMinimumWidth(_NARROW)
        for kind, text in kind_names().items():
            self.kinds.addItem(text, kind)
        self.fragments = QSpinBox(self)
        self.fragments.setRange(1, MAX_FRAGMENTS)
        # A style sheet's padding does not apply to the editor inside.
        self.fragments.lineEdit().setTextMargins(6, 0, 0, 0)
        self.fragments.setAccessibleName(self.tr("Frames"))
        self.fragments.setToolTip(self.tr("Cut the message into this many frames"))
        self.compress = QCheckBox(self.tr("Compress"), self)
        self.compress.setChecked(True)
        self.amount = QLabel(self)
        self.amount.setTextFormat(Qt.TextFormat.PlainText)
        self.amount.setProperty("look", "muted")
        self.send_button = QPushButton(self.tr("Send"), self)
        self.send_button.setProperty("look", "primary")

    def _arrange(self, targets: TargetBox) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_SPACE)
        # The target gets most of the room, because it must not be mistaken.
        row.addWidget(targets, 1)
        row.addWidget(self.sides)
        row.addWidget(self.kinds)
        row.addWidget(self.fragments)
        row.addWidget(self.compress)
        row.addSpacing(6)
        row.addStretch()
        row.addWidget(self.amount)
        row.addWidget(self.send_button)

    def _name_frames(self) -> None:
        one = self.fragments.value() == 1
        self.fragments.setSuffix(self.tr(" frame") if one else self.tr(" frames"))

    def _restyle(self) -> None:
        self.send_button.setIcon(self._icons.icon(IconName.SEND, ThemeRole.ON_ACCENT))
