"""What rules can know of a connection that lives."""

from __future__ import annotations

from core.capture.records import ConnectionRecord, Mode
from core.net.legs.leg import Leg
from core.net.sockets import name_of
from core.net.sources import SourceTag
from core.protocol.handshake_rules import PROTOCOL_HEADER
from core.protocol.http11 import RequestHead, ResponseHead
from core.rules.subjects import live_connection


def about(
    number: int,
    usual: Mode,
    source: SourceTag,
    leg: Leg,
    request: RequestHead | None,
    response: bytes,
    subprotocol: str | None,
    now_ns: int,
) -> ConnectionRecord:
    """The connection `number` of the capture; `usual` is its mode if its source does not tell."""
    return live_connection(
        number,
        usual if source.label is None else source.label.mode,
        peer=name_of(leg.peer_place),
        source=source.label,
        request=b"" if request is None else request.raw,
        response=response,
        path="" if request is None else request.target,
        subprotocol=subprotocol,
        opened_ns=now_ns,
    )


def about_both_heads(
    number: int,
    usual: Mode,
    source: SourceTag,
    leg: Leg,
    request: RequestHead | None,
    response: ResponseHead | None,
    now_ns: int,
) -> ConnectionRecord:
    """A connection whose response comes from a server; None: it has not come."""
    raw = b"" if response is None else response.raw
    subprotocol = None if response is None else response.headers.get(PROTOCOL_HEADER)
    return about(number, usual, source, leg, request, raw, subprotocol, now_ns)
