"""Answers that a client must not take for a connection (RFC 6455 section 4.1, RFC 7692 section 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from core.probe.head import Head
from core.probe.preset import Demand, Preset, ResponseFault, preset
from core.protocol.deflate import EXTENSION
from core.protocol.extensions import parse_extensions
from core.protocol.handshake_rules import (
    ACCEPT_HEADER,
    EXTENSIONS_HEADER,
    KEY_HEADER,
    PROTOCOL_HEADER,
    VERSION_HEADER,
)
from core.protocol.headers import split_list

_CHOOSE = Demand.CHOOSE
_SERVER_BITS = "server_max_window_bits"
_CLIENT_BITS = "client_max_window_bits"


def _response(
    rule: str,
    title: str,
    change: Callable[[Head], Head],
    demand: Demand = Demand.FAIL,
    *,
    suffix: str = "",
) -> Preset:
    fault = ResponseFault(lambda _request, response: change(response).to_bytes())
    return preset(rule, title, fault, demand, suffix=suffix)


def _agreed(rule: str, title: str, *values: str, suffix: str = "") -> Preset:
    """An answer that agrees to these extensions, whatever was offered."""
    return _response(rule, title, lambda head: head.instead(EXTENSIONS_HEADER, *values), suffix=suffix)


def _misagreed(
    rule: str, title: str, answered: Callable[[Mapping[str, str | None]], str | None], *, suffix: str = ""
) -> Preset:
    """An answer to an offer of permessage-deflate: `answered` gives its parameters for those of the offer."""

    def spoilt(request: Head, response: Head) -> bytes | None:
        offers, _ = parse_extensions((request.value(EXTENSIONS_HEADER),))
        offer = next((dict(each.params) for each in offers if each.name == EXTENSION), None)
        parameters = None if offer is None else answered(offer)
        if offer is None or parameters is None:
            return None
        bits = offer.get(_SERVER_BITS)
        # RFC 7692 section 7.1.2.1: a server that is asked for a window has to name one.
        named = f"; {_SERVER_BITS}={bits}" if bits and _SERVER_BITS not in parameters else ""
        return response.instead(EXTENSIONS_HEADER, parameters.replace("*", EXTENSION + named)).to_bytes()

    return preset(rule, title, ResponseFault(spoilt), suffix=suffix)


def _always(parameters: str) -> Callable[[Mapping[str, str | None]], str | None]:
    return lambda _offer: parameters


def _client_bits(offer: Mapping[str, str | None]) -> str | None:
    return None if _CLIENT_BITS in offer else f"*; {_CLIENT_BITS}=12"


def _larger_window(offer: Mapping[str, str | None]) -> str | None:
    for name in (_SERVER_BITS, _CLIENT_BITS):
        bits = offer.get(name)
        if bits is not None and bits != "15":
            return f"*; {name}=15"
    return None


def _twice(name: str) -> Callable[[Head], Head]:
    return lambda head: head.instead(name, *[head.value(name)] * 2)


def _two_subprotocols(request: Head, response: Head) -> bytes:
    offered = [*split_list(request.value(PROTOCOL_HEADER)), "unmask"]
    return response.instead(PROTOCOL_HEADER, offered[0], offered[0]).to_bytes()


def _plain_answer(head: Head) -> Head:
    return replace(head, first="HTTP/1.1 200 OK").with_lines("Content-Length: 0")


def _line(text: str) -> Callable[[Head], Head]:
    return lambda head: head.with_lines(text)


RESPONSES = (
    _response("status-not-101", "the status 200", _plain_answer, Demand.WAIT),
    _response(
        "http-version-old",
        "HTTP/1.0",
        lambda head: replace(head, first=head.first.replace("1.1", "1.0")),
        _CHOOSE,
        suffix="-response",
    ),
    _response("response-upgrade-missing", "no Upgrade", lambda head: head.without("Upgrade")),
    _response("response-connection-missing", "no Connection", lambda head: head.without("Connection")),
    _response("accept-missing", "no Sec-WebSocket-Accept", lambda head: head.without(ACCEPT_HEADER)),
    _response("accept-repeated", "Sec-WebSocket-Accept twice", _twice(ACCEPT_HEADER)),
    _response(
        "accept-wrong",
        "a wrong Sec-WebSocket-Accept",
        lambda head: head.instead(ACCEPT_HEADER, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ),
    _response(
        "subprotocol-not-offered",
        "a subprotocol that it has not offered",
        lambda head: head.instead(PROTOCOL_HEADER, "not-offered"),
    ),
    preset("subprotocol-several", "two subprotocols", ResponseFault(_two_subprotocols)),
    _response(
        "version-in-success", "Sec-WebSocket-Version in the answer", _line(f"{VERSION_HEADER}: 13"), _CHOOSE
    ),
    _response(
        "key-in-response",
        "Sec-WebSocket-Key in the answer",
        _line(f"{KEY_HEADER}: dGhlIHNhbXBsZSBub25jZQ=="),
        _CHOOSE,
    ),
    _response("response-has-length", "a Content-Length in the answer", _line("Content-Length: 0"), _CHOOSE),
    _agreed("extension-syntax", "an extension that has no name", ";a=1", suffix="-response"),
    _agreed("extension-not-offered", "an extension that it has not offered", "x-not-offered"),
    _misagreed(
        "deflate-parameter-unknown",
        "an unknown parameter of permessage-deflate",
        _always("*; unknown"),
        suffix="-response",
    ),
    _misagreed(
        "deflate-parameter-repeated",
        "a parameter of permessage-deflate twice",
        _always("*; server_no_context_takeover; server_no_context_takeover"),
        suffix="-response",
    ),
    _misagreed(
        "deflate-parameter-value",
        "a window of 99 bits",
        _always("*; client_max_window_bits=99"),
        suffix="-response",
    ),
    _misagreed("deflate-accepted-twice", "permessage-deflate accepted twice", _always("*, *")),
    _misagreed(
        "deflate-parameter-not-offered", "a client_max_window_bits that it has not offered", _client_bits
    ),
    _misagreed("deflate-window-enlarged", "a larger window than it asked for", _larger_window),
)
