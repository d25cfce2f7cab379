"""Where HTTP messages end: in any pieces, as the RFC says, and as another reader sees it."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BodyError, HeadError
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.http_message import RequestReader, ResponseReader, persists

LIMITS = HeadLimits(4096, 32)
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def request(raw: bytes = GET) -> RequestHead:
    head = HeadParser(HeadKind.REQUEST).feed(raw)
    assert isinstance(head, RequestHead)
    return head


def read_requests(stream: bytes, width: int) -> tuple[list[bytes], bytes]:
    """The requests in a stream that comes in pieces of this width, and what is left of it."""
    done, reader, passed = [], RequestReader(LIMITS), b""
    pieces = [stream[at : at + width] for at in range(0, len(stream), width)]
    while pieces:
        passed += reader.feed(pieces.pop(0))
        if reader.is_done and reader.head is not None:
            done.append(reader.head.raw + passed)
            pieces.insert(0, bytes(reader.behind))
            reader, passed = RequestReader(LIMITS), b""
            if not pieces[0]:
                pieces.pop(0)
    return done, bytes(reader.parser.raw) + passed


bodies = st.binary(max_size=300)


def with_length(body: bytes) -> bytes:
    return b"POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(body: bytes) -> bytes:
    chunks = [body[at : at + 7] for at in range(0, len(body), 7)]
    framed = b"".join(b"%x;e=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return (
        b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\nT: r\r\n\r\n"
    )


requests = st.one_of(st.just(GET), bodies.map(with_length), bodies.map(chunked))


@settings(deadline=None)
@given(said=st.lists(requests, max_size=6), width=st.integers(1, 400))
def test_requests_are_told_apart_in_any_pieces(said: list[bytes], width: int) -> None:
    assert read_requests(b"".join(said), width) == (said, b"")


@settings(deadline=None)
@given(
    said=st.lists(requests, min_size=1, max_size=3).map(b"".join),
    at=st.integers(0, 2000),
    damage=st.sampled_from((b"\n", b"\r", b" ", b"\0", b":", b"Content-Length: 9\r\n", b"0\r\n\r\n", GET)),
    width=st.integers(1, 400),
)
def test_another_reader_sees_the_same_requests_in_what_is_passed_on(
    said: bytes, at: int, damage: bytes, width: int
) -> None:
    """Whatever is damaged: h11, to which all is fed that would have gone on, never finds a request more."""
    at %= len(said) + 1
    stream = said[:at] + damage + said[at:]
    passed: list[bytes] = []
    reader = RequestReader(LIMITS)
    pieces = [stream[place : place + width] for place in range(0, len(stream), width)]
    whole = 0
    try:
        while pieces:
            was_asking = reader.head is None
            body = reader.feed(pieces.pop(0))
            if reader.refusal is not None:
                break
            if was_asking and reader.head is not None:
                passed.append(reader.head.raw)
            passed.append(body)
            if reader.is_done:
                whole += 1
                pieces.insert(0, bytes(reader.behind))
                reader = RequestReader(LIMITS)
                if not pieces[0]:
                    pieces.pop(0)
    except (HeadError, BodyError):
        pass
    assert seen_by_h11(b"".join(passed)) <= whole


def seen_by_h11(stream: bytes) -> int:
    """How many whole requests h11 finds; it may refuse what we pass, such as a request without Host."""
    server = h11.Connection(h11.SERVER)
    count = 0
    stream = stream.lstrip(b"\r\n")
    if not stream:
        # To h11 that would be the end of the stream.
        return count
    server.receive_data(stream)
    while True:
        try:
            event = server.next_event()
        except h11.RemoteProtocolError:
            return count
        if isinstance(event, h11.EndOfMessage):
            count += 1
            server.send(h11.Response(status_code=204, headers=[]))
            server.send(h11.EndOfMessage())
            if server.our_state is not h11.DONE:
                return count
            server.start_next_cycle()
        elif event is h11.NEED_DATA or event is h11.PAUSED:
            return count


@pytest.mark.parametrize(
    ("method", "head", "length"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 5),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 5),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0),
        ("GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 0),
    ],
)
def test_how_long_a_response_is_depends_on_method_and_status(method: str, head: bytes, length: int) -> None:
    reader = ResponseReader(request(GET.replace(b"GET", method.encode())), LIMITS)
    assert b"".join(reader.feed(head + b"x" * length)) == head + b"x" * length
    assert (reader.is_done, reader.length, reader.is_spoilt) == (True, length, False)
    assert reader.feed(b"more") == []
    assert reader.is_spoilt


def test_a_response_without_a_length_ends_with_the_stream() -> None:
    reader = ResponseReader(request(), LIMITS)
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nbe") == [b"HTTP/1.1 200 OK\r\n\r\n", b"be"]
    assert reader.feed(b"gun") == [b"gun"]
    assert not reader.is_done
    reader.end()
    assert (reader.is_done, reader.length) == (True, 5)


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_response_that_is_cut_is_told(head: bytes) -> None:
    reader = ResponseReader(request(), LIMITS)
    reader.feed(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n4\r\n")
    with pytest.raises(BodyError):
        reader.end()


def test_interim_responses_are_no_end_and_an_old_client_gets_none() -> None:
    interim, final = b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    for version, passed in ((b"1.1", [interim, final]), (b"1.0", [final])):
        reader = ResponseReader(request(GET.replace(b"1.1", version)), LIMITS)
        assert reader.feed(interim[:5]) == []
        assert reader.feed(interim[5:] + final) == passed
        assert reader.head is not None
        assert reader.head.status == 200


def test_what_follows_a_101_is_not_of_the_response() -> None:
    reader = ResponseReader(request(), LIMITS)
    assert reader.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00") == []
    assert (reader.head is not None, reader.behind) == (True, b"\x81\x00")


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (b"Connection: close\r\n", False),
        (b"Connection: a, Close\r\n", False),
        (b"Connection: keep-alive\r\n", True),
        (b"", True),
    ],
)
def test_whether_the_connection_stays(lines: bytes, answer: bool) -> None:
    assert persists(request(GET.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n"))) is answer
    assert not persists(request(GET.replace(b"HTTP/1.1", b"HTTP/1.0")))
    head = HeadParser(HeadKind.RESPONSE).feed(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
    assert isinstance(head, ResponseHead)
    assert persists(head) is answer


def test_interim_responses_without_end_are_over_the_limit_of_heads() -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"
    reader = ResponseReader(request(), LIMITS)
    most = LIMITS.max_bytes // len(interim)
    for _ in range(most):
        assert reader.feed(interim) == [interim]
    with pytest.raises(
        HeadError, match=f"within 4096 bytes, of which interim responses took {most * len(interim)}"
    ):
        reader.feed(interim)


@pytest.mark.parametrize("line", [b"1;a\rb", b"1;a\r", b"1;\r;a", b"0;a=\rb", b'1;a="\r"', b"3\r"])
@pytest.mark.parametrize("width", [1, 2, 1000])
def test_a_bare_carriage_return_before_a_chunk_is_refused(line: bytes, width: int) -> None:
    """Another recipient may take it for the end of the line (request smuggling)."""
    head = b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    stream = head + b"2;ok\r\n\rx\r\n" + line + b"\r\nx\r\n0\r\n\r\n"
    with pytest.raises(BodyError):
        read_requests(stream, width)
