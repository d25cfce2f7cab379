"""Names of all actions, and the value that describes one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from app.look.icons import IconName


class ActionId(Enum):
    """Everything that can be done from a menu, a button or the keyboard."""

    ADD_LISTEN = auto()
    ADD_RELAY = auto()
    ADD_PROXY = auto()
    ADD_CONNECT = auto()
    CONNECT_LIKE = auto()
    TOGGLE_SOURCE = auto()
    EDIT_SOURCE = auto()
    DUPLICATE_SOURCE = auto()
    REMOVE_SOURCE = auto()
    COPY_SOURCE_LINE = auto()
    ALL_SOURCES = auto()
    FOCUS_SOURCES = auto()
    SHOW_HTTP = auto()
    OPEN_BROWSER = auto()
    CERTIFICATES = auto()
    PROBE = auto()
    START_PAGE = auto()
    LISTEN = auto()
    FOCUS_ADDRESS = auto()
    OPEN_TEST_PAGE = auto()
    AUTO_REPLY = auto()
    TOLERANT = auto()
    ONLY_ORIGINS = auto()
    ALLOW_ORIGIN = auto()
    DISCONNECT = auto()
    NEW_CAPTURE = auto()
    OPEN_CAPTURE = auto()
    CAPTURES = auto()
    SHOW_LIVE = auto()
    SAVE_AS = auto()
    EXPORT = auto()
    QUIT = auto()
    RECORD = auto()
    CLEAR = auto()
    CLEAR_CONNECTION = auto()
    FREEZE = auto()
    FOLLOW = auto()
    SHOW_CONTROL = auto()
    TIME_FORMAT = auto()
    GO_TOP = auto()
    GO_BOTTOM = auto()
    NEXT_VIOLATION = auto()
    PREVIOUS_VIOLATION = auto()
    GO_TO = auto()
    TOGGLE_MARK = auto()
    EDIT_NOTE = auto()
    NEXT_MARK = auto()
    PREVIOUS_MARK = auto()
    REMOVE_MARKS = auto()
    FOCUS_FILTER = auto()
    FOCUS_FIND = auto()
    APPLY_FILTER = auto()
    CLEAR_FILTER = auto()
    SAVE_FILTER = auto()
    NEXT_HIT = auto()
    PREVIOUS_HIT = auto()
    COPY_TEXT = auto()
    COPY_HEX = auto()
    COPY_BASE64 = auto()
    COPY_JSON = auto()
    FOCUS_CONNECTIONS = auto()
    FOCUS_FRAMES = auto()
    FOCUS_DETAILS = auto()
    FOCUS_COMPOSER = auto()
    FOCUS_PROBLEMS = auto()
    FOCUS_MARKS = auto()
    SEND = auto()
    SEND_ALL = auto()
    SEND_HERE = auto()
    CHOOSE_TARGET = auto()
    EDIT_AND_RESEND = auto()
    EDIT_RAW = auto()
    REPEAT = auto()
    SEND_SEQUENCE = auto()
    STOP_SENDING = auto()
    MESSAGES = auto()
    ONLY_CONNECTION = auto()
    SCRIPT = auto()
    INTERCEPT = auto()
    PASS_HEARTBEATS = auto()
    FOCUS_HELD = auto()
    NEXT_HELD = auto()
    PREVIOUS_HELD = auto()
    FORWARD_HELD = auto()
    FORWARD_ALL = auto()
    DROP_HELD = auto()
    ANSWER_HELD = auto()
    STOP_HOLDING = auto()
    CLOSE_HELD = auto()
    FOCUS_RULES = auto()
    NEW_RULE = auto()
    RULE_OF_THIS = auto()
    EDIT_RULE = auto()
    TOGGLE_RULE = auto()
    DUPLICATE_RULE = auto()
    RULE_UP = auto()
    RULE_DOWN = auto()
    REMOVE_RULE = auto()
    IMPORT_RULES = auto()
    EXPORT_RULES = auto()
    THEME = auto()
    SETTINGS = auto()
    SHORTCUTS = auto()
    FILTER_DOCS = auto()
    RULE_DOCS = auto()
    VIOLATION_DOCS = auto()
    DIAGNOSTICS = auto()
    ABOUT = auto()


OF_LIVE_CAPTURE = (
    ActionId.SAVE_AS, ActionId.CLEAR, ActionId.CLEAR_CONNECTION, ActionId.RECORD, ActionId.DISCONNECT,
    ActionId.FOCUS_COMPOSER, ActionId.SEND,
    ActionId.SEND_ALL, ActionId.SEND_HERE, ActionId.CHOOSE_TARGET, ActionId.EDIT_AND_RESEND, ActionId.EDIT_RAW,
    ActionId.REPEAT, ActionId.SEND_SEQUENCE, ActionId.STOP_SENDING, ActionId.MESSAGES, ActionId.PROBE,
)  # fmt: skip
"""Actions that are not possible with an old capture."""


class ActionKind(Enum):
    """Whether an action is triggered, or is switched on and off."""

    PUSH = auto()
    SWITCH = auto()


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """The texts, icon and key of one action."""

    id: ActionId
    text: str
    shortcut: str
    tooltip: str
    icon: IconName
    kind: ActionKind = ActionKind.PUSH
    short: str = ""
    """The word on its button, if the text is too long for one."""
