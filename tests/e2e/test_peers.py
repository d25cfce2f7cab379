"""Clients that others wrote, and bare sockets, against the engine; each conversation compared with the capture."""

from __future__ import annotations

import base64
import json
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin as HttpOrigin
from websockets.typing import Subprotocol

from core.capture.records import ConnectionState, Direction, FrameRecord
from core.net.settings import MIB, AutoReply, EngineSettings, Limits
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import accept_key
from core.protocol.outgoing import (
    Compression,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)
from core.protocol.violations import Judgement
from tests.tools.program import Program
from tests.tools.raw_peer import KEY, MASK, RawPeer
from tests.tools.served import Said, Served, frames_of, messages_of

IN, OUT = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
CHINESE = "你好，WebSocket 👋🏽 — نص"
LONG = "".join(f"{number} 之 {number * number}; " for number in range(4000))
Serve = Callable[[EngineSettings], Served]


def inflated(record: FrameRecord) -> bytes:
    """The payload of a compressed one-frame message, by zlib alone (RFC 7692 §7.2.2), context not taken over."""
    return zlib.decompressobj(-15).decompress(record.frame.payload + b"\x00\x00\xff\xff")


def plain(direction: Direction, opcode: Opcode, payload: bytes, frames: int = 1) -> Said:
    return Said(direction, opcode, payload, frames, compressed=False, wire_length=len(payload))


def in_the_capture(served: Served, count: int, connection: int = 1) -> list[Said]:
    """The connection's messages, once there are that many."""
    reader = served.captured(
        lambda reader: len(messages_of(reader, connection)) >= count, f"{count} messages are there"
    )
    return messages_of(reader, connection)


class Collector:
    """What a `websockets` client received, and how it ended; its pongs are automatic while this reads."""

    def __init__(self, client: ClientConnection) -> None:
        self.messages: list[str | bytes] = []
        self._client = client
        self._thread = threading.Thread(target=self._read, name="client")
        self._thread.start()

    def _read(self) -> None:
        try:
            while True:
                self.messages.append(self._client.recv())
        except ConnectionClosed:
            pass

    def ended(self) -> tuple[int | None, str | None]:
        """Close code and reason."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self._client.close_code, self._client.close_reason


class TestWebsockets:
    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_messages_both_ways(self, served: Served, compression: str | None) -> None:
        sent: list[str | bytes] = [CHINESE, LONG, b"\x00\xff" * 300, "", b""]
        with connect(served.url + "/chat?x=1", compression=compression, max_size=None) as client:
            for message in sent:
                client.send(message)
            served.opened()
            for message in sent:
                opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
                payload = message.encode() if isinstance(message, str) else message
                served.send(OutgoingMessage(opcode, payload))
            assert [client.recv() for _ in sent] == sent
        found = in_the_capture(served, 10)
        for direction in (IN, OUT):
            mine = [each for each in found if each.direction is direction]
            assert [each.payload for each in mine] == [
                each.encode() if isinstance(each, str) else each for each in sent
            ]
            assert [each.opcode == Opcode.TEXT for each in mine] == [isinstance(each, str) for each in sent]
            assert all(each.compressed is (compression is not None) for each in mine)
            long = mine[1]
            assert (long.wire_length < len(LONG) // 2) is (compression is not None)
        record = served.closed()
        assert (record.path, record.close_code, record.state) == ("/chat?x=1", 1000, ConnectionState.CLOSED)
        assert ("permessage-deflate" in record.extensions) is (compression is not None)

    def test_both_sizes_of_a_compressed_message(self, served: Served) -> None:
        with connect(served.url) as client:
            client.send(LONG)
            served.send(OutgoingMessage(Opcode.TEXT, LONG.encode()))
            assert client.recv() == LONG
            in_the_capture(served, 2)
        served.closed()
        data = [each for each in frames_of(served.reader) if each.row.message is not None]
        assert [inflated(each) for each in data] == [LONG.encode()] * 2
        for each in data:
            assert each.row.message is not None
            assert each.row.message.wire_length == len(each.frame.payload) == each.frame.declared_length
            assert each.row.message.length == len(LONG.encode())

    def test_context_is_taken_over(self, served: Served) -> None:
        """The second of two equal messages costs next to nothing; and it is still read right."""
        with connect(served.url) as client:
            for _ in range(3):
                client.send(LONG[:3000])
                served.send(
                    OutgoingMessage(Opcode.TEXT, LONG[:3000].encode()), None
                ) if served.opened() else 0
                assert client.recv() == LONG[:3000]
            found = in_the_capture(served, 6)
        assert {each.payload for each in found} == {LONG[:3000].encode()}
        for direction in (IN, OUT):
            first, second, third = (each.wire_length for each in found if each.direction is direction)
            assert second < first / 5
            assert third < first / 5

    def test_compression_can_be_left_out(self, served: Served) -> None:
        with connect(served.url) as client:
            served.opened()
            served.send(OutgoingMessage(Opcode.TEXT, LONG.encode(), compression=Compression.NEVER))
            assert client.recv() == LONG
            assert in_the_capture(served, 1) == [plain(OUT, Opcode.TEXT, LONG.encode())]

    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_fragments_both_ways(self, served: Served, compression: str | None) -> None:
        parts = ["你", "好，", "", "World 👋"]
        with connect(served.url, compression=compression) as client:
            client.send(parts)
            found = in_the_capture(served, 1)
            served.send(OutgoingMessage(Opcode.TEXT, CHINESE.encode(), fragments=5))
            assert "".join(str(part) for part in client.recv_streaming()) == CHINESE
        served.closed()
        whole = "".join(parts).encode()
        assert (found[0].payload, found[0].compressed) == (whole, compression is not None)
        theirs = [each.frame for each in frames_of(served.reader) if each.row.direction is IN]
        assert [each.opcode for each in theirs[: found[0].frames]] == [Opcode.TEXT] + [0] * (
            found[0].frames - 1
        )
        assert found[0].frames >= len(parts)
        ours = [each for each in frames_of(served.reader) if each.row.direction is OUT][:5]
        assert [each.frame.fin for each in ours] == [False] * 4 + [True]
        assert ours[-1].message_payload == CHINESE.encode()
        assert found[0].wire_length == sum(len(each.payload) for each in theirs[: found[0].frames])

    def test_ping_and_pong_both_ways(self, served: Served) -> None:
        with connect(served.url, compression=None) as client:
            assert client.ping(b"are you there").wait(30)
            served.send(OutgoingPing(b"and you?"))
            served.send(OutgoingPong(b"unasked"))
            served.captured(lambda reader: len(frames_of(reader)) >= 5, "all five frames are there")
        served.closed()
        said = [
            (each.row.direction, each.frame.opcode, each.frame.payload, each.row.origin)
            for each in frames_of(served.reader)
        ]
        assert said[:3] == [
            (IN, Opcode.PING, b"are you there", Origin.PEER),
            (OUT, Opcode.PONG, b"are you there", Origin.AUTOMATIC),
            (OUT, Opcode.PING, b"and you?", Origin.COMPOSED),
        ]
        assert (IN, Opcode.PONG, b"and you?", Origin.PEER) in said
        assert (OUT, Opcode.PONG, b"unasked", Origin.COMPOSED) in said

    @pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "走了"), (4999, "x" * 123)])
    def test_the_client_closes(self, served: Served, code: int, reason: str) -> None:
        with connect(served.url) as client:
            client.close(code, reason)
            assert client.close_code == code
        record = served.closed()
        assert (record.close_code, record.reason, record.closed_by) == (code, reason, ClosedBy.CLIENT)
        assert [(each.row.direction, each.row.origin) for each in frames_of(served.reader)] == [
            (IN, Origin.PEER),
            (OUT, Origin.AUTOMATIC),
        ]

    @pytest.mark.parametrize(
        ("code", "reason", "seen"), [(1000, "bye", 1000), (3000, "再见", 3000), (None, "", 1005)]
    )
    def test_we_close(self, served: Served, code: int | None, reason: str, seen: int) -> None:
        with connect(served.url) as client:
            collector = Collector(client)
            served.opened()
            served.send(OutgoingClose(code, reason))
            assert collector.ended() == (seen, reason)
        record = served.closed()
        assert (record.close_code, record.reason, record.closed_by) == (seen, reason, ClosedBy.UNMASK)

    def test_a_subprotocol_and_headers(self, served: Served) -> None:
        with connect(
            served.url,
            subprotocols=[Subprotocol("chat.v2"), Subprotocol("chat")],
            origin=HttpOrigin("https://example.com"),
            additional_headers={"X-Many": "one, two"},
        ) as client:
            assert client.subprotocol == "chat.v2"
            key = client.request.headers["Sec-WebSocket-Key"] if client.request else ""
        record = served.closed()
        assert (record.subprotocol, record.origin) == ("chat.v2", "https://example.com")
        assert b"\r\nX-Many: one, two\r\n" in record.request
        assert f"Sec-WebSocket-Accept: {accept_key(key)}\r\n".encode() in record.response

    def test_eight_mebibytes_there_and_back(self, serve: Serve) -> None:
        served = serve(EngineSettings(auto_reply=AutoReply.ECHO))
        payload = bytes(range(256)) * (8 * MIB // 256)
        with connect(served.url, compression=None, max_size=None) as client:
            client.send(payload)
            assert client.recv() == payload
        assert in_the_capture(served, 2) == [
            plain(IN, Opcode.BINARY, payload),
            plain(OUT, Opcode.BINARY, payload),
        ]
        assert [each.row.length_form for each in frames_of(served.reader)[:2]] == [2, 2]

    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_many_small_ones(self, serve: Serve, compression: str | None) -> None:
        served = serve(EngineSettings(auto_reply=AutoReply.ECHO))
        count = 2000
        with connect(served.url, compression=compression) as client:
            collector = Collector(client)
            for number in range(count):
                client.send(f"message {number}")
            found = in_the_capture(served, 2 * count)
            client.close()
            collector.ended()
        expected = [f"message {number}" for number in range(count)]
        assert collector.messages == expected
        for direction in (IN, OUT):
            assert [each.payload.decode() for each in found if each.direction is direction] == expected
        numbers = [each.row.number for each in frames_of(served.reader)]
        assert numbers == list(range(1, len(numbers) + 1))

    def test_two_at_once(self, serve: Serve) -> None:
        served = serve(EngineSettings(auto_reply=AutoReply.ECHO))
        with connect(served.url + "/a") as first, connect(served.url + "/b", compression=None) as second:
            for number in range(50):
                first.send(f"a{number}")
                second.send(f"b{number}")
            assert [first.recv() for _ in range(50)] == [f"a{number}" for number in range(50)]
            assert [second.recv() for _ in range(50)] == [f"b{number}" for number in range(50)]
            assert served.send(OutgoingMessage(Opcode.TEXT, b"to all"), None) == 2
            assert (first.recv(), second.recv()) == ("to all", "to all")
            served.send(OutgoingMessage(Opcode.TEXT, b"to one"), 2)
            assert second.recv() == "to one"
        for connection, letter, last in ((1, "a", []), (2, "b", ["to one"])):
            served.closed(connection)
            assert served.reader.connection(connection) is not None
            texts = [each.payload.decode() for each in messages_of(served.reader, connection)]
            own = [f"{letter}{number}" for number in range(50)]
            assert sorted(texts) == sorted([*own, *own, "to all", *last])


@contextmanager
def node(url: str, *protocols: str, **options: Any) -> Iterator[Program]:
    """node's `ws` on that URL."""
    program = shutil.which("node")
    if program is None:
        pytest.fail("node is not installed; `make test` installs it, or says how.", pytrace=False)
    script = Path(__file__).parent / "node" / "peer.mjs"
    settings = json.dumps({"protocols": protocols, "options": options})
    with Program([program, str(script), url, settings]) as running:
        yield running
        assert running.wait() == 0
        assert running.errors == ""


def tell(program: Program, **command: object) -> None:
    program.say(json.dumps(command))


def hear(program: Program) -> dict[str, Any]:
    return program.object_where(lambda _: True)


class TestNodeWs:
    def test_a_whole_conversation_compressed(self, served: Served) -> None:
        with node(
            served.url + "/ws", "a", "b", perMessageDeflate={"threshold": 0}, origin="http://n"
        ) as peer:
            opened = hear(peer)
            assert (opened["is"], opened["protocol"]) == ("open", "a")
            assert opened["extensions"].startswith("permessage-deflate")
            tell(peer, do="text", payload=CHINESE)
            tell(peer, do="binary", payload=base64.b64encode(bytes(range(256)) * 20).decode())
            tell(peer, do="text", payload="in ", fin=False)
            tell(peer, do="text", payload="parts")
            tell(peer, do="ping", payload="p")
            assert hear(peer) == {"is": "pong", "payload": "p"}
            served.send(OutgoingMessage(Opcode.TEXT, LONG.encode(), fragments=3))
            assert hear(peer) == {"is": "text", "payload": LONG}
            served.send(OutgoingMessage(Opcode.BINARY, b"\x00\x01", compression=Compression.NEVER))
            assert hear(peer) == {"is": "binary", "payload": "AAE="}
            served.send(OutgoingPing(b"q"))
            assert hear(peer) == {"is": "ping", "payload": "q"}
            tell(peer, do="close", code=4001, reason="再见")
            assert hear(peer) == {"is": "close", "code": 4001, "reason": "再见"}
        record = served.closed()
        assert (record.close_code, record.reason, record.closed_by) == (4001, "再见", ClosedBy.CLIENT)
        assert (record.subprotocol, record.origin, record.path) == ("a", "http://n", "/ws")
        found = messages_of(served.reader)
        assert [(each.direction, each.opcode, each.payload) for each in found] == [
            (IN, Opcode.TEXT, CHINESE.encode()),
            (IN, Opcode.BINARY, bytes(range(256)) * 20),
            (IN, Opcode.TEXT, b"in parts"),
            (OUT, Opcode.TEXT, LONG.encode()),
            (OUT, Opcode.BINARY, b"\x00\x01"),
        ]
        assert [each.compressed for each in found] == [True, True, True, True, False]
        assert [each.frames for each in found] == [1, 1, 2, 3, 1]
        assert found[1].wire_length < 1000
        assert record.violation_count == 0

    def test_no_compression(self, served: Served) -> None:
        with node(served.url, perMessageDeflate=False) as peer:
            assert hear(peer)["extensions"] == ""
            tell(peer, do="text", payload=LONG)
            served.send(OutgoingMessage(Opcode.TEXT, LONG.encode()))
            assert hear(peer)["payload"] == LONG
            tell(peer, do="close", code=1000)
            assert hear(peer) == {"is": "close", "code": 1000, "reason": ""}
        served.closed()
        assert sorted(messages_of(served.reader), key=lambda each: each.direction) == [
            plain(IN, Opcode.TEXT, LONG.encode()),
            plain(OUT, Opcode.TEXT, LONG.encode()),
        ]

    def test_windows_of_nine_bits_without_takeover(self, served: Served) -> None:
        offer = {
            "threshold": 0,
            "serverNoContextTakeover": True,
            "clientNoContextTakeover": True,
            "serverMaxWindowBits": 9,
            "clientMaxWindowBits": 9,
        }
        with node(served.url, perMessageDeflate=offer) as peer:
            assert hear(peer)["is"] == "open"
            agreed = served.opened().extensions
            for parameter in (
                "server_no_context_takeover",
                "client_no_context_takeover",
                "max_window_bits=9",
            ):
                assert parameter in agreed
            for _ in range(2):
                tell(peer, do="text", payload=LONG)
                served.send(OutgoingMessage(Opcode.TEXT, LONG.encode()))
                assert hear(peer)["payload"] == LONG
            found = in_the_capture(served, 4)
            tell(peer, do="close", code=1000)
            assert hear(peer)["is"] == "close"
        assert {each.payload for each in found} == {LONG.encode()}
        for direction in (IN, OUT):
            sizes = {each.wire_length for each in found if each.direction is direction}
            assert len(sizes) == 1

    def test_it_vanishes(self, served: Served) -> None:
        with node(served.url) as peer:
            assert hear(peer)["is"] == "open"
            tell(peer, do="text", payload="last words")
            in_the_capture(served, 1)
            tell(peer, do="terminate")
            assert hear(peer) == {"is": "close", "code": 1006, "reason": ""}
        assert served.closed().close_code == 1006

    def test_eight_mebibytes(self, serve: Serve) -> None:
        served = serve(EngineSettings(auto_reply=AutoReply.ECHO))
        text = CHINESE * (8 * MIB // len(CHINESE.encode()))
        with node(served.url) as peer:
            assert hear(peer)["is"] == "open"
            tell(peer, do="text", payload=text)
            assert hear(peer) == {"is": "text", "payload": text}
            found = in_the_capture(served, 2)
            tell(peer, do="close", code=1000)
            assert hear(peer)["is"] == "close"
        assert [each.payload for each in found] == [text.encode()] * 2
        assert all(each.compressed and each.wire_length < 1_000_000 for each in found)


class TestRawSockets:
    def test_byte_by_byte(self, served: Served) -> None:
        with RawPeer(served.port) as peer:
            for byte in peer.request("/slow"):
                peer.send(bytes([byte]))
            assert f"Sec-WebSocket-Accept: {accept_key(KEY)}".encode() in peer.head()
            for byte in make_frame(Opcode.TEXT, CHINESE.encode(), masking_key=MASK).wire():
                peer.send(bytes([byte]))
            assert in_the_capture(served, 1) == [plain(IN, Opcode.TEXT, CHINESE.encode())]
            assert served.opened().request == peer.request("/slow")

    def test_frames_glued_to_the_request_and_each_other(self, serve: Serve) -> None:
        served = serve(EngineSettings(auto_reply=AutoReply.ECHO))
        texts = [f"{number}".encode() for number in range(100)]
        glued = b"".join(make_frame(Opcode.TEXT, text, masking_key=MASK).wire() for text in texts)
        with RawPeer(served.port) as peer:
            peer.send(peer.request() + glued)
            peer.head()
            answer = b"".join(make_frame(Opcode.TEXT, text).wire() for text in texts)
            assert peer.take(len(answer)) == answer
            found = in_the_capture(served, 200)
        assert [each.payload for each in found if each.direction is IN] == texts
        assert [each.payload for each in found if each.direction is OUT] == texts
        assert [each.rule.id for each in served.reader.connection_violations(1)] == ["data-before-answer"]

    def test_the_wire_can_be_rebuilt(self, served: Served) -> None:
        """Every byte that went over the wire follows from what the capture holds."""
        sent = [
            make_frame(Opcode.TEXT, b"first", fin=False, masking_key=MASK).wire(),
            make_frame(Opcode.PING, b"between", masking_key=bytes(4)).wire(),
            make_frame(Opcode.CONTINUATION, "第二".encode(), masking_key=b"abcd").wire(),
            make_frame(Opcode.BINARY, bytes(70_000), masking_key=b"\xff\x00\xff\x00").wire(),
            make_frame(Opcode.CLOSE, b"\x03\xe8done", masking_key=MASK).wire(),
        ]
        with RawPeer(served.port) as peer:
            peer.open()
            peer.send(b"".join(sent))
            received = peer.rest()
        record = served.closed()
        frames = frames_of(served.reader)
        assert [each.frame.wire() for each in frames if each.row.direction is IN] == sent
        assert b"".join(each.frame.wire() for each in frames if each.row.direction is OUT) == received
        assert (record.bytes_in, record.bytes_out) == (len(b"".join(sent)), len(received))
        assert (record.close_code, record.reason) == (1000, "done")

    @pytest.mark.parametrize(
        ("wire", "rule", "code"),
        [
            (make_frame(Opcode.TEXT, b"bare").wire(), "mask-missing", 1002),
            (make_frame(Opcode.TEXT, b"\xff\xfe", masking_key=MASK).wire(), "text-not-utf8", 1007),
            (make_frame(0x3, b"odd", masking_key=MASK).wire(), "opcode-reserved", 1002),
            (
                make_frame(Opcode.CONTINUATION, b"x", masking_key=MASK).wire(),
                "continuation-without-start",
                1002,
            ),
            (make_frame(Opcode.CLOSE, b"\x03\xed", masking_key=MASK).wire(), "close-code-forbidden", 1002),
            (b"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01" + MASK + b"x", "length-top-bit", 1002),
        ],
    )
    def test_a_broken_rule_fails_the_connection(
        self, served: Served, wire: bytes, rule: str, code: int
    ) -> None:
        with RawPeer(served.port) as peer:
            peer.open()
            peer.send(wire)
            answer = peer.rest()
        assert answer[0] == 0x88
        assert int.from_bytes(answer[2:4], "big") == code
        record = served.closed()
        assert (record.closed_by, record.violation_count) == (ClosedBy.UNMASK, 1)
        first = frames_of(served.reader)[0]
        assert [each.rule.id for each in first.violations] == [rule]
        assert first.frame.wire() == wire

    def test_tolerant_goes_on(self, serve: Serve) -> None:
        served = serve(EngineSettings(judgement=Judgement.TOLERANT, auto_reply=AutoReply.ECHO))
        with RawPeer(served.port) as peer:
            peer.open()
            peer.send(make_frame(Opcode.TEXT, b"bare").wire())
            assert peer.take(6) == b"\x81\x04bare"
            peer.send(make_frame(0x3, b"odd", masking_key=MASK).wire())
            peer.send(make_frame(Opcode.TEXT, b"still here", masking_key=b"abcd").wire())
            assert peer.take(12) == b"\x81\x0astill here"
            served.captured(lambda reader: len(frames_of(reader)) >= 5, "all frames are there")
        broken = [[each.rule.id for each in record.violations] for record in frames_of(served.reader)]
        assert [each for each in broken if each] == [["mask-missing"], ["opcode-reserved"]]

    def test_a_message_over_the_limit(self, serve: Serve) -> None:
        served = serve(EngineSettings(limits=Limits(message_bytes=1000)))
        with RawPeer(served.port) as peer:
            peer.open()
            peer.frame(Opcode.BINARY, bytes(1000))
            peer.frame(Opcode.BINARY, bytes(600), fin=False)
            peer.frame(Opcode.CONTINUATION, bytes(401))
            assert int.from_bytes(peer.rest()[2:4], "big") == 1009
        # RFC 6455 §7.1.5: the code is that of the close frame received, and none was.
        assert served.closed().close_code == 1006
        assert frames_of(served.reader)[-1].frame.payload[:2] == b"\x03\xf1"
        assert [each.payload for each in messages_of(served.reader)] == [bytes(1000)]

    @pytest.mark.parametrize(
        ("request_", "status", "rule"),
        [
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade websocket\r\n\r\n", 400, "header-without-colon"),
            (b"POST /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "method-not-get"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400, "head-looks-like-tls"),
            (
                b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
                431,
                "head-too-large",
            ),
        ],
    )
    def test_no_handshake_is_refused_and_kept(
        self, served: Served, request_: bytes, status: int, rule: str
    ) -> None:
        with RawPeer(served.port) as peer:
            peer.send(request_)
            assert peer.rest().startswith(f"HTTP/1.1 {status} ".encode())
        record = served.closed()
        assert (record.state, record.status) == (ConnectionState.REFUSED, status)
        assert request_.startswith(record.request[:60])
        assert rule in [each.rule.id for each in served.reader.connection_violations(1)]

    def test_a_wrong_version_names_ours(self, served: Served) -> None:
        with RawPeer(served.port) as peer:
            peer.send(peer.request().replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"))
            head = peer.head()
        assert head.startswith(b"HTTP/1.1 426 ")
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in head
        assert served.closed().status == 426

    def test_plain_http_gets_the_page(self, served: Served) -> None:
        with RawPeer(served.port) as peer:
            peer.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert peer.rest().partition(b"\r\n\r\n")[2].startswith(b"<!doctype html>")
        record = served.closed()
        assert (record.state, record.status, record.frame_count) == (ConnectionState.SERVED, 200, 0)

    def test_a_head_that_never_ends(self, serve: Serve) -> None:
        served = serve(EngineSettings(limits=Limits(handshake_seconds=0.2)))
        with RawPeer(served.port) as peer:
            peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            assert peer.rest().startswith(b"HTTP/1.1 408 ")
        record = served.closed()
        assert (record.status, record.request) == (408, b"GET / HTTP/1.1\r\nHost: localhost\r\n")

    def test_one_too_many(self, serve: Serve) -> None:
        served = serve(EngineSettings(limits=Limits(connections=2)))
        with ExitStack() as peers:
            for _ in range(2):
                peers.enter_context(RawPeer(served.port)).open()
            with RawPeer(served.port) as third:
                third.send(third.request())
                assert third.rest().startswith(b"HTTP/1.1 503 ")
        assert served.closed(3).status == 503

    def test_a_frame_cut_off_is_shown(self, served: Served) -> None:
        with RawPeer(served.port) as peer:
            peer.open()
            peer.send(make_frame(Opcode.TEXT, b"never finished", masking_key=MASK).wire()[:-5])
        assert served.closed().close_code == 1006
        last = frames_of(served.reader)[-1]
        assert (last.frame.payload, last.frame.declared_length) == (b"never fin", 14)
        assert [each.rule.id for each in last.violations] == ["frame-truncated"]
