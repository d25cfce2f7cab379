from __future__ import annotations

from pathlib import Path

import pytest

from app.logic.payload_transfer import HexText, WholeText, save_steps
from core.decoders.hexdump import HexDumpDecoder, hexdump
from core.decoders.json import JsonDecoder
from core.decoders.source import WINDOW, Held
from core.errors import CaptureError
from tests.tools.pages import joined, pages_of
from tests.tools.recorded import CaptureMaker

DATA = bytes(range(256)) * 10_000


def test_a_payload_is_saved_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "payload.bin"
    target.write_bytes(b"before")
    assert list(save_steps(Held(DATA), target)) == [WINDOW, 2 * WINDOW, len(DATA)]
    assert target.read_bytes() == DATA
    assert list(tmp_path.iterdir()) == [target]
    assert list(save_steps(Held(b""), target)) == []
    assert target.read_bytes() == b""


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "payload.bin"
    target.write_bytes(b"before")
    steps = save_steps(Held(DATA), target)
    assert next(steps) == WINDOW
    assert len(list(tmp_path.iterdir())) == 2
    del steps
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"before"


def test_a_capture_is_never_replaced(maker: CaptureMaker) -> None:
    maker.peer().say("kept")
    maker.recorder.flush()
    with pytest.raises(CaptureError, match="is a capture"):
        list(save_steps(Held(DATA), maker.path))
    assert maker.reader().frame(1) is not None


def test_pages_are_put_together() -> None:
    source = b"[" + b'{"a":[1,2]},' * 500 + b"0]"
    pages = pages_of(JsonDecoder(1000), source)
    assert pages.count > 3
    text = WholeText(pages, 1_000_000)
    assert list(text.steps()) == list(range(1, pages.count + 1))
    assert text.text == joined(pages)
    dump = WholeText(pages_of(HexDumpDecoder(32), DATA[:100]), 1_000_000)
    assert list(dump.steps()) == [1, 2, 3, 4]
    assert dump.text == hexdump(DATA[:100])


def test_a_text_too_long_to_be_held_is_given_up() -> None:
    pages = pages_of(HexDumpDecoder(32), DATA[:100])
    text = WholeText(pages, 200)
    assert list(text.steps()) == [1]
    assert (text.is_too_long, text.text) == (True, "")


def test_bytes_as_hex() -> None:
    text = HexText(Held(DATA).read, range(5, 600_000))
    assert list(text.steps())[-1] == 599_995
    assert text.text == DATA[5:600_000].hex(" ")
