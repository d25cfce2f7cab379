"""The text that the frame table shows without rows: why there are none, and what to do."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QCoreApplication

from app.logic.text import counted
from core.capture.records import ConnectionRecord, ConnectionState


class EmptyReason(Enum):
    """Why there are no rows."""

    NOT_LISTENING = auto()
    LISTENING = auto()
    SILENT = auto()
    """The connection is open and has carried nothing yet."""
    NOTHING_CAME = auto()
    """The connection is closed, or belongs to an old capture, and carried nothing."""
    NO_WEBSOCKET = auto()
    """The handshake failed, or there was none."""
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


def empty_reason(
    chosen: ConnectionRecord | None,
    *,
    hidden: int,
    live: bool,
    listening: bool,
    filter_reason: EmptyReason | None,
) -> EmptyReason:
    """Why `chosen`, or all connections, have no rows; `hidden` counts control frames.

    `filter_reason` is the reason if a filter hides existing frames; None without a filter.
    """
    if filter_reason is not None:
        return filter_reason
    if hidden:
        return EmptyReason.ONLY_CONTROL
    if chosen is not None:
        if chosen.state in (ConnectionState.REFUSED, ConnectionState.SERVED):
            return EmptyReason.NO_WEBSOCKET
        return EmptyReason.SILENT if live and chosen.is_open else EmptyReason.NOTHING_CAME
    if not live:
        return EmptyReason.EMPTY_FILE
    return EmptyReason.LISTENING if listening else EmptyReason.NOT_LISTENING


def empty_text(reason: EmptyReason, addresses: tuple[str, ...], hidden: int) -> tuple[str, str]:
    """A title and a sentence. `addresses` are the current or intended ones; `hidden` counts control frames."""
    translate = QCoreApplication.translate
    if reason is EmptyReason.LISTENING:
        where = ", ".join(f"ws://{address}" for address in addresses)
        return (
            translate("EmptyText", "Listening on {where}").format(where=where),
            translate("EmptyText", "Point a WebSocket client at it, or open the test page (Ctrl+T)."),
        )
    if reason is EmptyReason.NOT_LISTENING:
        text = translate("EmptyText", "Press F5 to listen on {address}, then point a WebSocket client at it.")
        return translate("EmptyText", "Not listening"), text.format(address=addresses[0])
    if reason is EmptyReason.ONLY_CONTROL:
        one = translate("EmptyText", "1 control frame is hidden. Ctrl+Shift+K shows it.")
        many = translate("EmptyText", "{count} control frames are hidden. Ctrl+Shift+K shows them.")
        return translate("EmptyText", "Only control frames"), counted(hidden, one, many)
    if reason is EmptyReason.SEARCHING:
        return (
            translate("EmptyText", "Searching"),
            translate("EmptyText", "Frames that match stand here as soon as they are found."),
        )
    if reason is EmptyReason.STOPPED:
        return (
            translate("EmptyText", "Nothing so far"),
            translate(
                "EmptyText", "The search was stopped before it saw every frame. Continue, above, goes on."
            ),
        )
    if reason is EmptyReason.SEARCH_FAILED:
        return (
            translate("EmptyText", "The search failed"),
            translate(
                "EmptyText", "Frames may match that were not found. Esc in the filter's line shows all."
            ),
        )
    if reason is EmptyReason.FILTERED:
        return (
            translate("EmptyText", "No frame matches"),
            translate("EmptyText", "The filter hides all there are. Esc in its line clears it."),
        )
    if reason is EmptyReason.STILL_FILTERED:
        return (
            translate("EmptyText", "No frame matches the filter before"),
            translate(
                "EmptyText", "The one in the line is not applied. Enter applies it, Esc shows all frames."
            ),
        )
    if reason is EmptyReason.NO_WEBSOCKET:
        return (
            translate("EmptyText", "No WebSocket here"),
            translate("EmptyText", "The Handshake tab shows what was asked and what was answered."),
        )
    if reason is EmptyReason.SILENT:
        return (
            translate("EmptyText", "No frames yet"),
            translate("EmptyText", "Nothing has been sent either way. You can begin, below."),
        )
    if reason is EmptyReason.NOTHING_CAME:
        return (
            translate("EmptyText", "No frames"),
            translate("EmptyText", "Nothing was sent either way. The Handshake tab shows how it opened."),
        )
    return translate("EmptyText", "An empty capture"), translate("EmptyText", "It holds no frames.")
