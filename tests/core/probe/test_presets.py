"""Each preset breaks the rule that it is named for, and no other: our own engine says so, strict and tolerant."""

from __future__ import annotations

import pytest

from core.probe.head import Head
from core.probe.preset import FrameFault, Offer, Preset, RequestFault, ResponseFault, Writer
from core.probe.registry import PRESETS, UNBREAKABLE, presets_of
from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import ClientSide, ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import (
    Event,
    FrameReceived,
    HandshakeDone,
    HandshakeFailed,
    RequestReceived,
    ResponseReceived,
)
from core.protocol.handshake import ServerPolicy, accept_key, client_request, propose
from core.protocol.http11 import parsed_request, write_response
from core.protocol.outgoing import RawEnd
from core.protocol.state import Role
from core.protocol.violations import CATALOGUE, Judgement

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
LIMITS = ConnectionLimits()
OFFERED = "permessage-deflate; server_max_window_bits=10"


def cases(kind: type) -> list[object]:
    found = [preset for preset in PRESETS if isinstance(preset.fault, kind)]
    return [
        pytest.param(preset, sender, judgement, id=f"{preset.id}-{sender.name}-{judgement.name}".lower())
        for preset in found
        for sender in preset.senders
        for judgement in Judgement
    ]


def served(judgement: Judgement) -> Endpoint:
    policy = ServerPolicy(judgement=judgement, origins=("http://own.example",), hosts=())
    return Endpoint(ServerSide(policy), LIMITS)


def told(endpoint: Endpoint, data: bytes) -> list[Event]:
    """Everything that follows from `data`; requests are answered as proposed."""
    events = endpoint.receive_data(data)
    for event in tuple(events):
        if isinstance(event, RequestReceived):
            events += endpoint.answer(event.proposed)
    while endpoint.has_more:
        events += endpoint.receive_data(b"")
    return events


def broken_by(events: list[Event]) -> set[str]:
    """The rules that these events name, but for what follows from the first when everything behind is cut."""
    rules: set[str] = set()
    for event in events:
        if isinstance(event, FrameReceived):
            rules |= {found.rule.id for found in event.violations}
        elif isinstance(event, (HandshakeDone, HandshakeFailed)):
            rules |= {found.rule.id for found in event.answer.violations}
        elif isinstance(event, ResponseReceived):
            rules |= {found.rule.id for found in event.verdict.violations}
    return rules


def ended(endpoint: Endpoint, end: RawEnd, *, is_head: bool) -> list[Event]:
    """What follows where nothing more comes."""
    if end is RawEnd.HALF_CLOSE:
        return endpoint.receive_eof()
    return endpoint.handshake_timed_out(5) if is_head else []


def expected(preset: Preset) -> set[str]:
    return set() if preset.rule is None else {preset.rule.id}


@pytest.mark.parametrize(("preset", "sender", "judgement"), cases(RequestFault))
def test_a_request_breaks_its_rule(preset: Preset, sender: Role, judgement: Judgement) -> None:
    assert isinstance(preset.fault, RequestFault)
    assert sender is Role.CLIENT
    endpoint = served(judgement)
    right = client_request("127.0.0.1:8080", "/", KEY, origin="http://own.example")
    events = told(endpoint, preset.fault.spoilt(Head.of(right)))
    events += ended(endpoint, preset.fault.end, is_head=True)
    assert broken_by(events) == expected(preset)


@pytest.mark.parametrize(("preset", "sender", "judgement"), cases(ResponseFault))
def test_a_response_breaks_its_rule(preset: Preset, sender: Role, judgement: Judgement) -> None:
    assert isinstance(preset.fault, ResponseFault)
    assert sender is Role.SERVER
    request = client_request("127.0.0.1:8080", "/", KEY, subprotocols=("chat",), deflate=OFFERED)
    endpoint = Endpoint(ClientSide(request, KEY, ("chat",), OFFERED, judgement), LIMITS)
    endpoint.begin()
    headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(KEY)))
    right = write_response(101, headers)
    spoilt = preset.fault.spoilt(Head.of(request), Head.of(right))
    assert spoilt is not None
    events = told(endpoint, spoilt)
    events += ended(endpoint, preset.fault.end, is_head=True)
    assert broken_by(events) == expected(preset)


@pytest.mark.parametrize(("preset", "sender", "judgement"), cases(FrameFault))
def test_frames_break_their_rule(preset: Preset, sender: Role, judgement: Judgement) -> None:
    assert isinstance(preset.fault, FrameFault)
    endpoint = opened(sender, judgement, preset.fault.offer)
    raw = preset.fault.made(Writer(sender))
    events = [event for piece in raw.pieces for event in told(endpoint, piece.data)]
    events += ended(endpoint, raw.end, is_head=False)
    assert broken_by(events) == expected(preset)


def opened(sender: Role, judgement: Judgement, offer: Offer) -> Endpoint:
    """An endpoint that `sender` can send frames to, with the extension that a fault needs."""
    bits = 9 if offer is Offer.SMALL_WINDOW else None
    offered = {
        Offer.NONE: None,
        Offer.DEFLATE: "permessage-deflate",
        Offer.SMALL_WINDOW: "permessage-deflate; client_max_window_bits=9",
    }[offer]
    policy = DeflatePolicy(server_max_window_bits=bits)
    request = client_request("127.0.0.1:8080", "/", KEY, deflate=offered)
    if sender is Role.CLIENT:
        server = Endpoint(ServerSide(ServerPolicy(deflate=policy, judgement=judgement)), LIMITS)
        told(server, request)
        return server
    head = parsed_request(request)
    assert head is not None
    client = Endpoint(ClientSide(request, KEY, (), offered, judgement), LIMITS)
    client.begin()
    told(client, propose(head, ServerPolicy(deflate=policy)).response)
    return client


def test_every_rule_that_a_sender_can_break_has_a_preset() -> None:
    broken = {preset.rule.id for preset in PRESETS if preset.rule is not None}
    assert broken == set(CATALOGUE) - UNBREAKABLE


def test_ids_are_unique_and_titles_follow_on_it_gets() -> None:
    ids = [preset.id for preset in PRESETS]
    assert len(set(ids)) == len(ids)
    for preset in PRESETS:
        words = ("HTTP/", "TLS", "RSV1", "Sec-", "20 ")
        assert preset.title[0].islower() or preset.title.startswith(words), preset.title
        assert not preset.title.endswith(".")


def test_each_side_has_its_presets() -> None:
    ids = {role: {preset.id for preset in presets_of(role)} for role in Role}
    assert "mask-missing" in ids[Role.CLIENT] - ids[Role.SERVER]
    assert "mask-forbidden" in ids[Role.SERVER] - ids[Role.CLIENT]
