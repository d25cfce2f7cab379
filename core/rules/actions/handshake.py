"""Actions on the opening handshake: the request, or the response."""

from __future__ import annotations

from collections.abc import Iterable

from core.protocol.headers import is_token
from core.rules.action import HANDSHAKES, ActionKind, Given, HandshakeAct, Parameter, ParameterKind
from core.rules.deed import HandshakeDeed
from core.rules.faults import ParameterError
from core.rules.moment import Moment
from core.rules.verdict import CannedAnswer, Hold

_REQUESTS = frozenset({Moment.REQUEST})
_RESPONSES = frozenset({Moment.RESPONSE})
_NAME = Parameter("name", ParameterKind.TEXT, "The header’s name.", None)
_NOT_OURS = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where a body ends (RFC 9112 section 6)."""
_LINE_ENDS = str.maketrans("\r\n\0", "   ")


def _answer(given: Given) -> HandshakeAct:
    status, body = given.count("status"), given.template("body")
    kind = given.template("type")
    extra = None
    if given.has("header"):
        name, colon, value = given.text("header").partition(":")
        if not colon:
            raise ParameterError("“header” is a name, a colon and a value, such as Retry-After: 5.", "header")
        extra = (_checked(name.strip(), "header"), value.strip())

    def act(deed: HandshakeDeed) -> None:
        data, content_type = deed.filled(body), deed.text(kind)
        headers = [] if extra is None else [extra]
        if data and content_type:
            headers.append(("Content-Type", content_type.translate(_LINE_ENDS)))
        deed.answer = CannedAnswer(status, tuple(headers), data or b"")

    return act


def _subprotocol(given: Given) -> HandshakeAct:
    name = given.text("name")
    if name and not is_token(name):
        # RFC 6455 section 4.1.
        raise ParameterError("“name” cannot be a subprotocol: its name has no spaces or separators.", "name")

    def act(deed: HandshakeDeed) -> None:
        deed.subprotocol = name

    return act


def _set_header(given: Given) -> HandshakeAct:
    name, value = _header_name(given), given.template("value")

    def act(deed: HandshakeDeed) -> None:
        text = deed.text(value)
        if text is not None:
            _remove(deed, name)
            deed.added.append((name, text.translate(_LINE_ENDS).strip()))

    return act


def _add_header(given: Given) -> HandshakeAct:
    name, value = _header_name(given), given.template("value")

    def act(deed: HandshakeDeed) -> None:
        text = deed.text(value)
        if text is not None:
            deed.added.append((name, text.translate(_LINE_ENDS).strip()))

    return act


def _remove_header(given: Given) -> HandshakeAct:
    name = _header_name(given)
    return lambda deed: _remove(deed, name)


def _remove(deed: HandshakeDeed, name: str) -> None:
    deed.removed.append(name)
    deed.added = [each for each in deed.added if each[0].lower() != name.lower()]


def _header_name(given: Given) -> str:
    return _checked(given.text("name").strip(), "name")


def _checked(name: str, part: str) -> str:
    if not is_token(name):
        raise ParameterError(f"“{part}”: a header’s name has letters, digits and hyphens.", part)
    if name.lower() in _NOT_OURS:
        raise ParameterError(f"“{part}” cannot be {name}: it says where the message ends.", part)
    return name


def _delay(given: Given) -> HandshakeAct:
    seconds, jitter = given.seconds("by"), given.seconds("jitter")

    def act(deed: HandshakeDeed) -> None:
        deed.delay_seconds += seconds + (deed.dice.uniform(0, jitter) if jitter else 0.0)

    return act


def _hold(given: Given) -> HandshakeAct:
    seconds = given.seconds("seconds")

    def act(deed: HandshakeDeed) -> None:
        deed.hold = Hold(seconds)

    return act


def _silence(_given: Given) -> HandshakeAct:
    def act(deed: HandshakeDeed) -> None:
        deed.is_silent = True

    return act


def _wrong_accept(_given: Given) -> HandshakeAct:
    def act(deed: HandshakeDeed) -> None:
        deed.breaks_accept = True

    return act


def _drop_extensions(_given: Given) -> HandshakeAct:
    def act(deed: HandshakeDeed) -> None:
        deed.drops_extensions = True

    return act


def _redact(given: Given) -> HandshakeAct:
    name = given.text("name").strip()
    if not is_token(name):
        raise ParameterError("“name”: a header’s name has letters, digits and hyphens.", "name")

    def act(deed: HandshakeDeed) -> None:
        deed.recorded_without.append(name)

    return act


def _stop(_given: Given) -> HandshakeAct:
    def act(deed: HandshakeDeed) -> None:
        deed.stops = True

    return act


def handshake_actions() -> Iterable[ActionKind[HandshakeAct]]:
    """Actions on requests and responses."""
    yield ActionKind(
        "answer", "Answer", "Answers the request with a status and a body, instead of the server.",
        {"status": "503", "header": "Retry-After: 5", "body": "not now"}, _REQUESTS, _answer,
        (
            Parameter("status", ParameterKind.COUNT, "The HTTP status, such as 302, 401, 403, 429 or 503; 101 accepts.",
                      None, (), 101, 599),
            Parameter("header", ParameterKind.TEXT, "A header of the answer, such as Location: /login."),
            Parameter("body", ParameterKind.TEMPLATE, "The body."),
            Parameter("type", ParameterKind.TEMPLATE, "The Content-Type of the body.", "text/plain; charset=utf-8"),
        ),
    )  # fmt: skip
    yield ActionKind(
        "subprotocol", "Subprotocol",
        "Of a request: the only subprotocol that is offered. Of a response: the one that is agreed on. Empty for none.",
        {"name": "graphql-transport-ws"}, HANDSHAKES, _subprotocol,
        (Parameter("name", ParameterKind.TEXT, "Its name."),),
    )  # fmt: skip
    yield ActionKind(
        "set-header", "Set a header", "The header has this value, and no other one.",
        {"name": "Origin", "value": "https://example.com"}, HANDSHAKES, _set_header,
        (_NAME, Parameter("value", ParameterKind.TEMPLATE, "Its value.")),
    )  # fmt: skip
    yield ActionKind(
        "add-header", "Add a header", "The header is added behind those there are.",
        {"name": "X-Debug", "value": "{uuid}"}, HANDSHAKES, _add_header,
        (_NAME, Parameter("value", ParameterKind.TEMPLATE, "Its value.")),
    )  # fmt: skip
    yield ActionKind(
        "remove-header", "Remove a header", "The header is left out.", {"name": "Cookie"}, HANDSHAKES,
        _remove_header, (_NAME,),
    )  # fmt: skip
    yield ActionKind(
        "delay", "Delay", "The request or the response goes on later.", {"by": "3s"}, HANDSHAKES, _delay,
        (
            Parameter("by", ParameterKind.DURATION, "How much later.", None),
            Parameter("jitter", ParameterKind.DURATION, "At most how much later on top, by chance.", "0"),
        ),
    )  # fmt: skip
    yield ActionKind(
        "hold", "Hold",
        "Keeps the request or the response until a person decides, or until the time is over: then it goes on. What a "
        "server answers to Unmask as its client is not held.",
        {"seconds": "5m"}, HANDSHAKES, _hold,
        (Parameter("seconds", ParameterKind.DURATION, "How long it is held at most.", "5m"),),
    )  # fmt: skip
    yield ActionKind(
        "silence", "Never answer", "The request is never answered: the client waits until it gives up.", {}, HANDSHAKES,
        _silence,
    )  # fmt: skip
    yield ActionKind(
        "wrong-accept", "Wrong Accept",
        "Sec-WebSocket-Accept does not fit the key: a client has to fail the connection (RFC 6455 section 4.1).", {},
        _RESPONSES, _wrong_accept,
    )  # fmt: skip
    yield ActionKind(
        "drop-extensions", "Drop extensions", "No extension is offered or agreed on, so that nothing is compressed.",
        {}, HANDSHAKES, _drop_extensions,
    )  # fmt: skip
    yield ActionKind(
        "redact-header", "Redact a header", "Keeps a header’s value out of the capture; the header goes on as it is.",
        {"name": "Authorization"}, HANDSHAKES, _redact, (_NAME,),
    )  # fmt: skip
    yield ActionKind(
        "stop", "Stop here", "No later rule is asked about this request or response.", {}, HANDSHAKES, _stop
    )  # fmt: skip
