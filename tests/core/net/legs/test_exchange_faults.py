"""What goes wrong between a client and its target: the client gets a fitting answer, the capture says who did what."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.capture.legs import LegEnd
from core.capture.records import ConnectionRecord, ConnectionState
from core.net.connect_request import parse_url
from core.net.failures import FailureKind
from core.net.legs import answering
from core.net.relay import Relay
from core.net.settings import EngineSettings, Limits, ListenAddress
from core.protocol.events import ClosedBy
from core.protocol.frames import make_frame
from core.protocol.head_rewrite import OriginHeader
from core.protocol.state import Role
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS

REQUEST = b"GET /page HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    limits = Limits(close_seconds=1.0, handshake_seconds=1.0, head_bytes=4096)
    with Served(tmp_path / "a.unmask", EngineSettings(limits=limits)) as running:
        yield running


@pytest.fixture
def client(served: Served, target: RawServer) -> Iterator[RawPeer]:
    with RawPeer(served.relay(target.url)) as peer:
        yield peer


def ends(served: Served, number: int = 1) -> dict[Role, LegEnd]:
    """How the legs of a connection ended."""
    return {leg.side: leg.ended for leg in served.reader.legs(number)}


def plain_or_upgrade(client: RawPeer, kind: str) -> bytes:
    return REQUEST if kind == "plain" else client.request("/page")


both_kinds = pytest.mark.parametrize("kind", ["plain", "upgrade"])


# The target can't be reached.


@both_kinds
def test_a_target_that_is_not_there(served: Served, target: RawServer, client: RawPeer, kind: str) -> None:
    target.refuse()
    client.send(plain_or_upgrade(client, kind))
    answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in answer
    assert b"refuses the connection: nothing listens there" in answer
    assert (served.failure().kind, served.closed().status) == (FailureKind.CONNECT, 502)
    record = served.closed()
    assert record.state is (ConnectionState.EXCHANGED if kind == "plain" else ConnectionState.REFUSED)
    assert "nothing listens there" in record.reason


def test_a_target_that_has_no_address(served: Served) -> None:
    with RawPeer(served.relay("ws://nowhere.invalid")) as client:
        client.send(REQUEST)
        assert b"nowhere.invalid is no host that this machine can find" in client.rest()
    served.failure()
    assert served.closed().status == 502


def test_a_target_that_does_not_answer_in_time(served: Served) -> None:
    """A listener whose queue is full drops what would connect."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        for each in (first, second):
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(place)
        target = parse_url(f"ws://127.0.0.1:{place[1]}")
        relay = Relay(ListenAddress("127.0.0.1", 0), target, connect_seconds=0.3)
        with RawPeer(served.relay_with(relay)) as client:
            client.send(REQUEST)
            answer = client.rest()
            assert answer.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
            assert b"did not answer within 0.3 s" in answer
    served.failure()
    assert served.closed().status == 504


def test_a_target_that_says_nothing_over_tls_in_time(served: Served, target: RawServer) -> None:
    relay = Relay(
        ListenAddress("127.0.0.1", 0), parse_url(f"wss://127.0.0.1:{target.port}"), connect_seconds=1.0
    )
    with RawPeer(served.relay_with(relay)) as client:
        client.send(REQUEST)
        target.meet()
        head, _, body = client.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
    assert b"The TLS handshake with 127.0.0.1:" in body
    served.failure()
    record = served.closed()
    assert (record.status, record.bytes_out) == (504, len(body))


def test_what_unmask_answers_counts_with_its_length(served: Served, client: RawPeer) -> None:
    client.send(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: x\r\n\r\n")
    body = client.rest().partition(b"\r\n\r\n")[2]
    assert served.closed(1).bytes_out == len(body) > 0
    with RawPeer(client.port) as other:
        other.send(b"no HTTP at all\r\n\r\n")
        body = other.rest().partition(b"\r\n\r\n")[2]
    assert served.closed(2).bytes_out == len(body) > 0
    with RawPeer(client.port) as other:
        other.send(b"HEAD / HTTP/1.1\r\nHost: here\r\nContent-Length: x\r\n\r\n")
        assert other.rest().endswith(b"\r\n\r\n")
    assert served.closed(3).bytes_out == 0


def test_a_client_that_leaves_while_its_target_is_dialled(served: Served) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        for each in (first, second):
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(place)
        target = parse_url(f"ws://127.0.0.1:{place[1]}")
        relay = Relay(ListenAddress("127.0.0.1", 0), target, connect_seconds=1.0)
        with RawPeer(served.relay_with(relay)) as client:
            client.send(REQUEST)
            client.reset()
        served.failure()
        assert served.closed().status == 504


# The target breaks off.


@both_kinds
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-"])
@pytest.mark.parametrize("how", ["ends", "resets"])
def test_a_target_that_breaks_off_before_its_head_is_complete(
    served: Served, target: RawServer, client: RawPeer, kind: str, said: bytes, how: str
) -> None:
    client.send(plain_or_upgrade(client, kind))
    target.accept()
    target.send(said)
    if said:
        served.captured(lambda reader: bool(reader.connections()), "it is recorded")
    target.reset() if how == "resets" else target.client.close()
    answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 502 ")
    record = served.closed()
    assert (record.status, record.closed_by, record.vanished) == (502, ClosedBy.SERVER, True)
    assert ends(served) == {Role.CLIENT: LegEnd.CUT, Role.SERVER: LegEnd.VANISHED}
    assert record.reason.startswith(f"127.0.0.1:{target.port} ")
    assert record.reason.encode() in answer
    if how == "ends":
        assert ("in the middle of the head" in record.reason) == bool(said)


@pytest.mark.parametrize("how", ["ends", "resets"])
@pytest.mark.parametrize("head", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_target_that_breaks_off_in_its_body(
    served: Served, target: RawServer, client: RawPeer, head: str, how: str
) -> None:
    begun = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + b"10\r\nbegin"
    client.send(REQUEST)
    target.accept()
    target.send(begun)
    assert client.take(len(begun)) == begun
    if how == "resets":
        target.reset()
        with pytest.raises(ConnectionResetError):
            client.rest()
    else:
        target.client.close()
        assert client.rest() == b""
    record = served.closed()
    assert (record.state, record.status) == (ConnectionState.EXCHANGED, 200)
    assert (record.closed_by, record.vanished, record.bytes_out) == (ClosedBy.SERVER, True, 9)
    assert "within its answer" in record.reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding:\r\n\r\n", "both"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "different"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", "can't be followed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "not asked for"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 5000 + b"\r\n\r\n", "did not answer in HTTP"),
    ],
)
def test_an_answer_that_has_no_certain_end_is_not_passed_on(
    served: Served, target: RawServer, client: RawPeer, answer: bytes, words: str
) -> None:
    client.send(REQUEST)
    target.accept()
    target.send(answer)
    assert client.head().startswith(b"HTTP/1.1 502 ")
    record = served.closed()
    assert words in record.reason
    assert (record.status, record.closed_by) == (502, ClosedBy.SERVER)
    assert record.response[:8] == answer[:8]


def test_a_head_that_trickles_is_not_waited_for(served: Served, target: RawServer, client: RawPeer) -> None:
    client.send(REQUEST)
    target.accept()
    target.send(b"HTTP/1.1 200 OK\r\nA")
    assert client.head().startswith(b"HTTP/1.1 504 ")
    assert "did not end the head of its answer within 1 s" in served.closed().reason


def test_a_target_that_never_answers(
    served: Served, target: RawServer, client: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "ANSWER_SECONDS", 0.3)
    client.send(REQUEST)
    target.accept()
    assert client.head().startswith(b"HTTP/1.1 504 ")
    assert target.rest() == b""
    assert "did not answer within 0.3 s" in served.closed().reason


def test_a_kept_connection_that_is_gone_is_made_anew(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    """Its server ended it in the moment in which the next request came."""
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    client.send(REQUEST)
    with target.accepted() as first:
        first.head()
        first.send(page)
        client.head()
        client.take(1)
        client.send(REQUEST)
        first.head()
    with target.accepted() as second:
        second.head()
        second.send(page)
        assert client.head() + client.take(1) == page
    assert (served.closed(2).status, served.closed(2).vanished) == (200, False)


def test_what_changes_something_is_not_asked_twice(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(REQUEST)
    with target.accepted() as end:
        end.head()
        end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        client.head()
        client.send(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx")
        end.head()
        end.take(1)
    assert client.head().startswith(b"HTTP/1.1 502 ")
    assert served.closed(2).closed_by is ClosedBy.SERVER


# The client breaks off.


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHo", b""),
        (b"\x16\x03\x01\x02\x00", b"400"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 5000, b"431"),
        (b"GET / HTTP/2.0\r\n\r\n", b"505"),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", b"501"),
    ],
)
def test_what_is_no_request_is_not_passed_on(
    served: Served, client: RawPeer, said: bytes, answer: bytes
) -> None:
    client.send(said)
    client.say_no_more()
    assert client.rest()[9:12] == answer
    record = served.closed()
    assert record.state is (ConnectionState.EXCHANGED if record.path else ConnectionState.REFUSED)
    assert len(served.reader.legs(1)) == 1


def test_a_request_that_trickles_is_not_waited_for(served: Served, client: RawPeer) -> None:
    client.send(b"GET / HTTP/1.1\r\nA")
    assert client.head().startswith(b"HTTP/1.1 408 ")
    assert "was not complete after 1 s" in served.closed().reason


def test_a_later_request_that_trickles_is_not_waited_for(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(REQUEST)
    target.accept()
    target.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    client.head()
    client.send(b"GET / HTTP/1.1\r\nA")
    assert client.head().startswith(b"HTTP/1.1 408 ")
    assert target.rest() == b""
    assert "was not complete after 1 s" in served.closed(2).reason


@pytest.mark.parametrize("leave", [RawEnd.reset, lambda end: end.socket.close()])
def test_a_client_that_leaves_within_its_response(
    served: Served, target: RawServer, client: RawPeer, leave: Callable[[RawEnd], None]
) -> None:
    client.send(REQUEST)
    target.accept()
    target.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
    client.head()
    leave(client)
    with suppress(ConnectionResetError):
        target.rest()
    target.client.close()
    record = served.closed()
    assert (record.state, record.closed_by, record.vanished) == (
        ConnectionState.EXCHANGED,
        ClosedBy.CLIENT if leave is RawEnd.reset else ClosedBy.SERVER,
        True,
    )


def test_a_client_that_leaves_within_its_request(served: Served, target: RawServer, client: RawPeer) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nbegun")
    target.accept()
    assert target.take(5) == b"begun"
    client.socket.close()
    assert target.rest() == b""
    target.client.close()
    record = served.closed()
    assert (record.closed_by, record.vanished, record.bytes_in) == (ClosedBy.CLIENT, True, 5)


@pytest.mark.parametrize("late", [False, True])
def test_a_request_whose_chunks_are_none(
    served: Served, target: RawServer, client: RawPeer, late: bool
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head)
    target.accept()
    if late:
        target.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        client.head()
        client.take(1)
    client.send(b"no chunk\r\n")
    with suppress(ConnectionResetError):
        assert (client.rest()[9:12] == b"400") != late
    with suppress(ConnectionResetError):
        assert target.rest() == b""
    record = served.closed()
    assert "not framed as its head says" in record.reason
    assert record.status == (200 if late else 400)


# Answers of the target.


@pytest.mark.parametrize("status", ["200 OK", "301 Moved Permanently", "401 Unauthorized", "404 Not Found"])
@pytest.mark.parametrize("framing", ["Content-Length: 4", "Connection: close"])
def test_what_the_target_answers_to_an_upgrade_is_what_the_client_gets(
    served: Served, target: RawServer, client: RawPeer, status: str, framing: str
) -> None:
    answer = f"HTTP/1.1 {status}\r\n{framing}\r\nX-Odd:  kept \r\n\r\nbody".encode()
    client.send(client.request("/chat"))
    target.accept()
    target.send(answer)
    target.client.close()
    assert client.rest() == answer
    record = served.closed()
    assert (record.state, record.status) == (ConnectionState.REFUSED, int(status[:3]))
    assert (record.bytes_out, record.vanished) == (4, False)


# The head that goes on.


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (OriginHeader.KEPT, b"Origin: http://page.test\r\n"),
        (OriginHeader.TARGET, b"Origin: http://127.0.0.1:%d\r\n"),
        (OriginHeader.REMOVED, b""),
    ],
)
@pytest.mark.parametrize("keep_host", [False, True])
def test_what_is_asked_is_rewritten_and_all_else_kept(
    served: Served, target: RawServer, origin: OriginHeader, line: bytes, keep_host: bool
) -> None:
    url = parse_url(f"{target.url}/base/")
    relay = Relay(ListenAddress("127.0.0.1", 0), url, keep_host=keep_host, origin=origin)
    lines = b"GET %bchat?a=%%20b HTTP/1.1\r\nhost: %b\r\nCookie: a=1; b=2\r\n%bUpgrade: websocket\r\nX-a:\t b\r\n\r\n"
    with RawPeer(served.relay_with(relay)) as client:
        client.send(lines % (b"/", b"here.test", b"Origin: http://page.test\r\n"))
        place = b"127.0.0.1:%d" % target.port
        expected = lines % (b"/base/", b"here.test", line.replace(b"127.0.0.1:%d", place))
        if not keep_host:
            expected = expected.replace(b"host: here.test", b"Host: " + place)
        head = target.accept()
        assert head == expected
        target.send(response_to(head))
        client.head()
    target.client.close()
    served.closed()


# Smuggling.


@pytest.mark.parametrize(
    "framing",
    [
        b"Host: elsewhere\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: \r\n",
        b"Transfer-Encoding: ,\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length : 5\r\n",
        b"Content-Length: 5\nX: y\r\n",
        b"X: y\r\n Content-Length: 5\r\n",
        b" Content-Length: 5\r\n",
        b"Content-Length\r\n",
        b"X: a\rContent-Length: 5\r\n",
        b"X: \x00\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
    ],
)
@pytest.mark.parametrize("upgrade", [b"", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"])
def test_a_request_with_an_ambiguous_end_never_reaches_the_target(
    served: Served, target: RawServer, client: RawPeer, framing: bytes, upgrade: bytes
) -> None:
    client.send(
        b"POST / HTTP/1.1\r\nHost: here\r\n" + framing + upgrade + b"\r\n0\r\n\r\nGET /stolen HTTP/1.1"
    )
    answer = client.rest()
    assert answer[9:12] in (b"400", b"501")
    assert len(served.reader.legs(1)) in (0, 1)
    served.closed()
    target._listening.settimeout(0.0)
    with pytest.raises(BlockingIOError):
        target.meet()


@pytest.mark.parametrize("cut", [1, 64])
def test_a_chunk_that_ends_with_a_bare_line_feed_hides_no_request(
    served: Served, target: RawServer, client: RawPeer, cut: int
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head)
    target.accept()
    hidden = b"0\n\nGET /stolen HTTP/1.1\nHost: here\n\n"
    for at in range(0, len(hidden), cut):
        client.send(hidden[at : at + cut])
    assert client.head()[9:12] == b"400"
    assert "bare line feed" in served.closed().reason
    with suppress(ConnectionResetError):
        assert target.rest() in (b"", b"0")


@pytest.mark.parametrize("target_text", ["/a b", "/a\tHTTP/1.1", "/a\x7f"])
def test_a_target_that_two_could_read_differently_is_not_passed_on(
    served: Served, client: RawPeer, target_text: str
) -> None:
    client.send(f"GET {target_text} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert client.head()[9:12] == b"400"
    served.closed()


@pytest.mark.parametrize("status", ["200 OK", "426 Upgrade Required"])
def test_a_request_behind_a_refused_upgrade_never_reaches_the_target(
    served: Served, target: RawServer, client: RawPeer, status: str
) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno".encode()
    client.send(client.request("/chat") + b"GET /stolen HTTP/1.1\r\nHost: here\r\n\r\n")
    target.accept()
    target.client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        target.client.recv(1)
    target.client.settimeout(PATIENCE_SECONDS)
    target.send(answer)
    assert client.rest() == answer
    assert target.rest() == b""
    record: ConnectionRecord = served.closed()
    assert (record.path, record.status) == ("/chat", int(status[:3]))
    assert len(served.reader.connections()) == 1


def test_what_comes_behind_an_upgrade_is_bounded_until_it_is_answered(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(client.request("/chat"))
    head = target.accept()
    client.socket.settimeout(1.0)
    message = make_frame(2, bytes(1 << 20), masking_key=MASK).wire()
    sent = 0
    with suppress(TimeoutError):
        while sent < 64 << 20:
            sent += client.socket.send(message[sent % len(message) :])
    assert sent < 64 << 20
    target.send(response_to(head))
    client.socket.settimeout(PATIENCE_SECONDS)
    client.head()
    client.say_no_more()
    assert len(target.rest()) == sent
    target.client.close()
    served.closed()
