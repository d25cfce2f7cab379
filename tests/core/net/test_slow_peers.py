"""Peers that do not read, as others than the loop see them, and an engine begun anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.capture.records import ConnectionState, View
from core.net.engine import Engine
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import SourceState
from core.protocol.events import Report, RunReceived
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import client_request
from core.protocol.inbound import Inbound
from core.protocol.outgoing import OutgoingMessage
from tests.tools.raw_peer import KEY, MASK, RawPeer
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS, until

_BIG = OutgoingMessage(Opcode.BINARY, bytes(12_000_000))


def test_what_waits_for_a_peer_that_does_not_read_is_known(tmp_path: Path) -> None:
    with Served(tmp_path / "a.unmask", EngineSettings()) as served, RawPeer(served.port) as peer:
        peer.open()
        assert not served.host.slow_peers
        served.opened()
        served.send(_BIG)
        until(lambda: bool(served.host.slow_peers), "the slow peer is known")
        [slow] = served.host.slow_peers
        assert slow.connection == 1
        assert 1_000_000 < slow.queued_bytes < 12_000_100
        peer.take(12_000_010)
        until(lambda: not served.host.slow_peers, "it is slow no more")
        served.send(_BIG)
        until(lambda: bool(served.host.slow_peers), "it is slow again")
    assert served.host.slow_peers == ()


def test_after_a_bug_the_engine_can_be_begun_anew_on_the_same_capture(tmp_path: Path) -> None:
    def fail(_engine: Engine) -> None:
        raise ZeroDivisionError

    bugs: list[Exception] = []
    served = Served(tmp_path / "a.unmask", EngineSettings())

    def run() -> None:
        try:
            served.host.run()
        except Exception as bug:
            bugs.append(bug)

    served._thread = threading.Thread(target=run, name="engine")
    with served:
        with RawPeer(served.port) as peer:
            peer.open()
            peer.frame(Opcode.TEXT, b"before")
            served.captured(lambda reader: reader.totals().frames == 1, "a frame came")
            served.host.ask(fail)
            served._thread.join(PATIENCE_SECONDS)
        assert [type(bug) for bug in bugs] == [ZeroDivisionError]
        assert served.closed(1).state is ConnectionState.CLOSED
        served.statuses.clear()
        served.host.revive(EngineSettings(check_host=False))
        served._thread = threading.Thread(target=run, name="engine")
        served._thread.start()
        served.host.listen(ListenAddress("127.0.0.1", 0))
        served.source(0, SourceState.RUNNING)
        with RawPeer(served.port) as peer:
            peer.send(client_request("elsewhere", "/after", KEY))
            assert b" 101 " in peer.head()
            assert served.opened(2).path == "/after"
            peer.frame(Opcode.TEXT, b"after")
            served.captured(
                lambda reader: b"after" in [row.preview for row in reader.rows(View(), 0, 9)], "it came"
            )
            assert served.reader.rows(View(), 0, 1)[0].preview == b"before"


def test_a_bug_in_what_waits_for_its_turn_ends_the_engine_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session whose work raises, whenever it comes to it, ends too, and so do those that were to come behind it."""
    receive = Inbound.receive

    def fail(inbound: Inbound) -> list[Report]:
        reports = receive(inbound)
        if any(isinstance(each, RunReceived) and b"bad" in each.frames.payloads for each in reports):
            raise ZeroDivisionError
        return reports

    monkeypatch.setattr(Inbound, "receive", fail)
    bugs: list[Exception] = []
    served = Served(tmp_path / "a.unmask", EngineSettings())
    served._thread = threading.Thread(target=lambda: bugs.append(raised_by(served.host.run)), name="engine")
    bad = make_frame(Opcode.BINARY, b"bad", masking_key=MASK).wire()
    with served, RawPeer(served.port) as good, RawPeer(served.port) as peer:
        good.open()
        peer.open()
        peer.send(bad * 20_000)
        served._thread.join(PATIENCE_SECONDS)
        assert not served._thread.is_alive()
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


def raised_by(action: Callable[[], None]) -> Exception:
    try:
        action()
    except Exception as bug:
        return bug
    raise AssertionError("it raised nothing")
