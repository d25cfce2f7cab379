from __future__ import annotations

import pytest

from core.decoders.decoder import Confidence, ContentKind
from core.decoders.text import TextDecoder
from core.protocol.frames import Opcode

DECODER = TextDecoder()


@pytest.mark.parametrize(
    ("payload", "opcode", "confidence"),
    [
        (b"", Opcode.TEXT, Confidence.POSSIBLE),
        (b"\xff", Opcode.TEXT, Confidence.POSSIBLE),
        (b"", Opcode.BINARY, Confidence.NONE),
        (b"GET / HTTP/1.1\r\n", Opcode.BINARY, Confidence.POSSIBLE),
        ("中".encode(), Opcode.PING, Confidence.POSSIBLE),
        (b"a\x00b", Opcode.BINARY, Confidence.NONE),
        (b"\xff\xfe", Opcode.BINARY, Confidence.NONE),
        ("中".encode()[:2], Opcode.BINARY, Confidence.NONE),
        (("中" * 5000).encode(), Opcode.BINARY, Confidence.POSSIBLE),
        (b"\x03\xe8bye", Opcode.CLOSE, Confidence.NONE),
    ],
)
def test_accepts(payload: bytes, opcode: int, confidence: Confidence) -> None:
    assert DECODER.accepts(payload, opcode) is confidence


def test_text_is_made_visible() -> None:
    decoded = DECODER.decode("你好\u202e\x00👋".encode())
    assert decoded.text == "你好\\u202e\\x00👋"
    assert (decoded.kind, decoded.spans, decoded.notice) == (ContentKind.TEXT, (), "")


def test_bytes_that_are_no_utf8() -> None:
    decoded = DECODER.decode(b"ab\xffcd")
    assert decoded.text == "ab\\xffcd"
    assert decoded.notice == "Not UTF-8 from byte 2; such bytes are shown as \\xff."


@pytest.mark.parametrize(
    ("limit", "shown"), [(1, ""), (2, ""), (3, "中"), (5, "中"), (6, "中文"), (7, "中文")]
)
def test_a_cut_falls_between_characters(limit: int, shown: str) -> None:
    decoded = TextDecoder(limit).decode("中文👋".encode())
    assert decoded.text == shown
    assert decoded.notice == f"Only the first {len(shown.encode())} of 10 bytes are shown."


def test_a_cut_through_noise() -> None:
    decoded = TextDecoder(3).decode(b"\x80\x80\x80\x80\x80\x80")
    assert decoded.text == "\\x80\\x80\\x80"
    assert decoded.notice.startswith("Only the first 3 of 6 bytes are shown. Not UTF-8 from byte 0")
