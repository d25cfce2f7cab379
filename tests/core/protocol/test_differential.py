"""Our Connection against two other implementations, on random conversations cut anywhere, in both roles."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from websockets.http11 import Request
from websockets.protocol import Protocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from wsproto import ConnectionType, WSConnection
from wsproto import events as wsproto_events
from wsproto.extensions import Extension, PerMessageDeflate

from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import ClientSide, ConnectionLimits, Endpoint
from core.protocol.events import ConnectionClosed, Event, Origin, RequestReceived, ResponseReceived
from core.protocol.frames import Opcode
from core.protocol.handshake import client_request, new_key
from core.protocol.state import ReadyState
from tests.tools.wires import cut, messages, new_server, receive, received, rules

OFFERS = st.sampled_from(
    [
        None,
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
    ]
)
CUTS = st.lists(st.integers(0, 1 << 20), max_size=6)
QUIET = logging.getLogger(f"{__name__}.websockets")
QUIET.setLevel(logging.WARNING)
LIMITS = ConnectionLimits(message_bytes=1 << 20)


@dataclass(frozen=True)
class Said:
    """A message, in fragments, with or without a ping between them."""

    payload: str | bytes
    fragments: int
    ping: bytes | None

    @property
    def opcode(self) -> int:
        return Opcode.TEXT if isinstance(self.payload, str) else Opcode.BINARY

    @property
    def data(self) -> bytes:
        return self.payload.encode() if isinstance(self.payload, str) else self.payload

    def pieces(self) -> list[bytes]:
        """The payload in `fragments` parts."""
        size = max(1, -(-len(self.data) // self.fragments))
        return [self.data[index * size : (index + 1) * size] for index in range(self.fragments)]


PAYLOADS = (
    st.text(max_size=40)
    | st.binary(max_size=40)
    | st.sampled_from(["中文 " * 50, b"abc" * 100, bytes(126), bytes(65535), "x" * 65536])
)
TALK = st.lists(st.builds(Said, PAYLOADS, st.integers(1, 4), st.none() | st.binary(max_size=125)), max_size=5)


# websockets.


class Websockets:
    """Their end of a conversation."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    def say(self, talk: Iterable[Said]) -> bytes:
        for said in talk:
            *body, last = said.pieces()
            first = self.protocol.send_text if said.opcode == Opcode.TEXT else self.protocol.send_binary
            for index, piece in enumerate([*body, last]):
                send = first if index == 0 else self.protocol.send_continuation
                send(piece, fin=index == said.fragments - 1)
                if said.ping is not None:
                    self.protocol.send_ping(said.ping)
        return self.taken()

    def taken(self) -> bytes:
        return b"".join(self.protocol.data_to_send())

    def heard(self, data: bytes) -> tuple[list[tuple[int, bytes]], list[bytes], list[bytes]]:
        """Messages, pings and pongs."""
        self.protocol.receive_data(data)
        assert self.protocol.parser_exc is None
        whole: list[tuple[int, bytes]] = []
        pings: list[bytes] = []
        pongs: list[bytes] = []
        opcode, joined = 0, b""
        for event in self.protocol.events_received():
            assert isinstance(event, TheirFrame)
            if event.opcode is TheirOpcode.PING:
                pings.append(bytes(event.data))
            elif event.opcode is TheirOpcode.PONG:
                pongs.append(bytes(event.data))
            elif event.opcode is not TheirOpcode.CLOSE:
                opcode, joined = event.opcode or opcode, joined + bytes(event.data)
                if event.fin:
                    whole.append((int(opcode), joined))
                    joined = b""
        return whole, pings, pongs


def their_client(offer: str | None) -> tuple[Endpoint, Websockets]:
    """We are the server."""
    words = offer or ""
    bits = 9 if "=9" in words else None
    forgets = "takeover" in words
    client_bits = bits or ("client_max_window_bits" in words or None)
    factory = ClientPerMessageDeflateFactory(forgets, forgets, bits, client_bits)
    client = ClientProtocol(
        parse_uri("ws://localhost/"), extensions=[factory] if offer else None, logger=QUIET
    )
    client.send_request(client.connect())
    ours = new_server(limits=LIMITS)
    for event in ours.receive_data(b"".join(client.data_to_send())):
        assert isinstance(event, RequestReceived)
        assert event.proposed.violations == ()
        ours.answer(event.proposed)
    client.receive_data(ours.data_to_send())
    client.events_received()
    assert client.handshake_exc is None
    assert (ours.deflate is not None) is bool(client.extensions) is bool(offer)
    return ours, Websockets(client)


def their_server(offer: str | None) -> tuple[Endpoint, Websockets]:
    """We are the client."""
    server = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()] if offer else None, logger=QUIET)
    key = new_key()
    side = ClientSide(client_request("localhost", "/", key, deflate=offer), key, deflate_offer=offer)
    ours = Endpoint(side, LIMITS)
    ours.begin()
    server.receive_data(ours.data_to_send())
    (asked,) = server.events_received()
    assert isinstance(asked, Request)
    server.send_response(server.accept(asked))
    (answer,) = receive(ours, b"".join(server.data_to_send()))
    assert isinstance(answer, ResponseReceived)
    assert answer.verdict.violations == ()
    assert (ours.deflate is not None) is bool(server.extensions) is bool(offer)
    return ours, Websockets(server)


def check_hearing(ours: Endpoint, wire: bytes, places: list[int], talk: list[Said]) -> list[Event]:
    """We understand their bytes, whichever way they are cut."""
    events = receive(ours, *cut(wire, places))
    assert rules(events) == []
    heard = messages(events)
    assert [(one.opcode, one.payload) for one in heard] == [(said.opcode, said.data) for said in talk]
    assert b"".join(event.frame.wire() for event in received(events)) == wire
    return events


def say(ours: Endpoint, talk: Iterable[Said]) -> bytes:
    for said in talk:
        ours.send_message(said.opcode, said.data, origin=Origin.COMPOSED, fragments=said.fragments)
        if said.ping is not None:
            ours.send_control(Opcode.PING, said.ping, origin=Origin.COMPOSED)
    return ours.data_to_send()


def check_websockets(ours: Endpoint, theirs: Websockets, talk: list[Said], places: list[int]) -> None:
    check_hearing(ours, theirs.say(talk), places, talk)
    pongs = [said.ping for said in talk if said.ping is not None for _ in range(said.fragments)]
    assert theirs.heard(ours.data_to_send()) == ([], [], pongs)
    whole, pings, _ = theirs.heard(say(ours, talk))
    assert whole == [(said.opcode, said.data) for said in talk]
    assert pings == [said.ping for said in talk if said.ping is not None]
    # They end it, we answer.
    receive(ours, theirs.taken())
    theirs.protocol.send_close(4001, "再见")
    receive(ours, theirs.taken())
    assert ours.wants_close
    theirs.protocol.receive_data(ours.data_to_send())
    theirs.protocol.receive_eof()
    assert theirs.protocol.close_code == 4001
    closed = ours.receive_eof()[-1]
    assert isinstance(closed, ConnectionClosed)
    assert (closed.code, closed.reason) == (4001, "再见")


@given(TALK, OFFERS, CUTS)
def test_a_server_to_the_client_of_websockets(talk: list[Said], offer: str | None, places: list[int]) -> None:
    check_websockets(*their_client(offer), talk, places)


@given(TALK, OFFERS, CUTS)
def test_a_client_to_the_server_of_websockets(talk: list[Said], offer: str | None, places: list[int]) -> None:
    check_websockets(*their_server(offer), talk, places)


# wsproto.


def heard_by(theirs: WSConnection) -> tuple[list[tuple[int, bytes]], list[bytes]]:
    """Messages and pings; each ping is answered, as wsproto leaves that to its caller."""
    whole: list[tuple[int, bytes]] = []
    pings: list[bytes] = []
    joined = b""
    for event in theirs.events():
        if isinstance(event, wsproto_events.Ping):
            pings.append(bytes(event.payload))
        elif isinstance(event, wsproto_events.TextMessage):
            joined += event.data.encode()
            if event.message_finished:
                whole.append((Opcode.TEXT, joined))
                joined = b""
        elif isinstance(event, wsproto_events.BytesMessage):
            joined += event.data
            if event.message_finished:
                whole.append((Opcode.BINARY, joined))
                joined = b""
    return whole, pings


def say_by(theirs: WSConnection, talk: Iterable[Said]) -> bytes:
    wire = b""
    for said in talk:
        size = max(1, -(-len(said.payload) // said.fragments))
        for index in range(said.fragments):
            part = said.payload[index * size : (index + 1) * size]
            last = index == said.fragments - 1
            if isinstance(part, str):
                wire += theirs.send(wsproto_events.TextMessage(part, message_finished=last))
            else:
                wire += theirs.send(wsproto_events.BytesMessage(part, message_finished=last))
            if said.ping is not None:
                wire += theirs.send(wsproto_events.Ping(said.ping))
    return wire


def check_wsproto(ours: Endpoint, theirs: WSConnection, talk: list[Said], places: list[int]) -> None:
    check_hearing(ours, say_by(theirs, talk), places, talk)
    theirs.receive_data(ours.data_to_send())
    assert heard_by(theirs) == ([], [])
    for piece in cut(say(ours, talk), places):
        theirs.receive_data(piece)
    whole, pings = heard_by(theirs)
    assert whole == [(said.opcode, said.data) for said in talk]
    assert pings == [said.ping for said in talk if said.ping is not None]
    # We end it, they answer.
    ours.send_close(1001, "bye", origin=Origin.COMPOSED)
    theirs.receive_data(ours.data_to_send())
    (asked,) = theirs.events()
    assert isinstance(asked, wsproto_events.CloseConnection)
    assert (asked.code, asked.reason) == (1001, "bye")
    receive(ours, theirs.send(asked.response()))
    assert (ours.state, ours.wants_close) == (ReadyState.CLOSING, True)


@given(TALK, st.booleans(), CUTS)
def test_a_server_to_the_client_of_wsproto(talk: list[Said], compressed: bool, places: list[int]) -> None:
    theirs = WSConnection(ConnectionType.CLIENT)
    extensions = [PerMessageDeflate()] if compressed else []
    asking = theirs.send(wsproto_events.Request(host="localhost", target="/", extensions=extensions))
    ours = new_server(limits=LIMITS, policy=DeflatePolicy())
    for event in ours.receive_data(asking):
        assert isinstance(event, RequestReceived)
        ours.answer(event.proposed)
    theirs.receive_data(ours.data_to_send())
    assert [type(event) for event in theirs.events()] == [wsproto_events.AcceptConnection]
    assert (ours.deflate is not None) is compressed
    check_wsproto(ours, theirs, talk, places)


@given(TALK, OFFERS, CUTS)
def test_a_client_to_the_server_of_wsproto(talk: list[Said], offer: str | None, places: list[int]) -> None:
    key = new_key()
    side = ClientSide(client_request("localhost", "/", key, deflate=offer), key, deflate_offer=offer)
    ours = Endpoint(side, LIMITS)
    ours.begin()
    theirs = WSConnection(ConnectionType.SERVER)
    theirs.receive_data(ours.data_to_send())
    assert [type(event) for event in theirs.events()] == [wsproto_events.Request]
    extensions: list[Extension] = [PerMessageDeflate()] if offer else []
    (answer,) = receive(ours, theirs.send(wsproto_events.AcceptConnection(extensions=extensions)))
    assert isinstance(answer, ResponseReceived)
    assert ours.state is ReadyState.OPEN
    check_wsproto(ours, theirs, talk, places)
