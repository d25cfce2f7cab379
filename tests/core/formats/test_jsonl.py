from __future__ import annotations

import base64
import json
import unicodedata
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.capture.follow import Decision, Follower
from core.capture.gaps import Gap, GapReason
from core.capture.marks import KeepMarks, Mark, change_marks_of
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord, Mode, SourceLabel
from core.capture.writer import CaptureWriter
from core.formats.jsonl import JsonLines, JsonStory, error_line, frame_line, iso_time, listening_line
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.frames import RSV1, Frame, Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from core.protocol.state import Role
from tests.tools.conversation import KEY, START, Conversation
from tests.tools.passages import passages

MINE = SourceLabel(Mode.LISTEN, "mine", "127.0.0.1:80, [::1]:80", "")
TIME = "2025-10-09T08:53:20.000000001Z"

Object = dict[str, Any]


def exported(path: Path) -> list[bytes]:
    with closing(CaptureReader(path)) as reader:
        return list(JsonLines().export(Follower(reader).entries(ending=True)))


def lines_in(talk: Conversation) -> list[bytes]:
    return exported(talk.keep())


def objects_in(talk: Conversation, event: str) -> list[Object]:
    return [found for line in lines_in(talk) if (found := json.loads(line))["event"] == event]


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation(tmp_path / "a.unmask")


def test_an_empty_capture_has_no_lines(tmp_path: Path) -> None:
    CaptureWriter(tmp_path / "a.unmask", "0").close()
    assert exported(tmp_path / "a.unmask") == []


def test_the_handshake(talk: Conversation) -> None:
    talk.receive(
        b"GET /chat HTTP/1.1\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: \xe9\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://localhost\r\n\r\n"
    )
    [line] = objects_in(talk, "handshake")
    request, response, violations = line.pop("request"), line.pop("response"), line.pop("violations")
    [leg] = line.pop("legs")
    assert (leg["side"], leg["connected"], leg["tls_problem"]) == ("client", line["time"], "")
    assert line == {
        "event": "handshake",
        "connection": 1,
        "source": "listen",
        "time": "2025-10-09T08:53:20.000000000Z",
        "mode": "listen",
        "outcome": "accepted",
        "peer": "127.0.0.1:50312",
        "local": "127.0.0.1:8080",
        "path": "/chat",
        "origin": "http://localhost",
        "status": 101,
        "reason": "",
        "passed_request": "",
        "passed_response": "",
        "rules": [],
        "secrets_masked": False,
        "subprotocol": None,
        "extensions": "",
    }
    assert "X: \xe9\r\n" in request
    assert request.startswith("GET /chat HTTP/1.1\nHost")
    assert response.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    [violation] = violations
    assert (violation["head"], violation["rule"]) == ("client_request", "head-bare-lf")
    assert violation["severity"] == "warning"


def test_a_refused_handshake(talk: Conversation) -> None:
    talk.receive(b"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
    talk.end()
    [line] = objects_in(talk, "handshake")
    assert line["outcome"] == "refused"
    assert line["status"] == 405
    assert line["reason"]
    assert "method-not-get" in [each["rule"] for each in line["violations"]]
    [close] = objects_in(talk, "close")
    assert (close["state"], close["code"]) == ("refused", None)


def test_marks(talk: Conversation) -> None:
    talk.open()
    for text in (b"a", b"b", b"c"):
        talk.frame(Opcode.TEXT, text)
    path = talk.keep()
    change_marks_of(path, KeepMarks((Mark(2, ""), Mark(3, "two\nlines 你"))))
    frames = [line for line in map(json.loads, exported(path)) if line["event"] == "frame"]
    assert [(each["marked"], each["note"]) for each in frames] == [
        (False, None),
        (True, ""),
        (True, "two\nlines 你"),
    ]


def test_a_text_frame_and_its_message(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, "héllo 你好".encode())
    lines = [json.loads(line) for line in lines_in(talk)]
    assert lines[1:] == [
        {
            "event": "frame",
            "connection": 1,
            "source": "listen",
            "frame": 1,
            "number": 1,
            "time": "2025-10-09T08:53:20.000000002Z",
            "direction": "client_to_server",
            "origin": "peer",
            "fin": True,
            "rsv1": False,
            "rsv2": False,
            "rsv3": False,
            "opcode": 1,
            "opcode_name": "text",
            "masked": True,
            "masking_key": "37fa213d",
            "length_bits": 7,
            "payload_length": 13,
            "captured_length": 13,
            "fate": "passed",
            "decided_by": None,
            "held_ns": None,
            "rules": [],
            "redacted": False,
            "cause": None,
            "encoding": "text",
            "payload": "héllo 你好",
            "violations": [],
            "marked": False,
            "note": None,
        },
        {
            "event": "message",
            "connection": 1,
            "source": "listen",
            "frame": 1,
            "time": "2025-10-09T08:53:20.000000002Z",
            "direction": "client_to_server",
            "origin": "peer",
            "type": "text",
            "frames": 1,
            "compressed": False,
            "length": 13,
            "wire_length": 13,
            "fate": "passed",
            "redacted": False,
            "encoding": "text",
            "payload": "héllo 你好",
        },
    ]


def test_binary_and_text_that_is_none_are_base64(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.BINARY, b"\x00\xff")
    talk.frame(Opcode.TEXT, b"a\xff")
    frames = objects_in(talk, "frame")
    assert [(each["encoding"], base64.b64decode(each["payload"])) for each in frames] == [
        ("base64", b"\x00\xff"),
        ("base64", b"a\xff"),
    ]
    reused, violation = frames[1]["violations"]
    assert (reused["rule"], reused["severity"]) == ("masking-key-reused", "note")
    assert (violation["rule"], violation["severity"]) == ("text-not-utf8", "error")
    assert violation["section"] == "RFC 6455 §8.1"
    assert violation["sentence"] == "A text message must be UTF-8."
    assert violation["length"] > 0


def test_fragments_make_one_message(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, "é".encode()[:1], fin=False)
    talk.frame(Opcode.CONTINUATION, "é".encode()[1:])
    lines = [json.loads(line) for line in lines_in(talk)][1:]
    assert [each["event"] for each in lines] == ["frame", "frame", "message"]
    assert [each["opcode_name"] for each in lines[:2]] == ["text", "continuation"]
    assert (lines[0]["fin"], lines[0]["encoding"]) == (False, "base64")
    message = lines[2]
    assert (message["frame"], message["frames"], message["payload"]) == (2, 2, "é")


def test_a_compressed_message_has_both_lengths(talk: Conversation) -> None:
    talk.open(deflate="permessage-deflate")
    data = Deflater(DeflateParameters(False, False), Role.CLIENT, 9).compress(b"a" * 1000)
    talk.frame(Opcode.TEXT, data, rsv=RSV1)
    frame, message = [json.loads(line) for line in lines_in(talk)][1:]
    assert (frame["rsv1"], frame["encoding"], base64.b64decode(frame["payload"])) == (True, "base64", data)
    assert (message["compressed"], message["length"], message["wire_length"]) == (True, 1000, len(data))
    assert message["payload"] == "a" * 1000


def test_replies_tell_why_they_were_sent(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.PING, b"?")
    talk.reply("yes")
    frames = objects_in(talk, "frame")[1:]
    assert [(each["opcode_name"], each["origin"], each["direction"]) for each in frames] == [
        ("pong", "automatic", "server_to_client"),
        ("text", "composed", "server_to_client"),
    ]
    assert frames[0]["masking_key"] is None


def test_close_frames_and_the_end(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.CLOSE, (1001).to_bytes(2, "big") + "tschüß".encode())
    talk.receive(b"!")
    talk.end()
    lines = [json.loads(line) for line in lines_in(talk)][1:]
    theirs, ours, close = lines
    assert (theirs["close_code"], theirs["close_reason"]) == (1001, "tschüß")
    assert (ours["close_code"], ours["origin"]) == (1001, "automatic")
    assert close.pop("trailing_length") == 1
    assert base64.b64decode(close.pop("trailing")) == b"!"
    [leg] = close.pop("legs")
    assert leg == {
        "side": "client",
        "peer": "127.0.0.1:50312",
        "local": "127.0.0.1:8080",
        "opened": "2025-10-09T08:53:20.000000000Z",
        "connected": "2025-10-09T08:53:20.000000000Z",
        "secured": None,
        "answered": "2025-10-09T08:53:20.000000001Z",
        "first_message": None,
        "closed": "2025-10-09T08:53:20.000000004Z",
        "ended": "closed",
        "trailing": base64.b64encode(b"!").decode(),
        "trailing_length": 1,
        "tls_version": None,
        "tls_cipher": None,
        "alpn": None,
        "sni": None,
        "resumed": False,
        "tls_problem": "",
        "certificates": "",
    }
    assert close == {
        "event": "close",
        "connection": 1,
        "source": "listen",
        "time": "2025-10-09T08:53:20.000000004Z",
        "state": "closed",
        "code": 1001,
        "reason": "tschüß",
        "closed_by": "client",
        "vanished": False,
        "frames": 2,
        "bytes_client_to_server": 6 + 10,
        "bytes_server_to_client": ours["payload_length"] + 2,
    }


def test_a_truncated_frame_has_both_lengths(talk: Conversation) -> None:
    talk.open()
    talk.receive(make_frame(Opcode.BINARY, bytes(300), masking_key=KEY).wire()[:108])
    talk.end()
    [frame] = objects_in(talk, "frame")
    assert (frame["length_bits"], frame["payload_length"], frame["captured_length"]) == (16, 300, 100)
    assert [each["rule"] for each in frame["violations"]] == ["frame-truncated"]


def test_the_wire_can_be_rebuilt_from_a_line(talk: Conversation) -> None:
    wire = Frame(0xC3, KEY, b"abc", 2, 3).wire()
    talk.open()
    talk.receive(wire)
    [line] = objects_in(talk, "frame")
    bits = (line["fin"], line["rsv1"], line["rsv2"], line["rsv3"])
    head = sum(bit << place for bit, place in zip(bits, (7, 6, 5, 4), strict=True)) | line["opcode"]
    again = Frame(
        head,
        bytes.fromhex(line["masking_key"]),
        base64.b64decode(line["payload"]),
        (7, 16, 64).index(line["length_bits"]),
        line["payload_length"],
    )
    assert again.wire() == wire
    assert line["opcode_name"] == "reserved 0x3"


def test_text_stands_as_it_was_written_so_that_it_can_be_searched(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, "你好, Ωmega 💥".encode())
    assert [
        b"\xe4\xbd\xa0\xe5\xa5\xbd, \xce\xa9mega \xf0\x9f\x92\xa5" in line for line in lines_in(talk)
    ] == [
        False,
        True,
        True,
    ]


def test_nothing_in_a_line_can_steer_a_terminal_or_end_it(talk: Conversation) -> None:
    evil = "".join(
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp") or code in (0x3164, 0xE0001)
    )
    talk.open()
    talk.frame(Opcode.TEXT, evil.encode())
    for line in lines_in(talk):
        text = line.decode()
        assert text.endswith("}\n")
        assert not any(each in evil for each in text[:-1])
    [message] = objects_in(talk, "message")
    assert message["payload"] == evil


def test_lone_surrogates_stay_escaped() -> None:
    line = error_line("\ud83d and \udca5")
    assert "\\ud83d and \\udca5" in line
    assert json.loads(line)["message"] == "\ud83d and \udca5"


def test_the_lines_that_are_no_capture() -> None:
    assert json.loads(listening_line(MINE, ("127.0.0.1:80", "[::1]:80"), "ws")) == {
        "event": "listening",
        "source": "mine",
        "mode": "listen",
        "addresses": ["127.0.0.1:80", "[::1]:80"],
        "urls": ["ws://127.0.0.1:80/", "ws://[::1]:80/"],
        "relays_to": None,
    }
    assert json.loads(error_line("No.")) == {"event": "error", "source": None, "message": "No."}


def test_a_plain_exchange_and_a_tunnel_are_a_line_each() -> None:
    story = JsonStory()
    exchange, tunnel = [json.loads(line) for each in passages() for line in story.lines_of(each)]
    assert [leg.pop("side") for leg in exchange.pop("legs")] == ["client", "server"]
    del tunnel["legs"]
    assert exchange == {
        "event": "exchange",
        "connection": 2,
        "source": "example.com",
        "time": "2025-10-09T08:53:20.000000000Z",
        "mode": "relay",
        "closed": "2025-10-09T08:53:20.012000000Z",
        "peer": "127.0.0.1:50314",
        "local": "127.0.0.1:8081",
        "method": "GET",
        "path": "/app/",
        "status": 200,
        "request": "GET /app/ HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "response": "HTTP/1.1 200 OK\r\nContent-Length: 512\r\n\r\n",
        "reason": "",
        "closed_by": "nobody",
        "vanished": False,
        "bytes_client_to_server": 0,
        "bytes_server_to_client": 512,
        "violations": [],
    }
    assert (tunnel["event"], tunnel["source"], tunnel["target"]) == ("tunnel", "proxy", "example.com:443")
    assert (tunnel["bytes_client_to_server"], tunnel["bytes_server_to_client"]) == (1840, 90_211)


def test_the_line_of_a_frame_is_the_one_of_the_export(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.PING, b"\x00")
    exported = lines_in(talk)
    entries = talk.entries()
    story = JsonStory()
    assert [line.encode() + b"\n" for entry in entries for line in story.lines_of(entry)] == exported
    assert isinstance(entries[1], FrameRecord)
    assert frame_line(entries[1], "listen").encode() + b"\n" == exported[1]


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (START + 1, TIME),
        (999_999_999, "1970-01-01T00:00:00.999999999Z"),
    ],
)
def test_times_are_utc_to_the_nanosecond(time_ns: int, text: str) -> None:
    assert iso_time(time_ns) == text


def test_missing_frames_are_a_gap() -> None:
    lines = list(JsonStory().lines_of(Gap(4097, GapReason.NOT_WRITTEN, 4096, START, START + 1)))
    assert [json.loads(line) for line in lines] == [
        {
            "event": "gap",
            "time": TIME,
            "from": "2025-10-09T08:53:20.000000000Z",
            "to": TIME,
            "frames": 4096,
            "reason": "not_written",
            "before_frame": 4097,
        }
    ]


def test_what_was_done_to_a_frame_and_what_was_decided_later(talk: Conversation) -> None:
    talk.open()
    talk.frame(Opcode.TEXT, b"***")
    frame = next(each for each in talk.entries() if isinstance(each, FrameRecord))
    handling = Handling(Fate.REPLACED, DecidedBy.PERSON, 3_200_000_000, ("Hold", "你"), is_redacted=True)
    row = replace(frame.row, handling=handling, cause=7)
    entries = (replace(frame, row=row), Decision(row))
    whole, message, decision = (json.loads(line) for entry in entries for line in JsonStory().lines_of(entry))
    said: Object = {
        "fate": "replaced",
        "decided_by": "person",
        "held_ns": 3_200_000_000,
        "rules": ["Hold", "你"],
        "redacted": True,
    }
    assert said.items() <= whole.items()
    assert (whole["cause"], message["fate"], message["redacted"]) == (7, "replaced", True)
    assert decision == {
        "event": "decision",
        "connection": 1,
        "source": None,
        "frame": 1,
        "time": "2025-10-09T08:53:23.200000002Z",
        "direction": "client_to_server",
        **said,
    }
