"""A client that refuses the certificate of a proxy is named, and its host is passed through with one click."""

from __future__ import annotations

import ssl

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.logic.source_lines import SourceLine
from app.settings import Settings
from app.window.desktop import Desktop
from core.net.proxy import Proxy, TlsTreatment
from core.net.settings import ListenAddress
from core.net.sources import SourceState
from tests.tools.proxied import secured_echo
from tests.tools.raw_peer import RawPeer

HOST = "pinned.example"


def proxy_line(desktop: Desktop) -> SourceLine:
    return next(line for line in desktop.window.sources.lines if line.name == "mine")


def shown_certificate(proxy: int, server: int, context: ssl.SSLContext) -> bytes:
    """What a client is shown for the host, through the proxy."""
    peer = RawPeer(proxy)
    peer.send(f"CONNECT 127.0.0.1:{server} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert peer.head().startswith(b"HTTP/1.1 200")
    with context.wrap_socket(peer.socket, server_hostname=HOST) as client:
        return client.getpeercert(binary_form=True) or b""


def test_its_host_is_passed_through(desktop: Desktop, settings: Settings, qtbot: QtBot) -> None:
    number = desktop.window.sources.add("mine", Proxy(ListenAddress("127.0.0.1", 0)))
    qtbot.waitUntil(lambda: proxy_line(desktop).state is SourceState.RUNNING, timeout=30_000)
    address = proxy_line(desktop).address
    port = int(address.rpartition(":")[2])
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with secured_echo(HOST) as server:
        assert b"Unmask" in shown_certificate(port, server, careless)
        with pytest.raises(ssl.SSLCertVerificationError):
            shown_certificate(port, server, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

        def offered() -> list[QPushButton]:
            found = desktop.window.findChildren(QPushButton)
            return [each for each in found if each.text() == "&Pass this host through"]

        qtbot.waitUntil(lambda: bool(offered()), timeout=30_000)
        offered()[0].click()
        qtbot.waitUntil(lambda: b"Unmask" not in shown_certificate(port, server, careless), timeout=30_000)
    # It goes on where it was: whoever goes through it keeps the address.
    assert (proxy_line(desktop).address, proxy_line(desktop).state) == (address, SourceState.RUNNING)
    [kept] = [each.wish for each in settings.sources if each.id == number]
    assert isinstance(kept, Proxy)
    assert kept.treatment(HOST, 443) is TlsTreatment.PASS
