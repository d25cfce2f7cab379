"""The choice among decoders, and what happens when one fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders.context import Context
from core.decoders.decoder import Confidence, ContentKind, Pages
from core.decoders.hexdump import HexDumpDecoder
from core.decoders.registry import Decoders, Reading, default_decoders
from core.decoders.source import Held, Source
from core.decoders.text import TextDecoder
from core.errors import CallerError
from core.protocol.frames import Opcode
from tests.tools.pages import all_pages, joined, notices, read

DECODERS = default_decoders()


class Broken:
    """A plug-in that fails in a way nobody foresaw."""

    name = "broken"
    title = "Broken"
    help = "Fails."

    def __init__(self, confidence: Confidence | None) -> None:
        self._confidence = confidence

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        if self._confidence is None:
            raise IndexError(f"{len(ends)} {context}")
        return self._confidence

    def pages(self, source: Source, context: Context) -> Pages:
        raise ZeroDivisionError(f"{len(source)} bytes of opcode {context.opcode}")


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
    assert DECODERS.best(payload, Context(opcode)).name == name
    reading = read(DECODERS, payload, opcode)
    assert reading.decoder is DECODERS.get(name)


def kind_of(payload: bytes, name: str) -> ContentKind:
    pages = read(DECODERS, payload, Opcode.TEXT, name).pages
    assert pages is not None
    return pages.kind


def text_of(reading: Reading) -> str:
    assert reading.pages is not None
    return joined(reading.pages)


def test_one_can_be_chosen_by_name() -> None:
    assert kind_of(b'{"a":1}', "hex") is ContentKind.HEX
    assert kind_of(b"1", "json") is ContentKind.JSON
    reading = read(DECODERS, b"[1]", Opcode.TEXT, "gone")
    assert reading.decoder is DECODERS.get("json")
    assert reading.notice == "There is no decoder 'gone'. Shown as JSON."


@pytest.mark.parametrize("name", [None, "json"])
def test_json_that_is_none_is_shown_as_text(name: str | None) -> None:
    reading = read(DECODERS, b'{"a":1,}', Opcode.TEXT, name)
    assert (text_of(reading), reading.decoder) == ('{"a":1,}', DECODERS.get("text"))
    assert reading.notice == "JSON: a key expected at byte 7, not '}'. Shown as Text."


def test_json_of_many_megabytes_is_laid_out_in_pages() -> None:
    payload = b"[" + b'{"a":[1,2,3],"b":"c"},' * 250_000 + b"0]"
    reading = Reading(DECODERS, Held(payload), Context(Opcode.TEXT))
    done = list(reading.steps())
    assert done == sorted(done)
    assert done[-1] == len(payload)
    assert (reading.decoder, reading.notice) == (DECODERS.get("json"), "")
    assert reading.pages is not None
    assert reading.pages.count > 20
    assert reading.pages.page(reading.pages.count - 1).text.endswith("  0\n]")


def test_what_is_known_stays_when_one_stops() -> None:
    reading = Reading(DECODERS, Held(b"[" + b"[1,2]," * 1_000_000 + b"0]"), Context(Opcode.TEXT))
    for _ in reading.steps():
        if reading.pages is not None and reading.pages.count == 3:
            break
    assert reading.pages is not None
    last = reading.pages.page(2)
    assert last.end == reading.pages.known
    assert reading.pages.page_at(last.end + 1) == 2


def test_notices_of_both_are_kept() -> None:
    assert notices(read(DECODERS, b"{\xff}", Opcode.TEXT)) == (
        "JSON: not UTF-8 from byte 1. Shown as Text. Not UTF-8 from byte 1; such bytes are shown as \\xff."
    )


def test_a_decoder_that_breaks_is_passed_over() -> None:
    raw = HexDumpDecoder()
    decoders = Decoders((Broken(Confidence.CERTAIN), TextDecoder(), raw), raw)
    reading = read(decoders, b"hi", Opcode.TEXT)
    assert (text_of(reading), reading.notice) == (
        "hi",
        "Broken: ZeroDivisionError: 2 bytes of opcode 1. Shown as Text.",
    )
    assert read(decoders, b"\xff", Opcode.BINARY).decoder is raw
    cannot_rate = Decoders((Broken(None), TextDecoder(), raw), raw)
    assert read(cannot_rate, b"hi", Opcode.TEXT).notice == ""


def test_raw_must_not_fail() -> None:
    broken = Broken(Confidence.NONE)
    with pytest.raises(CallerError, match="any payload"):
        read(Decoders((broken,), broken), b"", Opcode.TEXT)


def test_names_are_unique() -> None:
    with pytest.raises(CallerError, match="same name"):
        Decoders((TextDecoder(), TextDecoder()), TextDecoder())


def test_every_decoder_introduces_itself() -> None:
    assert [decoder.name for decoder in DECODERS] == ["socket.io", "json", "text", "hex"]
    assert len(DECODERS) == 4
    for decoder in DECODERS:
        assert decoder.title
        assert decoder.help.endswith(".")
        assert DECODERS.get(decoder.name) is decoder


@given(st.binary(max_size=100), st.integers(0, 15), st.sampled_from([None, "json", "text", "hex", "x"]))
def test_every_payload_can_be_shown(payload: bytes, opcode: int, name: str | None) -> None:
    reading = read(DECODERS, payload, opcode, name)
    text_of(reading).encode()
    assert reading.pages is not None
    for page in all_pages(reading.pages):
        ends = [0, *(edge for span in page.spans for edge in span[:2]), len(page.text)]
        assert ends == sorted(ends)
