"""A head of HTTP that waits for a person."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import PayloadError
from core.protocol.http11 import HeadKind, parsed_request, parsed_response
from core.protocol.state import Role
from core.rules.decision import Answer, Decision, HeldKey, HeldMessage
from core.rules.verdict import CannedAnswer, HandshakeVerdict, Onward, Replacement

TICKETS = {HeadKind.REQUEST: -1, HeadKind.RESPONSE: -2}
"""Those of messages count from 1."""
_SENDERS = {HeadKind.REQUEST: Role.CLIENT, HeadKind.RESPONSE: Role.SERVER}
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class HeldHead:
    """A request or a response, and what rules make of it once it goes on."""

    kind: HeadKind
    raw: bytes
    verdict: HandshakeVerdict
    since_ns: int
    until_ns: int
    rules: tuple[str, ...]

    @property
    def ticket(self) -> int:
        return TICKETS[self.kind]

    def as_held(self, connection: int) -> HeldMessage:
        """What a person sees of it."""
        return HeldMessage(
            HeldKey(connection, self.ticket), _SENDERS[self.kind], self.since_ns, self.until_ns, 0, 0, 0, 0,
            is_compressed=False, payload=self.raw, rules=self.rules, head=self.kind,
        )  # fmt: skip

    def decided(self, decision: Decision) -> HandshakeVerdict:
        """What is done with it. Raises PayloadError where the person has written no head."""
        verdict = replace(self.verdict, hold=None)
        match decision:
            case Onward.DROP:
                return replace(verdict, is_silent=True)
            case Replacement(payload=payload):
                return replace(verdict, head=self._head(payload))
            case Answer(message=message):
                return replace(verdict, answer=self._answer(message.payload))
        return verdict

    def _head(self, payload: bytes) -> bytes:
        is_request = self.kind is HeadKind.REQUEST
        if (parsed_request(payload) if is_request else parsed_response(payload)) is None:
            what = "request" if is_request else "response"
            raise PayloadError(
                f"This is no head of a {what}: it needs a first line, headers, and an empty line."
            )
        return payload

    def _answer(self, payload: bytes) -> CannedAnswer:
        if self.kind is HeadKind.RESPONSE:
            raise PayloadError("A response cannot be answered. Change it, or drop it.")
        if payload == self.raw:
            return CannedAnswer(_FORBIDDEN)
        end = payload.find(b"\r\n\r\n") + 4
        response = parsed_response(payload[:end]) if payload.startswith(b"HTTP/") and end > 3 else None
        if response is None:
            return CannedAnswer(_FORBIDDEN, (("Content-Type", "text/plain; charset=utf-8"),), payload)
        return CannedAnswer(response.status, response.headers.items, payload[end:])
