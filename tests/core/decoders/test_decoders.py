"""The choice among decoders, and what happens when one fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders.decoder import Confidence, ContentKind, Decoded
from core.decoders.hexdump import HexDumpDecoder
from core.decoders.registry import Decoders, default_decoders
from core.decoders.text import TextDecoder
from core.errors import CallerError
from core.protocol.frames import Opcode

DECODERS = default_decoders()


class Broken:
    """A plug-in that fails in a way nobody foresaw."""

    name = "broken"
    title = "Broken"
    help = "Fails."

    def __init__(self, confidence: Confidence | None) -> None:
        self._confidence = confidence

    def accepts(self, payload: bytes, opcode: int) -> Confidence:
        if self._confidence is None:
            raise IndexError(f"{len(payload)} {opcode}")
        return self._confidence

    def decode(self, payload: bytes) -> Decoded:
        raise ZeroDivisionError(f"{len(payload)} bytes")


@pytest.mark.parametrize(
    ("payload", "opcode", "name"),
    [
        (b'{"a":1}', Opcode.TEXT, "json"),
        (b"[1]", Opcode.BINARY, "json"),
        (b"hello", Opcode.TEXT, "text"),
        (b"hello", Opcode.PING, "text"),
        (b"", Opcode.TEXT, "text"),
        (b"", Opcode.BINARY, "hex"),
        (b"\x00\x01", Opcode.BINARY, "hex"),
        (b"\xff", Opcode.TEXT, "text"),
        (b"{}", 0x3, "text"),
    ],
)
def test_the_best_one_is_chosen(payload: bytes, opcode: int, name: str) -> None:
    assert DECODERS.best(payload, opcode).name == name
    decoded = DECODERS.decode(payload, opcode)
    assert decoded.decoder == name


def test_one_can_be_chosen_by_name() -> None:
    assert DECODERS.decode(b'{"a":1}', Opcode.TEXT, "hex").kind is ContentKind.HEX
    assert DECODERS.decode(b"1", Opcode.TEXT, "json").kind is ContentKind.JSON
    decoded = DECODERS.decode(b"[1]", Opcode.TEXT, "gone")
    assert (decoded.decoder, decoded.notice) == ("json", "There is no decoder 'gone'. Shown as JSON.")


@pytest.mark.parametrize("name", [None, "json"])
def test_json_that_is_none_is_shown_as_text(name: str | None) -> None:
    decoded = DECODERS.decode(b'{"a":1,}', Opcode.TEXT, name)
    assert (decoded.text, decoded.kind, decoded.decoder) == ('{"a":1,}', ContentKind.TEXT, "text")
    assert decoded.notice == "JSON: a key expected at character 7, not '}'. Shown as Text."


def test_json_over_the_limit_is_shown_as_text_and_says_so() -> None:
    payload = b"[" + b" " * (4 << 20) + b"]"
    decoded = DECODERS.decode(payload, Opcode.TEXT)
    assert decoded.text == payload.decode()
    assert (
        decoded.notice
        == "JSON: 4,194,306 bytes are more than the 4,194,304 that are pretty-printed. Shown as Text."
    )


def test_notices_of_both_are_kept() -> None:
    decoded = DECODERS.decode(b"{\xff}", Opcode.TEXT)
    assert decoded.notice == (
        "JSON: not UTF-8 from byte 1. Shown as Text. Not UTF-8 from byte 1; such bytes are shown as \\xff."
    )


def test_a_decoder_that_breaks_is_passed_over() -> None:
    raw = HexDumpDecoder()
    decoders = Decoders((Broken(Confidence.CERTAIN), TextDecoder(), raw), raw)
    decoded = decoders.decode(b"hi", Opcode.TEXT)
    assert (decoded.text, decoded.notice) == ("hi", "Broken: ZeroDivisionError: 2 bytes. Shown as Text.")
    assert decoders.decode(b"\xff", Opcode.BINARY).kind is ContentKind.HEX
    cannot_rate = Decoders((Broken(None), TextDecoder(), raw), raw)
    assert cannot_rate.decode(b"hi", Opcode.TEXT).notice == ""


def test_raw_must_not_fail() -> None:
    broken = Broken(Confidence.NONE)
    with pytest.raises(CallerError, match="any payload"):
        Decoders((broken,), broken).decode(b"", Opcode.TEXT)


def test_names_are_unique() -> None:
    with pytest.raises(CallerError, match="same name"):
        Decoders((TextDecoder(), TextDecoder()), TextDecoder())


def test_every_decoder_introduces_itself() -> None:
    assert [decoder.name for decoder in DECODERS] == ["json", "text", "hex"]
    assert len(DECODERS) == 3
    for decoder in DECODERS:
        assert decoder.title
        assert decoder.help.endswith(".")
        assert DECODERS.get(decoder.name) is decoder


@given(st.binary(max_size=100), st.integers(0, 15), st.sampled_from([None, "json", "text", "hex", "x"]))
def test_every_payload_can_be_shown(payload: bytes, opcode: int, name: str | None) -> None:
    decoded = DECODERS.decode(payload, opcode, name)
    decoded.text.encode()
    ends = [0, *(edge for span in decoded.spans for edge in span[:2]), len(decoded.text)]
    assert ends == sorted(ends)
