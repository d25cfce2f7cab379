"""The meaning of headers, subprotocols and extension parameters in an opening handshake, as sentences."""

from __future__ import annotations

from core.protocol.extensions import Extension

_WS = "RFC 6455 §"
_HTTP = "RFC 9110 §"

_HEADERS: dict[str, tuple[str, str]] = {
    "host": ("The host and port that the client wants to speak with.", _HTTP + "7.2"),
    "upgrade": ("Names the protocol to change to: websocket.", _WS + "4.1"),
    "connection": (
        "Options for this connection alone; Upgrade among them makes the Upgrade header count.",
        _WS + "4.1",
    ),
    "sec-websocket-key": (
        "16 random bytes in Base64; the server proves with Sec-WebSocket-Accept that it has read them.",
        _WS + "11.3.1",
    ),
    "sec-websocket-accept": (
        "Follows from the key: the server understood this as WebSocket.",
        _WS + "11.3.3",
    ),
    "sec-websocket-version": ("The version of the protocol; RFC 6455 is 13.", _WS + "11.3.5"),
    "sec-websocket-protocol": (
        "Subprotocols: the client lists those it speaks, best first; the server answers with one.",
        _WS + "11.3.4",
    ),
    "sec-websocket-extensions": (
        "Extensions: the client offers, the server answers with those it takes.",
        _WS + "11.3.2",
    ),
    "origin": ("The site whose page opened the connection; browsers always send it.", _WS + "10.2"),
    "websocket-location": ("From a draft before RFC 6455; means nothing any more.", ""),
    "websocket-origin": ("From a draft before RFC 6455; means nothing any more.", ""),
    "user-agent": ("The client's program.", _HTTP + "10.1.5"),
    "server": ("The server's program.", _HTTP + "10.2.4"),
    "date": ("When the response was made.", _HTTP + "6.6.1"),
    "cookie": ("What the server stored with the client earlier, often a login.", "RFC 6265 §5.4"),
    "set-cookie": ("What the client is to store and bring back.", "RFC 6265 §4.1"),
    "authorization": ("Who the client says it is.", _HTTP + "11.6.2"),
    "www-authenticate": ("How the client may prove who it is.", _HTTP + "11.6.1"),
    "cache-control": ("Keeps caches from answering in the server's place.", "RFC 9111 §5.2"),
    "pragma": ("The older form of Cache-Control.", "RFC 9111 §5.4"),
    "accept-encoding": (
        "Compressions for HTTP bodies; WebSocket messages are not concerned.",
        _HTTP + "12.5.3",
    ),
    "accept-language": ("Languages that the user prefers.", _HTTP + "12.5.4"),
    "accept": ("Kinds of body that the client takes.", _HTTP + "12.5.1"),
    "content-type": ("What the body is.", _HTTP + "8.3"),
    "content-length": ("How many bytes of body follow the head.", _HTTP + "8.6"),
    "transfer-encoding": ("How the body is cut into pieces.", "RFC 9112 §6.1"),
    "allow": ("The methods that this resource knows.", _HTTP + "10.2.1"),
    "location": ("Where to ask instead.", _HTTP + "10.2.2"),
    "x-forwarded-for": ("The address of the client as a proxy before us saw it.", ""),
    "forwarded": ("The client as a proxy before us saw it.", "RFC 7239 §4"),
    "via": ("The proxies on the way.", _HTTP + "7.6.3"),
}


def header_meaning(name: str) -> str:
    """A sentence about a header, with the section that defines it; empty for an unknown header."""
    sentence, section = _HEADERS.get(name.lower(), ("", ""))
    return f"{sentence} {_together(section)}" if section else sentence


def _together(section: str) -> str:
    """Keep text such as `RFC 6455 §4.1` on one line."""
    return section.replace(" ", "\u00a0")


_NO_CONTEXT = "starts with an empty window for every message: less memory, poorer compression."


def extension_meaning(name: str) -> str:
    """A sentence about an extension."""
    if name == "permessage-deflate":
        return "Messages may be compressed with DEFLATE; RSV1 marks those that are. RFC 7692"
    if name in ("x-webkit-deflate-frame", "deflate-frame"):
        return "An old draft that compressed single frames; replaced by permessage-deflate."
    return "An extension that is not known here."


def parameter_meaning(extension: Extension, name: str, value: str | None) -> str:
    """A sentence about one parameter of an extension, in an offer or in an answer."""
    if extension.name != "permessage-deflate":
        return ""
    if name == "server_no_context_takeover":
        return f"The server {_NO_CONTEXT} {_deflate('7.1.1.1')}"
    if name == "client_no_context_takeover":
        return f"The client {_NO_CONTEXT} {_deflate('7.1.1.2')}"
    if name == "server_max_window_bits":
        return f"The server compresses with a window of at most {_window(value)}. {_deflate('7.1.2.1')}"
    if name == "client_max_window_bits":
        if value is None:
            return f"The client can limit its window if the server asks for it. {_deflate('7.1.2.2')}"
        return f"The client compresses with a window of at most {_window(value)}. {_deflate('7.1.2.2')}"
    return "A parameter that RFC 7692 does not define."


def _deflate(section: str) -> str:
    return _together(f"RFC 7692 §{section}")


def _window(value: str | None) -> str:
    """`4,096 bytes` for 12; the value itself if it is not 8 to 15 (RFC 7692 section 7.1.2)."""
    if (
        value is not None
        and value.isascii()
        and value.isdigit()
        and len(value) <= 2
        and 8 <= int(value) <= 15
    ):
        return f"{1 << int(value):,} bytes"
    return f"a size that is not valid ({value!r})"
