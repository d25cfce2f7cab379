"""What went through Unmask without frames, identical in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from core.capture.follow import Passage
from core.capture.legs import LegRecord
from core.capture.records import ConnectionRecord, ConnectionState, Mode, SourceLabel
from core.protocol.events import ClosedBy
from core.protocol.state import Role
from tests.tools.conversation import START

BETWEEN = SourceLabel(Mode.RELAY, "example.com", "127.0.0.1:8081", "wss://example.com/app")


def passages() -> Iterator[Passage]:
    """A plain HTTP exchange and a tunnel."""
    get = b"GET /app/ HTTP/1.1\r\nHost: example.com\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 512\r\n\r\n"
    exchange = ConnectionRecord(
        id=2, mode=BETWEEN.mode, state=ConnectionState.EXCHANGED, opened_ns=START, closed_ns=START + 12_000_000,
        peer="127.0.0.1:50314", local="127.0.0.1:8081", request=get, response=answer, path="/app/", origin=None,
        subprotocol=None, extensions="", status=200, reason="", close_code=None, closed_by=ClosedBy.NOBODY,
        trailing=b"", trailing_length=0, frame_count=0, data_frame_count=0, bytes_in=0, bytes_out=512,
        violation_count=0, source=BETWEEN,
    )  # fmt: skip
    proxy = SourceLabel(Mode.PROXY, "proxy", "127.0.0.1:3128", "")
    tunnel = replace(
        exchange, id=3, mode=proxy.mode, state=ConnectionState.TUNNELLED, request=b"", response=b"",
        path="example.com:443", bytes_in=1840, bytes_out=90_211, source=proxy,
    )  # fmt: skip
    for record in (exchange, tunnel):
        legs = tuple(LegRecord(side, record.opened_ns, closed_ns=record.closed_ns) for side in Role)
        yield Passage(record, (), legs)
