from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from app.terminal.story_text import COLOURED, PLAIN, StoryText
from core.capture.follow import Handshake
from core.capture.gaps import Gap, GapReason
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import ClosedBy
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.state import Role
from tests.tools.conversation import KEY, START, Conversation
from tests.tools.passages import passages

WHEN = "08:53:20.000 #1"
IN = "        "


@pytest.fixture(autouse=True)
def universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path / "a.unmask")


def lines_of(talk: Conversation, *, after_handshake: bool = True) -> list[str]:
    text = StoryText(PLAIN)
    entries = talk.entries()[1 if after_handshake else 0 :]
    return [line for entry in entries for line in text.lines_of(entry)]


def test_an_accepted_handshake(talk: Conversation) -> None:
    talk.open()
    assert lines_of(talk, after_handshake=False) == [
        "08:53:20.000 #1 handshake from 127.0.0.1:50312 101 /chat",
        "        → GET /chat HTTP/1.1",
        "        → Host: localhost:8080",
        "        → Upgrade: websocket",
        "        → Connection: Upgrade",
        "        → Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "        → Sec-WebSocket-Version: 13",
        "        ← HTTP/1.1 101 Switching Protocols",
        "        ← Upgrade: websocket",
        "        ← Connection: Upgrade",
        "        ← Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]


def test_a_request_that_went_on_otherwise(talk: Conversation) -> None:
    talk.open()
    (handshake,) = talk.entries()
    assert isinstance(handshake, Handshake)
    went = handshake.connection.request.replace(b"/chat", b"/base/chat").replace(
        b"Upgrade: websocket\r\n", b""
    )
    lines = list(StoryText(PLAIN).lines_of(replace(handshake, passed_request=went)))
    assert lines[7:11] == [
        "        → as it went on:",
        "        →   GET /base/chat HTTP/1.1",
        "        →   without Upgrade",
        "        ← HTTP/1.1 101 Switching Protocols",
    ]


def test_a_refused_handshake(talk: Conversation) -> None:
    talk.receive(b"GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")
    talk.end()
    lines = lines_of(talk, after_handshake=False)
    assert lines[0] == "08:53:20.000 #1 handshake from 127.0.0.1:50312 400 /a"
    assert lines[1].startswith("        refused: ")
    assert lines[2] == "        → GET /a HTTP/1.1"
    assert "        ← HTTP/1.1 400 Bad Request" in lines
    assert "        ! error key-missing: There is no Sec-WebSocket-Key. [RFC 6455 §4.2.1]" in lines
    assert lines[-1] == "08:53:20.000 #1 closed"


def test_a_client_that_says_nothing(talk: Conversation) -> None:
    talk.end()
    first, *_, last = lines_of(talk, after_handshake=False)
    assert first.startswith("08:53:20.000 #1 handshake from 127.0.0.1:50312 ")
    assert last == "08:53:20.000 #1 closed"


def test_text(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, "two\nlines 你好".encode())
    assert lines_of(talk) == [
        "08:53:20.000 #1 → text fin 16 B key=37fa213d",
        "        two",
        "        lines 你好",
    ]


def test_an_empty_message(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.BINARY)
    assert lines_of(talk) == ["08:53:20.000 #1 → binary fin 0 B key=37fa213d"]


def test_binary(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.BINARY, bytes(range(0x50, 0x62)) + b"\xff")
    assert lines_of(talk) == [
        "08:53:20.000 #1 → binary fin 19 B key=37fa213d",
        "        0000  50 51 52 53 54 55 56 57 58 59 5a 5b 5c 5d 5e 5f  PQRSTUVWXYZ[\\]^_",
        "        0010  60 61 ff                                         `a.",
    ]


def test_fragments(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, b"Hel", fin=False)
    talk.receive(make_frame(Opcode.CONTINUATION, b"lo", masking_key=b"abcd").wire())
    assert lines_of(talk) == [
        "08:53:20.000 #1 → text more follows 3 B key=37fa213d",
        "        0000  48 65 6c                                         Hel",
        "08:53:20.000 #1 → continuation fin 2 B key=61626364",
        "        message of 2 frames, 5 B",
        "        Hello",
    ]


def test_a_compressed_message(talk: Conversation) -> None:
    talk.open(deflate="permessage-deflate")
    data = Deflater(DeflateParameters(False, False), Role.CLIENT, 9).compress(b"a" * 100)
    talk.frame(Opcode.TEXT, data, rsv=RSV1)
    assert lines_of(talk) == [
        f"08:53:20.000 #1 → text fin+rsv1 {len(data)} B key=37fa213d",
        f"        inflated from {len(data)} to 100 B",
        "        " + "a" * 100,
    ]


def test_a_compressed_message_that_goes_on(talk: Conversation) -> None:
    talk.open(deflate="permessage-deflate")
    talk.frame(Opcode.TEXT, b"\x4b", fin=False, rsv=RSV1)
    assert lines_of(talk)[0] == "08:53:20.000 #1 → text rsv1 more follows 1 B key=37fa213d"


def test_control_frames_and_replies(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.PING, b"hi")
    talk.reply("Hello")
    assert lines_of(talk) == [
        "08:53:20.000 #1 → ping fin 2 B key=37fa213d",
        "        0000  68 69                                            hi",
        "08:53:20.000 #1 ← pong fin 2 B automatic",
        "        0000  68 69                                            hi",
        "08:53:20.000 #1 ← text fin 5 B composed",
        "        Hello",
    ]


def test_a_close_with_a_reason(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.CLOSE, (1001).to_bytes(2, "big") + "tschüß".encode())
    talk.end()
    assert lines_of(talk) == [
        "08:53:20.000 #1 → close fin 10 B key=37fa213d",
        "        1001 Going away: tschüß",
        "08:53:20.000 #1 ← close fin 10 B automatic",
        "        1001 Going away: tschüß",
        "08:53:20.000 #1 closed 1001 Going away: tschüß (by the client; 2 frames)",
    ]


def test_a_peer_that_vanishes(talk: Conversation) -> None:
    talk.open()
    talk.receive(make_frame(Opcode.TEXT, b"Hello", masking_key=KEY).wire()[:8])
    talk.end()
    assert lines_of(talk) == [
        "08:53:20.000 #1 → text fin 2 of 5 B key=37fa213d",
        "        0000  48 65                                            He",
        "        ! warning frame-truncated: The stream ended inside this frame. "
        "(2 of 5 payload bytes came) [RFC 6455 §5.2]",
        "08:53:20.000 #1 closed 1006 Abnormal closure (the client vanished; 1 frame)",
    ]


def test_violations(talk: Conversation) -> None:
    talk.open()
    talk.receive(make_frame(0x3, b"a").wire())
    assert lines_of(talk) == [
        "08:53:20.000 #1 → reserved 0x3 fin 1 B",
        "        0000  61                                               a",
        "        ! error opcode-reserved: The opcode is reserved. (opcode 0x3) [RFC 6455 §5.2]",
        "        ! error mask-missing: A client must mask every frame; this one is not masked. (MASK is 0) "
        "[RFC 6455 §5.1]",
    ]


@pytest.mark.parametrize("character", ["a", "é", "你", "💥"])
def test_long_text_says_how_much_is_left_out(talk: Conversation, character: str) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, (character * 2003).encode())
    rest = 3 * len(character.encode())
    assert lines_of(talk)[1:] == [IN + character * 2000, f"{IN}… {rest} more bytes"]


def test_text_of_just_the_length_is_whole(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, ("💥" * 2000).encode())
    assert lines_of(talk)[1:] == [IN + "💥" * 2000]


def test_what_is_left_out_is_told_of_text_that_is_no_utf8(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, b"\xff" * 2500)
    lines = lines_of(talk)
    assert lines[1] == IN + "\\xff" * 2000
    assert lines[2] == IN + "… 500 more bytes"


def test_long_binary_says_how_much_is_left_out(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.BINARY, bytes(65))
    lines = lines_of(talk)
    assert len(lines) == 1 + 4 + 1
    assert lines[-1] == IN + "… 1 more bytes"


def test_a_long_head_says_how_much_is_left_out(talk: Conversation) -> None:
    talk.receive(b"GET / HTTP/1.1\r\nX: " + b"x" * 3000 + b"\r\n\r\n")
    lines = lines_of(talk, after_handshake=False)
    shown = [line for line in lines if line.startswith(IN + "→ ")]
    length = len("GET / HTTP/1.1\nX: ") + 3000
    assert sum(len(line) - len(IN) - 2 for line in shown) + len(shown) - 1 == 2000
    assert f"{IN}… {length - 2000} more characters" in lines


def test_a_long_close_reason_says_how_much_is_left_out(talk: Conversation) -> None:
    """In tolerant mode a control frame may be of any length."""
    talk.open()
    talk.frame(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"x" * 2100)
    assert lines_of(talk)[1] == f"{IN}1000 Normal closure: {'x' * 2000} … 100 more characters"


HOSTILE = "\x1b[31mred\r\x07\x00\u202egnp.exe\u200b\u0085\x9b2J\u2028end"
HARMLESS = "\\x1b[31mred\\x0d\\x07\\x00\\u202egnp.exe\\u200b\\x85\\x9b2J\\u2028end"


def test_hostile_text_is_spelled_out(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, HOSTILE.encode())
    assert lines_of(talk)[1:] == [IN + HARMLESS]


def test_a_hostile_close_reason_is_spelled_out_and_begins_no_line(talk: Conversation) -> None:
    forged = "bye\n08:53:20.000 #1 closed 1000"
    talk.open()
    talk.frame(Opcode.CLOSE, (4000).to_bytes(2, "big") + f"{forged}{HOSTILE}".encode())
    talk.end()
    lines = lines_of(talk)
    spelt = f"bye\\x0a08:53:20.000 #1 closed 1000{HARMLESS}"
    assert lines[1] == f"{IN}4000 Private: {spelt}"
    assert lines[-1] == f"{WHEN} closed 4000 Private: {spelt} (by the client; 2 frames)"


def test_a_hostile_close_reason_that_is_no_utf8(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"\xff\x1b")
    assert lines_of(talk)[1] == IN + "1000 Normal closure: \\xff\\x1b"


def test_a_hostile_head_is_spelled_out(talk: Conversation) -> None:
    talk.receive(b"\x1b]0;title\x07 \x9b2J\n\x08\r\n\r\n")
    lines = lines_of(talk, after_handshake=False)
    assert f"{IN}→ \\x1b]0;title\\x07 \\x9b2J" in lines
    assert f"{IN}→ \\x08" in lines
    for line in lines:
        assert line.isprintable(), line


def test_colours_are_in_the_coloured_style_alone(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, b"\x1b[0m" + b"x" * 3000)
    talk.frame(Opcode.TEXT, b"again")
    talk.receive(make_frame(0x3).wire())
    talk.reply("yes")
    talk.end()
    coloured = [line for entry in talk.entries() for line in StoryText(COLOURED).lines_of(entry)]
    plain = lines_of(talk, after_handshake=False)
    assert not any("\x1b" in line for line in plain)
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured] == plain
    for field in fields(COLOURED):
        assert any(getattr(COLOURED, field.name) in line for line in coloured), field.name
    for line in coloured:
        assert line.count("\x1b[0m") * 2 == line.count("\x1b"), "every colour ends on its line"


def test_a_plain_exchange_and_a_tunnel_are_a_line_each() -> None:
    text = StoryText(PLAIN)
    exchange, tunnel = passages()
    cut = replace(
        exchange.connection, closed_by=ClosedBy.SERVER, vanished=True, reason="The answer\nis cut.", status=0
    )
    unended = replace(tunnel.connection, closed_ns=None)
    entries = (exchange, tunnel, replace(exchange, connection=cut), replace(tunnel, connection=unended))
    assert [line for each in entries for line in text.lines_of(each)] == [
        "08:53:20.000 #2 GET /app/ 200 → 0 B ← 512 B 12 ms",
        "08:53:20.000 #3 tunnel example.com:443 → 1.8 KB ← 90.2 KB 12 ms",
        "08:53:20.000 #2 GET /app/ no answer → 0 B ← 512 B 12 ms the server vanished: The answer\\x0ais cut.",
        "08:53:20.000 #3 tunnel example.com:443 → 1.8 KB ← 90.2 KB",
    ]


def test_each_line_names_its_source_where_there_are_several(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, b"hello")
    talk.frame(Opcode.CLOSE, b"")
    talk.end()
    text = StoryText(PLAIN, names_sources=True)
    lines = [line for entry in (*talk.entries(), *passages()) for line in text.lines_of(entry)]
    told = [line for line in lines if not line.startswith(IN)]
    assert len(told) == 7
    assert all(line.startswith(f"{WHEN} [listen] ") for line in told[:5])
    assert told[5].startswith("08:53:20.000 #2 [example.com] GET /app/ 200 ")
    assert told[6].startswith("08:53:20.000 #3 [proxy] tunnel ")


def test_missing_frames_are_counted_with_times_and_reason() -> None:
    gaps = (
        Gap(9, GapReason.DROPPED, 1, START, START),
        Gap(9, GapReason.NOT_RECORDED, 4096, START, START + 1_500_000_000),
        Gap(9, GapReason.NOT_WRITTEN, 2, START, START),
    )
    texts = [list(StoryText(PLAIN).lines_of(gap)) for gap in gaps]
    assert [re.sub(r"\d\d:\d\d:(\d\d.\d\d\d)", r"\1", text[0]) for text in texts] == [
        "20.000 … 1 frame dropped: only the newest are kept",
        "20.000 to 21.500 … 4096 frames not recorded: recording was off",
        "20.000 … 2 frames lost: the capture could not be written",
    ]
