"""TLS through the real window: what the Handshake tab says of it, the authority, and clients that do not trust it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QToolButton
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from app.actions.registry import ActionId
from app.dialogs.certificates.certificates_dialog import CertificatesDialog
from app.dialogs.sources.listen_form import ListenForm
from app.logic.known_sources import Wish
from app.logic.source_lines import SourceLine, SourceState
from app.views.parts.fact_table import FactTable
from core.capture.records import ConnectionState
from core.net.connect_request import parse_url
from core.net.proxy import Proxy
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.net.sources import Listen
from core.net.tls.settings import ServerTls
from tests.tools.certificates import ca_file, client_context, server_context
from tests.tools.person import Person

HERE = ListenAddress("127.0.0.1", 0)
Start = Callable[[str, Wish], SourceLine]


def _echo(peer: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            peer.send(peer.recv())


@pytest.fixture
def secure() -> Iterator[Server]:
    """A server behind TLS, whose certificate only the tests' own authority vouches for."""
    with serve(_echo, "127.0.0.1", 0, ssl=server_context()) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def start(person: Person) -> Start:
    """Adds a source and waits until it runs."""

    def run(name: str, wish: Wish) -> SourceLine:
        number = person.window.sources.add(name, wish)

        def line() -> SourceLine:
            found = person.window.sources.line(number)
            assert found is not None
            return found

        person.until(lambda: line().state is SourceState.RUNNING, f"{name} runs")
        return line()

    return run


def port_of(server: Server) -> int:
    return int(server.socket.getsockname()[1])


def trust(person: Person, tmp_path: Path) -> None:
    """Lets Unmask trust the tests' own authority."""
    engine = person.window._settings.engine
    person.window.certificates._apply(replace(engine, tls=replace(engine.tls, ca_files=(ca_file(tmp_path),))))


def trusting(person: Person) -> ssl.SSLContext:
    """A client that trusts Unmask's authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=person.window.certificates.store.authority().pem.decode())
    return context


def rows(table: FactTable) -> dict[str, tuple[str, str]]:
    return {name: (value, meaning) for name, value, meaning in map(table.text_of, range(table.rowCount()))}


def test_a_relayed_wss_connection_tells_of_both_legs(
    person: Person, start: Start, secure: Server, tmp_path: Path
) -> None:
    trust(person, tmp_path)
    relay = start("chat", Relay(HERE, parse_url(f"wss://localhost:{port_of(secure)}"), tls=ServerTls()))
    url = f"wss://localhost:{relay.address.rpartition(':')[2]}/room"
    with connect(url, ssl=trusting(person), proxy=None) as peer:
        peer.send("hello")
        assert peer.recv() == "hello"
        person.wait_for_rows(2)
        person.choose_connection(1)
        person.open_tab("handshake")
        view = person.window.tabs.handshake
        person.until(lambda: view.tls_server.rowCount() > 5, "it tells of the server's certificate")
        server, client = rows(view.tls_server), rows(view.tls_client)
        assert server["Version"][0] == client["Version"][0] == "TLSv1.3"
        assert server["Server name"][0] == client["Server name"][0] == "localhost"
        assert server["Trust"][0] == "✓ in order"
        [certificate] = [text for name, text in server.items() if name.startswith("1  ")]
        assert "issued by" in certificate[0]
        assert "SHA-256" in certificate[0]
        assert certificate[1] == "For localhost, 127.0.0.1, ::1."
        assert [line.rpartition(" ")[0].rpartition(" ")[0] for line in view.times.lines()][:4] == [
            "TLS with the client",
            "Finding and reaching the server",
            "TLS with the server",
            "Request and answer",
        ]
        assert view.raw.passed_request_label.text().endswith("differs in: Host")


def test_a_certificate_that_nobody_vouches_for_is_said(person: Person, start: Start, secure: Server) -> None:
    relay = start("chat", Relay(HERE, parse_url(f"wss://localhost:{port_of(secure)}")))
    with pytest.raises(InvalidHandshake):
        connect(f"ws://{relay.address}/", proxy=None).__enter__()
    person.until(lambda: "refused, 502" in "".join(person.connections()), "it is in the list")
    person.choose_connection(1)
    person.open_tab("handshake")
    view = person.window.tabs.handshake
    person.until(lambda: "Trust" in rows(view.tls_server), "it says so")
    assert rows(view.tls_server)["Trust"][0] == "✗ not trusted"
    assert view.raw.response_label.text().startswith("Answer of Unmask to the client")


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<p>page</p>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_plain_http_is_left_out_until_it_is_asked_for(person: Person, start: Start) -> None:
    with ExitStack() as running:
        server = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Page))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.callback(thread.join)
        running.callback(server.shutdown)
        relay = start("web", Relay(HERE, parse_url(f"http://127.0.0.1:{server.server_port}")))
        with socket.create_connection(("127.0.0.1", int(relay.address.rpartition(":")[2]))) as sock:
            sock.sendall(b"GET /app HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while sock.recv(4096):
                pass
    page = person.window._connections_page
    person.until(lambda: page.notes() == ("1 HTTP exchange hidden",), "it says what is left out")
    assert person.connections() == []
    person.click(page._left_out.button)
    person.until(lambda: len(person.connections()) == 1, "it is in the list")
    assert person.connections()[0].startswith("GET /app 200 · ← 11 B · ")
    person.choose_connection(1)
    assert "Plain HTTP" in person.window.frames.empty_text[0]
    person.do(ActionId.SHOW_HTTP)
    assert page.notes() == ("1 HTTP exchange hidden",)


def dialog_of(person: Person) -> CertificatesDialog:
    person.do(ActionId.CERTIFICATES)
    person.until(lambda: isinstance(person.question(), CertificatesDialog), "the dialog is open")
    dialog = person.question()
    assert isinstance(dialog, CertificatesDialog)
    return dialog


def test_the_authority_is_made_saved_and_made_anew(person: Person, tmp_path: Path) -> None:
    dialog = dialog_of(person)
    authority = dialog.authority
    person.click(authority.make)
    facts = {authority.facts.text_of(row)[0]: authority.facts.text_of(row)[1] for row in range(7)}
    first = person.window.certificates.store.authority()
    assert facts["SHA-256"] == first.sha256.hex(":").upper()
    saved = tmp_path / "mine.pem"
    with person.naming(saved):
        person.click(person.button(authority, "As PEM…"))
        person.until(saved.exists, "it is saved")
    assert saved.read_bytes() == first.pem
    assert b"PRIVATE" not in saved.read_bytes()
    person.click(authority.renew)
    person.until(lambda: isinstance(person.question(), QMessageBox), "it is asked")
    question = person.question()
    assert question is not None
    person.click(person.button(question, "Remove and make anew"))
    person.until(lambda: person.question() is dialog, "it is done")
    assert person.window.certificates.store.authority().sha256 != first.sha256
    dialog.tabs.setCurrentWidget(dialog.guides)
    person.click(dialog.guides.findChildren(QToolButton)[0])
    assert "unmask-ca.pem" in QGuiApplication.clipboard().text()
    dialog.servers.exceptions.set_text("no host?")
    dialog.accept()
    assert dialog.isVisible()
    assert "names no hosts" in dialog.servers.exceptions.note.text()
    dialog.servers.exceptions.set_text("*.test.example")
    dialog.accept()
    assert person.window._settings.engine.tls.exceptions.matches("a.test.example", 443)


def tunnel(proxy: SourceLine, port: int) -> socket.socket:
    """Through the proxy to a port of this machine."""
    sock = socket.create_connection(("127.0.0.1", int(proxy.address.rpartition(":")[2])))
    sock.settimeout(30)
    sock.sendall(b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (port, port))
    assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    return sock


def test_a_host_whose_clients_refuse_us_passes_through_by_one_click(
    person: Person, start: Start, secure: Server, tmp_path: Path
) -> None:
    trust(person, tmp_path)
    proxy = start("proxy", Proxy(HERE))
    context = client_context()
    with closing(tunnel(proxy, port_of(secure))) as sock, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(sock, server_hostname="localhost")
    person.wait_for_banner("localhost")
    person.click(person.button(person.window.banner, "Pass this host through"))
    person.wait_for_banner("passes untouched from now on")
    line = person.window.sources.lines[1]
    assert line.address == proxy.address, "its clients still find it"
    with connect(
        f"wss://localhost:{port_of(secure)}/", sock=tunnel(proxy, port_of(secure)), ssl=context
    ) as peer:
        peer.send("unread")
        assert peer.recv() == "unread"
    person.do(ActionId.SHOW_HTTP)
    model = person.window.connection_model

    def states() -> list[ConnectionState]:
        lines = map(model.line, range(1, model.rowCount()))
        return [line.record.state for line in lines if line is not None]

    person.until(lambda: ConnectionState.TUNNELLED in states(), "it is in the list as a tunnel")


def test_a_secure_address_in_the_tool_bar_asks_for_a_source(person: Person) -> None:
    window, before = person.window, person.window.tool_bar.address.text()
    window.tool_bar.focus_address()
    QTest.keyClicks(window.tool_bar.address, "wss://127.0.0.1:0")
    QTest.keyClick(window.tool_bar.address, Qt.Key.Key_Return)
    person.until(lambda: isinstance(person.question(), ListenForm), "the form of a source is open")
    form = person.question()
    assert isinstance(form, ListenForm)
    assert form.what == Listen(HERE, ServerTls())
    assert window.tool_bar.address.text() == before
    form.accept()
    person.until(lambda: len(window.source_model.lines) == 2, "the source is there")
    number = window.source_model.lines[1].id
    person.until(lambda: window.source_model.lines[1].state is SourceState.RUNNING, "it runs")
    line = window.sources.line(number)
    assert line is not None
    trusting = ssl.create_default_context(cadata=window.certificates.store.authority().pem.decode())
    with connect(f"wss://{line.address}/", ssl=trusting) as peer:
        peer.send("secret")
        person.wait_for_rows(1)
