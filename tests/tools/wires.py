"""Connections past the opening handshake, and the bytes that their peers send."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise

from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import ClientSide, ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import (
    ConnectionClosed,
    Event,
    FrameReceived,
    FrameSent,
    Message,
    Report,
    RequestReceived,
    singly,
)
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Frame, FrameDecoder, make_frame
from core.protocol.handshake import ServerPolicy, accept_key, client_request
from core.protocol.http11 import write_response
from core.protocol.state import ReadyState
from core.protocol.violations import Judgement

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455 section 1.3."""
DEFLATE = "permessage-deflate"


def request(*, deflate: str | None = None) -> bytes:
    return client_request("localhost:8080", "/", KEY, deflate=deflate)


def response(*, deflate: str | None = None) -> bytes:
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_key(KEY)),
    ]
    if deflate is not None:
        headers.append(("Sec-WebSocket-Extensions", deflate))
    return write_response(101, headers)


def new_server(
    judgement: Judgement = Judgement.STRICT,
    *,
    limits: ConnectionLimits | None = None,
    policy: DeflatePolicy | None = None,
) -> Endpoint:
    """A server that has received nothing."""
    return Endpoint(ServerSide(ServerPolicy(deflate=policy or DeflatePolicy(), judgement=judgement)), limits)


def opened_server(
    judgement: Judgement = Judgement.STRICT,
    *,
    limits: ConnectionLimits | None = None,
    deflate: str | None = None,
    policy: DeflatePolicy | None = None,
) -> Endpoint:
    """Unmask as a server, OPEN; `deflate` is what the client offered."""
    connection = new_server(judgement, limits=limits, policy=policy)
    for event in connection.receive_data(request(deflate=deflate)):
        assert isinstance(event, RequestReceived)
        connection.answer(event.proposed)
    connection.data_to_send()
    assert connection.state is ReadyState.OPEN
    return connection


def new_client(
    judgement: Judgement = Judgement.STRICT,
    *,
    limits: ConnectionLimits | None = None,
    deflate: str | None = None,
) -> Endpoint:
    """Unmask as a client that waits for the response; `deflate` is what it offered."""
    side = ClientSide(request(deflate=deflate), KEY, deflate_offer=deflate, judgement=judgement)
    connection = Endpoint(side, limits)
    connection.begin()
    assert connection.data_to_send() == side.request
    return connection


def opened_client(
    judgement: Judgement = Judgement.STRICT,
    *,
    limits: ConnectionLimits | None = None,
    deflate: str | None = None,
) -> Endpoint:
    """Unmask as a client, OPEN; `deflate` is what it offered and the server agreed to."""
    connection = new_client(judgement, limits=limits, deflate=deflate)
    connection.receive_data(response(deflate=deflate))
    assert connection.state is ReadyState.OPEN
    return connection


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame as a client sends it; different frames get different masking keys."""
    frame = make_frame(opcode, payload, fin=fin, rsv=rsv)
    return frame._replace(masking_key=sha256(frame.wire()).digest()[:4]).wire()


def plain(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame as a server sends it."""
    return make_frame(opcode, payload, fin=fin, rsv=rsv).wire()


def receive(connection: Endpoint, *pieces: bytes) -> list[Event]:
    """All events of several reads."""
    events: list[Event] = []
    for piece in pieces:
        events += connection.receive_data(piece)
        while connection.has_more:
            events += connection.receive_data(b"")
    return events


def received(reports: Iterable[Report]) -> list[FrameReceived]:
    return [event for event in singly(reports) if isinstance(event, FrameReceived)]


def sent(reports: Iterable[Report]) -> list[FrameSent]:
    return [event for event in singly(reports) if isinstance(event, FrameSent)]


def columns_of(frames: Iterable[Frame]) -> FrameColumns:
    """Columns of frames, none of them truncated."""
    heads, keys, payloads, forms, _ = map(list, zip(*frames, strict=True))
    return FrameColumns(heads, keys, payloads, forms)


def messages(events: Iterable[Event]) -> list[Message]:
    """The peer's messages."""
    return [event.message for event in received(events) if event.message is not None]


def rules(events: Iterable[Event]) -> list[str]:
    """The ids of all rules that the peer's frames broke."""
    return [found.rule.id for event in received(events) for found in event.violations]


def frames_of(data: bytes) -> list[Frame]:
    """The frames in `data`, which must be complete."""
    decoder = FrameDecoder(1 << 40)
    frames = decoder.feed(data)
    assert decoder.take_partial() == (None, b"")
    return frames


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in pieces, cut at `places` (each taken modulo its length)."""
    size = len(data) + 1
    edges = [0, *sorted(place % size for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def ended(connection: Endpoint) -> ConnectionClosed:
    """The last event when the stream ends."""
    last = connection.receive_eof()[-1]
    assert isinstance(last, ConnectionClosed)
    assert connection.state is ReadyState.CLOSED
    return last


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def answered(connection: Endpoint, *pieces: bytes) -> list[Event]:
    """All events of several reads; the request is answered as proposed as soon as it is complete."""
    events: list[Event] = []
    for piece in pieces:
        for event in receive(connection, piece):
            events.append(event)
            if isinstance(event, RequestReceived):
                events += connection.answer(event.proposed)
    return events + receive(connection, b"")
