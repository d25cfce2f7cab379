"""Secrets in heads: what is recorded has asterisks in their place, and nothing else moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.net.connect_request import ConnectRequest, parse_url
from core.net.legs.masking import Masking
from core.protocol.endpoint import ClientSide, Endpoint
from core.protocol.events import HandshakeFailed, Report, RequestSent, ResponseReceived
from core.protocol.handshake import accept_key
from core.protocol.http11 import parsed_request, write_response

SECRET = "s3cret"
REQUEST = ConnectRequest(
    parse_url(f"ws://127.0.0.1:9/?token={SECRET}"),
    headers=(("Authorization", f"Bearer {SECRET}"), ("X-Plain", "Upgrade")),
    subprotocols=("chat", f"bearer.{SECRET}"),
    secrets=(SECRET, "Up", "13"),
)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def events_of(request: ConnectRequest, response: bytes) -> list[Report]:
    head = request.head(KEY)
    endpoint = Endpoint(ClientSide(head, KEY, request.subprotocols, request.compression or None))
    events: list[Report] = [*endpoint.begin(), *endpoint.receive_data(response)]
    Masking(request).mask(events)
    return events


def test_a_request_keeps_its_shape_and_loses_its_secrets() -> None:
    sent, _ = events_of(REQUEST, response := write_response(401, []))
    assert isinstance(sent, RequestSent)
    assert sent.is_masked
    assert SECRET.encode() not in sent.raw
    assert len(sent.raw) == len(REQUEST.head(KEY))
    assert sent.request == parsed_request(sent.raw)
    assert sent.request is not None
    headers = sent.request.headers
    assert sent.request.target == "/?token=******"
    assert headers.get("Authorization") == "Bearer ******"
    assert headers.get("X-Plain") == "**grade"
    # What the handshake itself says, stays.
    assert headers.get("Upgrade") == "websocket"
    assert headers.get("Connection") == "Upgrade"
    assert headers.get("Sec-WebSocket-Version") == "13"
    assert headers.get("Sec-WebSocket-Protocol") == "chat, bearer.******"
    assert response


def test_a_server_that_repeats_a_secret_is_masked_too() -> None:
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_key(KEY)),
        ("Sec-WebSocket-Protocol", f"bearer.{SECRET}"),
        ("Set-Cookie", f"t={SECRET}"),
        ("X-Number", "13"),
    ]
    _, received = events_of(REQUEST, write_response(101, headers))
    assert isinstance(received, ResponseReceived)
    assert received.accepted
    assert received.is_masked
    assert SECRET not in repr(received)
    assert received.verdict.subprotocol == "bearer.******"
    # Short ones stand there by chance.
    assert received.response.headers.get("X-Number") == "13"
    assert len(received.response.raw) == len(write_response(101, headers))


def test_what_is_wrong_is_said_without_the_secret() -> None:
    response = write_response(101, [("Upgrade", SECRET), ("Sec-WebSocket-Accept", SECRET)])
    _, received = events_of(REQUEST, response)
    assert isinstance(received, ResponseReceived)
    assert received.verdict.violations
    assert SECRET not in repr(received)
    _, failed = events_of(REQUEST, f"HTTP/1.1 {SECRET}\r\n\r\n".encode())
    assert isinstance(failed, HandshakeFailed)
    assert SECRET not in repr(failed)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
def test_no_secret_is_left_whatever_it_is(secret: str) -> None:
    request = ConnectRequest(
        parse_url("ws://127.0.0.1:9/"), headers=(("X-Key", f"a{secret}b{secret}"),), secrets=(secret,)
    )
    sent, *_ = events_of(request, write_response(401, []))
    assert isinstance(sent, RequestSent)
    assert sent.request is not None
    (value,) = sent.request.headers.get_all("X-Key")
    assert len(value) == 2 + 2 * len(secret)
    assert secret.replace("*", "") == "" or secret not in value


def test_without_secrets_nothing_is_touched() -> None:
    request = ConnectRequest(parse_url("ws://127.0.0.1:9/"))
    sent, _ = events_of(request, write_response(401, []))
    assert isinstance(sent, RequestSent)
    assert (sent.raw, sent.is_masked) == (request.head(KEY), False)
