from __future__ import annotations

from collections import Counter
from pathlib import Path

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.actions.registry import ActionId, Actions, specs
from app.dialogs.shortcuts_dialog import ShortcutsDialog
from app.look.look import Look
from app.window.desktop import Desktop
from tests.tools.qt import dispose


def test_every_action_has_words_and_a_shortcut() -> None:
    for spec in specs():
        assert spec.text, spec.id
        assert spec.tooltip, spec.id
        assert not QKeySequence(spec.shortcut).isEmpty(), spec.id
        assert "<" not in spec.tooltip, spec.id
    assert {spec.id for spec in specs()} == set(ActionId)


def test_no_two_shortcuts_are_the_same() -> None:
    keys = Counter(QKeySequence(spec.shortcut).toString() for spec in specs())
    assert [key for key, count in keys.items() if count > 1] == []


def test_no_shortcut_of_the_window_is_ambiguous(desktop: Desktop) -> None:
    """Shortcuts of the detail views and the composer count too."""
    own = {spec.shortcut for spec in specs()}
    registered = {action for action in desktop.window.findChildren(QAction) if action.objectName()}
    for action in desktop.window.findChildren(QAction):
        if action not in registered and not action.shortcut().isEmpty():
            assert action.shortcut().toString() not in own, action.text()


def test_every_action_is_in_a_menu(desktop: Desktop) -> None:
    shown = {action for menu in desktop.window.findChildren(QMenu) for action in menu.actions()}
    for identity in ActionId:
        assert desktop.window.actions_[identity] in shown, identity


def test_every_action_does_something(desktop: Desktop) -> None:
    for identity in ActionId:
        action = desktop.window.actions_[identity]
        receivers = action.receivers("2triggered(bool)") + action.receivers("2toggled(bool)")
        assert receivers > 0, identity


def test_pointing_at_an_action_leaves_the_status_bar_as_it_is(desktop: Desktop) -> None:
    window = desktop.window
    for identity in ActionId:
        window.actions_[identity].showStatusText(window)
        assert window.status.currentMessage() == "", identity
    menus = [menu for menu in window.menuBar().findChildren(QMenu) if menu.title() and menu.actions()]
    assert menus
    assert all(menu.toolTipsVisible() for menu in menus)


def test_tooltips_name_the_keys(qtbot: object, look: Look) -> None:
    del qtbot
    window = QWidget()
    actions = Actions(window, look)
    assert "F5" in actions[ActionId.LISTEN].toolTip()
    assert not actions[ActionId.LISTEN].icon().isNull()
    dialog = ShortcutsDialog(actions, window)
    assert dialog.table.rowCount() >= len(ActionId)
    dispose(window)


def test_the_registry_is_the_only_place_with_shortcuts() -> None:
    """The window's own modules make no action and no shortcut beside the registry's."""
    folder = Path(__file__).resolve().parents[3] / "app"
    for name in (
        *("window/main_window", "actions/menus", "sources/listening", "frames/selection"),
        *("captures/commands", "views/bars/tool_bar"),
    ):
        source = (folder / f"{name}.py").read_text("utf-8")
        assert "QAction(" not in source, name
        assert "QShortcut(" not in source, name
