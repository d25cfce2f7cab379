"""The pipe of TLS without I/O: any stream, cut anywhere, on both sides."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.net.tls.failures import TlsFailure
from core.net.tls.pipe import MOST_DELIVERED, TlsPipe
from core.net.tls.server import ServerOpening
from core.protocol.first_bytes import FirstBytes, judge_first_bytes
from tests.tools.certificates import client_context, server_context

SERVER = server_context()
CLIENT = client_context()
FOREVER = 2**62


class Client:
    """OpenSSL's own client."""

    def __init__(self) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.object = CLIENT.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def read(self) -> bytes:
        plain = b""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while data := self.object.read(100_000):
                plain += data
        return plain


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The data, cut at these places."""
    at = 0
    for cut in sorted({each % (len(data) + 1) for each in cuts}):
        yield data[at:cut]
        at = cut
    yield data[at:]


def secured(cuts: list[int]) -> tuple[TlsPipe, Client]:
    """A pipe as the server of a client, whose handshake came in pieces."""
    pipe, client, done = TlsPipe(ServerOpening(lambda _hello: SERVER), lambda: 0), Client(), False
    while not done:
        with contextlib.suppress(ssl.SSLWantReadError):
            client.object.do_handshake()
        for piece in pieces(client.outgoing.read(), cuts):
            pipe.receive(piece)
            result = pipe.shake()
            assert not isinstance(result, TlsFailure)
            done = done or result
        client.incoming.write(pipe.to_send())
    return pipe, client


def decrypt(pipe: TlsPipe) -> bytes:
    plain = b""
    while True:
        data, failure = pipe.decrypt(FOREVER)
        assert failure is None
        if not data:
            return plain
        plain += b"".join(data)


CUTS = st.lists(st.integers(0, 5000), max_size=6)


@settings(max_examples=60)
@given(CUTS, st.lists(st.tuples(st.booleans(), st.binary(max_size=3000), CUTS), max_size=8), st.booleans())
def test_any_talk_comes_through_in_any_pieces(
    shaking: list[int], talk: list[tuple[bool, bytes, list[int]]], client_ends: bool
) -> None:
    pipe, client = secured(shaking)
    said = heard = answered = got = b""
    for is_ours, data, cuts in talk:
        if is_ours:
            assert pipe.encrypt(memoryview(data)) is None
            answered += data
            for piece in pieces(pipe.to_send(), cuts):
                client.incoming.write(piece)
                got += client.read()
        else:
            client.object.write(data)
            said += data
            for piece in pieces(client.outgoing.read(), cuts):
                pipe.receive(piece)
                heard += decrypt(pipe)
    assert (heard, got) == (said, answered)
    assert not pipe.is_notified
    if client_ends:
        with contextlib.suppress(ssl.SSLWantReadError):
            client.object.unwrap()
        pipe.receive(client.outgoing.read() + b"whatever follows")
        assert decrypt(pipe) == b""
        assert pipe.is_notified
        assert pipe.unread_bytes == 0
    # Our half is still open, and ends by itself.
    assert pipe.encrypt(memoryview(b"last")) is None
    pipe.notify()
    client.incoming.write(pipe.to_send())
    assert client.read() == b"last"


@settings(max_examples=60)
@given(st.data())
def test_damage_is_a_failure_and_never_data(data: st.DataObject) -> None:
    pipe, client = secured([])
    client.object.write(b"x" * 5000)
    sent = bytearray(client.outgoing.read())
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] ^= data.draw(st.integers(1, 255))
    pipe.receive(bytes(sent))
    plain, failure = pipe.decrypt(FOREVER)
    assert plain == []
    # A record whose length was made larger is not complete.
    assert failure is not None or at in (3, 4)


@settings(max_examples=60)
@given(st.binary(max_size=2000), CUTS)
def test_garbage_is_no_handshake(garbage: bytes, cuts: list[int]) -> None:
    pipe = TlsPipe(ServerOpening(lambda _hello: SERVER), lambda: 0)
    for piece in pieces(garbage, cuts):
        pipe.receive(piece)
        if isinstance(pipe.shake(), TlsFailure):
            return
    # It may become a ClientHello, or the line of a request.
    assert judge_first_bytes(garbage) in (None, FirstBytes.TLS)


def test_it_stops_when_its_time_is_over() -> None:
    now = [0]
    pipe, client = secured([])
    pipe._clock = lambda: now[0]
    for _ in range(1000):
        client.object.write(b"x")
    pipe.receive(client.outgoing.read())
    now[0] = 10
    plain, failure = pipe.decrypt(5)
    assert failure is None
    assert len(plain) < 100
    assert pipe.unread_bytes > 0


def test_it_delivers_a_bounded_amount_at_once() -> None:
    pipe, client = secured([])
    client.object.write(b"x" * 1_000_000)
    pipe.receive(client.outgoing.read())
    plain, _ = pipe.decrypt(FOREVER)
    assert MOST_DELIVERED <= sum(map(len, plain)) < MOST_DELIVERED + 16 * 1024


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1])
def test_records_are_taken_whole(size: int) -> None:
    pipe, client = secured([])
    client.object.write(b"x" * size)
    pipe.receive(client.outgoing.read())
    assert decrypt(pipe) == b"x" * size


def test_ending_our_half_loses_nothing_that_waits() -> None:
    pipe, client = secured([])
    client.object.write(b"x" * 600_000)
    pipe.receive(client.outgoing.read())
    first, _ = pipe.decrypt(FOREVER)
    assert pipe._incoming.pending > 0
    pipe.notify()
    assert b"".join(first) + decrypt(pipe) == b"x" * 600_000
