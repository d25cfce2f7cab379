from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.decoders.decoder import Confidence, ContentKind
from core.decoders.hexdump import HexDumpDecoder, hexdump


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


def test_the_decoder_takes_anything_and_says_what_it_leaves_out() -> None:
    decoder = HexDumpDecoder(limit=16)
    assert decoder.accepts(b"", 9) is Confidence.FALLBACK
    whole = decoder.decode(b"x" * 16)
    assert (whole.kind, whole.notice) == (ContentKind.HEX, "")
    cut = decoder.decode(b"x" * 1017)
    assert cut.text == whole.text
    assert cut.notice == "Only the first 16 of 1,017 bytes are shown."
