"""Texts of all actions: text, shortcut, tooltip and icon."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.actions.frame_specs import frame_specs
from app.actions.ids import ActionId, ActionKind, ActionSpec
from app.actions.rule_specs import rule_specs
from app.actions.script_specs import script_specs
from app.actions.sending_specs import sending_specs
from app.actions.source_specs import source_specs
from app.look.icons import IconName

_ID, _I = ActionId, IconName


def specs() -> tuple[ActionSpec, ...]:
    """Every action, in the order of lists."""
    translate = QCoreApplication.translate
    return (
        *source_specs(),
        *script_specs(),
        *rule_specs(),
        *sending_specs(),
        ActionSpec(
            _ID.LISTEN,
            translate("Actions", "Start &listening"),
            "F5",
            translate("Actions", "Accept WebSocket clients on the address beside this button"),
            _I.START,
            short=translate("Actions", "Listen"),
        ),
        ActionSpec(
            _ID.FOCUS_ADDRESS,
            translate("Actions", "&Address"),
            "Ctrl+L",
            translate("Actions", "Go to the address to listen on"),
            _I.CONNECTIONS,
        ),
        ActionSpec(
            _ID.OPEN_TEST_PAGE,
            translate("Actions", "Open &test page"),
            "Ctrl+T",
            translate("Actions", "Open the built-in client in your web browser"),
            _I.PAGE,
            short=translate("Actions", "Test page"),
        ),
        ActionSpec(
            _ID.AUTO_REPLY,
            translate("Actions", "&Echo"),
            "Ctrl+E",
            translate("Actions", "Answer every message with the same message"),
            _I.ECHO,
            ActionKind.SWITCH,
        ),
        ActionSpec(
            _ID.TOLERANT,
            translate("Actions", "&Tolerant"),
            "Ctrl+Shift+T",
            translate(
                "Actions", "Carry on after a broken rule where possible, instead of failing the connection"
            ),
            _I.TOLERANT,
            ActionKind.SWITCH,
        ),
        ActionSpec(
            _ID.ONLY_ORIGINS,
            translate("Actions", "Only allowed o&rigins"),
            "Ctrl+Shift+O",
            translate("Actions", "Refuse web pages whose Origin is not on the list in the settings"),
            _I.ORIGINS,
            ActionKind.SWITCH,
            short=translate("Actions", "Origins"),
        ),
        ActionSpec(
            _ID.ALLOW_ORIGIN,
            translate("Actions", "&Allow this origin"),
            "Ctrl+Shift+A",
            translate(
                "Actions", "Put the selected connection's Origin on the list of those that may connect"
            ),
            _I.ORIGINS,
        ),
        ActionSpec(
            _ID.DISCONNECT,
            translate("Actions", "&Disconnect peer"),
            "Ctrl+Shift+D",
            translate("Actions", "Cut the selected connection's TCP stream, without a closing handshake"),
            _I.DISCONNECT,
        ),
        ActionSpec(
            _ID.NEW_CAPTURE,
            translate("Actions", "&New capture"),
            "Ctrl+N",
            translate("Actions", "Start an empty capture; the present one can be saved first"),
            _I.NEW,
        ),
        ActionSpec(
            _ID.OPEN_CAPTURE,
            translate("Actions", "&Open capture…"),
            "Ctrl+O",
            translate("Actions", "Look at a saved capture"),
            _I.OPEN,
        ),
        ActionSpec(
            _ID.CAPTURES,
            translate("Actions", "Recent and reco&vered…"),
            "Ctrl+Alt+O",
            translate(
                "Actions", "Captures never saved, and those opened or saved lately, with what is in each"
            ),
            _I.HISTORY,
        ),
        ActionSpec(
            _ID.SHOW_LIVE,
            translate("Actions", "Back to the &live capture"),
            "Ctrl+Shift+L",
            translate("Actions", "Look at what is being recorded now"),
            _I.RECORD,
        ),
        ActionSpec(
            _ID.SAVE_AS,
            translate("Actions", "&Save as…"),
            "Ctrl+S",
            translate("Actions", "Save the capture to a file"),
            _I.SAVE,
        ),
        ActionSpec(
            _ID.EXPORT,
            translate("Actions", "&Export…"),
            "Ctrl+Shift+E",
            translate("Actions", "Write the capture, or a part of it, in another format"),
            _I.EXPORT,
        ),
        ActionSpec(
            _ID.QUIT,
            translate("Actions", "&Quit"),
            "Ctrl+Q",
            translate("Actions", "Stop listening and close the window"),
            _I.QUIT,
        ),
        ActionSpec(
            _ID.RECORD,
            translate("Actions", "&Record"),
            "F8",
            translate("Actions", "Write frames to the capture; off, they pass unrecorded"),
            _I.RECORD,
            ActionKind.SWITCH,
        ),
        ActionSpec(
            _ID.CLEAR,
            translate("Actions", "&Clear"),
            "Ctrl+Shift+Del",
            translate("Actions", "Remove all frames and closed connections from the capture"),
            _I.CLEAR,
        ),
        ActionSpec(
            _ID.CLEAR_CONNECTION,
            translate("Actions", "C&lear this connection"),
            "Ctrl+Shift+Backspace",
            translate("Actions", "Remove the frames of the selected connection from the capture, no others"),
            _I.CLEAR,
        ),
        *frame_specs(),
        ActionSpec(
            _ID.FOCUS_CONNECTIONS,
            translate("Actions", "Go to &connections"),
            "Ctrl+1",
            translate("Actions", "Put the keyboard on the list of connections"),
            _I.CONNECTIONS,
        ),
        ActionSpec(
            _ID.FOCUS_FRAMES,
            translate("Actions", "Go to &frames"),
            "Ctrl+2",
            translate("Actions", "Put the keyboard on the list of frames"),
            _I.FRAMES,
        ),
        ActionSpec(
            _ID.FOCUS_DETAILS,
            translate("Actions", "Go to &details"),
            "Ctrl+3",
            translate("Actions", "Put the keyboard on the details of the selected frame"),
            _I.DETAILS,
        ),
        ActionSpec(
            _ID.FOCUS_COMPOSER,
            translate("Actions", "Go to the com&poser"),
            "Ctrl+4",
            translate("Actions", "Put the keyboard on the message to send"),
            _I.COMPOSER,
        ),
        ActionSpec(
            _ID.FOCUS_PROBLEMS,
            translate("Actions", "Go to &problems"),
            "Ctrl+5",
            translate("Actions", "Put the keyboard on the list of broken rules"),
            _I.WARNING,
        ),
        ActionSpec(
            _ID.FOCUS_MARKS,
            translate("Actions", "Go to &bookmarks"),
            "Ctrl+6",
            translate("Actions", "Put the keyboard on the list of bookmarks"),
            _I.BOOKMARK,
        ),
        ActionSpec(
            _ID.SEND,
            translate("Actions", "&Send"),
            "Ctrl+Return",
            translate("Actions", "Send what the composer holds to where it says"),
            _I.SEND,
        ),
        ActionSpec(
            _ID.SEND_ALL,
            translate("Actions", "Send to &all"),
            "Ctrl+Shift+Return",
            translate(
                "Actions",
                "Send what the composer holds to every open connection; asks where they are several",
            ),
            _I.SEND_ALL,
        ),
        ActionSpec(
            _ID.SEND_HERE,
            translate("Actions", "&Write to this connection"),
            "Ctrl+R",
            translate("Actions", "Have the composer send to the selected connection"),
            _I.COMPOSER,
        ),
        ActionSpec(
            _ID.CHOOSE_TARGET,
            translate("Actions", "C&hoose where to send…"),
            "Ctrl+Shift+R",
            translate("Actions", "List all open connections, to choose to which the composer sends"),
            _I.CONNECTIONS,
        ),
        ActionSpec(
            _ID.ONLY_CONNECTION,
            translate("Actions", "Only this co&nnection"),
            "Ctrl+D",
            translate("Actions", "Show the frames of the selected frame's connection only, or of all again"),
            _I.CONNECTIONS,
        ),
        ActionSpec(
            _ID.THEME,
            translate("Actions", "Light or dar&k"),
            "Ctrl+Shift+M",
            translate("Actions", "Switch between the light and the dark look"),
            _I.THEME,
        ),
        ActionSpec(
            _ID.SETTINGS,
            translate("Actions", "&Settings…"),
            "Ctrl+,",
            translate("Actions", "Address, limits, rules and look"),
            _I.SETTINGS,
        ),
        ActionSpec(
            _ID.SHORTCUTS,
            translate("Actions", "&Keyboard shortcuts"),
            "F1",
            translate("Actions", "Everything that can be done, with its keys"),
            _I.KEYBOARD,
        ),
        ActionSpec(
            _ID.FILTER_DOCS,
            translate("Actions", "The &filter language"),
            "Ctrl+Shift+F1",
            translate("Actions", "Fields, operators and examples of filters"),
            _I.BOOK,
        ),
        ActionSpec(
            _ID.VIOLATION_DOCS,
            translate("Actions", "Documentation of &violations"),
            "Ctrl+F1",
            translate("Actions", "Every rule that Unmask checks, with the section in which it stands"),
            _I.BOOK,
        ),
        ActionSpec(
            _ID.DIAGNOSTICS,
            translate("Actions", "&Diagnostics"),
            "Ctrl+Alt+D",
            translate("Actions", "How fast Unmask records, how quickly the window answers, what both take"),
            _I.DIAGNOSTICS,
        ),
        ActionSpec(
            _ID.ABOUT,
            translate("Actions", "&About Unmask"),
            "Shift+F1",
            translate("Actions", "Version and licence"),
            _I.ABOUT,
        ),
    )
