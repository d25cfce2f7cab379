"""Menus that make a filter of what a cell says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMenu

from app.cell_terms import Joint, joined
from app.text import one_line

_SHOWN = 70
"""Characters of a term in a menu."""


def add_filters(menu: QMenu, terms: Sequence[str], line: str, apply: Callable[[str], None]) -> None:
    """A submenu for each way in which a term can come to the filter `line`; `apply` gets the filter that was chosen."""
    translate = QCoreApplication.translate
    titles = {
        Joint.ONLY: translate("CellMenu", "Filter: &only"),
        Joint.NOT: translate("CellMenu", "Filter: &not"),
        Joint.AND: translate("CellMenu", "Filter: an&d also"),
        Joint.OR: translate("CellMenu", "Filter: o&r also"),
    }
    for joint, title in titles.items():
        submenu = menu.addMenu(title)
        submenu.setEnabled(joint in (Joint.ONLY, Joint.NOT) or bool(line.strip()))
        for term in terms:
            action = submenu.addAction(menu_text(term))
            text = joined(joint, line, term)
            action.triggered.connect(lambda _checked=False, text=text: apply(text))


def menu_text(text: str) -> str:
    """A filter as it can stand in a menu: short, plain, and without keys."""
    shown = one_line(text)
    if len(shown) > _SHOWN:
        shown = f"{shown[: _SHOWN - 20]} … {shown[-17:]}"
    return shown.replace("&", "&&")
