"""Actions that send something besides: reply, send, close."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from core.protocol.close_codes import LARGEST_REASON, may_be_sent
from core.protocol.frames import LARGEST_CONTROL_PAYLOAD, Opcode
from core.protocol.outgoing import Outgoing, OutgoingClose, OutgoingMessage, OutgoingPing, OutgoingPong
from core.protocol.state import Role
from core.rules.action import EVENTS, PASSING, Act, ActionKind, Given, Parameter, ParameterKind
from core.rules.deed import Deed
from core.rules.faults import ParameterError
from core.rules.template import Template

AS = Parameter(
    "as", ParameterKind.CHOICE,
    "What is sent: a message of the same kind as the one that came, text, binary, or binary written as hex digits or "
    "base64; or a ping or pong.",
    "same", ("same", "text", "binary", "hex", "base64", "ping", "pong"),
)  # fmt: skip
AFTER = Parameter("after", ParameterKind.DURATION, "How much later it is sent.", "0")
_PAYLOAD = Parameter("payload", ParameterKind.TEMPLATE, "What is sent.", None)
_TO = Parameter(
    "to", ParameterKind.CHOICE,
    "Who gets it: the side that did not send the message, or one by name. Where nobody sent anything, `other` is the "
    "only side there is, or the client.",
    "other", ("other", "client", "server"),
)  # fmt: skip
_BOTH = Parameter(
    "to", ParameterKind.CHOICE, "Which side is told; both, or one of them.", "both", ("both", "client", "server")
)  # fmt: skip
ROLES = {"client": Role.CLIENT, "server": Role.SERVER}


def outgoing(deed: Deed, template: Template, form: str) -> Outgoing | None:
    """The filled template as it is sent; None if it cannot be, which a note then tells."""
    data = deed.filled(template)
    if data is None:
        return None
    if form in ("ping", "pong"):
        if len(data) > LARGEST_CONTROL_PAYLOAD:
            # RFC 6455 section 5.5.
            deed.note(
                f"A {form} has at most {LARGEST_CONTROL_PAYLOAD} bytes; this one would have {len(data)}."
            )
            return None
        return OutgoingPing(data) if form == "ping" else OutgoingPong(data)
    message = binary_or_text(deed, data, form)
    return None if message is None else OutgoingMessage(*message)


def binary_or_text(deed: Deed, data: bytes, form: str) -> tuple[Opcode, bytes] | None:
    """What a message is of, and its bytes; None if they are not of that form, which a note then tells."""
    if form in ("same", "text"):
        return deed.opcode if form == "same" else Opcode.TEXT, data
    try:
        if form == "hex":
            data = bytes.fromhex(data.decode("ascii"))
        elif form == "base64":
            data = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error) as error:
        deed.note(f"The filled template is no {form}: {error}.")
        return None
    return Opcode.BINARY, data


def _reply(given: Given) -> Act:
    template, form, after = given.template("payload"), given.choice("as"), given.seconds("after")

    def act(deed: Deed) -> None:
        message = outgoing(deed, template, form)
        if message is not None:
            deed.send(deed.sender, message, after)

    return act


def _send(given: Given) -> Act:
    template, form, after = given.template("payload"), given.choice("as"), given.seconds("after")
    toward = ROLES.get(given.choice("to"))

    def act(deed: Deed) -> None:
        message = outgoing(deed, template, form)
        if message is not None:
            deed.send(toward, message, after)

    return act


def _close(given: Given) -> Act:
    code, reason, after = _code(given), given.template("reason"), given.seconds("after")
    toward = ROLES.get(given.choice("to"))

    def act(deed: Deed) -> None:
        text = deed.text(reason)
        if text is None:
            return
        if len(text.encode()) > LARGEST_REASON:
            deed.note(f"A close reason has at most {LARGEST_REASON} bytes; this one is left out.")
            text = ""
        for side in deed.sides if toward is None else (toward,):
            deed.send(side, OutgoingClose(code, text), after)

    return act


def _code(given: Given) -> int | None:
    if not given.text("code"):
        return None
    code = given.count("code")
    if not may_be_sent(code):
        # RFC 6455 section 7.4.
        raise ParameterError(f"“code” cannot be {code}: no close frame of an endpoint carries it.", "code")
    return code


def sending_actions() -> Iterable[ActionKind[Act]]:
    """Actions that send something besides."""
    yield ActionKind(
        "reply", "Reply", "Sends a message to the side that sent this one.", {"payload": "pong {counter}"}, PASSING,
        _reply, (_PAYLOAD, AS, AFTER),
    )  # fmt: skip
    yield ActionKind(
        "send", "Send", "Sends a message to the other side, or to the side named.",
        {"payload": "hello", "to": "client"}, EVENTS, _send, (_PAYLOAD, _TO, AS, AFTER),
    )  # fmt: skip
    yield ActionKind(
        "close", "Close", "Starts the closing handshake (RFC 6455 section 7) with both sides, or with one.",
        {"code": "1001", "reason": "going away"}, EVENTS, _close,
        (
            Parameter("code", ParameterKind.COUNT, "The close code; none where it is empty.", "1000", (), 0, 4999),
            Parameter("reason", ParameterKind.TEMPLATE, "The close reason."),
            _BOTH, AFTER,
        ),
    )  # fmt: skip
