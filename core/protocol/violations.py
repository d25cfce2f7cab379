"""The catalogue of everything a peer can do wrong on the wire (RFC 6455, RFC 7692, RFC 9112), in our words.

A `Rule` is an entry of the catalogue; a `Violation` is a rule broken by certain bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How serious a violation is. ERROR fails the connection in strict mode; the others never do."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that a peer can break."""

    id: str
    severity: Severity
    section: str
    """The section that states the rule, such as `RFC 6455 §5.2`."""
    sentence: str
    close_code: int = 1002
    """Close code with which strict mode fails the connection; unused unless severity is ERROR."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule broken by the bytes `offset`..`offset + length` of a frame's wire bytes, or of a handshake head."""

    rule: Rule
    detail: str = ""
    """The offending value in plain text; may quote the peer's bytes escaped."""
    offset: int = 0
    length: int = 0


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_WS = "RFC 6455 §"
_DEFLATE = "RFC 7692 §"
_HTTP = "RFC 9112 §"

_RULES = (
    # Opening handshake: the head itself.
    Rule("head-not-http", _E, _HTTP + "3", "The first line is no HTTP request line or status line."),
    Rule("head-too-large", _E, _HTTP + "3", "The head is longer than the limit."),
    Rule("head-too-many-headers", _E, _HTTP + "5", "The head has more header lines than the limit."),
    Rule("head-timeout", _E, _WS + "4.2", "The head was not complete in time."),
    Rule("head-incomplete", _E, _HTTP + "8", "The stream ended before the head was complete."),
    Rule("head-looks-like-tls", _E, _WS + "3", "These are TLS bytes on a port that speaks plain ws://."),
    Rule("header-without-colon", _E, _HTTP + "5", "A header line has no colon."),
    Rule("header-before-first", _E, _HTTP + "2.2", "Space stands between the first line and the first header."),
    Rule("header-bad-name", _E, _HTTP + "5.1", "A header name is empty, has a space before the colon, or has a byte that no name may have."),
    Rule("header-bad-value", _E, _HTTP + "5.5", "A header value has a control byte in it."),
    Rule("header-folded", _W, _HTTP + "5.2", "A header value goes on over the next line (obsolete folding)."),
    Rule("head-bare-lf", _W, _HTTP + "2.2", "A line ends with LF alone and not with CR LF."),
    # Opening handshake: the client's side.
    Rule("method-not-get", _E, _WS + "4.1", "The method of the opening handshake must be GET."),
    Rule("http-version-old", _E, _WS + "4.1", "The HTTP version must be 1.1 or higher."),
    Rule("http-version-unknown", _E, _HTTP + "2.3", "The HTTP version is not 1.x, so the rest cannot be read as such."),
    Rule("request-target-bad", _E, _WS + "4.1", "The request target must be a path or an absolute URI without a fragment."),
    Rule("request-has-body", _E, _WS + "4.1", "The opening handshake announces a body."),
    Rule("host-missing", _E, _WS + "4.2.1", "The request has no Host header."),
    Rule("host-repeated", _E, _HTTP + "3.2", "The request has more than one Host header."),
    Rule("host-bad", _E, _HTTP + "3.2", "The Host header is not a host with an optional port."),
    Rule("upgrade-missing", _E, _WS + "4.2.1", "The Upgrade header does not name websocket."),
    Rule("connection-missing", _E, _WS + "4.2.1", "The Connection header does not list Upgrade."),
    Rule("key-missing", _E, _WS + "4.2.1", "There is no Sec-WebSocket-Key."),
    Rule("key-repeated", _E, _WS + "11.3.1", "There is more than one Sec-WebSocket-Key."),
    Rule("key-bad", _E, _WS + "4.2.1", "Sec-WebSocket-Key is not the base64 of 16 bytes."),
    Rule("version-missing", _E, _WS + "4.2.1", "There is no Sec-WebSocket-Version."),
    Rule("version-repeated", _E, _WS + "11.3.5", "There is more than one Sec-WebSocket-Version."),
    Rule("version-not-13", _E, _WS + "4.2.2", "Sec-WebSocket-Version is not 13."),
    Rule("subprotocol-bad", _E, _WS + "4.1", "Sec-WebSocket-Protocol is not a list of tokens."),
    Rule("subprotocol-repeated", _E, _WS + "4.1", "A subprotocol is named more than once."),
    Rule("extension-syntax", _E, _WS + "9.1", "Sec-WebSocket-Extensions does not follow its grammar."),
    Rule("origin-refused", _E, _WS + "10.2", "The Origin is not one that this server allows.", 1008),
    Rule("host-foreign", _E, _WS + "10.2", "The Host is no name of this machine: a web page may have had its own name point here (DNS rebinding).", 1008),
    Rule("accept-in-request", _W, _WS + "11.3.3", "The request carries Sec-WebSocket-Accept, which only a response may."),
    Rule("data-before-answer", _W, _WS + "4.1", "The client sent bytes before it had the server's answer."),
    # Opening handshake: the server's side.
    Rule("status-not-101", _E, _WS + "4.1", "The server did not answer 101."),
    Rule("response-upgrade-missing", _E, _WS + "4.1", "The response's Upgrade header is not websocket."),
    Rule("response-connection-missing", _E, _WS + "4.1", "The response's Connection header does not list Upgrade."),
    Rule("accept-missing", _E, _WS + "4.1", "The response has no Sec-WebSocket-Accept."),
    Rule("accept-repeated", _E, _WS + "11.3.3", "The response has more than one Sec-WebSocket-Accept."),
    Rule("accept-wrong", _E, _WS + "4.1", "Sec-WebSocket-Accept does not follow from the key."),
    Rule("extension-not-offered", _E, _WS + "4.1", "The server chose an extension that the client did not offer."),
    Rule("subprotocol-not-offered", _E, _WS + "4.1", "The server chose a subprotocol that the client did not offer."),
    Rule("subprotocol-several", _E, _WS + "11.3.4", "The response has more than one Sec-WebSocket-Protocol."),
    Rule("version-in-success", _W, _WS + "11.3.5", "A successful response carries Sec-WebSocket-Version."),
    Rule("key-in-response", _W, _WS + "11.3.1", "The response carries Sec-WebSocket-Key, which only a request may."),
    Rule("response-has-length", _W, _HTTP + "6.1", "A 101 response has no body and must not announce one."),
    # permessage-deflate: negotiation.
    Rule("deflate-parameter-unknown", _E, _DEFLATE + "7", "permessage-deflate has a parameter that the RFC does not define."),
    Rule("deflate-parameter-repeated", _E, _DEFLATE + "7", "A permessage-deflate parameter stands more than once."),
    Rule("deflate-parameter-value", _E, _DEFLATE + "7.1", "A permessage-deflate parameter has a value it may not have."),
    Rule("deflate-parameter-not-offered", _E, _DEFLATE + "7.1", "The server used a permessage-deflate parameter that the client did not offer."),
    Rule("deflate-window-enlarged", _E, _DEFLATE + "7.1.2", "The server agreed to a larger window than the client asked for."),
    Rule("deflate-accepted-twice", _E, _DEFLATE + "5", "The server accepted permessage-deflate more than once."),
    # Frame header.
    Rule("rsv1-set", _E, _WS + "5.2", "RSV1 is set and no extension that uses it was negotiated."),
    Rule("rsv2-set", _E, _WS + "5.2", "RSV2 is set and no extension that uses it was negotiated."),
    Rule("rsv3-set", _E, _WS + "5.2", "RSV3 is set and no extension that uses it was negotiated."),
    Rule("opcode-reserved", _E, _WS + "5.2", "The opcode is reserved."),
    Rule("mask-missing", _E, _WS + "5.1", "A client must mask every frame; this one is not masked."),
    Rule("mask-forbidden", _E, _WS + "5.1", "A server must not mask a frame; this one is masked."),
    Rule("length-not-minimal", _E, _WS + "5.2", "The payload length is not in its shortest form."),
    Rule("length-top-bit", _E, _WS + "5.2", "The most significant bit of a 64-bit length must be 0."),
    Rule("control-too-long", _E, _WS + "5.5", "A control frame may carry at most 125 bytes."),
    Rule("control-fragmented", _E, _WS + "5.5", "A control frame must not be fragmented."),
    Rule("masking-key-zero", _N, _WS + "5.3", "The masking key is all zeros, so nothing is masked."),
    Rule("masking-key-reused", _N, _WS + "5.3", "The masking key is the one of the frame before; each frame should have a fresh one."),
    Rule("frame-truncated", _W, _WS + "5.2", "The stream ended inside this frame."),
    Rule("message-too-big", _E, _WS + "10.4", "The message is larger than the limit.", 1009),
    Rule("not-stored", _N, _WS + "10.4", "This is more than a capture holds of one frame: only its beginning is kept."),
    Rule("not-held", _N, _WS + "10.4", "This is larger than what Unmask holds of a message, so it passes without being put together."),
    Rule("memory-exhausted", _E, _WS + "10.4", "All peers together hold as much memory as they may, and this one most of it.", 1013),
    # Sequence.
    Rule("continuation-without-start", _E, _WS + "5.4", "A continuation frame came with no message to continue."),
    Rule("data-inside-message", _E, _WS + "5.4", "A new data frame came before the fragmented message had ended."),
    Rule("frame-after-close", _W, _WS + "5.5.1", "A frame came after the peer's close frame."),
    # Payload.
    Rule("text-not-utf8", _E, _WS + "8.1", "A text message must be UTF-8.", 1007),
    Rule("close-one-byte", _E, _WS + "5.5.1", "A close payload has a two-byte code or nothing; this one has one byte."),
    Rule("close-code-forbidden", _E, _WS + "7.4.1", "This close code must never stand in a close frame."),
    Rule("close-code-unassigned", _E, _WS + "7.4.2", "This close code is not defined."),
    Rule("close-reason-not-utf8", _E, _WS + "5.5.1", "The close reason must be UTF-8.", 1007),
    # Compression.
    Rule("rsv1-on-continuation", _E, _DEFLATE + "6.1", "RSV1 marks the first frame of a compressed message; a continuation must not set it."),
    Rule("rsv1-on-control", _E, _DEFLATE + "6.1", "RSV1 must not be set on a control frame."),
    Rule("deflate-corrupt", _E, _DEFLATE + "6.2", "The compressed data does not inflate.", 1007),
    Rule("deflate-window-exceeded", _E, _DEFLATE + "7.1.2", "The compressed data reaches back further than the agreed window.", 1007),
    Rule("not-inflated", _N, _DEFLATE + "7.1.1", "The message may refer to one that Unmask did not hold, so it is not inflated."),
    Rule("inflates-too-big", _E, _DEFLATE + "8", "The message inflates past the limit.", 1009),
)  # fmt: skip

CATALOGUE: dict[str, Rule] = {rule.id: rule for rule in _RULES}


def violation(rule_id: str, detail: str = "", offset: int = 0, length: int = 0) -> Violation:
    """A violation of the rule `rule_id`; raises KeyError if the catalogue has no such rule."""
    return Violation(CATALOGUE[rule_id], detail, offset, length)


class Judgement(IntEnum):
    """What happens when a peer breaks a rule."""

    STRICT = 0
    """Fail the connection as the RFC says (_Fail the WebSocket Connection_)."""
    TOLERANT = 1
    """Record the violation and continue if the stream allows it."""
