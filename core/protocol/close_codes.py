"""Close codes: their names, what they mean, and which may stand in a close frame, with which reason.

Source: RFC 6455 section 7.4 and the IANA registry "WebSocket Close Code Number" that its section 11.7 set up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from core.errors import PayloadError
from core.protocol.frames import LARGEST_CONTROL_PAYLOAD
from core.protocol.utf8 import to_utf8

LARGEST_REASON = LARGEST_CONTROL_PAYLOAD - 2
"""Bytes of UTF-8: the code stands in front of the reason."""


class CloseCode(IntEnum):
    """Every registered code."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    RESERVED = 1004
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_PAYLOAD_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015
    UNAUTHORIZED = 3000
    FORBIDDEN = 3003
    TIMEOUT = 3008


@dataclass(frozen=True, slots=True)
class CloseCodeMeaning:
    """What a close code says."""

    name: str
    """A word or two, such as `Going away`."""
    explanation: str
    """One sentence."""


_M = CloseCodeMeaning
_MEANINGS: dict[int, CloseCodeMeaning] = {
    1000: _M("Normal closure", "What the connection was for is done."),
    1001: _M("Going away", "The server stops, or the browser leaves the page."),
    1002: _M("Protocol error", "The other side broke a rule of the WebSocket protocol."),
    1003: _M("Unsupported data", "A type of data came that this endpoint does not take."),
    1004: _M("Reserved", "The code has no meaning yet and must not be sent."),
    1005: _M("No status", "The close frame carried no code; this is never sent, only reported."),
    1006: _M("Abnormal closure", "The connection ended without a close frame; this is never sent, only reported."),
    1007: _M("Invalid payload", "The data did not fit its type, such as text that is no UTF-8."),
    1008: _M("Policy violation", "A message went against this endpoint's rules."),
    1009: _M("Message too big", "A message was larger than this endpoint takes."),
    1010: _M("Mandatory extension", "The server did not agree to an extension that the client needs."),
    1011: _M("Internal error", "Something unexpected kept the endpoint from going on."),
    1012: _M("Service restart", "The service restarts; connect again after a random wait."),
    1013: _M("Try again later", "The server is overloaded."),
    1014: _M("Bad gateway", "The server stands before another one, and that one's answer was invalid."),
    1015: _M("TLS handshake", "The TLS handshake failed; this is never sent, only reported."),
    3000: _M("Unauthorized", "The other side must authenticate first."),
    3003: _M("Forbidden", "The other side is known, but may not do this."),
    3008: _M("Timeout", "The other side took too long."),
}  # fmt: skip

_BELOW_1000 = _M("Not used", "Codes below 1000 have no meaning and must not be sent.")
_UNASSIGNED = _M("Unassigned", "1016 to 2999 are kept for the protocol, which does not define this one.")
_UNREGISTERED = _M(
    "Unregistered", "3000 to 3999 are for libraries and frameworks, but none has registered this one."
)
_PRIVATE = _M("Private", "4000 to 4999 are for applications; only they know what this one means.")
_NO_CODE = _M("Not a close code", "Close codes go from 0 to 4999.")

_ONLY_REPORTED = frozenset(
    {CloseCode.NO_STATUS_RECEIVED, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE}
)


def describe(code: int) -> CloseCodeMeaning:
    """Name and explanation of any number, registered or not (ranges: RFC 6455 section 7.4.2)."""
    meaning = _MEANINGS.get(code)
    if meaning is not None:
        return meaning
    if not 0 <= code <= 4999:
        return _NO_CODE
    if code < 1000:
        return _BELOW_1000
    if code < 3000:
        return _UNASSIGNED
    return _UNREGISTERED if code < 4000 else _PRIVATE


def explain(code: int) -> str:
    """One sentence on any number, registered or not."""
    return describe(code).explanation


def is_only_reported(code: int) -> bool:
    """Whether the code says how a connection ended and never stands in a frame (RFC 6455 section 7.4.1)."""
    return code in _ONLY_REPORTED


def is_forbidden_in_frame(code: int) -> bool:
    """Whether the code must never stand in a close frame (RFC 6455 sections 7.4.1 and 7.4.2)."""
    return code in _ONLY_REPORTED or not 1000 <= code <= 4999


def is_defined_in_frame(code: int) -> bool:
    """Whether the code means something in a close frame: a registered code, or one of 3000 to 4999."""
    if is_forbidden_in_frame(code) or code == CloseCode.RESERVED:
        return False
    return code in _MEANINGS or code >= 3000


def may_be_sent(code: int) -> bool:
    """Whether a conforming endpoint may put the code into a close frame."""
    return is_defined_in_frame(code)


def close_code(payload: bytes) -> int | None:
    """The code in a close frame's payload (RFC 6455 section 5.5.1): the first two bytes, if there are any."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None


def close_reason(payload: bytes) -> str | None:
    """The reason in a close frame's payload (RFC 6455 section 5.5.1): UTF-8 after the code, if there is one."""
    return payload[2:].decode("utf-8", "replace") if len(payload) >= 2 else None


def closing_payload(code: int | None, reason: str) -> bytes:
    """The payload of a close frame to send (RFC 6455 section 5.5.1). PayloadError if no such frame may be sent."""
    if code is None:
        if reason:
            raise PayloadError(
                "A close frame without a code has no reason; choose a code or empty the reason."
            )
        return b""
    if not may_be_sent(code):
        raise PayloadError(
            f"Code {code} must not be sent. {explain(code)} "
            "Choose 1000 to 1003, 1007 to 1014, or one of 3000 to 4999."
        )
    data = to_utf8(reason)
    if len(data) > LARGEST_REASON:
        raise PayloadError(
            f"A close reason has at most {LARGEST_REASON} bytes of UTF-8 and this has {len(data)}."
        )
    return code.to_bytes(2, "big") + data


def answering_payload(code: int, reason: str) -> bytes:
    """The payload of the reply to a close frame (RFC 6455 section 5.5.1): usually the received code.

    The reason goes back too, because a browser shows its page the reason in our frame.
    """
    if not is_defined_in_frame(code):
        return b""
    payload = code.to_bytes(2, "big") + reason.encode()
    # Invalid UTF-8 that tolerant mode accepted is longer when spelled out.
    return payload if len(payload) <= LARGEST_CONTROL_PAYLOAD else payload[:2]
