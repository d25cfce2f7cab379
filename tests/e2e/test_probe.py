"""`unmask probe` as a program: what it prints, its exit status, and real peers under it."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.exceptions
from playwright.sync_api import Browser

from core.capture.reader import CaptureReader
from core.net.settings import EngineSettings, Limits, ListenAddress
from core.net.sources import Listen
from core.net.tls.settings import ServerTls, TlsSettings
from tests.tools.program import Program, command_of_unmask, port_in, run_unmask
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS

QUICK = ("--rate", "50", "--patience", "2")
PICKED = (
    *("correct-*", "rsv1-set", "opcode-reserved", "mask-missing", "control-too-long", "text-not-utf8"),
    *(
        "continuation-without-start",
        "close-code-forbidden",
        "key-missing",
        "version-not-13",
        "deflate-corrupt",
    ),
)
ONLY = tuple(word for preset in PICKED for word in ("--only", preset))


@contextmanager
def node_echo(*options: str) -> Iterator[str]:
    """The URL of an echo server of node's `ws`."""
    program = shutil.which("node")
    if program is None:
        pytest.fail("node is not installed; `make test` installs it, or says how.", pytrace=False)
    script = Path(__file__).parent / "node" / "echo.mjs"
    with Program([program, str(script), *options]) as echo:
        yield f"ws://127.0.0.1:{int(echo.line())}/"


@contextmanager
def python_echo() -> Iterator[str]:
    """The URL of an echo server of `websockets`."""
    ports: list[int] = []
    is_up = threading.Event()
    stop = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    unheard = logging.getLogger("tests.unheard")
    unheard.propagate = False

    async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
        try:
            async for message in connection:
                await connection.send(message)
        except websockets.exceptions.ConnectionClosedError:
            return

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, logger=unheard) as server:
            ports.append(next(iter(server.sockets)).getsockname()[1])
            is_up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert is_up.wait(PATIENCE_SECONDS)
    yield f"ws://127.0.0.1:{ports[0]}/"
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(PATIENCE_SECONDS)


@pytest.mark.parametrize("echo", [lambda: node_echo("--calm"), python_echo], ids=["ws", "websockets"])
def test_libraries_take_the_usual_faults_as_the_rfc_demands(echo: object) -> None:
    assert callable(echo)
    with echo() as url:
        done = run_unmask("probe", url, *QUICK, *ONLY, "--format", "json")
    report = json.loads(done.stdout)
    assert report["findings"] == 0, report
    assert done.returncode == 0
    taken = {each["preset"]: each["outcome"] for each in report["results"]}
    assert taken["correct-byte-by-byte"] == "ignored"
    assert taken["rsv1-set"] == "closed"
    assert taken["key-missing"] == "refused"


def test_a_server_that_breaks_down_is_told_from_one_that_closes() -> None:
    with node_echo() as url:
        done = run_unmask("probe", url, *QUICK, "--only", "rsv?-set", "--back-within", "1")
    assert done.returncode == 1
    assert "AGAINST rsv1-set" in done.stdout
    assert "could not be reached afterwards" in done.stdout
    assert "can't be reached" in done.stderr


def test_a_client_of_websockets_is_probed_each_time_that_it_connects() -> None:
    command = command_of_unmask(
        *("probe", "--listen", "127.0.0.1:0", *QUICK, "--only", "mask-forbidden", "--only", "accept-*")
    )
    with Program(command) as probe:
        while "waiting" not in probe.errors:
            threading.Event().wait(0.01)
        url = f"ws://127.0.0.1:{port_in(probe.errors)}/"

        async def come() -> None:
            while probe.process.poll() is None:
                try:
                    async with websockets.asyncio.client.connect(url) as connection:
                        async for _ in connection:
                            pass
                except (OSError, websockets.exceptions.WebSocketException):
                    await asyncio.sleep(0.05)

        asyncio.run(come())
        assert probe.wait() == 0, probe.errors
        lines = probe.rest()
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["ok", "mask-forbidden"],
        ["ok", "accept-missing"],
        ["ok", "accept-repeated"],
        ["ok", "accept-wrong"],
    ]
    assert "none against the RFC" in lines[-1]


def test_a_browser_is_probed_each_time_that_its_page_connects(chromium: Browser) -> None:
    wanted = ("correct-*", "mask-forbidden", "rsv1-set", "control-too-long", "text-not-utf8", "accept-wrong")
    command = command_of_unmask(
        *("probe", "--listen", "127.0.0.1:0", *QUICK), *(word for each in wanted for word in ("--only", each))
    )
    with Program(command) as probe:
        while "waiting" not in probe.errors:
            threading.Event().wait(0.01)
        connect = """url => {
            const go = () => { new WebSocket(url).onclose = () => setTimeout(go, 20); };
            go();
        }"""
        # What it complains about on its console is what the probe is for.
        with closing(chromium.new_context()) as context:
            context.new_page().evaluate(connect, f"ws://127.0.0.1:{port_in(probe.errors)}/")
            assert probe.wait() == 0, probe.rest()
    assert "none against the RFC" in probe.rest()[-1]


def test_a_server_behind_tls_is_probed(tmp_path: Path) -> None:
    settings = EngineSettings(tls=TlsSettings(authority_folder=tmp_path / "data"))
    with Served(tmp_path / "peer.unmask", settings) as peer:
        status = peer.start(Listen(ListenAddress("127.0.0.1", 0), ServerTls()))
        url = f"wss://{status.addresses[0]}/"
        refused = run_unmask("probe", url, *QUICK, "--only", "rsv1-set")
        assert (refused.returncode, "certificate" in refused.stderr) == (1, True)
        done = run_unmask("probe", url, *QUICK, "--only", "*-set", "--only", "head-incomplete", "--insecure")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ok      rsv1-set" in done.stdout


def test_findings_give_status_3_and_a_report_in_a_file(tmp_path: Path) -> None:
    report, capture = tmp_path / "report.md", tmp_path / "probe.unmask"
    with python_echo() as url:
        done = run_unmask(
            *("probe", url, *QUICK, "--only", "host-missing", "--only", "rsv2-set"),
            *("--output", report, "--capture", capture),
        )
    assert done.returncode == 3, done.stderr
    assert "AGAINST host-missing" in done.stdout
    page = report.read_text(encoding="utf-8")
    assert "## Against the RFC" in page
    with closing(CaptureReader(capture)) as reader:
        assert reader.totals().connections == 4
    again = run_unmask("probe", "ws://127.0.0.1:9/", "--capture", capture)
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_control_c_ends_a_probe_that_waits_for_a_client() -> None:
    with Program(command_of_unmask("probe", "--listen", "127.0.0.1:0")) as probe:
        while "waiting" not in probe.errors:
            threading.Event().wait(0.01)
        assert probe.end(signal.SIGINT) == 1
        assert "It was stopped." in probe.errors


def test_our_own_engine_has_no_findings_under_all_presets(tmp_path: Path) -> None:
    settings = EngineSettings(limits=Limits(handshake_seconds=1.0))
    with Served(tmp_path / "peer.unmask", settings) as peer:
        done = run_unmask("probe", f"{peer.url}/", *QUICK, "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["findings"] == 0
    assert report["tried"] == report["presets"] > 60
