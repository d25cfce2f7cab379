"""The menu bar and the context menus, filled from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from app.actions.registry import ActionId, Actions

_SEPARATOR = None

_A = ActionId
_CAPTURE = (
    _A.NEW_CAPTURE, _A.OPEN_CAPTURE, _A.CAPTURES, _A.SHOW_LIVE, _A.SAVE_AS, _A.EXPORT, _SEPARATOR,
    _A.RECORD, _A.CLEAR, _A.CLEAR_CONNECTION, _SEPARATOR, _A.SETTINGS, _A.QUIT,
)  # fmt: skip
_ADD = (_A.ADD_LISTEN, _A.ADD_RELAY, _A.ADD_PROXY, _A.ADD_CONNECT)
_OF_SOURCE = (
    _A.TOGGLE_SOURCE, _A.EDIT_SOURCE, _A.DUPLICATE_SOURCE, _A.COPY_SOURCE_LINE, _SEPARATOR, _A.REMOVE_SOURCE,
)  # fmt: skip
_SOURCES = (
    _A.LISTEN, _A.FOCUS_ADDRESS, _A.OPEN_TEST_PAGE, _SEPARATOR, *_ADD, _SEPARATOR,
    *_OF_SOURCE, _SEPARATOR, _A.OPEN_BROWSER, _A.CERTIFICATES, _A.PROBE,
)  # fmt: skip
_CONNECTION = (
    _A.AUTO_REPLY, _A.TOLERANT, _A.ONLY_ORIGINS, _A.ALLOW_ORIGIN, _SEPARATOR,
    _A.SEND, _A.SEND_ALL, _A.SEND_HERE, _A.CHOOSE_TARGET, _SEPARATOR,
    _A.MESSAGES, _A.REPEAT, _A.SEND_SEQUENCE, _A.STOP_SENDING, _SEPARATOR, _A.CONNECT_LIKE, _A.DISCONNECT,
)  # fmt: skip
_OF_HELD = (
    _A.FORWARD_HELD, _A.DROP_HELD, _A.ANSWER_HELD, _A.FORWARD_ALL, _SEPARATOR, _A.STOP_HOLDING, _A.CLOSE_HELD,
)  # fmt: skip
_OF_RULE = (
    _A.TOGGLE_RULE, _A.EDIT_RULE, _A.DUPLICATE_RULE, _A.RULE_UP, _A.RULE_DOWN, _SEPARATOR, _A.REMOVE_RULE,
)  # fmt: skip
_RULES = (
    _A.INTERCEPT, _A.PASS_HEARTBEATS, _SEPARATOR, *_OF_HELD, _A.NEXT_HELD, _A.PREVIOUS_HELD, _SEPARATOR,
    _A.NEW_RULE, _A.RULE_OF_THIS, _SEPARATOR, *_OF_RULE, _SEPARATOR, _A.IMPORT_RULES, _A.EXPORT_RULES,
    _SEPARATOR, _A.SCRIPT,
)  # fmt: skip
_FRAMES = (
    _A.COPY_TEXT, _A.COPY_HEX, _A.COPY_BASE64, _A.COPY_JSON, _SEPARATOR,
    _A.EDIT_AND_RESEND, _A.EDIT_RAW, _SEPARATOR, _A.TOGGLE_MARK, _A.EDIT_NOTE, _A.REMOVE_MARKS, _SEPARATOR,
    _A.FOCUS_FILTER, _A.FOCUS_FIND, _A.APPLY_FILTER, _A.CLEAR_FILTER, _A.SAVE_FILTER,
)  # fmt: skip
_GO = (
    _A.GO_TOP, _A.GO_BOTTOM, _A.GO_TO, _SEPARATOR,
    _A.NEXT_VIOLATION, _A.PREVIOUS_VIOLATION, _A.NEXT_MARK, _A.PREVIOUS_MARK, _A.NEXT_HIT, _A.PREVIOUS_HIT, _SEPARATOR,
    _A.FOCUS_CONNECTIONS, _A.FOCUS_FRAMES, _A.FOCUS_DETAILS, _A.FOCUS_COMPOSER, _A.FOCUS_PROBLEMS, _A.FOCUS_MARKS,
    _A.FOCUS_SOURCES, _A.ALL_SOURCES, _A.FOCUS_RULES, _A.FOCUS_HELD,
)  # fmt: skip
_VIEW = (
    _A.FREEZE, _A.FOLLOW, _A.SHOW_CONTROL, _A.SHOW_HTTP, _A.TIME_FORMAT, _A.ONLY_CONNECTION, _SEPARATOR, _A.THEME,
)  # fmt: skip
_HELP = (
    _A.START_PAGE,
    _SEPARATOR,
    _A.SHORTCUTS,
    _A.FILTER_DOCS,
    _A.RULE_DOCS,
    _A.VIOLATION_DOCS,
    _A.DIAGNOSTICS,
    _A.ABOUT,
)


def fill_menu_bar(bar: QMenuBar, actions: Actions) -> QMenu:
    """Add all menus; gives the menu of columns, which is filled each time it opens."""
    translate = QCoreApplication.translate
    _add(bar, translate("Menus", "&Capture"), actions, _CAPTURE)
    _add(bar, translate("Menus", "&Sources"), actions, _SOURCES)
    _add(bar, translate("Menus", "C&onnection"), actions, _CONNECTION)
    _add(bar, translate("Menus", "&Frames"), actions, _FRAMES)
    _add(bar, translate("Menus", "&Rules"), actions, _RULES)
    _add(bar, translate("Menus", "&Go"), actions, _GO)
    view = _add(bar, translate("Menus", "&View"), actions, _VIEW)
    columns = view.addMenu(translate("Menus", "Col&umns"))
    _add(bar, translate("Menus", "&Help"), actions, _HELP)
    return columns


def frame_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu over a row of the frame table."""
    menu = QMenu(parent)
    _fill(
        menu,
        actions,
        (
            _A.COPY_TEXT, _A.COPY_HEX, _A.COPY_BASE64, _A.COPY_JSON, _SEPARATOR, _A.TOGGLE_MARK, _A.EDIT_NOTE,
            _SEPARATOR, _A.EDIT_AND_RESEND, _A.EDIT_RAW, _A.SEND_SEQUENCE,
            _SEPARATOR, _A.ONLY_CONNECTION, _A.SEND_HERE, _A.EXPORT, _SEPARATOR, _A.NEXT_VIOLATION,
            _SEPARATOR, _A.RULE_OF_THIS,
        ),
    )  # fmt: skip
    return menu


def add_source_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu of the kinds of sources."""
    menu = QMenu(parent)
    _fill(menu, actions, _ADD)
    return menu


def source_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu over the list of sources."""
    menu = QMenu(parent)
    _fill(menu, actions, (*_OF_SOURCE, _SEPARATOR, *_ADD))
    return menu


def rule_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu over the list of rules."""
    menu = QMenu(parent)
    _fill(menu, actions, (*_OF_RULE, _SEPARATOR, _A.NEW_RULE, _A.IMPORT_RULES, _A.EXPORT_RULES))
    return menu


def held_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu over the queue of what is held."""
    menu = QMenu(parent)
    _fill(menu, actions, (*_OF_HELD, _SEPARATOR, _A.PASS_HEARTBEATS))
    return menu


def mark_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu over the list of bookmarks."""
    menu = QMenu(parent)
    _fill(menu, actions, (_A.EDIT_NOTE, _A.TOGGLE_MARK, _SEPARATOR, _A.REMOVE_MARKS))
    return menu


def connection_menu(parent: QWidget, actions: Actions) -> QMenu:
    """The menu over the list of connections."""
    menu = QMenu(parent)
    _fill(
        menu,
        actions,
        (
            _A.SEND_HERE,
            _A.CONNECT_LIKE,
            _A.PROBE,
            _A.ALLOW_ORIGIN,
            _A.DISCONNECT,
            _SEPARATOR,
            _A.EXPORT,
            _A.CLEAR_CONNECTION,
            _SEPARATOR,
            _A.RULE_OF_THIS,
        ),
    )
    return menu


def _add(bar: QMenuBar, title: str, actions: Actions, entries: Sequence[ActionId | None]) -> QMenu:
    menu = bar.addMenu(title)
    _fill(menu, actions, entries)
    return menu


def _fill(menu: QMenu, actions: Actions, entries: Sequence[ActionId | None]) -> None:
    menu.setToolTipsVisible(True)
    for entry in entries:
        if entry is _SEPARATOR:
            menu.addSeparator()
        else:
            menu.addAction(actions[entry])
