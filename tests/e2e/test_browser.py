"""A real Chromium against the real app and its real window: what the page, the capture and the table hold."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from PySide6.QtTest import QTest

from app.actions.registry import ActionId
from app.logic.compose import ComposeKind
from core.capture.records import ConnectionRecord, ConnectionState, Direction
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Opcode
from core.protocol.handshake import accept_key
from core.protocol.headers import Headers
from tests.tools.person import Person
from tests.tools.served import frames_of, messages_of

IN, OUT = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
GREETING = "你好，WebSocket 👋🏽"
OFFER = "permessage-deflate; client_max_window_bits"

TUTORIAL = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>WebSocket</title></head>
<body><div id="output"></div>
<script>
  var output = document.getElementById('output');
  function write(text) { output.innerHTML += '<p>' + text + '</p>'; }
  var websocket = new WebSocket('ws://127.0.0.1:PORT/');
  websocket.onopen = function (evt) { write('CONNECTED'); websocket.send('浏览器你好'); };
  websocket.onmessage = function (evt) { write('RECEIVED: ' + evt.data); };
  websocket.onclose = function (evt) { write('CLOSED ' + evt.code); };
  websocket.onerror = function (evt) { write('ERROR'); };
</script></body></html>
"""


def open_page(person: Person, page: Page) -> int:
    """Opens the test page and waits until it is connected; the id of its WebSocket connection."""
    page.goto(f"http://127.0.0.1:{person.port}/")
    expect(page.locator("#state")).to_have_text("open")
    person.until(lambda: person.window.connection_model.open_count == 1, "it is in the list")
    return newest(person).id


def newest(person: Person) -> ConnectionRecord:
    """The last connection that became a WebSocket."""
    return [record for record in person.capture.connections() if record.status == 101][-1]


def request_headers(record: ConnectionRecord) -> Headers:
    lines = record.request.decode("latin-1").split("\r\n")[1:-2]
    pairs = (line.partition(":") for line in lines)
    return Headers(tuple((name, value.strip()) for name, _, value in pairs))


def wait_for_close(person: Person, connection: int) -> ConnectionRecord:
    def is_over() -> bool:
        record = person.capture.connection(connection)
        return record is not None and record.closed_ns is not None

    person.until(is_over, f"#{connection} is over")
    record = person.capture.connection(connection)
    assert record is not None
    return record


def test_the_test_page_with_echo(person: Person, page: Page) -> None:
    person.do(ActionId.AUTO_REPLY)
    connection = open_page(person, page)
    expect(page.locator("#agreed")).to_contain_text("extensions permessage-deflate")
    received = page.locator("#log li[data-kind=received]")
    page.fill("#message", GREETING)
    page.press("#message", "Control+Enter")
    expect(received.nth(0).locator(".body")).to_have_text(GREETING)
    page.fill("#bytes", "00 ff 10 80")
    page.click("#send-binary")
    expect(received.nth(1).locator(".body")).to_have_text("00 ff 10 80")
    page.click("#send-large")
    expect(received.nth(2).locator(".what")).to_have_text("text, 1,048,576 bytes")
    page.click("#send-burst")
    expect(received).to_have_count(103)

    person.wait_for_rows(2 * 103)
    large = b"0123456789abcdef" * 65536
    burst = [f"message {number} of 100".encode() for number in range(1, 101)]
    expected = [GREETING.encode(), b"\x00\xff\x10\x80", large, *burst]
    said = messages_of(person.capture, connection)
    for direction in (IN, OUT):
        mine = [each for each in said if each.direction is direction]
        assert [each.payload for each in mine] == expected
        assert [each.opcode for each in mine[:3]] == [Opcode.TEXT, Opcode.BINARY, Opcode.TEXT]
        assert all(each.compressed and each.frames == 1 for each in mine)
        assert mine[2].wire_length < len(large) // 50
    origins = {each.row.origin for each in frames_of(person.capture, connection) if each.row.direction is OUT}
    assert origins == {Origin.RULE}
    rows = person.rows()
    assert rows[0] == ("client → server", "text", GREETING)
    assert ("server → client", "binary", "00 ff 10 80") in rows
    assert [payload for direction, _, payload in rows if direction == "client → server"][3:] == [
        each.decode() for each in burst
    ]


def test_the_handshake_of_a_browser(person: Person, page: Page) -> None:
    connection = open_page(person, page)
    served = person.capture.connections()[0]
    assert (served.state, served.status, served.path) == (ConnectionState.SERVED, 200, "/")
    record = person.capture.connection(connection)
    assert record is not None
    headers = request_headers(record)
    here = f"http://127.0.0.1:{person.port}"
    assert (record.origin, headers.get("Origin")) == (here, here)
    assert headers.get("Host") == f"127.0.0.1:{person.port}"
    assert headers.get("Sec-WebSocket-Extensions") == OFFER
    assert "Mozilla/5.0" in (headers.get("User-Agent") or "")
    key = headers.get("Sec-WebSocket-Key")
    assert key is not None
    assert f"Sec-WebSocket-Accept: {accept_key(key)}\r\n".encode() in record.response
    assert record.extensions.startswith("permessage-deflate")
    assert person.capture.connection_violations(connection) == ()

    person.choose_connection(connection)
    person.open_tab("handshake")
    view = person.window.tabs.handshake
    facts = [view.request_headers.text_of(row) for row in range(view.request_headers.rowCount())]
    assert ("Origin", here) in [each[:2] for each in facts]
    steps = [view.accept.text_of(row)[1] for row in range(view.accept.rowCount())]
    assert steps[0] == key
    assert steps[-1] == accept_key(key)


def test_replies_from_the_composer(person: Person, page: Page) -> None:
    connection = open_page(person, page)
    person.choose_connection(connection)
    received = page.locator("#log li[data-kind=received]")
    person.compose(f"plain and {GREETING}\nsecond line")
    expect(received.nth(0).locator(".body")).to_have_text(f"plain and {GREETING}\nsecond line")
    person.compose('{"type": "你好", "n": [1, null]}', ComposeKind.JSON, fragments=3)
    expect(received.nth(1)).to_contain_text('"你好"')
    person.compose("de ad be ef 00", ComposeKind.HEX)
    expect(received.nth(2).locator(".body")).to_have_text("de ad be ef 00")
    person.compose("are you there?", ComposeKind.PING)
    # One message, three fragments, one message, a ping and Chromium's pong.
    person.wait_for_rows(7)
    said = messages_of(person.capture, connection)
    assert [each.frames for each in said] == [1, 3, 1]
    assert json.loads(said[1].payload) == {"type": "你好", "n": [1, None]}
    assert all(each.compressed and each.direction is OUT for each in said)
    assert person.rows()[-1] == ("client → server", "pong", "are you there?")


def test_the_page_closes(person: Person, page: Page) -> None:
    connection = open_page(person, page)
    page.click("#close")
    expect(page.locator("#state")).to_contain_text("closed 1000")
    record = wait_for_close(person, connection)
    assert (record.close_code, record.reason, record.closed_by) == (1000, "bye", ClosedBy.CLIENT)
    person.until(lambda: "closed · 1000" in person.connections()[-1], "the list says so")


def test_the_page_goes_away(person: Person, page: Page) -> None:
    connection = open_page(person, page)
    page.goto("about:blank")
    record = wait_for_close(person, connection)
    assert (record.close_code, record.closed_by) == (1001, ClosedBy.CLIENT)
    assert [(each.row.direction, each.frame.payload) for each in frames_of(person.capture, connection)] == [
        (IN, b"\x03\xe9"),
        (OUT, b"\x03\xe9"),
    ]


def test_we_close(person: Person, page: Page) -> None:
    connection = open_page(person, page)
    person.choose_connection(connection)
    composer = person.window.composer
    composer.kinds.setCurrentIndex(composer.kinds.findData(ComposeKind.CLOSE))
    composer.close_frame.codes.setCurrentText("4321")
    QTest.keyClicks(composer.close_frame.reason, "enough")
    person.click(composer.send_button)
    expect(page.locator("#state")).to_have_text("closed 4321 enough")
    record = wait_for_close(person, connection)
    assert (record.close_code, record.reason, record.closed_by) == (4321, "enough", ClosedBy.UNMASK)


def test_the_app_ends(person: Person, page: Page) -> None:
    open_page(person, page)
    person.desktop.close()
    expect(page.locator("#state")).to_contain_text("closed 1001")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """Another HTTP server, which serves `tmp_path`."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("way", ["file", "http"])
def test_the_tutorial_page_works_unchanged(
    person: Person, page: Page, tmp_path: Path, elsewhere: str, way: str
) -> None:
    file = tmp_path / "tutorial.html"
    file.write_text(TUTORIAL.replace("PORT", str(person.port)), encoding="utf-8")
    page.goto(file.as_uri() if way == "file" else f"{elsewhere}/{file.name}")
    lines = page.locator("#output p")
    expect(lines).to_have_text(["CONNECTED"])
    person.wait_for_rows(1)
    assert person.rows() == [("client → server", "text", "浏览器你好")]
    person.choose_connection(1)
    person.compose("服务器你好")
    expect(lines).to_have_text(["CONNECTED", "RECEIVED: 服务器你好"])
    # Which of the two a file gets is the browser's affair (RFC 6454 section 7.3, its implementations differ).
    assert newest(person).origin in (("null", "file://") if way == "file" else (elsewhere,))
    page.goto("about:blank")
    assert wait_for_close(person, 1).close_code == 1001


def test_two_pages_and_each_gets_its_own(person: Person, page: Page) -> None:
    address = f"http://127.0.0.1:{person.port}/"
    other = page.context.new_page()
    for each in (page, other):
        each.goto(address)
        expect(each.locator("#state")).to_have_text("open")
    person.until(lambda: person.window.connection_model.open_count == 2, "both are in the list")
    ids = [record.id for record in person.capture.connections() if record.status == 101]
    for connection, text in zip(ids, ("to the first", "to the second"), strict=True):
        person.choose_connection(connection)
        person.compose(text)
    person.write("to both")
    person.do(ActionId.SEND_ALL)
    person.click(person.button(person.window, "Send to 2"))
    for each, text in ((page, "to the first"), (other, "to the second")):
        bodies = each.locator("#log li[data-kind=received] .body")
        expect(bodies).to_have_text([text, "to both"])
    person.choose_connection(ids[1])
    person.wait_for_rows(2)
    person.choose_connection(None)
    person.wait_for_rows(4)
