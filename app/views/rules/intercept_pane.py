"""What is held: the queue at the left, the editor of what is chosen at the right, and what can be done below."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions.registry import ActionId, Actions
from app.logic.held_lines import HeldKind, HeldLine
from app.logic.text import counted, grouped
from app.look.look import Look
from app.models.held import HeldModel, Key
from app.views.rules.held_editor import Edit, HeldEditor
from app.views.rules.held_list import HeldList
from core.errors import PayloadError
from core.rules.verdict import Replacement

_DECISIONS = (ActionId.FORWARD_HELD, ActionId.DROP_HELD, ActionId.ANSWER_HELD)
_ABOUT_IT = (ActionId.STOP_HOLDING, ActionId.CLOSE_HELD)
_ROOMY = 150
"""Pixels of height from which on there is room for all controls."""
_MOST_EDITS = 200
"""Unfinished edits kept while the person looks at others."""


class InterceptPane(QWidget):
    """Shows a `HeldModel`, and keeps what was typed for each that waits."""

    chosen = Signal(object)
    """The key of what is chosen; None if nothing is held."""

    def __init__(self, model: HeldModel, actions: Actions, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._actions = actions
        self._edits: dict[Key, Edit] = {}
        self._total = 0
        self._gone: HeldLine | None = None
        """What is still in the editor although it has gone on, because the person was changing it."""
        self.list = HeldList(model, look)
        self.editor = HeldEditor(look)
        self.count = QLabel()
        self.count.setProperty("look", "title")
        self.facts = QLabel()
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setProperty("look", "muted")
        self.facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.empty = QLabel()
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setProperty("look", "muted")
        self._buttons: dict[ActionId, QToolButton] = {}
        self._arrange()
        self.list.chosen.connect(self._choose)
        self.list.entered.connect(self.editor.setFocus)
        self.list.drop_wanted.connect(actions[ActionId.DROP_HELD].trigger)
        self.editor.changed.connect(self._show_buttons)
        model.rowsInserted.connect(self._changed)
        model.rowsRemoved.connect(self._changed)
        model.dataChanged.connect(self._show_facts)
        actions[ActionId.INTERCEPT].toggled.connect(self._explain)
        self._explain()
        self._changed()

    @property
    def line(self) -> HeldLine | None:
        """What is chosen and still waits."""
        return None if self._gone is not None else self.editor.line

    def replacement(self) -> Replacement | None:
        """What is to go on in place of the chosen one; None if it was not changed. Raises PayloadError."""
        return self.editor.replacement()

    def show_total(self, total: int) -> None:
        """Say how many wait, of which the model has the oldest."""
        self._total = total
        self._show_count()

    def forget_edit(self, key: Key) -> None:
        """It was decided about: what was typed for it is of no more use."""
        self._edits.pop(key, None)
        line = self.editor.line
        if line is not None and line.key == key:
            self.editor.show_line(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # In a low pane, the message itself needs the room.
        self.editor.show_controls(shown=event.size().height() >= _ROOMY)

    # Internals.

    def _arrange(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(11, 4, 6, 4)
        bar.setSpacing(2)
        bar.addWidget(self.count)
        bar.addStretch(1)
        for identity in (ActionId.PASS_HEARTBEATS, ActionId.FORWARD_ALL):
            bar.addWidget(self._button(identity, words=False))
        column.addLayout(bar)
        column.addWidget(self.list, 1)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(10, 3, 10, 8)
        column.setSpacing(4)
        above = QHBoxLayout()
        above.setSpacing(4)
        above.addWidget(self.facts, 1)
        for identity in _ABOUT_IT:
            above.addWidget(self._button(identity, words=True))
        column.addLayout(above)
        column.addWidget(self.editor, 1)
        below = QHBoxLayout()
        below.setSpacing(4)
        for identity in _DECISIONS:
            below.addWidget(self._button(identity, words=True))
        below.addStretch(1)
        column.addLayout(below)
        forward = self._buttons[ActionId.FORWARD_HELD]
        forward.setProperty("look", "primary")
        forward.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setObjectName("held")
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(5)
        self.split.addWidget(left)
        self.split.addWidget(right)
        self.split.setStretchFactor(1, 1)
        self.split.setSizes([300, 500])
        left.setMinimumWidth(170)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.split)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)

    def _button(self, identity: ActionId, *, words: bool) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self._actions[identity])
        button.setIconSize(QSize(15, 15))
        if words:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._buttons[identity] = button
        return button

    def _choose(self, key: Key | None) -> None:
        gone, self._gone = self._gone, None
        before = self.editor.line if gone is None else None
        if before is not None and before.key == key:
            return
        if before is not None and self._model.is_waiting(before.key):
            self._keep_edit(before)
        elif before is not None and self.editor.edit() is not None:
            # It went while the person was changing it: that is not to be lost.
            self._gone = before
            self.editor.say(
                self.tr("This one has gone on unchanged: its time was up, or its connection is over. What you wrote "
                        "stays here until you choose another."),
                "warning",
            )  # fmt: skip
            self._show_buttons()
            self.chosen.emit(None)
            return
        line = None if key is None else self._model.line(self._model.row_of(key))
        self.editor.show_line(line, None if key is None else self._edits.get(key))
        self._show_facts()
        self._show_buttons()
        self.chosen.emit(key)

    def _keep_edit(self, line: HeldLine) -> None:
        edit = self.editor.edit()
        if edit is None:
            self._edits.pop(line.key, None)
        elif len(self._edits) < _MOST_EDITS:
            self._edits[line.key] = edit

    def _changed(self) -> None:
        waiting = {line.key for line in self._model.lines}
        self._edits = {key: edit for key, edit in self._edits.items() if key in waiting}
        count = self._model.rowCount()
        self._show_count()
        shows = bool(count) or self._gone is not None
        self._pages.setCurrentIndex(1 if shows else 0)
        self.setFocusProxy(self.list if shows else self.empty)
        self._show_facts()
        self._show_buttons()

    def _show_count(self) -> None:
        listed = self._model.rowCount()
        text = counted(max(self._total, listed), self.tr("1 held"), self.tr("{count} held"))
        if listed < self._total:
            text += self.tr(", the oldest {0} listed").format(grouped(listed))
        self.count.setText(text)

    def _show_facts(self) -> None:
        line = self.editor.line
        if line is None:
            self.facts.setText("")
            return
        known = self._model.line(self._model.row_of(line.key))
        if known is None:
            return
        text = self.tr("goes on unchanged in {left} · {how} · {where}")
        model = self._model
        self.facts.setText(
            text.format(left=model.left(known), how=model.how(known), where=model.where(known))
        )

    def _show_buttons(self) -> None:
        line = self.line
        try:
            changed = line is not None and self.editor.replacement() is not None
            sendable = line is not None
        except PayloadError:
            changed = sendable = False
        can_be_answered = line is not None and line.kind is not HeldKind.RESPONSE
        actions = self._actions
        actions[ActionId.FORWARD_HELD].setEnabled(sendable)
        actions[ActionId.FORWARD_HELD].setIconText(
            self.tr("Forward changed") if changed else self.tr("Forward")
        )
        actions[ActionId.DROP_HELD].setEnabled(line is not None)
        actions[ActionId.ANSWER_HELD].setEnabled(can_be_answered and sendable)
        for identity in _ABOUT_IT:
            actions[identity].setEnabled(line is not None)
        for identity in (ActionId.FORWARD_ALL, ActionId.NEXT_HELD, ActionId.PREVIOUS_HELD):
            actions[identity].setEnabled(self._model.rowCount() > 0)

    def _explain(self) -> None:
        keys = self._actions[ActionId.INTERCEPT].shortcut().toString()
        if self._actions[ActionId.INTERCEPT].isChecked():
            text = self.tr(
                "Nothing is held at the moment.\n\nWhat the intercept rules name waits here for you."
            )
        else:
            text = self.tr(
                "Nothing is held.\n\nSwitch on Intercept ({keys}) to have messages wait here, where you can change, "
                "drop or answer them before they go on."
            ).format(keys=keys)
        self.empty.setText(text)
