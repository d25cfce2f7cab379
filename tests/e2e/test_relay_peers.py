"""Real applications with a relay between their clients and their server."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.capture.records import ConnectionRecord, ConnectionState
from tests.tools.program import Program
from tests.tools.served import Served, messages_of
from tests.tools.waiting import until

NODE = Path(__file__).parent / "node"


def node(*words: str) -> Program:
    program = shutil.which("node")
    assert program is not None, "these tests need Node.js"
    return Program([program, *words])


@pytest.fixture
def app() -> Iterator[str]:
    """The URL of a web application."""
    with node(str(NODE / "app.mjs")) as program:
        yield f"ws://127.0.0.1:{program.line()}"


def records(served: Served) -> list[ConnectionRecord]:
    return served.reader.connections()


def plain(served: Served) -> dict[str, ConnectionRecord]:
    """The exchanges, by path."""
    return {each.path: each for each in records(served) if each.state is ConnectionState.EXCHANGED}


def test_a_page_loads_through_a_relay(served: Served, app: str, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{served.relay(app)}/")
    expect(page.locator("#said")).to_have_text("hello")
    expect(page.locator("#events")).to_have_text("news")
    expect(page.locator("#posted")).to_have_text(hashlib.sha256(b"x" * 300_000).hexdigest())
    page.close()
    until(lambda: {"/", "/app.js", "/events", "/upload"} <= plain(served).keys(), "all is recorded")
    upload = plain(served)["/upload"]
    assert (upload.status, upload.bytes_in, upload.bytes_out) == (200, 300_000, 64)
    assert upload.request.startswith(b"POST /upload HTTP/1.1\r\n")
    # The framing of the chunks counts too.
    assert plain(served)["/app.js"].bytes_out > 500
    socket = next(each for each in records(served) if each.path == "/ws")
    until(lambda: len(messages_of(served.reader, socket.id)) == 2, "both messages are recorded")
    assert [each.payload for each in messages_of(served.reader, socket.id)] == [b"hello"] * 2
    assert socket.violation_count == 0


def test_ws_talks_to_ws(served: Served, app: str) -> None:
    url = f"ws://127.0.0.1:{served.relay(app)}/ws"
    with node(str(NODE / "peer.mjs"), url, json.dumps({"options": {"perMessageDeflate": True}})) as peer:
        peer.object_where(lambda told: told["is"] == "open")
        for number in range(50):
            text = f"message {number} " * number
            peer.say(json.dumps({"do": "text", "payload": text}))
            assert peer.object_where(lambda told: told["is"] == "text")["payload"] == text
        peer.say(json.dumps({"do": "ping", "payload": "there?"}))
        assert peer.object_where(lambda told: told["is"] == "pong")["payload"] == "there?"
        peer.say(json.dumps({"do": "close", "code": 4000, "reason": "done"}))
        peer.object_where(lambda told: told["is"] == "close")
    record = served.closed()
    assert (record.close_code, record.reason, record.violation_count) == (4000, "done", 0)
    assert len(messages_of(served.reader)) == 100


def test_socket_io_talks_to_socket_io(served: Served, app: str) -> None:
    """It polls first, and upgrades while it does."""
    with node(str(NODE / "socket_io.mjs"), f"http://127.0.0.1:{served.relay(app)}", "20") as client:
        done = client.object_where(lambda told: told["is"] != "open")
        assert done == {"is": "done", "first": "polling", "then": "websocket", "echoed": True}
    until(lambda: served.host.open_connections == 0, "all is over")
    served.host.recorder.flush()
    methods = {each.request.split(b" ")[0] for each in records(served) if each.status == 200}
    assert methods == {b"GET", b"POST"}
    socket = next(each for each in records(served) if each.status == 101)
    assert "transport=websocket" in socket.path
    assert socket.violation_count == 0
