"""The opening handshake from literal wire bytes: what is answered, what is noted, and where."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CallerError
from core.protocol.deflate import DeflateParameters, DeflatePolicy
from core.protocol.handshake import (
    GUID,
    WS_VERSION,
    Answer,
    ResponseVerdict,
    ServerPolicy,
    accept_key,
    accept_steps,
    check_response,
    client_request,
    is_websocket_request,
    new_key,
    propose,
    refuse,
    serve,
)
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.violations import CATALOGUE, Judgement, Severity, Violation

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

LINES = {
    "line": b"GET /chat HTTP/1.1",
    "host": b"Host: server.example.com",
    "upgrade": b"Upgrade: websocket",
    "connection": b"Connection: Upgrade",
    "key": b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "version": b"Sec-WebSocket-Version: 13",
}


def wire(*added: bytes, **changed: bytes | None) -> bytes:
    """The request of RFC 6455 section 1.2 with lines changed, taken out (None) or added."""
    lines = [line for line in {**LINES, **changed}.values() if line is not None]
    return b"\r\n".join([*lines, *added]) + b"\r\n\r\n"


def request(data: bytes, judgement: Judgement = Judgement.STRICT) -> RequestHead:
    head = HeadParser(HeadKind.REQUEST, HeadLimits(), judgement).feed(data)
    assert isinstance(head, RequestHead)
    return head


def answer(data: bytes, policy: ServerPolicy | None = None) -> Answer:
    policy = policy or ServerPolicy()
    return propose(request(data, policy.judgement), policy)


def response(data: bytes) -> ResponseHead:
    head = HeadParser(HeadKind.RESPONSE).feed(data)
    assert isinstance(head, ResponseHead)
    return head


def rules(violations: tuple[Violation, ...]) -> list[str]:
    return [one.rule.id for one in violations]


def headers_of(given_answer: Answer) -> dict[str, str]:
    items = response(given_answer.head).headers.items
    assert len(items) == len(dict(items))
    return dict(items)


def body_of(given_answer: Answer) -> bytes:
    return given_answer.response[len(given_answer.head) :]


TOLERANT = ServerPolicy(judgement=Judgement.TOLERANT)


def test_the_example_of_rfc_6455_section_1_3() -> None:
    assert accept_key(KEY) == ACCEPT
    steps = accept_steps(KEY)
    assert steps.key == KEY
    assert steps.joined == "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    assert steps.sha1.hex() == "b37a4f2cc0624f1690f64606cf385945b2bec4ea"
    assert steps.accept == ACCEPT


def test_the_101_byte_for_byte() -> None:
    proposed = answer(wire(), ServerPolicy(deflate=None))
    assert proposed.accepted
    assert proposed.response == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )
    assert (proposed.reason, proposed.body_length, proposed.violations) == ("", 0, ())
    assert (proposed.subprotocol, proposed.deflate, proposed.extensions) == (None, None, "")


def test_the_101_with_everything_in_the_usual_order() -> None:
    data = wire(
        b"Sec-WebSocket-Protocol: chat, superchat",
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    )
    proposed = answer(data, ServerPolicy(extra_headers=(("Server", "Unmask"),)))
    assert list(headers_of(proposed)) == [
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Server",
    ]
    assert proposed.subprotocol == "chat"
    assert proposed.extensions == headers_of(proposed)["Sec-WebSocket-Extensions"] == "permessage-deflate"
    assert proposed.deflate == DeflateParameters(False, False)


def test_names_and_tokens_are_compared_without_regard_to_case() -> None:
    data = wire(
        host=b"HOST: [::1]:8080",
        upgrade=b"upgrade: h2c, WebSocket",
        connection=b"CONNECTION: keep-alive",
        key=b"sec-websocket-key:   dGhlIHNhbXBsZSBub25jZQ==  ",
        more=b"connection: UPGRADE",
    )
    proposed = answer(data)
    assert proposed.accepted
    assert headers_of(proposed)["Sec-WebSocket-Accept"] == ACCEPT


@pytest.mark.parametrize("target", [b"/", b"/?a=%20{}|", b"http://server.example.com/chat", b"HTTPS://a"])
def test_targets_that_may_be(target: bytes) -> None:
    assert answer(wire(line=b"GET " + target + b" HTTP/1.1")).accepted


@pytest.mark.parametrize("host", [b"a", b"localhost:8080", b"[::1]", b"127.0.0.1:", b"xn--caf-dma.example:1"])
def test_hosts_that_may_be(host: bytes) -> None:
    assert answer(wire(host=b"Host: " + host)).accepted


SHORT_KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="
ODD_KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="

# rule, status when strict, when tolerant, the marked bytes, the request
REQUEST_CASES: list[tuple[str, int, int, bytes, bytes]] = [
    ("method-not-get", 405, 405, b"POST", wire(line=b"POST /chat HTTP/1.1")),
    ("http-version-old", 400, 101, b"HTTP/1.0", wire(line=b"GET /chat HTTP/1.0")),
    ("http-version-unknown", 505, 505, b"HTTP/2.0", wire(line=b"GET /chat HTTP/2.0")),
    ("http-version-unknown", 505, 505, b"HTTP/0.9", wire(line=b"GET /chat HTTP/0.9")),
    ("request-target-bad", 400, 101, b"chat", wire(line=b"GET chat HTTP/1.1")),
    ("request-target-bad", 400, 101, b"/chat#top", wire(line=b"GET /chat#top HTTP/1.1")),
    ("request-target-bad", 400, 101, b"/a b", wire(line=b"GET /a b HTTP/1.1")),
    ("request-target-bad", 400, 101, b"/caf\xe9", wire(line=b"GET /caf\xe9 HTTP/1.1")),
    ("request-target-bad", 400, 101, b"ws://a/chat", wire(line=b"GET ws://a/chat HTTP/1.1")),
    ("request-target-bad", 400, 101, b"*", b"\r\n" + wire(line=b"GET * HTTP/1.1")),
    ("request-has-body", 400, 400, b"Content-Length: 5", wire(b"Content-Length: 5")),
    ("request-has-body", 400, 400, b"Transfer-Encoding: chunked", wire(b"Transfer-Encoding: chunked")),
    ("host-missing", 400, 101, b"", wire(host=None)),
    ("host-repeated", 400, 101, b"Host: b", wire(b"Host: b")),
    ("host-bad", 400, 101, b"Host:", wire(host=b"Host:")),
    ("host-bad", 400, 101, b"Host: a b", wire(host=b"Host: a b")),
    ("host-bad", 400, 101, b"Host: a/b", wire(host=b"Host: a/b")),
    ("host-bad", 400, 101, b"Host: a:http", wire(host=b"Host: a:http")),
    ("upgrade-missing", 426, 426, b"", wire(upgrade=None)),
    ("upgrade-missing", 426, 426, b"Upgrade: h2c", wire(upgrade=b"Upgrade: h2c")),
    ("connection-missing", 400, 101, b"", wire(connection=None)),
    ("connection-missing", 400, 101, b"Connection: close", wire(connection=b"Connection: close")),
    ("key-missing", 400, 400, b"", wire(key=None)),
    ("key-repeated", 400, 101, LINES["key"], wire(LINES["key"])),
    ("key-bad", 400, 400, b"Sec-WebSocket-Key: hello", wire(key=b"Sec-WebSocket-Key: hello")),
    ("key-bad", 400, 400, b"Sec-WebSocket-Key:", wire(key=b"Sec-WebSocket-Key:")),
    ("key-bad", 400, 400, SHORT_KEY, wire(key=SHORT_KEY)),
    ("key-bad", 400, 400, ODD_KEY, wire(key=ODD_KEY)),
    ("version-missing", 400, 101, b"", wire(version=None)),
    ("version-repeated", 400, 101, LINES["version"], wire(LINES["version"])),
    ("version-not-13", 426, 426, b"Sec-WebSocket-Version: 8", wire(version=b"Sec-WebSocket-Version: 8")),
    ("version-not-13", 426, 426, b"Sec-WebSocket-Version: 013", wire(version=b"Sec-WebSocket-Version: 013")),
    (
        "version-not-13",
        426,
        426,
        b"Sec-WebSocket-Version: 13, 8",
        wire(version=b"Sec-WebSocket-Version: 13, 8"),
    ),
    ("subprotocol-bad", 400, 101, b"Sec-WebSocket-Protocol: a, b c", wire(b"Sec-WebSocket-Protocol: a, b c")),
    ("subprotocol-bad", 400, 101, b"Sec-WebSocket-Protocol: ,", wire(b"Sec-WebSocket-Protocol: ,")),
    (
        "subprotocol-repeated",
        400,
        101,
        b"Sec-WebSocket-Protocol: a, a",
        wire(b"Sec-WebSocket-Protocol: a, a"),
    ),
    (
        "subprotocol-repeated",
        400,
        101,
        b"Sec-WebSocket-Protocol: b,a",
        wire(b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: b,a"),
    ),
    (
        "extension-syntax",
        400,
        101,
        b"Sec-WebSocket-Extensions: a; =1",
        wire(b"Sec-WebSocket-Extensions: a; =1"),
    ),
    ("accept-in-request", 101, 101, b"Sec-WebSocket-Accept: x", wire(b"Sec-WebSocket-Accept: x")),
]


@pytest.mark.parametrize(
    ("rule", "strict", "tolerant", "marked", "data"),
    REQUEST_CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(REQUEST_CASES)],
)
def test_a_rule_of_the_request(rule: str, strict: int, tolerant: int, marked: bytes, data: bytes) -> None:
    for policy, status in ((ServerPolicy(), strict), (TOLERANT, tolerant)):
        proposed = answer(data, policy)
        assert proposed.status == status
        (broken,) = proposed.violations
        assert broken.rule.id == rule
        assert data[broken.offset : broken.offset + broken.length] == marked
        if proposed.accepted:
            assert headers_of(proposed)["Sec-WebSocket-Accept"] == ACCEPT
        else:
            assert CATALOGUE[rule].sentence.rstrip(".") in proposed.reason


def test_every_reason_is_given() -> None:
    proposed = answer(wire(host=None, key=SHORT_KEY, version=b"Sec-WebSocket-Version: 8"))
    assert proposed.status == 426
    assert rules(proposed.violations) == ["host-missing", "key-bad", "version-not-13"]
    assert proposed.reason == (
        "The request has no Host header; Sec-WebSocket-Key is not the base64 of 16 bytes: "
        "'dGhlIHNhbXBsZQ==' decodes to 10 bytes; Sec-WebSocket-Version is not 13: it says '8'."
    )


def test_a_flood_of_mistakes_is_told_in_a_bounded_answer() -> None:
    proposed = answer(wire(b"Sec-WebSocket-Extensions: " + b";," * 5000, *[b"Host: a b"] * 50))
    assert len(proposed.response) < 16_000
    assert proposed.reason.endswith("; and 51 more.")
    assert rules(proposed.violations).count("extension-syntax") == 16
    assert "5000 such problems in all" in proposed.violations[-1].detail


def test_what_a_bad_key_is() -> None:
    assert "'hello' is no base64" in answer(wire(key=b"Sec-WebSocket-Key: hello")).reason
    assert "is not the usual spelling" in answer(wire(key=ODD_KEY)).reason
    assert "decodes to 0 bytes" in answer(wire(key=b"Sec-WebSocket-Key:")).reason


def test_a_head_read_tolerantly_may_still_be_judged_strictly() -> None:
    head = request(wire(b"rubbish"), Judgement.TOLERANT)
    proposed = propose(head, ServerPolicy())
    assert (proposed.status, rules(proposed.violations)) == (400, ["header-without-colon"])
    proposed = propose(head, TOLERANT)
    assert (proposed.status, rules(proposed.violations)) == (101, ["header-without-colon"])


def test_warnings_of_the_head_do_not_refuse() -> None:
    proposed = answer(wire().replace(b"\r\n", b"\n"))
    assert (proposed.status, rules(proposed.violations)) == (101, ["head-bare-lf"])


def test_a_plain_http_request() -> None:
    data = b"GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
    assert not is_websocket_request(request(data))
    proposed = answer(data)
    assert proposed.response == (
        b"HTTP/1.1 426 Upgrade Required\r\n"
        b"Connection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 214\r\n"
        b"X-Content-Type-Options: nosniff\r\n"
        b"\r\n"
        b"The Upgrade header does not name websocket: there is no Upgrade header; the Connection header does "
        b"not list Upgrade: there is no Connection header; there is no Sec-WebSocket-Key; there is no "
        b"Sec-WebSocket-Version.\n"
    )


def test_a_websocket_request_is_recognised() -> None:
    assert is_websocket_request(request(wire()))
    assert is_websocket_request(request(wire(key=None, upgrade=b"upgrade: foo, WEBSOCKET")))
    assert not is_websocket_request(request(wire(upgrade=b"Upgrade: websocket2")))


def test_head_gets_no_body() -> None:
    proposed = answer(wire(line=b"HEAD / HTTP/1.1"))
    assert (proposed.status, proposed.body_length) == (405, 0)
    assert proposed.response == proposed.head
    assert proposed.response.endswith(b"nosniff\r\n\r\n")


@pytest.mark.parametrize("judgement", Judgement)
def test_an_origin_that_is_not_allowed(judgement: Judgement) -> None:
    policy = ServerPolicy(origins=("https://good.example",), judgement=judgement)
    assert answer(wire(), policy).accepted
    assert answer(wire(b"Origin: HTTPS://good.example"), policy).accepted
    proposed = answer(wire(b"Origin: https://evil.example"), policy)
    assert (proposed.status, rules(proposed.violations)) == (403, ["origin-refused"])
    proposed = answer(wire(b"Origin: null", host=None), policy)
    assert rules(proposed.violations) == ["host-missing", "origin-refused"]
    assert proposed.status == 400


@pytest.mark.parametrize("judgement", Judgement)
@pytest.mark.parametrize(
    ("host", "welcome"),
    [
        (b"localhost", True),
        (b"LocalHost:8080", True),
        (b"app.localhost:1", True),
        (b"127.0.0.1:8080", True),
        (b"127.9.9.9", True),
        (b"[::1]:8080", True),
        (b"[::1]", True),
        (b"dev.test:8080", True),
        (b"evil.example:8080", False),
        (b"localhost.evil.example", False),
        (b"notlocalhost", False),
        (b"192.168.1.2", False),
        (b"[2001:db8::1]:8080", False),
    ],
)
def test_a_host_that_is_not_ours(host: bytes, welcome: bool, judgement: Judgement) -> None:
    policy = ServerPolicy(hosts=("dev.test",), judgement=judgement)
    proposed = answer(wire(host=b"Host: " + host), policy)
    assert proposed.accepted == welcome
    if not welcome:
        assert (proposed.status, rules(proposed.violations)) == (403, ["host-foreign"])
    assert answer(wire(host=b"Host: " + host)).accepted


@pytest.mark.parametrize(
    ("offered", "spoken", "chosen"),
    [
        ([], None, None),
        ([b"a, b"], None, "a"),
        ([b"a", b"b"], ("b", "a"), "a"),
        ([b"a, b"], ("b",), "b"),
        ([b"a, b"], ("c",), None),
        ([b"a"], (), None),
        ([b"A"], ("a",), None),
    ],
)
def test_the_subprotocol(offered: list[bytes], spoken: tuple[str, ...] | None, chosen: str | None) -> None:
    data = wire(*(b"Sec-WebSocket-Protocol: " + value for value in offered))
    proposed = answer(data, ServerPolicy(subprotocols=spoken))
    assert proposed.subprotocol == chosen
    assert headers_of(proposed).get("Sec-WebSocket-Protocol") == chosen
    assert proposed.violations == ()


def test_a_bad_subprotocol_is_never_chosen() -> None:
    proposed = answer(wire(b"Sec-WebSocket-Protocol: b c, good"), TOLERANT)
    assert proposed.subprotocol == "good"


def test_a_bad_deflate_offer_is_declined_and_noted_but_does_not_refuse() -> None:
    line = b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7"
    data = wire(line)
    proposed = answer(data)
    assert (proposed.status, proposed.deflate, proposed.extensions) == (101, None, "")
    (broken,) = proposed.violations
    assert broken.rule.id == "deflate-parameter-value"
    assert data[broken.offset : broken.offset + broken.length] == line


def test_the_deflate_policy_is_kept() -> None:
    data = wire(
        b"Sec-WebSocket-Extensions: x-other, permessage-deflate; bad",
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    )
    policy = ServerPolicy(deflate=DeflatePolicy(server_no_context_takeover=True, client_max_window_bits=10))
    proposed = answer(data, policy)
    assert proposed.deflate == DeflateParameters(True, False, 15, 10)
    assert proposed.extensions == (
        "permessage-deflate; server_no_context_takeover; client_max_window_bits=10"
    )
    assert answer(data, ServerPolicy(deflate=None)).extensions == ""


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 426, 431, 503])
def test_a_refusal(status: int) -> None:
    refusal = refuse(status, "This is why, 中.", extra_headers=(("Retry-After", "5"),))
    assert (refusal.status, refusal.reason, refusal.accepted) == (status, "This is why, 中.", False)
    body = "This is why, 中.\n".encode()
    assert body_of(refusal) == body
    assert refusal.body_length == len(body)
    headers = headers_of(refusal)
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Retry-After"] == "5"
    assert "close" in headers["Connection"]
    assert headers.get("Allow") == ("GET" if status == 405 else None)
    assert headers.get("Upgrade") == ("websocket" if status == 426 else None)
    assert headers.get("Sec-WebSocket-Version") == (WS_VERSION if status == 426 else None)


def test_a_page() -> None:
    page = serve(200, "text/html; charset=utf-8", b"<p>hello", (("Cache-Control", "no-store"),))
    assert page.response == (
        b"HTTP/1.1 200 OK\r\n"
        b"Connection: close\r\n"
        b"Cache-Control: no-store\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n"
        b"Content-Length: 8\r\n"
        b"X-Content-Type-Options: nosniff\r\n"
        b"\r\n"
        b"<p>hello"
    )
    assert not page.accepted
    assert page.without_body().response == page.head


def test_the_client_request_byte_for_byte() -> None:
    assert client_request(
        "server.example.com",
        "/chat",
        KEY,
        subprotocols=("chat", "superchat"),
        deflate="permessage-deflate; client_max_window_bits",
        origin="http://example.com",
        extra_headers=(("Authorization", "Basic YTpi"),),
    ) == (
        b"GET /chat HTTP/1.1\r\n"
        b"Host: server.example.com\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Origin: http://example.com\r\n"
        b"Sec-WebSocket-Protocol: chat, superchat\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        b"Authorization: Basic YTpi\r\n"
        b"\r\n"
    )


def test_a_client_request_that_cannot_be_written() -> None:
    with pytest.raises(CallerError, match="Origin"):
        client_request("a", "/", KEY, origin="x\r\nEvil: 1")


def test_new_keys_are_fresh_and_good() -> None:
    keys = {new_key() for _ in range(20)}
    assert len(keys) == 20
    assert all(len(base64.b64decode(key, validate=True)) == 16 for key in keys)


ANSWER_LINES = {
    "line": b"HTTP/1.1 101 Switching Protocols",
    "upgrade": b"Upgrade: WebSocket",
    "connection": b"Connection: keep-alive, upgrade",
    "accept": b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
}


def answered(*added: bytes, **changed: bytes | None) -> bytes:
    lines = [line for line in {**ANSWER_LINES, **changed}.values() if line is not None]
    return b"\r\n".join([*lines, *added]) + b"\r\n\r\n"


def verdict(data: bytes) -> ResponseVerdict:
    return check_response(
        response(data),
        key=KEY,
        offered_subprotocols=("chat", "superchat"),
        offered_deflate="permessage-deflate; server_max_window_bits=10",
    )


def test_a_good_response() -> None:
    judged = verdict(
        answered(
            b"Sec-WebSocket-Protocol: superchat",
            b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10",
        )
    )
    assert judged.violations == ()
    assert judged.subprotocol == "superchat"
    assert judged.deflate is not None
    assert judged.deflate.server_max_window_bits == 10
    assert verdict(answered()) == ResponseVerdict((), None, None)


WRONG_ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO="
PROTOCOL = b"Sec-WebSocket-Protocol: "
EXTENSIONS = b"Sec-WebSocket-Extensions: "
WINDOW = EXTENSIONS + b"permessage-deflate; server_max_window_bits=11"
TWICE = EXTENSIONS + b"permessage-deflate, permessage-deflate"
NOT_OFFERED = EXTENSIONS + b"permessage-deflate; client_max_window_bits=10"

# the rules in their order, the bytes marked by the first, the response
RESPONSE_CASES: list[tuple[list[str], bytes, bytes]] = [
    (["status-not-101"], b"404", b"HTTP/1.1 404 Not Found\r\n\r\n"),
    (["status-not-101"], b"200", b"HTTP/1.1 200\r\n\r\n"),
    (["http-version-old"], b"HTTP/1.0", answered(line=b"HTTP/1.0 101 x")),
    (["http-version-unknown"], b"HTTP/2.0", answered(line=b"HTTP/2.0 101 x")),
    (["response-upgrade-missing"], b"", answered(upgrade=None)),
    (["response-upgrade-missing"], b"Upgrade: h2c, websocket", answered(upgrade=b"Upgrade: h2c, websocket")),
    (["response-connection-missing"], b"", answered(connection=None)),
    (["response-connection-missing"], b"Connection: close", answered(connection=b"Connection: close")),
    (["accept-missing"], b"", answered(accept=None)),
    (["accept-wrong"], WRONG_ACCEPT, answered(accept=WRONG_ACCEPT)),
    (["accept-repeated"], ANSWER_LINES["accept"], answered(ANSWER_LINES["accept"])),
    (["accept-repeated", "accept-wrong"], WRONG_ACCEPT, answered(WRONG_ACCEPT)),
    (["subprotocol-not-offered"], PROTOCOL + b"other", answered(PROTOCOL + b"other")),
    (["subprotocol-not-offered"], PROTOCOL + b"Chat", answered(PROTOCOL + b"Chat")),
    (["subprotocol-not-offered"], PROTOCOL + b"chat, superchat", answered(PROTOCOL + b"chat, superchat")),
    (["subprotocol-several"], PROTOCOL + b"superchat", answered(PROTOCOL + b"chat", PROTOCOL + b"superchat")),
    (["extension-not-offered"], EXTENSIONS + b"x-other", answered(EXTENSIONS + b"x-other")),
    (["extension-syntax"], EXTENSIONS + b";", answered(EXTENSIONS + b";")),
    (["deflate-window-enlarged"], WINDOW, answered(WINDOW)),
    (["version-in-success"], b"Sec-WebSocket-Version: 13", answered(b"Sec-WebSocket-Version: 13")),
    (["key-in-response"], b"Sec-WebSocket-Key: x", answered(b"Sec-WebSocket-Key: x")),
    (["response-has-length"], b"Content-Length: 0", answered(b"Content-Length: 0")),
    (["response-has-length"], b"Transfer-Encoding: chunked", answered(b"Transfer-Encoding: chunked")),
]


@pytest.mark.parametrize(
    ("expected", "marked", "data"),
    RESPONSE_CASES,
    ids=[f"{number}-{case[0][0]}" for number, case in enumerate(RESPONSE_CASES)],
)
def test_a_rule_of_the_response(expected: list[str], marked: bytes, data: bytes) -> None:
    violations = verdict(data).violations
    assert rules(violations) == expected
    assert data[violations[0].offset : violations[0].offset + violations[0].length] == marked


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (TWICE, "deflate-accepted-twice"),
        (NOT_OFFERED, "deflate-parameter-not-offered"),
        (EXTENSIONS + b"permessage-deflate; x", "deflate-parameter-unknown"),
    ],
)
def test_misused_deflate_in_a_response_points_at_its_line(line: bytes, rule: str) -> None:
    data = answered(line)
    (broken,) = [one for one in verdict(data).violations if one.rule.id == rule]
    assert data[broken.offset : broken.offset + broken.length] == line


def test_nothing_offered_and_yet_answered() -> None:
    head = response(answered(PROTOCOL + b"chat", EXTENSIONS + b"permessage-deflate"))
    judged = check_response(head, key=KEY)
    assert rules(judged.violations) == ["subprotocol-not-offered", "extension-not-offered"]


def test_warnings_of_the_response_head_are_passed_on() -> None:
    assert rules(verdict(answered().replace(b"\r\n", b"\n")).violations) == ["head-bare-lf"]


HANDSHAKE_GROUP = list(CATALOGUE)[: list(CATALOGUE).index("deflate-parameter-unknown")]
BY_THE_PARSER = {rule for rule in HANDSHAKE_GROUP if rule.startswith(("head-", "header-"))}
BY_THE_CONNECTION = {"data-before-answer"}


def test_no_handshake_rule_is_without_a_case() -> None:
    covered = {case[0] for case in REQUEST_CASES} | {rule for case in RESPONSE_CASES for rule in case[0]}
    covered |= {"origin-refused", "host-foreign"} | BY_THE_PARSER | BY_THE_CONNECTION
    assert set(HANDSHAKE_GROUP) - covered == set()


tokens = st.text("abcXYZ019-._", min_size=1, max_size=8)


@given(
    st.binary(min_size=16, max_size=16),
    st.lists(tokens, unique=True, max_size=4),
    st.sampled_from([None, "permessage-deflate", "permessage-deflate; client_max_window_bits"]),
)
def test_our_client_and_our_server_agree(nonce: bytes, subprotocols: list[str], deflate: str | None) -> None:
    key = base64.b64encode(nonce).decode()
    sent = client_request("a:1", "/x?y", key, subprotocols=subprotocols, deflate=deflate)
    proposed = answer(sent)
    assert proposed.accepted
    assert proposed.violations == ()
    judged = check_response(
        response(proposed.response), key=key, offered_subprotocols=subprotocols, offered_deflate=deflate
    )
    assert judged.violations == ()
    assert judged.subprotocol == proposed.subprotocol == (subprotocols[0] if subprotocols else None)
    assert judged.deflate == proposed.deflate
    expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    assert response(proposed.response).headers.get("sec-websocket-accept") == expected


HEADER_NAMES = st.sampled_from(
    [
        b"Host",
        b"Upgrade",
        b"Connection",
        b"Sec-WebSocket-Key",
        b"Sec-WebSocket-Version",
        b"Sec-WebSocket-Protocol",
        b"Sec-WebSocket-Extensions",
        b"Sec-WebSocket-Accept",
        b"Content-Length",
    ]
)
HEADER_VALUES = st.one_of(
    st.sampled_from([b"websocket", b"Upgrade", KEY.encode(), b"13", b'a, "b', b'permessage-deflate; x="8\\']),
    st.binary(max_size=20).map(lambda value: value.replace(b"\n", b"")),
)


@given(st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=10), st.sampled_from(Judgement))
def test_any_headers_get_a_well_formed_answer(
    headers: list[tuple[bytes, bytes]], judgement: Judgement
) -> None:
    lines = [name + b": " + value for name, value in headers]
    data = b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])
    head = request(data, Judgement.TOLERANT)
    proposed = propose(head, ServerPolicy(judgement=judgement))
    read = response(proposed.head)
    assert read.status == proposed.status
    assert read.violations == ()
    assert all(0 <= one.offset <= one.offset + one.length <= len(data) for one in proposed.violations)
    if judgement is Judgement.STRICT and not proposed.accepted:
        assert any(one.rule.severity is Severity.ERROR for one in proposed.violations)
        assert proposed.reason.isprintable()
    if read.status == 101:
        return
    assert int(read.headers.get("Content-Length") or "-1") == proposed.body_length == len(body_of(proposed))
    assert body_of(proposed).endswith(b".\n")
    check_response(ResponseHead(101, "", "HTTP/1.1", head.headers, data), key=KEY)
