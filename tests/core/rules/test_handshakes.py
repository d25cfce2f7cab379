"""Heads and answers as rules want them."""

from __future__ import annotations

import pytest

from core.protocol.handshake import Answer, ServerPolicy, accept_key, propose
from core.protocol.http11 import RequestHead, parsed_request, parsed_response, write_response
from core.rules.handshakes import answered, asked, canned, passed_on, recorded
from core.rules.verdict import CannedAnswer, HandshakeVerdict
from tests.tools.wires import KEY

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
    b"Authorization: Bearer f7a1\r\n\r\n"
)


def request() -> RequestHead:
    found = parsed_request(REQUEST)
    assert found is not None
    return found


def proposed() -> Answer:
    answer = propose(request(), ServerPolicy())
    assert (answer.subprotocol, answer.deflate is not None) == ("chat", True)
    return answer


def test_what_no_rule_changes_stays_the_same() -> None:
    nothing, answer = HandshakeVerdict(), proposed()
    assert asked(request(), nothing).raw == REQUEST
    assert answered(answer, nothing) is answer
    assert recorded(REQUEST, nothing) is REQUEST


def test_a_request_offers_less() -> None:
    head = asked(request(), HandshakeVerdict(subprotocol="superchat", drops_extensions=True))
    assert head.headers.get_all("Sec-WebSocket-Protocol") == ("superchat",)
    assert "Sec-WebSocket-Extensions" not in head.headers
    none = asked(request(), HandshakeVerdict(subprotocol=""))
    assert "Sec-WebSocket-Protocol" not in none.headers
    assert len(none.headers.items) == len(request().headers.items) - 1


def test_an_answer_agrees_on_what_its_headers_say() -> None:
    answer = answered(proposed(), HandshakeVerdict(subprotocol="mine", drops_extensions=True))
    assert (answer.subprotocol, answer.extensions, answer.deflate) == ("mine", "", None)
    head = parsed_response(answer.response)
    assert head is not None
    assert head.headers.get("Sec-WebSocket-Protocol") == "mine"
    kept = answered(proposed(), HandshakeVerdict(added=(("X-A", "b"),)))
    assert (kept.subprotocol, kept.deflate) == ("chat", proposed().deflate)
    assert kept.response == proposed().response[:-2] + b"X-A: b\r\n\r\n"


def test_a_wrong_accept() -> None:
    answer = answered(proposed(), HandshakeVerdict(breaks_accept=True))
    wrong = parsed_response(answer.response)
    assert wrong is not None
    assert wrong.headers.get("Sec-WebSocket-Accept") not in (None, accept_key(KEY))
    assert len(answer.response) == len(proposed().response)


def test_a_refusal_keeps_its_body_and_agrees_on_nothing() -> None:
    refused = propose(request(), ServerPolicy(hosts=("other",), origins=()))
    body = write_response(403, [("Content-Length", "2")], b"no")
    refused = Answer(403, "no", body, 2)
    changed = HandshakeVerdict(added=(("X", "y"),), subprotocol="chat", breaks_accept=True)
    assert (
        answered(refused, changed).response
        == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX: y\r\n\r\nno"
    )


def test_a_response_that_goes_on() -> None:
    head = parsed_response(proposed().response)
    assert head is not None
    assert passed_on(head, HandshakeVerdict()) == head.raw
    assert b"Sec-WebSocket-Protocol: x\r\n" in passed_on(head, HandshakeVerdict(subprotocol="x"))
    page = parsed_response(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")
    assert page is not None
    assert passed_on(page, HandshakeVerdict(subprotocol="x", removed=("A",))) == b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize("status", [302, 401, 403, 429, 503, 599])
def test_an_answer_of_a_rule(status: int) -> None:
    wanted = CannedAnswer(
        status, (("Location", "/a\r\nX: y"), ("Content-Length", "99"), ("no name", "")), b"no"
    )
    answer = canned(wanted)
    head = parsed_response(answer.head)
    assert head is not None
    assert head.headers.items == (
        ("Connection", "close"),
        ("Location", "/a??X: y"),
        ("Content-Length", "2"),
    )
    assert (answer.status, head.status, answer.body_length) == (status, status, 2)
    assert answer.response.endswith(b"\r\n\r\nno")
    assert answer.reason.startswith(f"A rule has answered {status}")


@pytest.mark.parametrize("status", [103, 204, 304])
def test_an_answer_that_has_no_body(status: int) -> None:
    answer = canned(CannedAnswer(status, (), b"lost"))
    assert answer.response.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in answer.response
    assert answer.body_length == 0


def test_secrets_are_not_recorded() -> None:
    verdict = HandshakeVerdict(recorded_without=("authorization", "set-cookie"))
    assert recorded(REQUEST, verdict) == REQUEST.replace(b"Bearer f7a1", b"****** ****")
    answer = b"HTTP/1.1 403 Forbidden\r\nSet-Cookie: a=b\r\n\r\nSet-Cookie: a=b"
    assert recorded(answer, verdict) == answer.replace(b"a=b\r\n", b"***\r\n", 1)
    assert recorded(b"no head", verdict) == b"no head"
    assert recorded(b"HTTP/1.1 nonsense", verdict) == b"HTTP/1.1 nonsense"
