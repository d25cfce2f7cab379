"""Plain HTTP through a relay: every byte goes on, each exchange is a record, and the legs serve the next request."""

from __future__ import annotations

import hashlib
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.net.settings import EngineSettings, Limits
from core.protocol.events import ClosedBy
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served, on_loop
from tests.tools.waiting import PATIENCE_SECONDS, until

MIB = 1024 * 1024


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(close_seconds=1.0))) as running:
        yield running


@pytest.fixture
def client(served: Served, target: RawServer) -> Iterator[RawPeer]:
    with RawPeer(served.relay(target.url)) as peer:
        yield peer


def get(path: str = "/", *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: here", *lines, "", "")).encode()


def response(*lines: str, status: str = "200 OK", body: bytes = b"") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode() + body


def page(body: bytes, *lines: str) -> bytes:
    return response(f"Content-Length: {len(body)}", *lines, body=body)


def for_target(request: bytes, target: RawServer) -> bytes:
    return request.replace(b"Host: here", b"Host: 127.0.0.1:%d" % target.port)


def exchanged(served: Served, number: int = 1) -> ConnectionRecord:
    record = served.closed(number)
    assert record.state is ConnectionState.EXCHANGED
    return record


def test_a_request_passes_and_its_response_comes_back(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(get("/page?q=1", "Accept: */*"))
    assert target.accept() == for_target(get("/page?q=1", "Accept: */*"), target)
    target.send(page(b"hello", "Set-Cookie: a=b"))
    assert client.head() + client.take(5) == page(b"hello", "Set-Cookie: a=b")
    record = exchanged(served)
    assert (record.mode, record.path, record.status) == (Mode.RELAY, "/page?q=1", 200)
    assert (record.bytes_in, record.bytes_out, record.frame_count) == (0, 5, 0)
    assert record.request == get("/page?q=1", "Accept: */*")
    assert record.response + b"hello" == page(b"hello", "Set-Cookie: a=b")
    assert (record.violation_count, record.closed_by, record.vanished) == (0, ClosedBy.NOBODY, False)


def test_requests_follow_each_other_on_the_same_legs(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    for number in range(1, 4):
        client.send(get(f"/{number}"))
        if number == 1:
            target.accept()
        else:
            assert target.head() == for_target(get(f"/{number}"), target)
        target.send(page(b"%d" % number))
        client.head()
        assert client.take(1) == b"%d" % number
    assert [exchanged(served, number).path for number in (1, 2, 3)] == ["/1", "/2", "/3"]
    assert served.host.open_connections == 1
    legs = [served.reader.legs(number) for number in (1, 2, 3)]
    assert len({leg.local for each in legs for leg in each if leg.side == 1}) == 1


def test_requests_that_come_at_once_are_asked_one_after_the_other(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    count = 50
    client.send(b"".join(get(f"/{number}") for number in range(count)))
    assert target.accept() == for_target(get("/0"), target)
    for number in range(1, count):
        # The next one is not sent before this one is answered.
        assert target.received == b""
        target.send(page(b"%02d" % number))
        assert target.head() == for_target(get(f"/{number}"), target)
    target.send(page(b"end"))
    for number in range(1, count):
        client.head()
        assert client.take(2) == b"%02d" % number
    client.head()
    assert client.take(3) == b"end"
    assert exchanged(served, count).path == f"/{count - 1}"


def test_bodies_of_either_kind_pass_both_ways(served: Served, target: RawServer, client: RawPeer) -> None:
    chunks = b"5;ext=1\r\nhello\r\n0\r\nTrailer: kept\r\n\r\n"
    posted = get("/a", "Content-Length: 3", method="POST") + b"abc"
    client.send(posted)
    target.meet()
    assert target.take(len(for_target(posted, target))) == for_target(posted, target)
    target.send(response("Transfer-Encoding: chunked", body=chunks))
    client.head()
    assert client.take(len(chunks)) == chunks
    put = get("/b", "Transfer-Encoding: chunked", method="PUT") + chunks
    for byte in put:
        client.send(bytes([byte]))
    assert target.take(len(for_target(put, target))) == for_target(put, target)
    target.send(response(status="204 No Content"))
    assert client.head() == response(status="204 No Content")
    first, second = exchanged(served, 1), exchanged(served, 2)
    assert (first.bytes_in, first.bytes_out) == (3, len(chunks))
    assert (second.bytes_in, second.bytes_out, second.status) == (len(chunks), 0, 204)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", response("Content-Length: 1000")),
        ("GET", response("Content-Length: 1000", status="304 Not Modified")),
        ("DELETE", response(status="204 No Content")),
    ],
)
def test_a_response_without_a_body_ends_with_its_head(
    served: Served, target: RawServer, client: RawPeer, method: str, answer: bytes
) -> None:
    client.send(get(method=method))
    target.accept()
    target.send(answer)
    assert client.head() == answer
    client.send(get("/next"))
    assert target.head() == for_target(get("/next"), target)
    assert exchanged(served).bytes_out == 0


def test_interim_responses_pass(served: Served, target: RawServer, client: RawPeer) -> None:
    client.send(get("/up", "Content-Length: 4", "Expect: 100-continue", method="POST"))
    target.accept()
    hints = response("Link: </a.css>", status="103 Early Hints")
    target.send(response(status="100 Continue") + hints)
    assert client.head() == response(status="100 Continue")
    assert client.head() == hints
    client.send(b"body")
    assert target.take(4) == b"body"
    target.send(page(b"got it"))
    client.head()
    assert client.take(6) == b"got it"
    assert exchanged(served).status == 200


def test_an_early_answer_passes_while_the_request_goes_on(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(get("/up", "Content-Length: 8", method="POST") + b"half")
    target.accept()
    assert target.take(4) == b"half"
    target.send(response("Content-Length: 0", status="413 Content Too Large"))
    client.head()
    client.send(b"rest")
    assert target.take(4) == b"rest"
    client.send(get("/next"))
    assert target.head() == for_target(get("/next"), target)
    assert (exchanged(served).status, exchanged(served).bytes_in) == (413, 8)


def test_events_of_a_stream_pass_as_they_come(served: Served, target: RawServer, client: RawPeer) -> None:
    client.send(get("/events", "Accept: text/event-stream"))
    target.accept()
    target.send(response("Content-Type: text/event-stream"))
    client.head()
    for number in range(3):
        target.send(b"data: %d\n\n" % number)
        assert client.take(9) == b"data: %d\n\n" % number
    record = served.captured(
        lambda reader: any(each.status == 200 for each in reader.connections()), "it is answered"
    ).connection(1)
    assert record is not None
    assert (record.state, record.closed_ns) == (ConnectionState.EXCHANGED, None)
    target.client.close()
    assert client.rest() == b""
    assert exchanged(served).bytes_out == 27
    assert not exchanged(served).vanished


@pytest.mark.parametrize("closer", ["client", "server", "old client", "old server"])
def test_close_is_kept(served: Served, target: RawServer, client: RawPeer, closer: str) -> None:
    client.send(
        get("/", *(("Connection: close",) if closer == "client" else ())).replace(
            b"HTTP/1.1", b"HTTP/1.0" if closer == "old client" else b"HTTP/1.1"
        )
    )
    target.accept()
    answer = page(b"bye", *(("Connection: close",) if closer == "server" else ()))
    if closer == "old server":
        answer = answer.replace(b"HTTP/1.1", b"HTTP/1.0")
    target.send(answer)
    assert client.rest() == answer
    assert target.rest() == b""
    assert exchanged(served).bytes_out == 3


def test_a_server_that_ends_an_idle_connection_ends_it_for_its_client(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(get())
    target.accept()
    target.send(page(b"x"))
    client.head()
    target.client.close()
    assert client.rest() == b"x"
    exchanged(served)


def test_a_client_that_ends_an_idle_connection_ends_it_for_the_server(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(get())
    target.accept()
    target.send(page(b"x"))
    client.head()
    client.take(1)
    client.socket.close()
    assert target.rest() == b""
    assert exchanged(served).closed_by is ClosedBy.NOBODY


def test_what_nobody_asked_for_ends_an_idle_connection(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(get())
    target.accept()
    target.send(page(b"x") + page(b"stray"))
    client.head()
    assert client.rest() == b"x"
    exchanged(served)


def test_an_upgrade_may_come_later_on_the_same_connection(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    client.send(get("/page"))
    target.accept()
    target.send(page(b"x"))
    client.head()
    client.take(1)
    client.send(client.request("/chat"))
    target.send(response_to(target.head()))
    assert client.head().startswith(b"HTTP/1.1 101 ")
    client.frame(1, b"hello")
    target.take(11)
    target.frame(1, b"hi")
    assert client.take(4) == b"\x81\x02hi"
    assert served.opened(2).path == "/chat"
    client.socket.close()
    target.client.close()
    assert served.closed(2).frame_count == 2
    assert exchanged(served, 1).path == "/page"


def test_a_refused_upgrade_leaves_the_connection_for_more(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    refusal = response(
        "Content-Length: 4", "WWW-Authenticate: Basic", status="401 Unauthorized", body=b"who?"
    )
    client.send(client.request("/chat"))
    target.accept()
    target.send(refusal)
    assert client.head() + client.take(4) == refusal
    client.send(get("/login"))
    target.head()
    target.send(page(b"x"))
    client.head()
    record = served.closed(1)
    assert (record.state, record.status, record.path) == (ConnectionState.REFUSED, 401, "/chat")
    assert exchanged(served, 2).path == "/login"


@pytest.mark.parametrize("kind", ["length", "chunked", "end"])
def test_large_bodies_pass_and_memory_stays_flat(
    served: Served, target: RawServer, client: RawPeer, kind: str
) -> None:
    size = 64 * MIB
    piece = bytes(range(256)) * 4096
    head = {
        "length": f"Content-Length: {size}",
        "chunked": "Transfer-Encoding: chunked",
        "end": "Connection: close",
    }[kind]
    client.send(get("/large"))
    target.accept()
    said = hashlib.sha256()

    def serve() -> None:
        target.send(response(head))
        for _ in range(size // MIB):
            part = b"%x\r\n%b\r\n" % (MIB, piece) if kind == "chunked" else piece
            said.update(part)
            target.send(part)
        last = b"0\r\n\r\n" if kind == "chunked" else b""
        said.update(last)
        target.send(last)
        if kind == "end":
            target.say_no_more()

    thread = threading.Thread(target=serve)
    thread.start()
    client.head()
    heard, most, length = hashlib.sha256(client.received), 0, len(client.received)
    framing = len(b"100000\r\n\r\n") * (size // MIB) + 5 if kind == "chunked" else 0
    while length < size + framing:
        data = client.socket.recv(MIB)
        heard.update(data)
        length += len(data)
        most = max(most, sum(each.queued_bytes for each in served.host.slow_peers))
    thread.join(PATIENCE_SECONDS)
    assert heard.digest() == said.digest()
    assert most < 4 * MIB
    assert exchanged(served).bytes_out == size + framing


def test_a_slow_client_slows_its_server(served: Served, target: RawServer, client: RawPeer) -> None:
    client.send(get("/large"))
    target.accept()
    target.send(response("Content-Length: 1000000000"))
    target.client.settimeout(1.0)
    sent = 0
    with suppress(TimeoutError):
        while sent < 200 * MIB:
            sent += target.client.send(bytes(MIB))
    assert sent < 100 * MIB
    # Another one is served meanwhile.
    with RawPeer(client.port) as other:
        other.send(get("/small"))
        with target.accepted() as end:
            answer_one(end)
        other.head()
    client.socket.close()
    record = exchanged(served)
    assert (record.closed_by, record.vanished) == (ClosedBy.CLIENT, True)


def answer_one(end: RawEnd) -> None:
    end.head()
    end.send(page(b"x"))


def test_many_requests_at_once_are_each_passed_on_once(
    served: Served, target: RawServer, client: RawPeer
) -> None:
    wanted = [get(f"/{number}/{'x' * 900}") for number in range(30)]
    client.send(b"".join(wanted))
    heads = [target.accept()]
    for number in range(30):
        target.send(page(b"%d" % number))
        if number < 29:
            heads.append(target.head())
    for number in range(30):
        client.head()
        assert client.take(len(b"%d" % number)) == b"%d" % number
    assert [head.split(b" ")[1] for head in heads] == [head.split(b" ")[1] for head in wanted]
    client.say_no_more()
    assert target.rest() == b""
    assert len(served.captured(lambda reader: len(reader.connections()) == 30, "all").connections()) == 30


@contextmanager
def asking_for_a_last(body: bytes, served: Served, target: RawServer) -> Iterator[RawEnd]:
    """A client that has read the head of the last response, which its target has written and left."""
    narrow = socket.socket()
    # Little is under way, so most waits to be written.
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", served.relay(target.url)))
    with RawEnd(narrow) as client:
        client.send(get("/", "Connection: close"))
        target.accept()
        target.send(page(body, "Connection: close"))
        target.client.close()
        client.head()
        yield client


@pytest.mark.parametrize("says_no_more", [False, True])
def test_who_reads_slowly_gets_all_of_a_last_response(
    served: Served, target: RawServer, says_no_more: bool
) -> None:
    """It takes longer than a client that does nothing is waited for."""
    body = bytes(range(256)) * 20_000
    with asking_for_a_last(body, served, target) as client:
        if says_no_more:
            client.say_no_more()
        heard = bytearray(client.received)
        pace, slow_reads = threading.Event(), 0
        while data := client.socket.recv(16 * 1024):
            heard += data
            # So little at a time that our own queue, which moves in steps of a megabyte, stands still.
            if slow_reads < 70 and len(heard) > len(body) - 3_600_000:
                pace.wait(0.05)
                slow_reads += 1
    assert bytes(heard) == body
    assert not exchanged(served).vanished


def test_who_does_not_read_a_last_response_is_cut(served: Served, target: RawServer) -> None:
    with asking_for_a_last(bytes(3 * MIB), served, target):
        until(lambda: served.host.open_connections == 0, "it was cut")
        assert exchanged(served).status == 200


def test_tiny_exchanges_wait_for_the_recorder(
    served: Served, target: RawServer, client: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is little for the recorder, but all are not."""
    monkeypatch.setattr("core.capture.recorder.BACKLOG_BYTES", 100_000)
    recorder, count = served.host.recorder, 400
    gate: queue.Queue[None] = queue.Queue()
    recorder._command(lambda: gate.get(timeout=2 * PATIENCE_SECONDS))

    def serve() -> None:
        target.accept()
        for number in range(count):
            target.send(page(b"%03d" % number))
            if number < count - 1:
                target.head()

    thread = threading.Thread(target=serve)
    thread.start()
    client.send(get("/") * count)
    try:
        until(lambda: on_loop(served, lambda engine: len(engine._waiting)) == 1, "it waits for the recorder")
        with RawPeer(client.port) as late:
            late.send(get("/late", "Connection: close"))
            until(lambda: on_loop(served, lambda engine: len(engine._waiting)) == 2, "a new client waits too")
            assert recorder.backlog_bytes < 150_000
    finally:
        gate.put(None)
    for number in range(count):
        client.head()
        assert client.take(3) == b"%03d" % number
    thread.join(PATIENCE_SECONDS)
    served.captured(lambda reader: len(reader.connections()) == count + 1, "all are recorded")
