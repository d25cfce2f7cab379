from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders.context import Context
from core.decoders.decoder import Confidence, ContentKind
from core.decoders.hexdump import HexDumpDecoder, hexdump
from core.decoders.search import Case
from tests.tools.pages import hits, joined, only_page, pages_of


def test_lines() -> None:
    data = b"Hello, \xe4\xb8\xad\x00\x7f wide ~row and one"
    assert hexdump(data).split("\n") == [
        "00000000  48 65 6c 6c 6f 2c 20 e4  b8 ad 00 7f 20 77 69 64  Hello, ..... wid",
        "00000010  65 20 7e 72 6f 77 20 61  6e 64 20 6f 6e 65        e ~row and one",
    ]
    assert hexdump(b"A") == "00000000  41" + " " * 48 + "A"
    assert hexdump(b"") == ""


@given(st.binary(max_size=200))
def test_the_bytes_can_be_read_back(data: bytes) -> None:
    lines = hexdump(data).splitlines()
    assert bytes.fromhex("".join(line[10:58] for line in lines)) == data
    assert "".join(line[60:] for line in lines).replace(".", "") == "".join(
        chr(byte) for byte in data if 0x20 <= byte < 0x7F and byte != 0x2E
    )


def test_the_decoder_takes_anything_in_pages() -> None:
    decoder = HexDumpDecoder(32)
    assert decoder.accepts(b"", Context(9)) is Confidence.FALLBACK
    data = bytes(range(100))
    pages = pages_of(decoder, data)
    assert (pages.kind, pages.count, pages.known) == (ContentKind.HEX, 4, 100)
    assert joined(pages) == hexdump(data)
    assert [pages.page_at(offset) for offset in (0, 31, 32, 99, 500)] == [0, 0, 1, 3, 3]
    assert only_page(decoder, b"").text == ""


def test_places_are_digits_first_and_then_letters() -> None:
    page = only_page(HexDumpDecoder(), bytes(range(0x40, 0x80)))

    def shown_for(first: int, end: int) -> list[str]:
        return [page.text[start:end] for start, end in page.places(first, end)]

    assert shown_for(1, 3) == ["41 42", "AB"]
    assert shown_for(6, 10) == ["46 47  48 49", "FGHI"]
    assert shown_for(15, 18) == ["4f", "50 51", "O", "PQ"]
    assert shown_for(64, 70) == []
    assert page.bytes_of(80, 90) == range(16, 32)


@pytest.mark.parametrize("wanted", ["dead", "0xDEAD", "de ad", "DE:AD"])
def test_a_search_takes_hex_digits_for_bytes_and_text_for_text(wanted: str) -> None:
    data = b"\x00\xde\xad dead DE AD"
    found = hits(data, pages_of(HexDumpDecoder(), data).needle(wanted))
    assert found[0] == b"\xde\xad"
    exact = hits(data, pages_of(HexDumpDecoder(), data).needle(wanted, Case.EXACT))
    assert exact == [b"\xde\xad", *([b"dead"] if wanted == "dead" else [])]
    assert found[1:] == ([b"dead"] if wanted == "dead" else [b"DE AD"] if " " in wanted else [])
