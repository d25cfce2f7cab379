"""Texts of the actions about sources: where traffic comes from."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.actions.ids import ActionId, ActionKind, ActionSpec
from app.look.icons import IconName

_ID, _I = ActionId, IconName


def source_specs() -> tuple[ActionSpec, ...]:
    """In the order of lists."""
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.ADD_LISTEN,
            translate("Actions", "&Listen for clients…"),
            "Ctrl+Alt+1",
            translate("Actions", "Be the server of clients that connect to an address here"),
            _I.LISTEN,
        ),
        ActionSpec(
            _ID.ADD_RELAY,
            translate("Actions", "&Relay to a server…"),
            "Ctrl+Alt+2",
            translate("Actions", "Stand between a client that you can point here and its server"),
            _I.RELAY,
        ),
        ActionSpec(
            _ID.ADD_PROXY,
            translate("Actions", "&Proxy for a browser or an app…"),
            "Ctrl+Alt+3",
            translate("Actions", "Be the proxy of a browser or an app, whatever servers it talks to"),
            _I.PROXY,
        ),
        ActionSpec(
            _ID.ADD_CONNECT,
            translate("Actions", "&Connect to a server…"),
            "Ctrl+Alt+4",
            translate("Actions", "Be the client of a server, and write to it"),
            _I.CONNECT,
        ),
        ActionSpec(
            _ID.CONNECT_LIKE,
            translate("Actions", "Connect li&ke this…"),
            "Ctrl+Alt+5",
            translate("Actions", "Connect to a server with the request of the selected connection"),
            _I.CONNECT,
        ),
        ActionSpec(
            _ID.TOGGLE_SOURCE,
            translate("Actions", "Star&t or stop the source"),
            "Shift+F5",
            translate("Actions", "Start the chosen source, or stop it; connections that are open stay open"),
            _I.START,
        ),
        ActionSpec(
            _ID.EDIT_SOURCE,
            translate("Actions", "&Edit the source…"),
            "Ctrl+Alt+E",
            translate("Actions", "Change the chosen source; if it runs, it starts again"),
            _I.EDIT,
        ),
        ActionSpec(
            _ID.DUPLICATE_SOURCE,
            translate("Actions", "&Duplicate the source…"),
            "Ctrl+Alt+U",
            translate("Actions", "Add a source like the chosen one"),
            _I.COPY,
        ),
        ActionSpec(
            _ID.REMOVE_SOURCE,
            translate("Actions", "Re&move the source"),
            "Ctrl+Alt+R",
            translate(
                "Actions", "Stop the chosen source and forget it; what it brought stays in the capture"
            ),
            _I.CLEAR,
        ),
        ActionSpec(
            _ID.COPY_SOURCE_LINE,
            translate("Actions", "Cop&y what to paste"),
            "Ctrl+Alt+L",
            translate("Actions", "Copy the line that points a client at the chosen source"),
            _I.COPY,
        ),
        ActionSpec(
            _ID.ALL_SOURCES,
            translate("Actions", "&All sources"),
            "Ctrl+0",
            translate("Actions", "Show the connections of all sources again"),
            _I.CONNECTIONS,
        ),
        ActionSpec(
            _ID.FOCUS_SOURCES,
            translate("Actions", "Go to &sources"),
            "Ctrl+7",
            translate("Actions", "Put the keyboard on the list of sources"),
            _I.CONNECTIONS,
        ),
        ActionSpec(
            _ID.SHOW_HTTP,
            translate("Actions", "&HTTP exchanges"),
            "Ctrl+Shift+H",
            translate("Actions", "List plain HTTP requests and tunnels among the connections"),
            _I.HTTP,
            ActionKind.SWITCH,
            short=translate("Actions", "HTTP"),
        ),
        ActionSpec(
            _ID.OPEN_BROWSER,
            translate("Actions", "Open a &browser"),
            "Ctrl+Alt+B",
            translate(
                "Actions",
                "Open an installed browser that goes through a proxy of Unmask, with a profile of its own",
            ),
            _I.BROWSER,
        ),
        ActionSpec(
            _ID.CERTIFICATES,
            translate("Actions", "C&ertificates…"),
            "Ctrl+Alt+K",
            translate("Actions", "The certificate that clients must trust, and how they come to do so"),
            _I.CERTIFICATE,
        ),
        ActionSpec(
            _ID.START_PAGE,
            translate("Actions", "&Ways to begin"),
            "Ctrl+Alt+H",
            translate("Actions", "The four ways in which traffic can come to Unmask"),
            _I.GUIDE,
        ),
    )
