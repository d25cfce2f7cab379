"""Probes over real sockets: of our own engine, of peers that break down, and of clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.capture.legs import HeadPlace
from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import EngineSettings, Limits, ListenAddress
from core.net.sources import Listen, Source, SourceState
from core.probe.engine_port import EnginePort, ProbeFront
from core.probe.outcome import Outcome
from core.probe.preset import Preset
from core.probe.registry import PRESETS
from core.probe.report import Report
from core.probe.run import Plan, ProbeRun
from core.protocol.frames import FrameDecoder, Opcode, make_frame
from core.protocol.state import Role
from core.protocol.violations import Judgement
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS

SETTINGS = EngineSettings(limits=Limits(close_seconds=0.5), judgement=Judgement.TOLERANT)
BY_ID = {preset.id: preset for preset in PRESETS}


def named(*ids: str) -> tuple[Preset, ...]:
    return tuple(BY_ID[each] for each in ids)


@contextmanager
def prober(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "prober.unmask", SETTINGS) as engine:
        yield engine


def finished(run: ProbeRun) -> Report:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not run.is_over:
        run.step(time.monotonic())
        assert time.monotonic() < deadline, run.report
        threading.Event().wait(0.003)
    return run.report


def probe(engine: Served, url: str, *presets: Preset, patience: float = 5.0, back: float = 5.0) -> Report:
    plan = Plan(
        url,
        presets,
        ConnectRequest(parse_url(url)),
        patience_seconds=patience,
        gap_seconds=0.0,
        return_seconds=back,
    )
    return finished(ProbeRun(EnginePort(engine.host, engine.reader), plan))


def outcomes(report: Report) -> list[tuple[str, Outcome, int | None]]:
    return [(each.preset.id, each.outcome, each.code) for each in report.results]


def test_a_strict_engine_has_no_findings_and_each_outcome_links_to_its_frames(tmp_path: Path) -> None:
    wanted = named(
        *("correct-ping-between", "rsv1-set", "message-too-big", "close-code-forbidden", "frame-after-close"),
        *("deflate-corrupt", "deflate-window-exceeded", "key-missing", "version-not-13", "head-incomplete"),
        *("masking-key-reused", "frame-truncated", "data-before-answer"),
    )
    with prober(tmp_path) as engine, Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        report = probe(engine, peer.url, *wanted)
        assert report.findings == ()
        assert report.remark == ""
        assert outcomes(report) == [
            ("correct-ping-between", Outcome.IGNORED, None),
            ("rsv1-set", Outcome.CLOSED, 1002),
            ("message-too-big", Outcome.CLOSED, 1009),
            ("close-code-forbidden", Outcome.CLOSED, 1002),
            ("frame-after-close", Outcome.IGNORED, 1000),
            ("deflate-corrupt", Outcome.CLOSED, 1007),
            ("deflate-window-exceeded", Outcome.CLOSED, 1007),
            ("key-missing", Outcome.REFUSED, 400),
            ("version-not-13", Outcome.REFUSED, 426),
            ("head-incomplete", Outcome.DROPPED, None),
            ("masking-key-reused", Outcome.IGNORED, None),
            ("frame-truncated", Outcome.DROPPED, None),
            ("data-before-answer", Outcome.IGNORED, None),
        ]
        broken = report.results[1]
        assert broken.frame is not None
        assert broken.answer is not None
        record = engine.reader.frame(broken.frame)
        assert record is not None
        assert record.row.connection == broken.connection
        assert [found.rule.id for found in record.violations] == ["rsv1-set"]
        answer = engine.reader.frame(broken.answer)
        assert answer is not None
        assert answer.frame.payload[:2] == (1002).to_bytes(2, "big")


def test_the_head_of_a_wrong_request_names_its_rule_in_the_capture(tmp_path: Path) -> None:
    with prober(tmp_path) as engine, Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        (result,) = probe(engine, peer.url, *named("host-missing")).results
        assert result.connection is not None
        (problem,) = engine.reader.connection_problems(result.connection)[:1]
        assert problem.violation.rule.id == "host-missing"


def test_a_tolerant_engine_is_found_out(tmp_path: Path) -> None:
    with prober(tmp_path) as engine, Served(tmp_path / "peer.unmask", SETTINGS) as peer:
        report = probe(engine, peer.url, *named("rsv2-set", "length-not-minimal"))
        assert outcomes(report) == [
            ("rsv2-set", Outcome.IGNORED, None),
            ("length-not-minimal", Outcome.IGNORED, None),
        ]
        assert [each.preset.id for each in report.findings] == ["rsv2-set"]


def test_a_server_that_refuses_everything_is_not_probed(tmp_path: Path) -> None:
    strict = EngineSettings(limits=Limits(connections=0))
    with prober(tmp_path) as engine, Served(tmp_path / "peer.unmask", strict) as peer:
        report = probe(engine, peer.url, *named("rsv1-set"))
        assert report.results == ()
        assert "503" in report.remark


def test_a_server_that_is_not_there_is_not_probed(tmp_path: Path) -> None:
    with prober(tmp_path) as engine, RawServer() as server:
        server.refuse()
        report = probe(engine, server.url, *named("rsv1-set"))
        assert report.results == ()
        assert "can't be reached" in report.remark


@contextmanager
def served_by(server: RawServer, *manners: str) -> Iterator[None]:
    """A server that takes one client after the other, each in its manner, and then breaks down."""

    def serve() -> None:
        for manner in manners:
            server.open()
            if manner == "silent":
                server.rest()
            elif manner == "drops":
                server.take(8)
            elif manner == "second thoughts":
                server.take(6 + len(b"caf?"))
                mark = FrameDecoder(1000).feed(server.take(6 + len(b"unmask probe 1")))[0].payload
                server.frame(Opcode.PONG, mark)
                # The capture has the pong before the close is sent.
                threading.Event().wait(0.1)
                server.frame(Opcode.CLOSE, (1007).to_bytes(2, "big"))
            server.client.close()
            server.received = b""
        server.refuse()

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_a_server_that_does_nothing_has_hung_and_one_that_is_gone_has_crashed(tmp_path: Path) -> None:
    presets = named("rsv1-set", "rsv2-set", "rsv3-set", "mask-missing")
    with (
        prober(tmp_path) as engine,
        RawServer() as server,
        served_by(server, "drops", "silent", "drops", "drops"),
    ):
        report = probe(engine, server.url, *presets, patience=0.3, back=0.3)
        assert [each.outcome for each in report.results] == [
            Outcome.HUNG,
            Outcome.DROPPED,
            Outcome.CRASHED,
        ]
        assert not report.is_whole
        assert "can't be reached" in report.remark
        assert [each.preset.id for each in report.findings] == ["rsv1-set", "rsv3-set"]


def test_a_server_may_answer_the_ping_before_it_fails_the_connection(tmp_path: Path) -> None:
    with (
        prober(tmp_path) as engine,
        RawServer() as server,
        served_by(server, "drops", "second thoughts", "drops"),
    ):
        report = probe(engine, server.url, *named("text-not-utf8"))
        assert outcomes(report) == [("text-not-utf8", Outcome.CLOSED, 1007)]


def test_a_probe_can_be_stopped(tmp_path: Path) -> None:
    with prober(tmp_path) as engine, Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        plan = Plan(peer.url, named("rsv1-set"), ConnectRequest(parse_url(peer.url)))
        run = ProbeRun(EnginePort(engine.host, engine.reader), plan)
        run.step(0.0)
        run.stop()
        run.stop()
        run.step(1.0)
        assert run.is_over
        assert run.report.remark == "It was stopped."


# Clients.


def client_probe(engine: Served, front: ProbeFront, *presets: Preset) -> ProbeRun:
    plan = Plan("a client", presets, patience_seconds=5.0, gap_seconds=0.0, return_seconds=1.0)
    assert plan.sender is Role.SERVER
    return ProbeRun(EnginePort(engine.host, engine.reader, front), plan)


def listening(engine: Served) -> tuple[ProbeFront, int]:
    """A source whose clients a probe answers, and its port."""
    front = ProbeFront()
    engine.host.ask(lambda found: found.set_front(7, front))
    engine.host.start_source(Source(7, "probe", Listen(ListenAddress("127.0.0.1", 0))))
    status = engine.source(7, SourceState.RUNNING)
    return front, int(status.addresses[0].rpartition(":")[2])


def test_a_client_is_probed_each_time_that_it_connects(tmp_path: Path) -> None:
    presets = named("mask-forbidden", "accept-wrong", "head-timeout-response", "rsv1-on-control")
    with prober(tmp_path) as engine, Served(tmp_path / "peer.unmask", EngineSettings()) as peer:
        front, port = listening(engine)
        run = client_probe(engine, front, *presets)
        is_over = threading.Event()

        def connect() -> None:
            """Our own strict client, again and again."""
            request = ConnectRequest(parse_url(f"ws://127.0.0.1:{port}/"), handshake_seconds=0.5)
            while not is_over.is_set():
                peer.host.connect(request)
                is_over.wait(0.05)

        thread = threading.Thread(target=connect)
        thread.start()
        report = finished(run)
        is_over.set()
        thread.join()
        assert outcomes(report) == [
            ("mask-forbidden", Outcome.CLOSED, 1002),
            ("accept-wrong", Outcome.DROPPED, None),
            ("head-timeout-response", Outcome.DROPPED, None),
            ("rsv1-on-control", Outcome.CLOSED, 1002),
        ]
        # Our own wrong answer is in the capture, at its head.
        number = report.results[1].connection
        assert number is not None
        assert [
            (problem.violation.rule.id, problem.head) for problem in engine.reader.connection_problems(number)
        ] == [("accept-wrong", HeadPlace.CLIENT_RESPONSE)]
        # What the client made of wrong answers, and of the 503 meanwhile, is known.
        peer.captured(lambda reader: bool(reader.totals().connections), "it has connected")
        while peer.has_failures:
            peer.failure()


def test_a_client_that_believes_a_wrong_accept_is_found_out(tmp_path: Path) -> None:
    with prober(tmp_path) as engine:
        front, port = listening(engine)
        run = client_probe(engine, front, *named("accept-wrong", "rsv1-set"))

        def believe() -> None:
            with RawPeer(port) as peer:
                peer.send(peer.request())
                peer.head()
                ping = peer.take(2 + len(b"unmask probe 1"))
                peer.send(make_frame(0xA, ping[2:], masking_key=b"abcd").wire())
                peer.rest()

        # From here on a client is awaited.
        run.step(time.monotonic())
        thread = threading.Thread(target=believe)
        thread.start()
        report = finished(run)
        thread.join(PATIENCE_SECONDS)
        assert [each.outcome for each in report.results] == [Outcome.CRASHED]
        assert "did not come back" in report.remark


@pytest.mark.parametrize(("request_text", "status"), [("plain", 426), ("second", 503)])
def test_nobody_else_comes_between(tmp_path: Path, request_text: str, status: int) -> None:
    with prober(tmp_path) as engine:
        front, port = listening(engine)
        run = client_probe(engine, front, *named("rsv1-set"))
        run.step(0.0)
        with RawPeer(port) as peer, RawPeer(port) as other:
            if request_text == "second":
                peer.open()
                other.send(other.request())
            else:
                other.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert other.head().startswith(b"HTTP/1.1 %d " % status)
        run.stop()
