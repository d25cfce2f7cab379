"""What inflates to much more than came over the wire takes little of the file, and nobody who reads it can tell."""

from __future__ import annotations

import base64
import json
import random
import sqlite3
import struct
import zlib
from contextlib import closing
from io import BytesIO
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.capture.block_reader import EVERY, BlockReader
from core.capture.follow import Follower
from core.capture.packing import CHUNK_BYTES, MOST_UNPACKED, Chunks, pack, split
from core.capture.reader import CaptureReader
from core.capture.records import Mode, PayloadPart, View
from core.capture.repeats import Layout, Repeat
from core.capture.stored_payload import StoredPayload
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.formats.registry import default_formats
from core.protocol.events import Event, FrameReceived, FrameSent, Message, Origin
from core.protocol.frames import FIN, RSV1, Frame, Opcode, make_frame
from core.query.language import default_language
from core.query.scan import Scan

NOISE = random.Random(1).randbytes(3 * CHUNK_BYTES)
REPEAT = Repeat(9000, 5000, 0).pack()


@settings(deadline=None)
@given(st.lists(st.integers(0, 2 * CHUNK_BYTES), max_size=4), st.data())
def test_every_piece_of_what_is_packed_comes_back(sizes: list[int], data: st.DataObject) -> None:
    ends = list(accumulate(sizes))
    whole = (NOISE * 4)[: sum(sizes)]
    entries, stored = pack([whole[end - size : end] for size, end in zip(sizes, ends, strict=True)])
    assert split(REPEAT + entries) == (REPEAT, entries)
    chunks = Chunks(entries)
    assert (chunks.size, chunks.surplus) == (len(whole), len(whole) - len(stored))
    assert chunks.unpacked(stored) == whole
    for _ in range(4):
        offset = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(1, 2 * CHUNK_BYTES))
        if whole:
            assert chunks.read(BytesIO(stored), offset, length) == whole[offset : offset + length]


def entry(offset: int, length: int, stored: int) -> bytes:
    return struct.pack("<III", offset, length | 1 << 31, stored)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "text",
        b"x",
        entry(0, 0, 10),
        entry(1, 10, 10),
        entry(0, 10, 10) + entry(10, 10, 10),
        entry(0, CHUNK_BYTES + 1, 10),
        entry(0, CHUNK_BYTES, 10) + REPEAT,
        b"".join(entry(n * CHUNK_BYTES, CHUNK_BYTES, 9) for n in range(MOST_UNPACKED // CHUNK_BYTES + 2)),
    ],
)
def test_what_no_writer_says_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="a block says of"):
        Layout(said)


@pytest.mark.parametrize(
    "stored",
    [b"", b"no zlib", zlib.compress(bytes(99)), zlib.compress(bytes(101)), zlib.compress(bytes(100))[:-1]],
)
def test_what_does_not_inflate_to_its_length_is_refused(stored: bytes) -> None:
    chunks = Chunks(entry(0, 100, len(stored)))
    with pytest.raises(ValueError, match="does not inflate"):
        chunks.unpacked(stored)
    with pytest.raises(ValueError, match="does not inflate"):
        chunks.read(BytesIO(stored), 0, 1)


def bombs(*contents: bytes) -> list[Event]:
    """Each content in a frame of its own, and the echo of it."""
    events: list[Event] = []
    for content in contents:
        wire = zlib.compress(content, 9)[2:-4]
        message = Message(Opcode.BINARY, content, True, 1, len(wire))
        head = FIN | RSV1 | Opcode.BINARY
        events.append(FrameReceived(Frame(head, b"mask", wire, 2, len(wire)), (), message))
        events.append(FrameSent(Frame(head, None, wire, 2, len(wire)), Origin.RULE, message))
    return events


def record(path: Path, events: list[Event]) -> None:
    with closing(CaptureWriter(path, "0")) as writer:
        opened = Opened(Mode.LISTEN, "127.0.0.1:1", "127.0.0.1:2")
        writer.write([Batch(1, 1, opened, 0), Batch(1, 2, events, 0)])


CONTENTS = (
    bytes(6_000_000) + b"needle" + bytes(2_000_000),
    bytes(100_000),
    b"a" * 3000,
    bytes(700_000) + b"needle",
)


@pytest.fixture
def packed_capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.unmask"
    record(path, bombs(*CONTENTS))
    return path


def test_bombs_take_little_of_the_file(packed_capture: Path) -> None:
    assert sum(map(len, CONTENTS)) > 8_800_000
    assert packed_capture.stat().st_size < 600_000
    with closing(sqlite3.connect(packed_capture)) as db:
        stored = db.execute("SELECT sum(length(bytes)) FROM payload").fetchone()[0]
    wire = sum(len(zlib.compress(each, 9)) for each in CONTENTS)
    assert stored < 16 * 2 * wire


def test_all_who_read_them_get_them_whole(packed_capture: Path) -> None:
    with closing(CaptureReader(packed_capture)) as reader:
        rows = reader.rows(View(), 0, 100)
        assert [row.preview for row in rows[::2]] == [each[:256] for each in CONTENTS]
        twice = [each for each in CONTENTS for _ in range(2)]
        assert [each.message_payload for each in reader.frames_after(0, 100)] == twice
        for number, content in enumerate(twice, 1):
            frame = reader.frame(number)
            assert frame is not None
            assert frame.message_payload == content
            piece = reader.pieces.payload(number, PayloadPart.MESSAGE, len(content) - 10, len(content) + 5)
            assert piece == content[-10:]
            outline = reader.pieces.outline(number)
            assert outline is not None
            assert zlib.decompressobj(-15).decompress(outline.frame.payload)[:9] == content[:9]
        payload = StoredPayload(packed_capture, 1, PayloadPart.MESSAGE, len(CONTENTS[0]))
        assert payload.read(6_000_000, 6_000_006) == b"needle"
    with closing(BlockReader(packed_capture)) as blocks:
        assert sum(blocks.payloads(key).count(b"needle") for key in blocks.choose(0, 8, EVERY, 10)) == 4


def test_a_filter_and_an_export_see_them(packed_capture: Path) -> None:
    wanted = default_language().filter("payload contains needle")
    with closing(Scan(packed_capture, wanted.expression)) as scan:
        assert [number for found in scan.run() for number in found.frames] == [1, 2, 7, 8]
    with closing(CaptureReader(packed_capture)) as reader:
        exported = b"".join(
            default_formats().get("jsonl").export(Follower(reader).entries(ending=True))
        ).splitlines()
    messages = [line for line in map(json.loads, exported) if line["event"] == "message"]
    assert [base64.b64decode(each["payload"]) for each in messages] == [
        each for each in CONTENTS for _ in range(2)
    ]


def test_what_is_no_bomb_is_stored_as_it_is(tmp_path: Path) -> None:
    """A search need not inflate what is compressed as messages usually are."""
    path = tmp_path / "a.unmask"
    content = b"".join(b'{"user":%d},' % number for number in range(50_000))
    record(path, bombs(content))
    with closing(sqlite3.connect(path)) as db:
        repeats, stored = db.execute("SELECT length(repeats), bytes FROM payload").fetchone()
    assert repeats == 2 * len(REPEAT)
    assert content in stored


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE payload SET bytes = zeroblob(length(bytes))",
        "UPDATE payload SET bytes = substr(bytes, 1, 10)",
        "UPDATE payload SET repeats = substr(repeats, 1, length(repeats) - 5)",
        "UPDATE payload SET repeats = x''",
    ],
)
def test_damage_is_told_as_such(packed_capture: Path, damage: str) -> None:
    with closing(sqlite3.connect(packed_capture)) as db, db:
        db.execute(damage)
    with closing(CaptureReader(packed_capture)) as reader, pytest.raises(CaptureError, match="It is damaged"):
        list(reader.frames_after(0, 100))
    if "x''" in damage:
        return
    with closing(BlockReader(packed_capture)) as blocks, pytest.raises(CaptureError, match="It is damaged"):
        list(map(blocks.payloads, blocks.choose(0, 8, EVERY, 10)))


def test_a_short_frame_beside_them_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    hello = FrameReceived(make_frame(Opcode.TEXT, b"hello", masking_key=b"mask"), (), None)
    record(path, [hello, *bombs(bytes(400_000)), hello])
    with closing(CaptureReader(path)) as reader:
        assert [each.frame.payload for each in reader.frames_after(0, 9)][::3] == [b"hello", b"hello"]
