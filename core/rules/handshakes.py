"""Requests and responses as rules want them: heads edited, answers made up, secrets left out of the capture."""

from __future__ import annotations

from dataclasses import replace

from core.protocol.handshake import Answer, accept_key
from core.protocol.handshake_rules import ACCEPT_HEADER, EXTENSIONS_HEADER, PROTOCOL_HEADER
from core.protocol.head_edit import HeadEdit, edited, sendable, without_values
from core.protocol.headers import is_token
from core.protocol.http11 import (
    RequestHead,
    ResponseHead,
    parsed_request,
    parsed_response,
    status_phrase,
    write_response,
)
from core.protocol.violations import Violation
from core.rules.verdict import CannedAnswer, HandshakeVerdict

UNCHANGED = HandshakeVerdict()
"""What no rule applies to."""
_OURS = frozenset(("connection", "content-length", "transfer-encoding"))
_WRONG_ACCEPT = accept_key("no key of this connection")
_DEFLATE = "permessage-deflate"


def asked(request: RequestHead, verdict: HandshakeVerdict) -> RequestHead:
    """The request as it goes on."""
    if verdict.head is not None:
        request = parsed_request(verdict.head) or request
    raw = edited(request, _edit(verdict))
    return request if raw == request.raw else parsed_request(raw) or request


def passed_on(response: ResponseHead, verdict: HandshakeVerdict) -> bytes:
    """The raw head of a server's response as it goes on."""
    if verdict.head is not None:
        response = parsed_response(verdict.head) or response
    return edited(response, _edit(verdict) if response.status == 101 else _plain_edit(verdict))


def answered(answer: Answer, verdict: HandshakeVerdict) -> Answer:
    """An answer of our own as it is given, with the consequences that its headers have."""
    head = parsed_response(answer.head if verdict.head is None else verdict.head)
    if head is None:
        return answer
    raw = edited(head, _edit(verdict) if answer.accepted else _plain_edit(verdict))
    if raw == answer.head:
        return answer
    body = answer.response[len(answer.head) :]
    if not answer.accepted:
        return replace(answer, response=raw + body)
    told = parsed_response(raw)
    assert told is not None, "only headers differ"
    extensions = ", ".join(told.headers.get_all(EXTENSIONS_HEADER))
    return replace(
        answer,
        response=raw + body,
        subprotocol=told.headers.get(PROTOCOL_HEADER),
        extensions=extensions,
        # RFC 7692 section 5: nothing is compressed without having been agreed on.
        deflate=answer.deflate if _DEFLATE in extensions else None,
    )


def canned(wanted: CannedAnswer, violations: tuple[Violation, ...] = ()) -> Answer:
    """The answer that a rule gives to a request."""
    headers = [
        (name, sendable(value))
        for name, value in wanted.headers
        if is_token(name) and name.lower() not in _OURS
    ]
    body = wanted.body
    if 100 <= wanted.status <= 199 or wanted.status in (204, 304):
        # RFC 9110 section 6.4.1: these have no content.
        body = b""
    else:
        headers.append(("Content-Length", str(len(body))))
    response = write_response(wanted.status, [("Connection", "close"), *headers], body)
    said = f"{wanted.status} {status_phrase(wanted.status)}".strip()
    return Answer(wanted.status, f"A rule has answered {said}.", response, len(body), violations=violations)


def recorded(head: bytes, verdict: HandshakeVerdict) -> bytes:
    """A raw request, or a response with its body, without the secrets that rules keep out of the capture."""
    if not verdict.recorded_without:
        return head
    if head.startswith(b"HTTP/"):
        end = _end_of_head(head)
        response = parsed_response(head[:end])
        return head if response is None else without_values(response, verdict.recorded_without) + head[end:]
    request = parsed_request(head)
    return head if request is None else without_values(request, verdict.recorded_without)


def _plain_edit(verdict: HandshakeVerdict) -> HeadEdit:
    """What is changed in an answer that opens no WebSocket connection."""
    return HeadEdit(verdict.removed, verdict.added)


def _edit(verdict: HandshakeVerdict) -> HeadEdit:
    removed, added = list(verdict.removed), list(verdict.added)
    if verdict.subprotocol is not None:
        removed.append(PROTOCOL_HEADER)
        added += [(PROTOCOL_HEADER, verdict.subprotocol)] if verdict.subprotocol else []
    if verdict.drops_extensions:
        removed.append(EXTENSIONS_HEADER)
        added = [each for each in added if each[0].lower() != EXTENSIONS_HEADER.lower()]
    if verdict.breaks_accept:
        removed.append(ACCEPT_HEADER)
        added.append((ACCEPT_HEADER, _WRONG_ACCEPT))
    return HeadEdit(tuple(removed), tuple(added))


def _end_of_head(data: bytes) -> int:
    at = data.find(b"\r\n\r\n")
    return len(data) if at < 0 else at + 4
