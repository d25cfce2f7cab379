"""TLS with clients and servers of other makers: Node's `ws`, OpenSSL's own client, Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from core.capture.records import ConnectionState
from core.net.connect_request import ConnectRequest, parse_url
from core.net.relay import Relay
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import Listen, What
from core.net.tls.authority import AuthorityStore
from core.net.tls.settings import ServerTls, TlsSettings
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, Target
from core.protocol.state import Role
from tests.conftest import CHROMIUM_ARGUMENTS, CHROMIUM_NAMES
from tests.tools.certificates import ca_file, leaf_files
from tests.tools.program import Program
from tests.tools.served import Served, messages_of, on_loop
from tests.tools.waiting import PATIENCE_SECONDS

NODE = Path(__file__).parent / "node"
ANYWHERE = ListenAddress("127.0.0.1", 0)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Echoes; trusts the authority of the tests."""
    tls = TlsSettings(authority_folder=tmp_path / "data", ca_files=(ca_file(tmp_path),))
    with ExitStack() as running:
        settings = EngineSettings(auto_reply=AutoReply.ECHO, tls=tls)
        yield running.enter_context(Served(tmp_path / "a.unmask", settings))


def start(served: Served, what: What) -> int:
    return int(served.start(what).addresses[0].rpartition(":")[2])


def own_ca(tmp_path: Path) -> Path:
    """The local authority's certificate in a file."""
    path = tmp_path / "own.pem"
    path.write_bytes(AuthorityStore(tmp_path / "data").authority().pem)
    return path


def node(script: str, *words: str | Path) -> Program:
    # Node itself tells of certificates that it was given besides.
    return Program(["node", str(NODE / script), *map(str, words)])


@contextmanager
def node_client(url: str, ca: Path) -> Iterator[Program]:
    with node("peer.mjs", url, json.dumps({"options": {"ca": ca.read_text()}})) as peer:
        yield peer


def test_node_as_a_client(served: Served, tmp_path: Path) -> None:
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with node_client(f"wss://localhost:{port}/", own_ca(tmp_path)) as client:
        client.object_where(lambda told: told["is"] == "open")
        for text in ("hello", "x" * 200_000):
            client.say(json.dumps({"do": "text", "payload": text}))
            client.object_where(lambda told, text=text: told == {"is": "text", "payload": text})  # type: ignore[misc]
        client.say(json.dumps({"do": "close", "code": 1000, "reason": ""}))
        client.object_where(lambda told: told["is"] == "close")
    assert served.closed().state is ConnectionState.CLOSED


def test_node_does_not_take_what_it_does_not_trust(served: Served, tmp_path: Path) -> None:
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with node_client(f"wss://localhost:{port}/", ca_file(tmp_path)) as client:
        client.object_where(lambda told: told["is"] == "error")
    assert "when it had seen the certificate that Unmask shows: it may not trust it" in served.closed().reason


def test_node_as_a_server(served: Served, tmp_path: Path) -> None:
    with node("secured.mjs", *leaf_files(tmp_path, "localhost")) as server:
        url = f"wss://localhost:{server.line()}/"
        served.host.connect(ConnectRequest(parse_url(url)))
        served.opened()
        server_of = Target(1, Role.SERVER)
        on_loop(served, lambda engine: engine.send(server_of, OutgoingMessage(Opcode.TEXT, b"hello")))
        served.captured(lambda reader: len(messages_of(reader)) >= 2, "the echo")
        on_loop(served, lambda engine: engine.send(server_of, OutgoingClose(1000, "")))
        assert served.closed().state is ConnectionState.CLOSED
        [leg] = served.reader.legs(1)
        assert leg.tls is not None
        assert (leg.tls.sni, leg.tls_problem) == ("localhost", "")


def test_node_on_both_sides(served: Served, tmp_path: Path) -> None:
    with node("secured.mjs", *leaf_files(tmp_path, "localhost")) as server:
        target = parse_url(f"wss://localhost:{server.line()}/")
        port = start(served, Relay(ANYWHERE, target, tls=ServerTls()))
        with node_client(f"wss://localhost:{port}/", own_ca(tmp_path)) as client:
            client.object_where(lambda told: told["is"] == "open")
            client.say(json.dumps({"do": "text", "payload": "through"}))
            client.object_where(lambda told: told == {"is": "text", "payload": "through"})
            client.say(json.dumps({"do": "close", "code": 1000, "reason": ""}))
            client.object_where(lambda told: told["is"] == "close")
        assert served.closed().state is ConnectionState.CLOSED
    assert [leg.tls is not None for leg in served.reader.legs(1)] == [True, True]


def test_openssl_as_a_client(served: Served, tmp_path: Path) -> None:
    port = start(served, Listen(ANYWHERE, ServerTls()))
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "a.example"),
            *("-CAfile", own_ca(tmp_path), "-x509_strict", "-verify_hostname", "a.example"),
            *("-verify_return_error", "-alpn", "h2,http/1.1", "-ign_eof"),
        ],
        input=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert b"Verify return code: 0 (ok)" in done.stdout
    assert b"ALPN protocol: http/1.1" in done.stdout
    assert b"HTTP/1.1 200 OK" in done.stdout
    assert served.closed().status == 200


@contextmanager
def browser_page(folder: Path, spki: str) -> Iterator[Page]:
    """A page of a Chromium that trusts the authority with this key."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=executable,
            args=[*CHROMIUM_ARGUMENTS, f"--ignore-certificate-errors-spki-list={spki}"],
        )
        browser.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield browser.pages[0]
        browser.close()


def test_a_browser_that_trusts_the_authority(served: Served, tmp_path: Path) -> None:
    port = start(served, Listen(ANYWHERE, ServerTls()))
    spki = AuthorityStore(tmp_path / "data").authority().spki_sha256
    with browser_page(tmp_path, spki) as page:
        page.goto(f"https://localhost:{port}/")
        echoed = page.evaluate(
            """port => new Promise((resolve, reject) => {
                const socket = new WebSocket(`wss://localhost:${port}/chat`);
                socket.onopen = () => socket.send("from the page");
                socket.onmessage = event => resolve(event.data);
                socket.onerror = reject;
            })""",
            port,
        )
        assert echoed == "from the page"


def test_a_browser_that_does_not(served: Served, tmp_path: Path) -> None:
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with browser_page(tmp_path, "AAAA") as page, pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(f"https://localhost:{port}/")
    assert served.closed().reason == (
        "The client refuses the certificate that Unmask shows, or wants one (alert certificate_unknown)."
    )
