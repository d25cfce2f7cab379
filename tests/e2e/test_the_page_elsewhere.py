"""The test page in a real Chromium, served by somebody else's WebSocket server: what it does is its own doing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from core.net.fronts.test_page import load_test_page


@dataclass
class EchoServer:
    """An echo server that serves the page; keeps what was asked of it and how connections ended."""

    port: int = 0
    paths: list[str] = field(default_factory=list)
    closes: list[tuple[int | None, str]] = field(default_factory=list)

    def answer(self, _: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers:
            return None
        self.paths.append(request.path)
        page = load_test_page()
        headers = Headers()
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Length"] = str(len(page.body))
        headers["Content-Security-Policy"] = page.content_security_policy
        return Response(200, "OK", headers, page.body)

    def echo(self, connection: ServerConnection) -> None:
        try:
            while True:
                connection.send(connection.recv())
        except ConnectionClosed:
            self.closes.append((connection.close_code, connection.close_reason or ""))


def chat_if_offered(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((name for name in offered if name == "chat"), None)


@pytest.fixture
def server() -> Iterator[EchoServer]:
    state = EchoServer()
    with serve(
        state.echo, "127.0.0.1", 0, process_request=state.answer, select_subprotocol=chat_if_offered
    ) as running:
        state.port = running.socket.getsockname()[1]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def opened(server: EchoServer, page: Page) -> Page:
    page.goto(f"http://127.0.0.1:{server.port}/")
    expect(page.locator("#state")).to_have_text("open")
    return page


def test_text_and_binary_go_out_and_come_back(opened: Page, server: EchoServer) -> None:
    received = opened.locator("#log li[data-kind=received]")
    opened.click("#send-text")
    expect(received.nth(0).locator(".what")).to_have_text("text, 23 bytes")
    expect(received.nth(0).locator(".body")).to_have_text("你好，WebSocket 👋")
    opened.fill("#bytes", "DE:AD 0xbe,ef")
    opened.click("#send-binary")
    expect(received.nth(1).locator(".body")).to_have_text("de ad be ef")
    assert server.paths == ["/"]


def test_markup_stays_text(opened: Page) -> None:
    markup = "<b>bold</b><img src=x onerror=alert(1)>"
    opened.fill("#message", markup)
    opened.press("#message", "Control+Enter")
    expect(opened.locator("#log li[data-kind=received] .body")).to_have_text(markup)
    assert opened.locator("#log b, #log img").count() == 0


def test_a_large_message_says_how_much_is_not_shown(opened: Page) -> None:
    opened.click("#send-large")
    entry = opened.locator("#log li[data-kind=received]")
    expect(entry.locator(".what")).to_have_text("text, 1,048,576 bytes")
    expect(entry.locator(".body")).to_contain_text("… and 1,044,480 characters")


def test_a_burst_comes_back_in_order(opened: Page) -> None:
    opened.click("#send-burst")
    received = opened.locator("#log li[data-kind=received] .body")
    expect(received).to_have_count(100)
    assert received.all_text_contents() == [f"message {number} of 100" for number in range(1, 101)]


def test_closing_with_code_and_reason_and_connecting_again(opened: Page, server: EchoServer) -> None:
    opened.fill("#close-code", "4001")
    opened.fill("#close-reason", "再见")
    opened.click("#close")
    expect(opened.locator("#state")).to_have_text("closed 4001 再见")
    expect(opened.locator("#send-text")).to_be_disabled()
    opened.fill("#subprotocols", "other, chat")
    opened.click("#connect")
    expect(opened.locator("#state")).to_have_text("open")
    expect(opened.locator("#agreed")).to_contain_text("subprotocol chat")
    assert server.closes == [(4001, "再见")]


def test_what_the_browser_refuses_is_said(opened: Page) -> None:
    opened.fill("#bytes", "0g")
    opened.click("#send-binary")
    opened.fill("#close-code", "1001")
    opened.click("#close")
    expect(opened.locator("#log li[data-kind=error]")).to_have_count(2)
    expect(opened.locator("#state")).to_have_text("open")
