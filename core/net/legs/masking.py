"""Keeps secrets of a request out of what is recorded: each byte of one becomes an asterisk, so that no offset moves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from core.net.connect_request import SECRET_AT_LEAST, ConnectRequest
from core.protocol.events import ConnectionClosed, HandshakeFailed, Report, RequestSent, ResponseReceived
from core.protocol.handshake_rules import EXTENSIONS_HEADER, KEY_HEADER, VERSION_HEADER
from core.protocol.headers import Headers
from core.protocol.http11 import ResponseHead, parsed_request
from core.protocol.violations import Violation

MASK = b"*"

_OF_HANDSHAKE = ("Upgrade", "Connection", KEY_HEADER, VERSION_HEADER, EXTENSIONS_HEADER)
_OPEN_LINE = re.compile(rb"(?:" + "|".join(_OF_HANDSHAKE).encode() + rb"):", re.IGNORECASE)


class Masking:
    """Masks the secrets of one connection."""

    def __init__(self, request: ConnectRequest) -> None:
        self._text = request.masked
        self._sent = [each.encode("latin-1") for each in request.secrets if each]
        self._echoed = [each for each in self._sent if len(each) >= SECRET_AT_LEAST]

    def mask(self, events: list[Report]) -> None:
        """Put masked events in the place of those of a handshake."""
        if self._sent:
            events[:] = [self._masked(event) for event in events]

    def mask_body(self, event: ConnectionClosed) -> ConnectionClosed:
        """The end of a connection that the server refused: what came behind its head is the body of its answer."""
        return replace(event, trailing=_without(event.trailing, self._echoed))

    def _masked(self, event: Report) -> Report:
        if isinstance(event, RequestSent):
            raw = self._request(event.raw)
            found = self._violations(event.violations)
            is_masked = raw != event.raw
            return replace(event, raw=raw, request=parsed_request(raw), violations=found, is_masked=is_masked)
        if isinstance(event, ResponseReceived):
            response = self._response(event.response)
            subprotocol = event.verdict.subprotocol
            verdict = replace(
                event.verdict,
                violations=self._violations(event.verdict.violations),
                subprotocol=None if subprotocol is None else self._text(subprotocol),
            )
            is_masked = response.raw != event.response.raw
            return replace(event, response=response, verdict=verdict, is_masked=is_masked)
        if isinstance(event, HandshakeFailed):
            answer = event.answer
            found = self._violations(answer.violations)
            answer = replace(answer, reason=self._text(answer.reason), violations=found)
            return replace(event, raw=_without(event.raw, self._echoed), answer=answer)
        return event

    def _request(self, raw: bytes) -> bytes:
        """A request head; the method and what the handshake itself sets stay."""
        lines = raw.split(b"\r\n")
        method, _, rest = lines[0].partition(b" ")
        target, _, version = rest.rpartition(b" ")
        lines[0] = b" ".join((method, _without(target, self._sent), version))
        for number, line in enumerate(lines[1:], 1):
            name, colon, value = line.partition(b":")
            if _OPEN_LINE.match(line) is None:
                lines[number] = name + colon + _without(value, self._sent)
        return b"\r\n".join(lines)

    def _response(self, response: ResponseHead) -> ResponseHead:
        headers = response.headers
        items = tuple((name, self._text(value)) for name, value in headers.items)
        return replace(
            response,
            reason=self._text(response.reason),
            headers=Headers(items, headers.spans),
            raw=_without(response.raw, self._echoed),
            violations=self._violations(response.violations),
        )

    def _violations(self, found: tuple[Violation, ...]) -> tuple[Violation, ...]:
        return tuple(replace(each, detail=self._text(each.detail)) for each in found)


def _without(data: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        data = data.replace(secret, MASK * len(secret))
    return data
