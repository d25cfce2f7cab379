"""Sources of all kinds, started and stopped in any order, on the real engine."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import connect

from core.net.connect_request import ConnectRequest, parse_url
from core.net.engine import Engine
from core.net.failures import Failure, FailureKind
from core.net.relay import Relay
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import Connect, Listen, OpenConnections, Source, SourceState, SourceStatus
from tests.tools.raw_end import refuses
from tests.tools.raw_peer import RawPeer
from tests.tools.served import Served, on_loop
from tests.tools.waiting import until

ANYWHERE = ListenAddress("127.0.0.1", 0)
RUNNING, STOPPED, FAILED = SourceState.RUNNING, SourceState.STOPPED, SourceState.FAILED


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings(auto_reply=AutoReply.ECHO)) as running:
        yield running


def port_of(status: SourceStatus) -> int:
    return int(status.addresses[0].rpartition(":")[2])


def open_connections(served: Served, source_id: int) -> int:
    return sum(each.open_connections for each in served.host.sources if each.id == source_id)


def said_by(port: int, text: str) -> str | bytes:
    """What a client is answered there."""
    with connect(f"ws://127.0.0.1:{port}/") as client:
        client.send(text)
        return client.recv(timeout=60)


def test_sources_of_all_kinds_run_at_once(served: Served) -> None:
    listening = served.start(Listen(ANYWHERE), "mine")
    relaying = served.start(Relay(ANYWHERE, parse_url(f"ws://127.0.0.1:{port_of(listening)}/")), "between")
    connected = served.start(Connect(ConnectRequest(parse_url(served.url))), "out")
    assert said_by(port_of(listening), "to the server") == "to the server"
    assert said_by(port_of(relaying), "to the relay") == "to the relay"
    assert {each.id for each in served.host.sources} == {0, listening.id, relaying.id, connected.id}
    assert open_connections(served, connected.id) == 1
    assert (connected.addresses, relaying.failure) == ((), "")


def test_fifty_sources_run_and_stop_each_by_itself(served: Served) -> None:
    with ExitStack() as peers:
        sources = [served.start(Listen(ANYWHERE)) for _ in range(50)]
        assert len({port_of(each) for each in sources}) == 50
        for each in sources:
            peer = peers.enter_context(RawPeer(port_of(each)))
            peer.open()
        assert all(each.open_connections == 1 for each in served.host.sources if each.id)
        for each in sources[::2]:
            served.host.stop_source(each.id)
        for each in sources[::2]:
            served.source(each.id, STOPPED)
            assert refuses(port_of(each))
        assert all(said_by(port_of(each), "still") == "still" for each in sources[1::2])
        # Those that are stopped keep their connections.
        until(lambda: sum(each.open_connections for each in served.host.sources) == 50, "all are open")
    until(lambda: len(served.host.sources) == 26, "the stopped ones are forgotten")


def test_a_stopped_source_keeps_its_connections_until_it_is_to_close_them(served: Served) -> None:
    source = served.start(Listen(ANYWHERE))
    with RawPeer(port_of(source)) as peer, RawPeer(served.port) as other:
        peer.open()
        other.open()
        served.host.stop_source(source.id)
        assert served.source(source.id, STOPPED).open_connections == 1
        assert said_by(served.port, "others go on") == "others go on"
        served.host.stop_source(source.id, OpenConnections.CLOSE)
        assert peer.take(4)[2:] == (1001).to_bytes(2, "big")
        # It does not answer, and is cut.
        assert peer.rest() == b"Unmask stops"
        assert open_connections(served, 0) == 1


def test_the_clients_of_a_relay_are_cut_with_it(served: Served) -> None:
    source = served.start(Relay(ANYWHERE, parse_url(served.url)))
    with connect(f"ws://127.0.0.1:{port_of(source)}/") as client:
        assert open_connections(served, source.id) == 1
        served.host.stop_source(source.id, OpenConnections.CLOSE)
        until(lambda: open_connections(served, source.id) == 0, "its client has gone")
        client.close()


def test_what_is_stopped_while_it_starts_does_not_come_up(served: Served) -> None:
    source = Source(7, "short", Listen(ANYWHERE))

    def at_once(engine: Engine) -> None:
        engine.start_source(source)
        engine.stop_source(7)

    on_loop(served, at_once)
    assert served.source(7, STOPPED).addresses == ()
    assert served.start(Listen(ANYWHERE)).state is RUNNING
    assert [each.id for each in served.host.sources] == [0, 1]


@pytest.mark.parametrize("turns", range(6))
def test_stopping_at_any_moment_of_the_start_leaves_no_port_open(served: Served, turns: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        port, other = one.getsockname()[1], two.getsockname()[1]

    async def start_and_stop(engine: Engine) -> None:
        engine.start_source(Source(7, "", Listen(ListenAddress("127.0.0.1", port))))
        for _ in range(turns):
            await asyncio.sleep(0)
        engine.stop_source(7)

    tasks = on_loop(served, lambda engine: [engine.loop.create_task(start_and_stop(engine))])
    until(tasks[0].done, "it was stopped")
    assert served.source(7, STOPPED).addresses == ()
    # Anywhere might be the port that was just left.
    served.start(Listen(ListenAddress("127.0.0.1", other)))
    assert refuses(port)
    assert not any(each.id == 7 for each in served.host.sources)


def test_a_source_that_is_started_twice_in_one_go_runs_as_it_was_said_last(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports: list[int] = [each.getsockname()[1] for each in (one, two)]

    def both(engine: Engine) -> None:
        for port in ports:
            engine.start_source(Source(7, "", Listen(ListenAddress("127.0.0.1", port))))

    on_loop(served, both)
    assert port_of(served.source(7, RUNNING)) == ports[1]
    assert refuses(ports[0])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere sockets are not counted so")
def test_starts_and_stops_in_any_order_leave_nothing_behind(served: Served) -> None:
    """Ports that are to be had and one that is taken, with stops at every moment."""
    dice = random.Random(7)
    taken = ListenAddress("127.0.0.1", served.port)

    async def storm(engine: Engine) -> None:
        for _ in range(300):
            number = dice.randrange(1, 9)
            if dice.random() < 0.5:
                engine.start_source(
                    Source(number, f"{number}", Listen(dice.choice((ANYWHERE, ANYWHERE, taken))))
                )
            else:
                engine.stop_source(number)
            for _ in range(dice.randrange(3)):
                await asyncio.sleep(0)
        for number in range(1, 9):
            engine.stop_source(number)

    before = descriptors()
    tasks = on_loop(served, lambda engine: [engine.loop.create_task(storm(engine))])
    until(tasks[0].done, "the storm is over")
    assert tasks[0].exception() is None
    while served.has_failures:
        assert served.failure().sentence.startswith(f"Port {served.port} is in use by “listen”")
    assert [each.id for each in served.host.sources] == [0]
    assert all(status.state in (STOPPED, FAILED) for number, status in served.statuses.items() if number)
    until(lambda: descriptors() == before, "all sockets are closed")
    assert said_by(served.port, "still here") == "still here"


def descriptors() -> int:
    """Number of open sockets of the process."""
    places = (f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd"))
    return sum(os.path.exists(each) and os.readlink(each).startswith("socket:") for each in places)


def test_a_source_that_cannot_start_says_why_and_leaves_the_others(served: Served) -> None:
    relay = Relay(ListenAddress("127.0.0.1", served.port), parse_url("ws://127.0.0.1:1/"))
    served.host.start_source(Source(7, "", relay))
    status, failure = served.source(7, FAILED), served.failure()
    assert (failure.kind, failure.subject) == (FailureKind.LISTEN, f"127.0.0.1:{served.port}")
    assert status.failure == failure.sentence
    assert failure.sentence.startswith(f"Port {served.port} is in use by “listen”, which is another source")
    assert [each.id for each in served.host.sources] == [0]
    assert said_by(served.port, "others go on") == "others go on"


def test_a_running_source_stays_where_its_new_address_cannot_be_had(served: Served) -> None:
    source = served.start(Listen(ANYWHERE))
    served.host.start_source(Source(source.id, "", Listen(ListenAddress("127.0.0.1", served.port))))
    failure = served.failure()
    status = served.source(source.id, RUNNING)
    assert status.addresses == source.addresses
    assert status.failure == failure.sentence
    assert failure.sentence.endswith(f"Unmask goes on listening on {source.addresses[0]}.")
    assert said_by(port_of(source), "here") == "here"


def test_a_server_that_cannot_be_reached_fails_its_source(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}/"
    served.host.start_source(Source(7, "", Connect(ConnectRequest(parse_url(url)))))
    status = served.source(7, FAILED)
    assert served.failure() == Failure(FailureKind.CONNECT, url, status.failure)
    assert "refuses the connection" in status.failure


def test_a_connecting_source_stops_with_its_connection(served: Served) -> None:
    source = served.start(Connect(ConnectRequest(parse_url(served.url))))
    served.host.stop_source(source.id)
    served.source(source.id, STOPPED)
    assert served.closed(1).close_code == 1000
    again = served.start(Connect(ConnectRequest(parse_url(served.url))))
    on_loop(served, lambda engine: engine.stop_source(0, OpenConnections.CLOSE))
    assert served.source(again.id, STOPPED).failure == ""


def test_stopping_ends_a_dial_that_gets_no_answer(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        served.host.start_source(Source(7, "", Connect(ConnectRequest(parse_url(url)))))
        served.source(7, SourceState.STARTING)
        until(lambda: open_connections(served, 7) == 1, "it dials")
        served.host.stop_source(7)
        served.source(7, STOPPED)
        until(lambda: open_connections(served, 7) == 0, "it dials no more")
