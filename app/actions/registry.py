"""The registry of actions: those of `app.actions.specs`, as `QAction`s of a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.actions.ids import ActionId as ActionId
from app.actions.ids import ActionKind, ActionSpec
from app.actions.specs import specs as specs
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole


class Actions(QObject):
    """The `QAction` of every spec, owned by `window`; icons follow the theme."""

    def __init__(self, window: QWidget, look: Look) -> None:
        super().__init__(window)
        self._icons = look.icons
        self._actions: dict[ActionId, QAction] = {}
        self._icon_names: dict[ActionId, IconName] = {}
        for spec in specs():
            self._actions[spec.id] = self._make(spec)
            self._icon_names[spec.id] = spec.icon
        window.addActions(list(self._actions.values()))
        self._tint()
        look.theme.changed.connect(self._tint)

    def __getitem__(self, action: ActionId) -> QAction:
        return self._actions[action]

    def __iter__(self) -> Iterator[ActionId]:
        return iter(self._actions)

    def connect_each(self, slots: Mapping[ActionId, Callable[[], object]]) -> None:
        """Calls the slot of each action whenever that is triggered."""
        for identity, slot in slots.items():
            # `triggered` hands over a flag that no slot wants.
            self._actions[identity].triggered.connect(lambda _checked=False, slot=slot: slot())

    def set_look(self, action: ActionId, text: str, short: str, icon: IconName, tooltip: str) -> None:
        """Change words and icon of an action whose meaning alternates, such as start and stop."""
        self._icon_names[action] = icon
        self._set_words(self._actions[action], text, short, tooltip)
        self._tint_one(action)

    def _make(self, spec: ActionSpec) -> QAction:
        action = QAction(self)
        action.setObjectName(spec.id.name)
        action.setShortcut(QKeySequence(spec.shortcut))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setCheckable(spec.kind is ActionKind.SWITCH)
        self._set_words(action, spec.text, spec.short, spec.tooltip)
        return action

    @staticmethod
    def _set_words(action: QAction, text: str, short: str, tooltip: str) -> None:
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setText(text)
        action.setIconText(short or plain_text(text))
        # No status tip: hovering would put it over the address and the counters.
        action.setWhatsThis(tooltip)
        action.setToolTip(f"{tooltip} ({keys})")

    def _tint(self) -> None:
        for identity in self._actions:
            self._tint_one(identity)

    def _tint_one(self, identity: ActionId) -> None:
        role = ThemeRole.ON_ACCENT if self._icon_names[identity] is IconName.START else ThemeRole.TEXT
        action = self._actions[identity]
        on = ThemeRole.ACCENT if action.isCheckable() else None
        action.setIcon(self._icons.icon(self._icon_names[identity], role, on=on))


def plain_text(text: str) -> str:
    """The text of an action without its mnemonic and its dots."""
    return text.replace("&", "").rstrip("…")
