"""Whatever two ends say, in whatever pieces: taps on both sides of a relay, and the capture, have the same bytes."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.capture.records import ConnectionRecord, View
from core.net.settings import EngineSettings, Limits
from core.protocol.frames import make_frame
from tests.conformance.suite import wire_of
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served
from tests.tools.tap import Tap, TappedConnection, tapping

frames = st.builds(
    lambda opcode, payload, fin, rsv, key: make_frame(
        opcode, payload, fin=fin, rsv=rsv, masking_key=key
    ).wire(),
    st.integers(0, 15),
    st.one_of(st.binary(max_size=120), st.integers(0, 70_000).map(bytes)),
    st.booleans(),
    st.sampled_from((0, 0, 0, 0x40, 0x70)),
    st.one_of(st.none(), st.binary(min_size=4, max_size=4)),
)
streams = st.lists(st.one_of(frames, st.binary(max_size=40)), max_size=12).map(b"".join)
cuts = st.lists(st.integers(1, 3000), min_size=1, max_size=8)
_TURNS = 40
"""The most turns of widths that a stream is said in."""


@dataclass(frozen=True, slots=True)
class Way:
    """A relay between two taps."""

    served: Served
    target: RawServer
    behind: Tap
    before: Tap


@contextmanager
def made(folder: Path) -> Iterator[Way]:
    with ExitStack() as stack:
        target = stack.enter_context(RawServer())
        behind = stack.enter_context(tapping(target.port))
        limits = Limits(message_bytes=40_000, memory_bytes=1 << 24)
        served = stack.enter_context(Served(folder / "a.unmask", EngineSettings(limits=limits)))
        before = stack.enter_context(tapping(served.relay(f"ws://127.0.0.1:{behind.port}")))
        yield Way(served, target, behind, before)


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    with tempfile.TemporaryDirectory() as folder, made(Path(folder)) as one:
        yield one


def say(end: RawEnd, stream: bytes, widths: list[int]) -> None:
    """Everything, in pieces of these widths in turn, and the end of the stream.

    What is long has a long piece in each turn too, so that there are never more than some hundred pieces.
    """
    widths = [*widths, max(len(stream) // _TURNS, 1)]
    at = turn = 0
    while at < len(stream):
        width = widths[turn % len(widths)]
        end.send(stream[at : at + width])
        at, turn = at + width, turn + 1
    end.say_no_more()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(said=streams, answered=streams, widths=cuts, others=cuts)
def test_every_byte_passes_as_it_came(
    way: Way, said: bytes, answered: bytes, widths: list[int], others: list[int]
) -> None:
    with RawPeer(way.before.port) as client:
        client.send(client.request())
        with way.target.accepted() as server:
            request = server.head()
            response = response_to(request)
            server.send(response)
            assert client.head() == response
            speaking = [
                threading.Thread(target=say, args=each)
                for each in ((client, said, widths), (server, answered, others))
            ]
            for thread in speaking:
                thread.start()
            assert server.rest() == said
            assert client.rest() == answered
            for thread in speaking:
                thread.join()
    record = way.served.closed(len(way.before.connections))
    here, there = way.before.of(record.peer), tap_behind(way, record)
    for tapped, head in ((here, client.request()), (there, request)):
        assert bytes(tapped.to_server) == head + said
        assert bytes(tapped.to_client) == response + answered
    reader = way.served.reader
    rows = reader.rows(View(record.id), 0, reader.count(View(record.id)))
    if not any(row.truncated for row in rows):
        to_server, to_client = wire_of(reader, record)
        assert bytes(to_server) == client.request() + said
        assert bytes(to_client) == response + answered


def tap_behind(way: Way, record: ConnectionRecord) -> TappedConnection:
    """The wire of the server's leg."""
    (local,) = (leg.local for leg in way.served.reader.legs(record.id) if leg.local != record.local)
    return next(each for each in way.behind.connections if each.client == local)
