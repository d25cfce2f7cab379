"""Texts of the actions on rules, and on what they hold."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.actions.ids import ActionId, ActionKind, ActionSpec
from app.look.icons import IconName

_ID, _I = ActionId, IconName


def rule_specs() -> tuple[ActionSpec, ...]:
    """The actions, in the order of lists."""
    translate = QCoreApplication.translate
    return (
        *_held_specs(),
        ActionSpec(
            _ID.FOCUS_RULES,
            translate("Actions", "Go to r&ules"),
            "Ctrl+8",
            translate("Actions", "Put the keyboard on the list of rules"),
            _I.RULE,
        ),
        ActionSpec(
            _ID.NEW_RULE,
            translate("Actions", "&New rule…"),
            "Ctrl+U",
            translate("Actions", "Write a rule: when something happens, what is done"),
            _I.ADD,
        ),
        ActionSpec(
            _ID.RULE_OF_THIS,
            translate("Actions", "&Make a rule of this…"),
            "Ctrl+Shift+U",
            translate(
                "Actions", "Begin a rule for messages like the selected one, or connections like this one"
            ),
            _I.RULE,
        ),
        ActionSpec(
            _ID.EDIT_RULE,
            translate("Actions", "&Edit the rule…"),
            "Ctrl+Alt+M",
            translate("Actions", "Change the chosen rule (Enter in its list)"),
            _I.EDIT,
        ),
        ActionSpec(
            _ID.TOGGLE_RULE,
            translate("Actions", "Rule &on or off"),
            "Ctrl+Alt+W",
            translate("Actions", "Switch the chosen rule on or off (Space in its list)"),
            _I.SUCCESS,
        ),
        ActionSpec(
            _ID.DUPLICATE_RULE,
            translate("Actions", "D&uplicate the rule…"),
            "Ctrl+Alt+Y",
            translate("Actions", "Write a rule like the chosen one"),
            _I.COPY,
        ),
        ActionSpec(
            _ID.RULE_UP,
            translate("Actions", "Move the rule u&p"),
            "Alt+Shift+Up",
            translate("Actions", "Have the chosen rule asked before the one above it"),
            _I.UP,
        ),
        ActionSpec(
            _ID.RULE_DOWN,
            translate("Actions", "Move the rule &down"),
            "Alt+Shift+Down",
            translate("Actions", "Have the chosen rule asked after the one below it"),
            _I.DOWN,
        ),
        ActionSpec(
            _ID.REMOVE_RULE,
            translate("Actions", "&Remove the rule"),
            "Ctrl+Alt+X",
            translate("Actions", "Forget the chosen rule (Delete in its list)"),
            _I.CLEAR,
        ),
        ActionSpec(
            _ID.RULE_DOCS,
            translate("Actions", "How &rules are written"),
            "Ctrl+Alt+J",
            translate("Actions", "Moments, actions and templates of rules, with examples"),
            _I.BOOK,
        ),
        ActionSpec(
            _ID.IMPORT_RULES,
            translate("Actions", "&Import rules…"),
            "Ctrl+Alt+I",
            translate("Actions", "Add the rules of a file to the list, switched off"),
            _I.IMPORT,
        ),
        ActionSpec(
            _ID.EXPORT_RULES,
            translate("Actions", "E&xport rules…"),
            "Ctrl+Alt+S",
            translate("Actions", "Write the rules to a file, which unmask --rules takes too"),
            _I.EXPORT,
        ),
    )


def _held_specs() -> tuple[ActionSpec, ...]:
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.INTERCEPT,
            translate("Actions", "&Intercept"),
            "Ctrl+I",
            translate("Actions", "Hold what the intercept rules name until you decide about it"),
            _I.INTERCEPT,
            ActionKind.SWITCH,
        ),
        ActionSpec(
            _ID.PASS_HEARTBEATS,
            translate("Actions", "Let hear&tbeats pass"),
            "Ctrl+Alt+P",
            translate("Actions", "Never hold the pings that protocols above WebSocket send as messages"),
            _I.HEARTBEAT,
            ActionKind.SWITCH,
            short=translate("Actions", "Heartbeats"),
        ),
        ActionSpec(
            _ID.FOCUS_HELD,
            translate("Actions", "&Go to what is held"),
            "Ctrl+9",
            translate("Actions", "Put the keyboard on the queue of what waits for you"),
            _I.INTERCEPT,
        ),
        ActionSpec(
            _ID.NEXT_HELD,
            translate("Actions", "Next one &held"),
            "Alt+Down",
            translate("Actions", "Go to the next one that waits"),
            _I.NEXT,
        ),
        ActionSpec(
            _ID.PREVIOUS_HELD,
            translate("Actions", "Pre&vious one held"),
            "Alt+Up",
            translate("Actions", "Go to the one before that waits"),
            _I.PREVIOUS,
        ),
        ActionSpec(
            _ID.FORWARD_HELD,
            translate("Actions", "&Forward"),
            "F11",
            translate("Actions", "Let the chosen one go on, with your changes if you made any"),
            _I.FORWARD,
        ),
        ActionSpec(
            _ID.FORWARD_ALL,
            translate("Actions", "Forward &all"),
            "Shift+F11",
            translate("Actions", "Let everything that is held go on unchanged"),
            _I.FORWARD_ALL,
        ),
        ActionSpec(
            _ID.DROP_HELD,
            translate("Actions", "Dro&p"),
            "F12",
            translate("Actions", "Let the chosen one not go on; its row stays and says so"),
            _I.DROP,
        ),
        ActionSpec(
            _ID.ANSWER_HELD,
            translate("Actions", "An&swer instead"),
            "Shift+F12",
            translate("Actions", "Drop the chosen one, and send what the editor holds back to its sender"),
            _I.ANSWER,
        ),
        ActionSpec(
            _ID.STOP_HOLDING,
            translate("Actions", "Stop intercepting &here"),
            "Ctrl+F11",
            translate(
                "Actions", "Switch off the rule that holds the chosen one, and let what it holds go on"
            ),
            _I.INTERCEPT_OFF,
            short=translate("Actions", "Stop here"),
        ),
        ActionSpec(
            _ID.CLOSE_HELD,
            translate("Actions", "&Close this connection"),
            "Ctrl+F12",
            translate("Actions", "Cut the connection of the chosen one; what is held of it does not go on"),
            _I.DISCONNECT,
            short=translate("Actions", "Close"),
        ),
    )
