"""The text that the frame table shows without rows: why there are none, and what to do."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QCoreApplication

from app.logic.text import counted
from core.capture.records import NO_WEBSOCKET, ConnectionRecord, ConnectionState


class EmptyReason(Enum):
    """Why there are no rows."""

    NOT_LISTENING = auto()
    LISTENING = auto()
    CONNECTED = auto()
    """Nobody is listened for, and a connection is open that has carried nothing yet."""
    SILENT = auto()
    """The connection is open and has carried nothing yet."""
    NOTHING_CAME = auto()
    """The connection is closed, or belongs to an old capture, and carried nothing."""
    NO_WEBSOCKET = auto()
    """The handshake failed, or there was none."""
    EXCHANGE = auto()
    """The connection is a plain HTTP request with its answer."""
    TUNNEL = auto()
    """The connection is a tunnel whose bytes are only counted."""
    OTHER_SOURCE = auto()
    """There are frames, and none came through the chosen source."""
    ONLY_CONTROL = auto()
    """All frames are control frames, which are hidden."""
    EMPTY_FILE = auto()
    SEARCHING = auto()
    """A filter has found nothing yet."""
    STOPPED = auto()
    """The person stopped the search before it found anything."""
    SEARCH_FAILED = auto()
    FILTERED = auto()
    """There are frames, and none matches."""
    STILL_FILTERED = auto()
    """None matches the applied filter, which differs from the one in the line."""


_PASSED = {
    ConnectionState.EXCHANGED: EmptyReason.EXCHANGE,
    ConnectionState.TUNNELLED: EmptyReason.TUNNEL,
}


def empty_reason(
    chosen: ConnectionRecord | None,
    *,
    hidden: int,
    live: bool,
    listening: bool,
    connected: bool,
    filter_reason: EmptyReason | None,
) -> EmptyReason:
    """Why `chosen`, or all connections, have no rows; `hidden` counts control frames.

    `connected` says that a connection is open. `filter_reason` is the reason if a filter hides existing frames; None
    without a filter.
    """
    if filter_reason is not None:
        return filter_reason
    if hidden:
        return EmptyReason.ONLY_CONTROL
    if chosen is not None:
        if chosen.state in _PASSED:
            return _PASSED[chosen.state]
        if chosen.state is ConnectionState.REFUSED or chosen.state in NO_WEBSOCKET:
            return EmptyReason.NO_WEBSOCKET
        return EmptyReason.SILENT if live and chosen.is_open else EmptyReason.NOTHING_CAME
    if not live:
        return EmptyReason.EMPTY_FILE
    if listening:
        return EmptyReason.LISTENING
    return EmptyReason.CONNECTED if connected else EmptyReason.NOT_LISTENING


def empty_text(reason: EmptyReason, addresses: tuple[str, ...], hidden: int) -> tuple[str, str]:
    """A title and a sentence. `addresses` are the current or intended ones; `hidden` counts control frames."""
    if reason is EmptyReason.ONLY_CONTROL:
        return _only_control(hidden)
    title, sentence = _texts()[reason]
    urls = ", ".join(f"ws://{address}" for address in addresses)
    return title.format(urls=urls), sentence.format(address=addresses[0])


def _only_control(hidden: int) -> tuple[str, str]:
    translate = QCoreApplication.translate
    one = translate("EmptyText", "1 control frame is hidden. Ctrl+Shift+K shows it.")
    many = translate("EmptyText", "{count} control frames are hidden. Ctrl+Shift+K shows them.")
    return translate("EmptyText", "Only control frames"), counted(hidden, one, many)


def _texts() -> dict[EmptyReason, tuple[str, str]]:
    """Title and sentence for each other reason."""
    translate = QCoreApplication.translate
    return {
        EmptyReason.NOT_LISTENING: (
            translate("EmptyText", "Not listening"),
            translate("EmptyText", "Press F5 to listen on {address}, then point a WebSocket client at it."),
        ),
        EmptyReason.LISTENING: (
            translate("EmptyText", "Listening on {urls}"),
            translate("EmptyText", "Point a WebSocket client at it, or open the test page (Ctrl+T)."),
        ),
        EmptyReason.CONNECTED: (
            translate("EmptyText", "Connected, and no frames yet"),
            translate("EmptyText", "Wait for the other end, or write below to begin."),
        ),
        EmptyReason.SILENT: (
            translate("EmptyText", "No frames yet"),
            translate("EmptyText", "The connection is open. Wait for its peer, or write below to begin."),
        ),
        EmptyReason.NOTHING_CAME: (
            translate("EmptyText", "No frames"),
            translate("EmptyText", "Nothing was sent either way. The Handshake tab shows how it opened."),
        ),
        EmptyReason.NO_WEBSOCKET: (
            translate("EmptyText", "No WebSocket here"),
            translate("EmptyText", "The Handshake tab shows what was asked and what was answered."),
        ),
        EmptyReason.EXCHANGE: (
            translate("EmptyText", "Plain HTTP, so there are no frames"),
            translate("EmptyText", "It went through untouched. The Handshake tab shows request and answer."),
        ),
        EmptyReason.TUNNEL: (
            translate("EmptyText", "A tunnel, so there are no frames"),
            translate("EmptyText", "Its bytes passed unread; only their number is known."),
        ),
        EmptyReason.OTHER_SOURCE: (
            translate("EmptyText", "No frame came through this source yet"),
            translate("EmptyText", "Ctrl+0 shows the frames of all sources."),
        ),
        EmptyReason.EMPTY_FILE: (
            translate("EmptyText", "An empty capture"),
            translate("EmptyText", "It holds no frames."),
        ),
        EmptyReason.SEARCHING: (
            translate("EmptyText", "Searching"),
            translate("EmptyText", "Frames that match appear here as soon as they are found."),
        ),
        EmptyReason.STOPPED: (
            translate("EmptyText", "Nothing so far"),
            translate("EmptyText", "The search was stopped before its end. Continue, above, resumes it."),
        ),
        EmptyReason.SEARCH_FAILED: (
            translate("EmptyText", "The search failed"),
            translate("EmptyText", "It may have missed frames. Esc in the filter line shows all frames."),
        ),
        EmptyReason.FILTERED: (
            translate("EmptyText", "No frame matches"),
            translate("EmptyText", "Esc in the filter line clears the filter."),
        ),
        EmptyReason.STILL_FILTERED: (
            translate("EmptyText", "No frame matches the filter before"),
            translate(
                "EmptyText", "The one in the line is not applied. Enter applies it, Esc shows all frames."
            ),
        ),
    }
