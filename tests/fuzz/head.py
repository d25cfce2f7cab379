"""Request and response heads, over any split, and what the handshake makes of them.

Every input is parsed and judged; one in `_CHECKED` is also parsed in pieces, and what we answer to it is read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.errors import HeadError
from core.protocol.handshake import Answer, ServerPolicy, check_response, propose
from core.protocol.headers import explain
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.violations import Judgement, Severity, Violation
from tests.fuzz.script import Script, one_in, pieces

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_CHECKED = 4
_POLICIES = (
    ServerPolicy(),
    ServerPolicy(subprotocols=("chat", "superchat")),
    ServerPolicy(deflate=None),
    ServerPolicy(origins=("http://localhost",)),
)


def run(data: bytes) -> None:
    """First byte: options. Second: how the rest, the head, is split."""
    script = Script(data)
    options, cut = script.byte(), script.byte()
    kind = HeadKind.RESPONSE if options & 1 else HeadKind.REQUEST
    judgement = Judgement.TOLERANT if options & 2 else Judgement.STRICT
    limits = HeadLimits(128, 4) if options & 4 else HeadLimits(8192, 32)
    stream = script.rest()
    head, failure = _parse(HeadParser(kind, limits, judgement), [stream], limits)
    checked = one_in(_CHECKED, data)
    if checked:
        assert (head, failure) == _parse(HeadParser(kind, limits, judgement), pieces(stream, cut), limits)
    if head is None:
        return
    assert stream.startswith(head.raw)
    _check_spans(head.violations, len(head.raw))
    if judgement is Judgement.STRICT:
        assert all(found.rule.severity is not Severity.ERROR for found in head.violations)
    if isinstance(head, RequestHead):
        policy = replace(_POLICIES[options >> 3 & 3], judgement=judgement)
        answer = propose(head, policy)
        _check_spans(answer.violations, len(head.raw))
        if checked:
            check_answer(head, answer)
    else:
        verdict = check_response(
            head, key=KEY, offered_subprotocols=("chat",), offered_deflate="permessage-deflate"
        )
        _check_spans(verdict.violations, len(head.raw))


def _parse(
    parser: HeadParser, stream: Sequence[bytes], limits: HeadLimits
) -> tuple[RequestHead | ResponseHead | None, tuple[int, str] | None]:
    """The head, and the status and rule of the HeadError."""
    fed = bytearray()
    for piece in stream:
        fed += piece
        try:
            head = parser.feed(piece)
        except HeadError as error:
            _check_spans(parser.violations, limits.max_bytes)
            _check_raw(parser, fed, limits)
            return None, (error.status, error.rule)
        if head is not None:
            assert fed == head.raw + parser.leftover
            _check_raw(parser, fed, limits)
            return head, None
    assert fed == parser.raw
    _check_raw(parser, fed, limits)
    return None, None


def _check_raw(parser: HeadParser, fed: bytearray, limits: HeadLimits) -> None:
    assert fed.startswith(parser.raw)
    assert len(parser.raw) <= limits.max_bytes


def check_answer(request: RequestHead, answer: Answer) -> None:
    """What we answer is a response that a client reads, and when it is 101 one that it accepts."""
    response = HeadParser(HeadKind.RESPONSE).feed(answer.head)
    assert isinstance(response, ResponseHead)
    assert (response.status, response.violations) == (answer.status, ())
    if not answer.accepted:
        assert answer.reason
        return
    if any(found.rule.id == "extension-syntax" for found in answer.violations):
        return
    headers = request.headers
    verdict = check_response(
        response,
        key=headers.get("Sec-WebSocket-Key") or "",
        offered_subprotocols=headers.tokens("Sec-WebSocket-Protocol"),
        offered_deflate=", ".join(headers.get_all("Sec-WebSocket-Extensions")) or None,
    )
    assert verdict.violations == (), verdict.violations
    assert (verdict.deflate, verdict.subprotocol) == (answer.deflate, answer.subprotocol)


def _check_spans(violations: Iterable[Violation], size: int) -> None:
    found = tuple(violations)
    for each in found:
        assert each.offset >= 0
        assert each.length >= 0
        assert each.offset + each.length <= size, each
    assert explain(found).isprintable(), explain(found)
