"""What rules make of opening handshakes, over real sockets: with a client of ours, between two, and with a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from core.capture.follow import Follower, Handshake
from core.capture.legs import HeadPlace, HeadRecord
from core.capture.records import ConnectionState
from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import EngineSettings
from core.protocol.frames import Opcode
from core.protocol.handshake import accept_key
from core.protocol.http11 import parsed_request, parsed_response
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from tests.tools.proxied import proxied, secured_echo
from tests.tools.raw_peer import KEY, RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.ruled_relay import accepted, next_frame, rule_on, to_client, to_server, use
from tests.tools.served import Served

OFFERS = b"Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def on_request(do: str, filter: str = "", /, *, id: int = 1, **parameters: str) -> Rule:
    then = ActionText(do, tuple(parameters.items()))
    return Rule(id, f"rule {id}", Condition(Moment.REQUEST, filter), (then,))


def on_response(do: str, filter: str = "", /, *, id: int = 2, **parameters: str) -> Rule:
    then = ActionText(do, tuple(parameters.items()))
    return Rule(id, f"rule {id}", Condition(Moment.RESPONSE, filter), (then,))


def asking(peer: RawPeer, more: bytes = b"", path: str = "/") -> bytes:
    return peer.request(path)[:-2] + more + b"\r\n"


def heads(served: Served, connection: int = 1) -> dict[HeadPlace, HeadRecord]:
    return {each.place: each for each in served.reader.heads(connection)}


def told(served: Served) -> Handshake:
    entry = next(each for each in Follower(served.reader).entries() if isinstance(each, Handshake))
    assert isinstance(entry, Handshake)
    return entry


# Unmask is the server.


@pytest.mark.parametrize(
    ("status", "header", "body"),
    [
        (302, "Location: /login", ""),
        (401, "WWW-Authenticate: Bearer", "who are you?"),
        (403, "X-Why: no", "not you"),
        (429, "Retry-After: 5", "slowly"),
        (503, "Retry-After: 5", "not now"),
    ],
)
def test_a_client_is_answered_by_a_rule(served: Served, status: int, header: str, body: str) -> None:
    use(served, on_request("answer", 'path == "/closed"', status=str(status), header=header, body=body))
    with RawPeer(served.port) as peer:
        peer.send(asking(peer, path="/closed"))
        head = peer.head()
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert f"\r\n{header}\r\n".encode() in head
        assert peer.rest() == body.encode()
    record = served.closed()
    assert (record.state, record.status) == (ConnectionState.REFUSED, status)
    assert record.reason.startswith(f"A rule has answered {status}")
    assert heads(served)[HeadPlace.CLIENT_REQUEST].rules == ("rule 1",)
    with RawPeer(served.port) as peer:
        peer.open("/open")


def test_a_real_client_takes_such_an_answer(served: Served) -> None:
    use(served, on_request("answer", status="401", header="WWW-Authenticate: Bearer", body="who?"))
    with pytest.raises(InvalidStatus) as refused, connect(served.url, proxy=None):
        pass
    assert refused.value.response.status_code == 401
    assert refused.value.response.body == b"who?"
    served.closed()


def test_the_subprotocol_is_chosen_and_nothing_is_compressed(served: Served) -> None:
    use(served, on_response("subprotocol", name="superchat"), on_response("drop-extensions", id=3))
    with connect(served.url, proxy=None, subprotocols=["chat", "superchat"]) as client:  # type: ignore[list-item]
        assert client.subprotocol == "superchat"
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers
        client.send("plain " * 100)
    record = served.closed()
    assert (record.subprotocol, record.extensions) == ("superchat", "")
    assert heads(served)[HeadPlace.CLIENT_RESPONSE].rules == ("rule 2", "rule 3")
    assert told(served).rules == ("rule 2", "rule 3")


def test_headers_of_the_answer_are_changed(served: Served) -> None:
    add, remove = (
        ActionText("add-header", (("name", "X-Server"), ("value", "fake {path}"))),
        ActionText("remove-header", (("name", "Sec-WebSocket-Extensions"),)),
    )
    use(served, Rule(1, "head", Condition(Moment.RESPONSE), (add, remove)))
    with RawPeer(served.port) as peer:
        peer.send(asking(peer, OFFERS, "/x"))
        head = parsed_response(peer.head())
        assert head is not None
        assert head.headers.get("X-Server") == "fake /x"
        assert "Sec-WebSocket-Extensions" not in head.headers
        peer.frame(Opcode.TEXT, b"goes on")
    served.closed()


def test_a_request_is_taken_as_if_it_offered_less(served: Served) -> None:
    use(served, on_request("drop-extensions"), on_request("subprotocol", name="superchat", id=2))
    with RawPeer(served.port) as peer:
        peer.send(asking(peer, OFFERS))
        head = parsed_response(peer.head())
        assert head is not None
        assert head.headers.get("Sec-WebSocket-Protocol") == "superchat"
        assert "Sec-WebSocket-Extensions" not in head.headers
    served.closed()
    assert b"permessage-deflate" in heads(served)[HeadPlace.CLIENT_REQUEST].raw, "it is recorded as it came"


def test_a_wrong_accept(served: Served) -> None:
    use(served, on_response("wrong-accept"))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        head = parsed_response(peer.head())
        assert head is not None
        assert head.status == 101
        assert head.headers.get("Sec-WebSocket-Accept") not in (None, accept_key(KEY))
    served.closed()


def test_a_rule_lets_in_whom_the_settings_refuse(served: Served) -> None:
    served.host.set_settings(replace(EngineSettings(), allowed_origins=()))
    use(served, on_request("answer", 'header["Origin"] == "https://a.example"', status="101"))
    with RawPeer(served.port) as peer:
        peer.send(asking(peer, b"Origin: https://a.example\r\n"))
        assert peer.head().startswith(b"HTTP/1.1 101 ")
    with RawPeer(served.port) as peer:
        peer.send(asking(peer, b"Origin: https://b.example\r\n"))
        assert peer.head().startswith(b"HTTP/1.1 403 ")
    served.closed(2)


@pytest.mark.parametrize("ruled", [on_request, on_response])
def test_an_answer_that_comes_later_and_frames_that_do_not_wait(
    served: Served, ruled: Callable[..., Rule]
) -> None:
    use(served, ruled("delay", by="200ms"), rule_on("", "reply", id=9, payload="{payload}"))
    with RawPeer(served.port) as peer:
        peer.send(peer.request() + to_server(b"hasty"))
        began = time.monotonic()
        assert peer.head().startswith(b"HTTP/1.1 101 ")
        assert time.monotonic() - began > 0.15
        assert next_frame(peer).payload == b"hasty"
        peer.frame(Opcode.TEXT, b"next")
        assert next_frame(peer).payload == b"next"
    served.closed()
    assert sum(each.held_ns or 0 for each in heads(served).values()) == 200_000_000


@pytest.mark.parametrize("ruled", [on_request, on_response])
def test_a_client_is_never_answered(served: Served, ruled: Callable[..., Rule]) -> None:
    use(served, ruled("silence", 'path == "/silent"'))
    with RawPeer(served.port) as silent, RawPeer(served.port) as other:
        silent.send(asking(silent, path="/silent"))
        other.open("/other")
        other.frame(Opcode.TEXT, b"x")
        served.opened(2)
        assert silent.is_silent()
    record = served.closed(1)
    assert record.status == 0


def test_a_client_that_leaves_before_its_answer(served: Served) -> None:
    use(served, on_request("delay", by="1h"))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        served.captured(lambda reader: bool(reader.heads(1)), "the request is recorded")
    served.closed()


def test_a_secret_header_of_a_client_is_not_recorded(served: Served) -> None:
    use(served, on_request("redact-header", name="Authorization"))
    with RawPeer(served.port) as peer:
        peer.send(asking(peer, b"Authorization: Bearer f7a1-secret\r\n"))
        assert peer.head().startswith(b"HTTP/1.1 101 ")
    served.closed()
    head = heads(served)[HeadPlace.CLIENT_REQUEST]
    assert head.is_masked
    assert b"Authorization: ****** ***********\r\n" in head.raw
    assert b"f7a1" not in served.reader.path.read_bytes()


# Between a client and its server.


def test_a_request_goes_on_otherwise(served: Served, target: RawServer) -> None:
    then = (
        ActionText("set-header", (("name", "Origin"), ("value", "https://trusted.example"))),
        ActionText("remove-header", (("name", "Cookie"),)),
        ActionText("subprotocol", (("name", "superchat"),)),
        ActionText("drop-extensions"),
        ActionText("redact-header", (("name", "Cookie"),)),
    )
    use(served, Rule(1, "As another", Condition(Moment.REQUEST), then))
    with RawPeer(served.relay(target.url)) as client:
        client.send(asking(client, OFFERS + b"Cookie: a=f7a1\r\nOrigin: https://evil.example\r\n"))
        with target.accepted() as server:
            came = parsed_request(server.head())
            assert came is not None
            assert came.headers.get("Origin") == "https://trusted.example"
            assert came.headers.get_all("Sec-WebSocket-Protocol") == ("superchat",)
            assert "Cookie" not in came.headers
            assert "Sec-WebSocket-Extensions" not in came.headers
            server.send(accepted())
            assert client.head() == accepted()
    served.closed()
    kept = heads(served)
    assert b"Cookie: ******\r\n" in kept[HeadPlace.CLIENT_REQUEST].raw
    assert kept[HeadPlace.CLIENT_REQUEST].rules == ("As another",)
    assert b"trusted.example" in kept[HeadPlace.SERVER_REQUEST].raw
    assert told(served).passed_request == kept[HeadPlace.SERVER_REQUEST].raw
    assert b"f7a1" not in served.reader.path.read_bytes()


def test_a_response_goes_on_otherwise(served: Served, target: RawServer) -> None:
    use(served, on_response("wrong-accept"), on_response("add-header", id=3, name="X-Seen", value="yes"))
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        with target.accepted() as server:
            server.head()
            server.send(accepted() + to_client(b"at once"))
            head = parsed_response(client.head())
            assert head is not None
            assert head.headers.get("X-Seen") == "yes"
            assert head.headers.get("Sec-WebSocket-Accept") not in (None, accept_key(KEY))
            assert next_frame(client).payload == b"at once"
    served.closed()
    kept = heads(served)
    assert kept[HeadPlace.SERVER_RESPONSE].raw == accepted()
    assert kept[HeadPlace.SERVER_RESPONSE].rules == ("rule 2", "rule 3")
    assert b"X-Seen: yes" in kept[HeadPlace.CLIENT_RESPONSE].raw
    assert told(served).passed_response == kept[HeadPlace.CLIENT_RESPONSE].raw


def test_a_refusal_of_the_server_goes_on_otherwise(served: Served, target: RawServer) -> None:
    use(served, on_response("remove-header", name="X-Internal"))
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        with target.accepted() as server:
            server.head()
            server.send(b"HTTP/1.1 403 Forbidden\r\nX-Internal: db7\r\nContent-Length: 2\r\n\r\nno")
            assert client.head() == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n"
            assert client.take(2) == b"no"
    served.closed()


def test_the_server_is_not_asked(served: Served, target: RawServer) -> None:
    use(served, on_request("answer", status="403", body="not through here"))
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        assert client.head().startswith(b"HTTP/1.1 403 ")
        assert client.rest() == b"not through here"
    record = served.closed()
    assert (record.status, record.state) == (403, ConnectionState.REFUSED)
    assert set(heads(served)) == {HeadPlace.CLIENT_REQUEST, HeadPlace.CLIENT_RESPONSE}


def test_what_is_no_handshake_is_not_ruled(served: Served, target: RawServer) -> None:
    use(served, on_request("answer", status="403"))
    with RawPeer(served.relay(target.url)) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with target.accepted() as server:
            server.head()
            server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            assert client.head().startswith(b"HTTP/1.1 200 ")
    served.closed()


@pytest.mark.parametrize("ruled", [on_request, on_response])
def test_a_handshake_is_passed_on_later(
    served: Served, target: RawServer, ruled: Callable[..., Rule]
) -> None:
    use(served, ruled("delay", by="200ms"))
    with RawPeer(served.relay(target.url)) as client:
        began = time.monotonic()
        client.send(client.request())
        with target.accepted() as server:
            server.head()
            server.send(accepted() + to_client(b"glued"))
            server.send(to_client(b"soon"))
            assert client.head() == accepted()
            assert time.monotonic() - began > 0.15
            assert [next_frame(client).payload for _ in range(2)] == [b"glued", b"soon"]
            client.send(to_server(b"back"))
            assert next_frame(server).payload == b"back"
    served.closed()


@pytest.mark.parametrize("ruled", [on_request, on_response])
def test_a_client_of_a_relay_is_never_answered(
    served: Served, target: RawServer, ruled: Callable[..., Rule]
) -> None:
    use(served, ruled("silence"))
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        if ruled is on_response:
            with target.accepted() as server:
                server.head()
                server.send(accepted())
                assert server.rest() == b""
        served.captured(lambda reader: any(each.rules for each in reader.heads(1)), "the rule applied")
        assert client.is_silent()
    record = served.closed()
    assert record.state is ConnectionState.CLOSED
    assert record.close_code == 1006


def test_counts_of_the_handshake_go_on_with_the_messages(served: Served, target: RawServer) -> None:
    greeting = rule_on("", "reply", id=2, payload="known")
    use(
        served,
        on_request("add-header", 'path == "/known"', name="X", value="y"),
        replace(greeting, when=replace(greeting.when, after="rule 1")),
    )
    for path, answers in (("/known", True), ("/other", False)):
        with RawPeer(served.relay(target.url)) as client:
            client.send(asking(client, path=path))
            with target.accepted() as server:
                server.head()
                server.send(accepted())
                client.head()
                client.send(to_server(b"hello"))
                assert next_frame(server).payload == b"hello"
                server.send(to_client(b"end"))
                assert next_frame(client).payload == (b"known" if answers else b"end")


def test_behind_tls_of_a_proxy(tmp_path: Path) -> None:
    with proxied(tmp_path) as proxy, secured_echo("localhost") as port:
        delays = on_request("delay", by="50ms"), on_response("delay", id=3, by="50ms")
        changes = (
            on_request("drop-extensions", id=4),
            on_response("add-header", id=5, name="X-Seen", value="yes"),
        )
        use(proxy.served, *delays, *changes)
        url = f"wss://localhost:{port}/"
        with connect(url, proxy=proxy.url, ssl=proxy.trusting()) as client:
            assert client.response is not None
            assert client.response.headers["X-Seen"] == "yes"
            assert "Sec-WebSocket-Extensions" not in client.response.headers
            client.send("and back")
            assert client.recv() == "and back"
        # The tunnel, and what went on inside of it.
        proxy.records(2)
        kept = heads(proxy.served, 2)
    assert kept[HeadPlace.CLIENT_REQUEST].rules == ("rule 1", "rule 4")
    assert kept[HeadPlace.SERVER_RESPONSE].rules == ("rule 3", "rule 5")


# Unmask is the client.


def test_a_request_of_ours_is_sent_otherwise(served: Served, target: RawServer) -> None:
    use(
        served,
        on_request("subprotocol", name="superchat"),
        on_request("drop-extensions", id=2),
        on_request("set-header", id=3, name="User-Agent", value="rule"),
        on_request("redact-header", id=4, name="X-Token"),
        on_response("redact-header", id=5, name="Set-Cookie"),
    )
    request = ConnectRequest(parse_url(target.url), subprotocols=("chat",), headers=(("X-Token", "f7a1"),))
    served.host.connect(request)
    with target.accepted() as server:
        came = parsed_request(server.head())
        assert came is not None
        assert came.headers.get_all("Sec-WebSocket-Protocol") == ("superchat",)
        assert "Sec-WebSocket-Extensions" not in came.headers
        assert (came.headers.get("User-Agent"), came.headers.get("X-Token")) == ("rule", "f7a1")
        answer = accepted().replace(KEY.encode(), b"")
        key = accept_key(came.headers.get("Sec-WebSocket-Key") or "").encode()
        answer = answer.replace(accept_key(KEY).encode(), key)
        server.send(answer[:-2] + b"Sec-WebSocket-Protocol: superchat\r\nSet-Cookie: s3cret\r\n\r\n")
        record = served.opened()
        assert (record.subprotocol, record.violation_count) == ("superchat", 0)
    served.closed()
    kept = heads(served)
    assert kept[HeadPlace.SERVER_REQUEST].rules == ("rule 1", "rule 2", "rule 3", "rule 4")
    assert kept[HeadPlace.SERVER_RESPONSE].rules == ("rule 5",)
    assert all(each.is_masked for each in kept.values())
    written = served.reader.path.read_bytes()
    assert b"f7a1" not in written
    assert b"s3cret" not in written


def test_a_request_of_ours_is_sent_later(served: Served, target: RawServer) -> None:
    use(served, on_request("delay", by="200ms"))
    began = time.monotonic()
    served.host.connect(ConnectRequest(parse_url(target.url)))
    with target.accepted() as server:
        server.head()
        assert time.monotonic() - began > 0.15
    served.closed()
    served.failure()
