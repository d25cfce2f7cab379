"""Credentials that clients send for a proxy: neither a capture has them, nor what is told of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.terminal.story_text import PLAIN, StoryText
from core.capture.follow import Follower
from core.formats.jsonl import JsonLines
from core.net.proxy import Proxy
from core.protocol.first_bytes import FirstBytes, judge_first_bytes
from core.protocol.proxy_request import ProxyCredentials
from tests.tools.proxied import ANYWHERE, Proxied, proxied, secured_echo
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer

USER, PASSWORD = "ann-of-h", "very-secret-word"
TOKEN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (TOKEN, PASSWORD)
HEADS = [
    f"GET http://h.invalid/ HTTP/1.1\nProxy-Authorization:\n {TOKEN}\nHost: h",
    f"GET http://h.invalid/ HTTP/1.1\nHost: h\nProxy-Authorization: Basic\n\t{TOKEN}",
    f"GET / HTTP/1.1\n Proxy-Authorization: Basic {TOKEN}\nHost: h",
    f"GET / HTTP/1.1\nHost: h\nPROXY-Authorization : Basic {TOKEN}",
    f"GET / HTTP/1.1\nHost: h\nProxy-Authorization: Basic\r{TOKEN}",
    f"GET / HTTP/1.1\nHost: h\nX: y\rProxy-Authorization: Basic {TOKEN}",
    f"GET / HTTP/1.1\nHost: h\nproxy-authorization Basic {TOKEN}",
    f"GET / HTTP/1.1\nHost: h\nproxy-authorization: x\nProxy-Authorization: {TOKEN}",
    f"GET http://h.invalid HTTP/1.1\nHost: h\nX: y\nProxy-Authorization: {TOKEN}\n {TOKEN}",
    f"Proxy-Authorization: Basic {TOKEN}",
    f"GET http://{USER}:{PASSWORD}@h.invalid/ HTTP/1.1\nHost: {USER}:{PASSWORD}@h",
    f"GET http://{USER}:a/{PASSWORD}@h.invalid/ HTTP/1.1\nHost: h",
    f"GET http://{USER}: {PASSWORD}@h.invalid/ HTTP/1.1\nHost: h",
    f"GET\thttp://{USER}:{PASSWORD}@h.invalid/ HTTP/1.1\nHost: h",
    f"CONNECT {USER}:{PASSWORD}@h.invalid:443 HTTP/1.1\nHost: h",
    f"GET / HTTP/1.1\nHost: h\nUpgrade: websocket\nProxy-Authorization: Basic {TOKEN}",
]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxied]:
    with proxied(tmp_path) as running:
        yield running


def wire(head: str) -> bytes:
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n"


def told(proxy: Proxied, folder: Path) -> bytes:
    """All that a capture has and tells: its files while it is written, its export, and its story in a terminal."""
    reader = proxy.served.reader
    text = StoryText(PLAIN)
    lines = [line for entry in Follower(reader).entries(ending=True) for line in text.lines_of(entry)]
    export = b"".join(JsonLines().export(Follower(reader).entries(ending=True)))
    assert lines
    assert export
    files = {file.name: file.read_bytes() for file in folder.glob("a.unmask*")}
    assert {"a.unmask", "a.unmask-wal"} <= set(files)
    return b"\n".join((*files.values(), export, *map(str.encode, lines)))


def check_told(proxy: Proxied, folder: Path) -> None:
    everything = told(proxy, folder)
    proxy.served.host.stop()
    closed = b"".join(file.read_bytes() for file in folder.glob("a.unmask*"))
    for secret in SECRETS:
        assert secret.encode() not in everything
        assert secret.encode() not in closed
    assert b"****" in everything


def check_answer(port: int, head: str) -> None:
    with RawPeer(port) as client:
        client.send(wire(head))
        answer = client.rest()
    for secret in SECRETS:
        assert secret.encode() not in answer


@pytest.mark.parametrize("credentials", [None, ProxyCredentials(USER, PASSWORD)], ids=["open", "locked"])
def test_a_proxy_keeps_them(tmp_path: Path, credentials: ProxyCredentials | None) -> None:
    with proxied(tmp_path, Proxy(ANYWHERE, credentials=credentials)) as proxy:
        for head in HEADS:
            check_answer(proxy.port, head)
        records = proxy.records(len(HEADS))
        assert any(each.is_masked for each in records)
        check_told(proxy, tmp_path)


def test_a_listener_keeps_them(proxy: Proxied, tmp_path: Path) -> None:
    for head in HEADS:
        check_answer(proxy.served.port, head)
    assert any(each.is_masked for each in proxy.records(len(HEADS)))
    check_told(proxy, tmp_path)


@pytest.mark.parametrize("cut", [f"GET / HTTP/1.1\nProxy-Authorization: {TOKEN}", f"CONNECT u:{PASSWORD}@"])
def test_a_head_that_never_ends_is_masked(proxy: Proxied, tmp_path: Path, cut: str) -> None:
    for port in (proxy.port, proxy.served.port):
        with RawPeer(port) as client:
            client.send(cut.replace("\n", "\r\n").encode())
    proxy.records(2)
    check_told(proxy, tmp_path)


# What they do not mean, gets them as they came.

PLAIN_HEAD = wire(
    f"GET http://{USER}:{PASSWORD}@h/a HTTP/1.1\nHost: {USER}:{PASSWORD}@h\nProxy-Authorization: Basic {TOKEN}"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_a_relay_passes_them_on(proxy: Proxied, tmp_path: Path) -> None:
    with RawServer() as server:
        port = proxy.served.relay(f"ws://127.0.0.1:{server.port}")
        with RawPeer(port) as client:
            client.send(wire(f"GET /a HTTP/1.1\nHost: h\nProxy-Authorization: Basic {TOKEN}"))
            assert f"Basic {TOKEN}".encode() in server.accept()
            server.send(ANSWER)
            assert client.rest() == ANSWER
    assert proxy.records(1)[0].is_masked
    for head in HEADS:
        if "@" in head or "Authorization : " in head:
            check_answer(port, head)
    assert [each.is_masked for each in proxy.records(7)].count(True) >= 4
    check_told(proxy, tmp_path)


def test_a_tunnel_passes_them_on(proxy: Proxied, tmp_path: Path) -> None:
    with RawServer() as server:
        with proxy.tunnel(f"127.0.0.1:{server.port}") as client:
            client.send(PLAIN_HEAD)
            assert server.accept() == PLAIN_HEAD
            server.send(ANSWER)
            assert client.rest() == ANSWER
        proxy.records(2)
    check_told(proxy, tmp_path)


def test_requests_inside_of_tls_are_masked(proxy: Proxied, tmp_path: Path) -> None:
    with secured_echo("api.example") as port:
        heads = [head for head in HEADS if judge_first_bytes(wire(head)) is FirstBytes.HTTP]
        for head in heads:
            peer = proxy.tunnel(f"localhost:{port}")
            with proxy.trusting().wrap_socket(peer.socket, server_hostname="localhost") as client:
                client.sendall(wire(head))
                answer = b""
                while piece := client.recv(65536):
                    answer += piece
            assert all(secret.encode() not in answer for secret in SECRETS)
        proxy.records(2 * len(heads))
    check_told(proxy, tmp_path)
