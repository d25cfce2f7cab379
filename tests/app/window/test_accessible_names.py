"""What a screen reader would say: every part of the window that takes the keyboard has a name."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QTabBar, QWidget

from app.window.desktop import Desktop


def interface_of(widget: QWidget) -> QAccessibleInterface:
    interface = QAccessible.queryAccessibleInterface(widget)
    assert interface is not None
    return interface


def name_of(widget: QWidget) -> str:
    return interface_of(widget).text(QAccessible.Text.Name)


def with_keyboard(root: QWidget) -> Iterator[QWidget]:
    """All below `root` that the Tab key can reach."""
    for widget in root.findChildren(QWidget):
        reached = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
        if reached and widget.isEnabled() and widget.isVisible():
            yield widget


def test_all_that_takes_the_keyboard_has_a_name(desktop: Desktop) -> None:
    window = desktop.window
    window.tabs.set_current_tab("message")
    nameless = [
        f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"
        for widget in with_keyboard(window)
        if not isinstance(widget, QTabBar) and not name_of(widget)
    ]
    assert nameless == []


def test_the_saved_filters_button_has_a_name(desktop: Desktop) -> None:
    assert name_of(desktop.window.filter_bar.menu_button) == "Recent and saved filters"


def test_the_side_tabs_have_names_also_where_they_show_none(desktop: Desktop) -> None:
    sides = desktop.window.sides
    sides.resize(160, 300)
    assert sides.tabText(1) == ""
    bar = interface_of(sides.tabBar())
    names = [bar.child(at).text(QAccessible.Text.Name) for at in range(sides.count())]
    assert names == ["Connections", "Problems", "Marks", "Rules"]
