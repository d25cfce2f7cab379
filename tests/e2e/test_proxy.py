"""The proxy with the clients that people have: a browser, curl, Node.js, Python, openssl."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from app.actions.registry import ActionId
from app.logic.browser import BrowserProfiles, BrowserVisit, InstalledBrowser, OpenBrowser
from app.settings import Settings
from core.capture.records import ConnectionState
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.upstream import UpstreamProxy, parse_upstream
from core.protocol.proxy_request import ProxyCredentials
from tests.conftest import CHROMIUM_ARGUMENTS, CHROMIUM_NAMES
from tests.tools.certificates import server_context
from tests.tools.person import SitDown
from tests.tools.program import Program, command_of_unmask, port_in
from tests.tools.proxied import ANYWHERE, Proxied, closed_port, echoing, proxied, proxy_settings, secured_echo
from tests.tools.served import Served, messages_of
from tests.tools.waiting import PATIENCE_SECONDS

NODE = Path(__file__).parent / "node"
PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href=data:,><p id=out></p><script>
const socket = new WebSocket(location.href.replace(/^http/, 'ws') + 'chat');
socket.onopen = () => socket.send('from the page');
socket.onmessage = event => { document.getElementById('out').textContent = event.data; socket.close(1000); };
</script>"""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxied]:
    with proxied(tmp_path) as running:
        yield running


def nowhere() -> UpstreamProxy:
    """What keeps a proxy from dialling anything but this machine."""
    return parse_upstream(f"http://127.0.0.1:{closed_port()}", parse_hosts("localhost, 127.0.0.0/8"))


@pytest.fixture
def fenced(tmp_path: Path) -> Iterator[Proxied]:
    """A proxy that dials nothing but this machine, whatever a browser asks for on its own."""
    settings = replace(proxy_settings(tmp_path), upstream=nowhere())
    with Served(tmp_path / "a.unmask", settings) as served:
        yield Proxied(served, tmp_path, Proxy(ANYWHERE))


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# curl and openssl.


def test_curl_asks_for_urls_and_for_tunnels(proxy: Proxied) -> None:
    trust = ("--cacert", str(proxy.ca_file))
    with echoing() as plain, secured_echo() as secured:
        for url, more in (
            (f"http://localhost:{plain}/absolute", ()),
            (f"http://localhost:{plain}/tunnel", ("--proxytunnel",)),
            (f"https://localhost:{secured}/secret", trust),
            (f"https://127.0.0.1:{secured}/address", trust),
        ):
            answer = curl(
                "--proxy", proxy.url, "--write-out", "%{http_code}", "--output", os.devnull, *more, url
            )
            assert (answer.stdout, answer.stderr) == ("426", ""), url
    exchanged = [each for each in proxy.records(7) if each.status == 426]
    assert [each.path for each in exchanged] == [
        f"http://localhost:{plain}/absolute",
        "/tunnel",
        "/secret",
        "/address",
    ]


def test_curl_without_trust_is_told_apart(proxy: Proxied) -> None:
    with secured_echo() as port:
        refused = curl("--proxy", proxy.url, f"https://localhost:{port}/")
    assert refused.returncode == 60
    assert proxy.served.failure().subject == "localhost"


def test_curl_gives_the_password_of_the_proxy(tmp_path: Path) -> None:
    locked = Proxy(ANYWHERE, credentials=ProxyCredentials("ann", "se:cret"))
    with proxied(tmp_path, locked) as proxy, secured_echo() as port:
        trust = ("--cacert", str(proxy.ca_file), "--output", os.devnull, "--write-out", "%{http_connect}")
        url = f"https://localhost:{port}/"
        assert curl("--proxy", proxy.url, *trust, url).stdout == "407"
        assert curl("--proxy", proxy.url, "--proxy-user", "ann:guess", *trust, url).stdout == "407"
        assert curl("--proxy", proxy.url, "--proxy-user", "ann:se:cret", *trust, url).stdout == "200"


def test_openssl_sees_a_chain_that_holds(proxy: Proxied) -> None:
    with secured_echo() as port:
        command = [
            *("openssl", "s_client", "-proxy", proxy.place, "-connect", f"localhost:{port}"),
            *("-servername", "localhost", "-CAfile", str(proxy.ca_file), "-verify_return_error", "-alpn"),
            "h2,http/1.1",
        ]
        shown = subprocess.run(
            command, input="", capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        ).stdout
    assert "Verify return code: 0 (ok)" in shown
    assert "ALPN protocol: http/1.1" in shown


# Libraries.


def test_python_goes_through_to_both_kinds_of_servers(proxy: Proxied) -> None:
    async def talk(url: str, context: ssl.SSLContext | None) -> str | bytes:
        async with connect(url, proxy=proxy.url, ssl=context) as client:
            await client.send(url)
            return await client.recv()

    with echoing() as plain, secured_echo() as secured:
        urls = [f"ws://localhost:{plain}/", f"wss://localhost:{secured}/"]
        for url, context in zip(urls, (None, proxy.trusting()), strict=True):
            assert asyncio.run(talk(url, context)) == url
    proxy.records(4)
    said = [each.payload.decode() for each in messages_of(proxy.served.reader)]
    assert said == [urls[0], urls[0], urls[1], urls[1]]


NODE_CLIENT = """
const http = require('http'), tls = require('tls'), WebSocket = require('ws');
const [port, target, ca] = process.argv.slice(1);
http.request({ port, method: 'CONNECT', path: target }).on('connect', (answer, socket) => {
  const createConnection = () => tls.connect({ socket, servername: 'localhost', ca: require('fs').readFileSync(ca) });
  const client = new WebSocket('wss://' + target + '/node', { createConnection });
  client.on('open', () => client.send('from node'));
  client.on('message', data => { console.log(answer.statusCode, String(data)); client.close(); });
}).end();
"""


def test_node_goes_through_a_tunnel(proxy: Proxied) -> None:
    with secured_echo() as port:
        command = ["node", "-e", NODE_CLIENT, str(proxy.port), f"localhost:{port}", str(proxy.ca_file)]
        done = subprocess.run(
            command, cwd=NODE, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS * 2
        )
    assert (done.stdout, done.stderr) == ("200 from node\n", "")
    inner = proxy.records(2)[1]
    assert (inner.path, inner.state, inner.close_code) == ("/node", ConnectionState.CLOSED, 1005)


# A browser.


@contextmanager
def site(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """The place of a page that talks to its own server by WebSocket."""

    def answer(_: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers and request.path == "/chat":
            return None
        body = PAGE.encode()
        headers = Headers(
            {"Content-Type": "text/html", "Content-Length": str(len(body)), "Connection": "close"}
        )
        return Response(200, "OK", headers, body)

    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(echo, "127.0.0.1", 0, ssl=context, process_request=answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"localhost:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(PATIENCE_SECONDS)


@contextmanager
def browser_through(proxy: Proxied, folder: Path, spki: str) -> Iterator[Page]:
    """A page of a Chromium that goes through the proxy and trusts the authority with this key."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=executable,
            args=[
                *CHROMIUM_ARGUMENTS,
                f"--proxy-server={proxy.url}",
                "--proxy-bypass-list=<-loopback>",
                f"--ignore-certificate-errors-spki-list={spki}",
            ],
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield context.pages[0]
        context.close()


def test_a_browser_loads_pages_and_opens_sockets(tmp_path: Path, fenced: Proxied) -> None:
    with (
        site() as plain,
        site(server_context()) as secured,
        browser_through(fenced, tmp_path, fenced.spki) as page,
    ):
        for url in (f"http://{plain}/", f"https://{secured}/"):
            page.goto(url)
            expect(page.locator("#out")).to_have_text("from the page")
        page.goto("http://unmask.local/")
        expect(page.locator("h1")).to_contain_text(fenced.place)
        page.locator("#linux summary").click()
        expect(page.locator("#linux")).to_contain_text("update-ca-certificates")
    reader = fenced.served.reader
    sockets = [each for each in reader.connections() if each.status == 101]
    assert [each.path for each in sockets] == ["/chat", "/chat"]
    for each in sockets:
        said = [message.payload for message in messages_of(reader, each.id)]
        assert said[:2] == [b"from the page"] * 2
    assert [leg.tls is not None for leg in reader.legs(sockets[1].id)] == [True, True]


def test_a_browser_without_trust_is_told_apart(tmp_path: Path, fenced: Proxied) -> None:
    with (
        site(server_context()) as secured,
        browser_through(fenced, tmp_path, "AAAA") as page,
        pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"),
    ):
        page.goto(f"https://{secured}/")
    told = fenced.served.failure()
    assert told.subject == "localhost"
    assert "certificate_unknown" in told.sentence


def headless_at(path: Path, start: str = "http://unmask.local/") -> Path:
    """Makes a command of the real browser, quiet and without a window; where it would begin, it goes to `start`."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    words = shlex.join(("--headless=new", *CHROMIUM_ARGUMENTS))
    # It takes one place only.
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        '#!/bin/sh\nfor word; do shift; [ "$word" = http://unmask.local/ ] && word='
        f'{shlex.quote(start)}; set -- "$@" "$word"; done\nexec {executable} {words} "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="wraps the browser in a shell script")
def test_a_browser_is_opened_trusts_the_proxy_and_leaves_nothing(tmp_path: Path, fenced: Proxied) -> None:
    headless = headless_at(tmp_path / "headless")
    profiles = tmp_path / "profiles"
    with site(server_context()) as secured:
        browser = OpenBrowser(
            InstalledBrowser("Chromium", headless),
            BrowserVisit(fenced.place, fenced.spki, f"https://{secured}/"),
            BrowserProfiles(profiles, tmp_path / "snap"),
        )
        fenced.served.captured(
            lambda reader: any(each.status == 101 and each.closed_ns for each in reader.connections()),
            "the page has talked to its server",
        )
        assert len(list(profiles.iterdir())) == 1
        browser.end()
    assert list(profiles.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(browser.pid, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="wraps the browser in a shell script")
def test_the_window_opens_a_browser(
    sit_down: SitDown, tmp_path: Path, user_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.at(tmp_path / "settings.ini")
    tls = replace(settings.engine.tls, exceptions=parse_hosts("localhost"))
    settings.engine = replace(settings.engine, upstream=nowhere(), tls=tls)
    settings.sync()
    profiles = user_folders / ".cache" / "unmask" / "browsers"
    with site(server_context()) as secured:
        headless = headless_at(tmp_path / "bin" / "chromium", f"https://{secured}/")
        monkeypatch.setenv("PATH", f"{headless.parent}:{os.environ['PATH']}")
        person = sit_down()
        person.do(ActionId.OPEN_BROWSER)
        person.wait_for_banner("Chromium goes through “Browser”")
        person.until(lambda: person.connections() != [], "the page has opened its socket")
        person.wait_for_rows(4)
        assert [payload for _, _, payload in person.rows()].count("from the page") == 2
        (opened,) = profiles.iterdir()
        person.close()
    assert not opened.exists()


# The console.


def test_the_console_prints_what_goes_through_its_proxy() -> None:
    async def talk(proxy: int, port: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/chat", proxy=f"http://127.0.0.1:{proxy}") as client:
            await client.send("hello")
            assert await client.recv() == "hello"

    with echoing() as port, Program(command_of_unmask("--json", "--proxy", "127.0.0.1:0")) as program:
        assert json.loads(program.line())["source"] == "proxy"
        asyncio.run(talk(port_in(program.lines[0]), port))
        found = program.object_where(lambda each: each["event"] == "frame")
        assert (found["source"], found["direction"]) == ("proxy", "client_to_server")
        assert program.end(signal.SIGTERM) == 0
