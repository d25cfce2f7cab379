from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders.context import Context
from core.decoders.decoder import Confidence, ContentKind
from core.decoders.text import TextDecoder
from core.decoders.utf8 import shown
from core.protocol.frames import Opcode
from tests.tools.pages import all_pages, joined, only_page, pages_of

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
    assert DECODER.accepts(payload, Context(opcode)) is confidence


def test_text_is_made_visible() -> None:
    page = only_page(DECODER, "你好\u202e\x00👋".encode())
    assert page.text == "你好\\u202e\\x00👋"
    assert (len(page.spans), page.notice) == (0, "")
    assert pages_of(DECODER, b"").kind is ContentKind.TEXT
    assert only_page(DECODER, b"").text == ""


def test_bytes_that_are_no_utf8() -> None:
    page = only_page(DECODER, b"ab\xffcd")
    assert page.text == "ab\\xffcd"
    assert page.notice == "Not UTF-8 from byte 2; such bytes are shown as \\xff."
    later = all_pages(pages_of(TextDecoder(8), b"abcd\nefghi\nj\xfek"))
    assert [page.notice[:22] for page in later] == ["", "Not UTF-8 from byte 12"]


@given(st.text(), st.integers(8, 20))
def test_pages_put_together_are_the_text(text: str, size: int) -> None:
    data = text.encode("utf-8", "surrogatepass")
    pages = pages_of(TextDecoder(size), data)
    assert joined(pages) == shown(data)
    edges = [(page.first, page.end) for page in all_pages(pages)]
    assert (edges[0][0], edges[-1][1]) == (0, len(data))
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    for offset in range(len(data)):
        first, end = edges[pages.page_at(offset)]
        assert first <= offset < end


@given(st.binary(max_size=60), st.integers(8, 20))
def test_noise_is_cut_somewhere_and_nothing_of_it_is_lost(data: bytes, size: int) -> None:
    pages = all_pages(pages_of(TextDecoder(size), data))
    assert [byte for page in pages for byte in data[page.first : page.end]] == list(data)


def test_a_page_ends_with_a_line_where_one_is_near() -> None:
    text = "".join(f"line {number} 世界\n" for number in range(60_000))
    pages = all_pages(pages_of(DECODER, text.encode()))
    assert len(pages) == 5
    assert all(page.text.endswith("\n") for page in pages)
    endless = all_pages(pages_of(DECODER, "世".encode() * 300_000))
    assert {page.text.strip("世") for page in endless} == {""}


@given(st.text(min_size=1), st.data())
def test_places_are_those_of_the_bytes(text: str, data: st.DataObject) -> None:
    payload = text.encode("utf-8", "surrogatepass")
    page = only_page(DECODER, payload)
    first = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(first + 1, len(text)))
    before, wanted = (len(part.encode("utf-8", "surrogatepass")) for part in (text[:first], text[first:end]))
    ((start, stop),) = page.places(before, before + wanted)
    assert page.text[start:stop] == shown(text[first:end].encode("utf-8", "surrogatepass"))
    among = page.bytes_of(start, stop)
    assert among.start <= before
    assert before + wanted <= among.stop


def test_places_far_behind_in_a_page() -> None:
    payload = "äb\x00".encode() * 40_000
    page = only_page(DECODER, payload)
    ((start, end),) = page.places(4 * 30_000, 4 * 30_001)
    assert (start, page.text[start:end]) == (6 * 30_000, "äb\\x00")
    assert page.bytes_of(start, end).start <= 4 * 30_000 < page.bytes_of(start, end).stop
    assert len(page.bytes_of(start, end)) < 10_000
    assert page.places(-5, 0) == []
