"""A scan finds what asking frame by frame finds, resumes, can be stopped, and leaves out what cannot match."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.capture.blocks import BLOCK_FRAMES
from core.capture.layout import RECORD
from core.capture.marks import KeepMarks, Mark
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError, FilterError
from core.protocol.events import FrameReceived, Message
from core.protocol.frames import RSV1, Opcode, make_frame
from core.query.language import default_language
from core.query.scan import Found, Scan
from tests.tools.captures import opened, received
from tests.tools.filters import RandomCaptures, asked, filters, scanned
from tests.tools.recorded import CaptureMaker

LANGUAGE = default_language()


@pytest.fixture(scope="module")
def captures() -> Iterator[RandomCaptures]:
    with tempfile.TemporaryDirectory() as folder:
        yield RandomCaptures(Path(folder))


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 40), text=filters(LANGUAGE), after=st.integers(0, 60))
def test_both_ways_of_asking_say_the_same(captures: RandomCaptures, seed: int, text: str, after: int) -> None:
    try:
        expression = LANGUAGE.parse(text)
    except FilterError:
        assume(False)
    path = captures[seed]
    expected = asked(path, expression)
    assert scanned(path, expression) == expected
    assert scanned(path, expression, after) == [frame for frame in expected if frame > after]


def frames(path: Path, text: str, after: int = 0) -> list[int]:
    return scanned(path, LANGUAGE.parse(text), after)


def test_marks_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    writer = CaptureWriter(path, "0")
    writer.write([opened(1), received(1, *[b"x"] * 5)])
    for _ in range(3):
        writer.write([received(1, *[b"y"] * 5)])
    assert frames(path, "marked or note") == []
    assert frames(path, "not marked") == [*range(1, 21)]
    writer.change_marks(KeepMarks((Mark(2, ""), Mark(4, "Login"), Mark(12, "a login\nof two lines"))))
    assert frames(path, "marked") == [2, 4, 12]
    assert frames(path, 'marked and note contains "login"') == [12]
    assert frames(path, "note icontains login") == [4, 12]
    assert frames(path, "not marked") == [each for each in range(1, 21) if each not in (2, 4, 12)]
    assert frames(path, "note != Login") == [12], "where nothing is noted there is nothing that differs"
    assert (
        frames(path, "frame <= 5 and not marked")
        == frames(path, "frame <= 5 and marked == false")
        == [1, 3, 5]
    )
    assert frames(path, "note", after=4) == [12]
    with closing(Scan(path, LANGUAGE.parse("note"), most_blocks=1)) as scan:
        assert [found.frames for found in scan.run()] == [(4,), (12,), ()], (
            "blocks without marks are left out"
        )
    writer.close()


def test_it_follows_a_capture_that_is_being_written(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        peer = maker.peer("/a")
        with closing(Scan(maker.path, LANGUAGE.parse('"7" and path == /a'))) as scan:
            assert list(scan.run()) == []
            peer.flood(10)
            maker.recorder.flush()
            [found] = scan.run()
            assert found == Found((8,), 10, 10)
            assert list(scan.run(found.through)) == []
            peer.flood(10)
            other = maker.peer("/b")
            other.flood(10)
            maker.recorder.flush()
            steps = list(scan.run(found.through))
            assert [each.frames for each in steps if each.frames] == [(18,)]
            assert steps[-1].through == steps[-1].last == 30


def test_a_block_that_grows_is_looked_at_behind_the_frame_asked_for(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().flood(5000)
        maker.recorder.flush()
        assert frames(maker.path, "frame > 0", 4990) == list(range(4991, 5001))
        assert frames(maker.path, "not frame > 0", 10) == []


def test_all_of_several_blocks_and_some_of_others(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().flood(4 * BLOCK_FRAMES)
        maker.recorder.flush()
        last = 4 * BLOCK_FRAMES
        for text, after, expected in (
            ("frame > 0", 0, range(1, last + 1)),
            ("frame > 0", 4990, range(4991, last + 1)),
            ("frame > 10", 0, range(11, last + 1)),
            (f"frame <= {last - 10}", 5, range(6, last - 9)),
            ("frame < 7000 or frame > 9000", 0, [*range(1, 7000), *range(9001, last + 1)]),
        ):
            assert frames(maker.path, text, after) == list(expected)


def test_all_of_blocks_between_which_others_are_left_out(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        peers = maker.peer(), maker.peer()
        for number in range(6):
            peers[number % 2].flood(3)
            maker.recorder.flush()
        assert frames(maker.path, "connection == 1") == [1, 2, 3, 7, 8, 9, 13, 14, 15]


def test_it_can_be_stopped_between_blocks_and_tells_how_far_it_is(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().flood(3 * BLOCK_FRAMES)
        maker.recorder.flush()
        with closing(Scan(maker.path, LANGUAGE.parse("9"), most_blocks=1)) as scan:
            run = scan.run()
            first = next(run)
            assert isinstance(run, Generator)
            run.close()
            assert 0 < first.through < first.last == 3 * BLOCK_FRAMES
            assert first.frames[0] == 10


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("connection == 2", 1),
        ("path == /2", 1),
        ("path == /none", 0),
        ("source == second", 1),
        ("source contains s", 4),
        ("source == none", 0),
        ("opcode == ping", 1),
        ("close.code", 1),
        ("violation", 2),
        ("severity >= error", 2),
        ("frame <= 2", 2),
        ("time < 1500us", 2),
        ("time >= 2ms", 2),
        ("connection == 2 and violation", 0),
        ("connection == 2 or violation", 3),
        ("not connection == 2", 4),
        ("x", 4),
    ],
)
def test_blocks_that_cannot_have_a_match_are_left_out(tmp_path: Path, text: str, blocks: int) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        one, two = maker.peer("/1", source="first"), maker.peer("/2", source="second")
        maker.recorder.flush()
        for peer, opcode in ((one, Opcode.TEXT), (two, Opcode.TEXT), (one, Opcode.PING), (one, 3)):
            peer.frame(opcode, b"x")
            maker.recorder.flush()
        with closing(Scan(maker.path, LANGUAGE.parse(text), most_blocks=1)) as scan:
            steps = list(scan.run())
        # The last step may only say that all is done.
        assert len([each for each in steps if each.frames or each.through < each.last]) <= blocks
        assert sum(1 for _ in steps) in (blocks, blocks + 1)


def test_a_capture_that_is_cleared_meanwhile_has_no_matches_any_more(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().flood(3 * BLOCK_FRAMES)
        maker.recorder.flush()
        with closing(Scan(maker.path, LANGUAGE.parse("not zzz"), most_blocks=1)) as scan:
            run = scan.run()
            assert len(next(run).frames) == BLOCK_FRAMES
            maker.recorder.clear()
            maker.recorder.flush()
            assert [each.frames for each in run if each.frames] == []


def test_what_was_cleared_is_not_what_came_before(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        peer = maker.peer()
        peer.flood(2)
        maker.recorder.flush()
        with closing(Scan(maker.path, LANGUAGE.parse("delta"))) as scan:
            assert [each.frames for each in scan.run()] == [(2,)]
            maker.recorder.clear()
            peer.flood(2)
            maker.recorder.flush()
            assert [each.frames for each in scan.run(2)] == [(4,)]


def test_a_damaged_last_frame_stands_in_the_way_of_no_other_question(tmp_path: Path) -> None:
    path = tmp_path / "damaged.unmask"
    with closing(CaptureWriter(path, "1")) as writer:
        writer.write([opened(1), received(1, b"a", b"ab", b"abc")])
    with closing(sqlite3.connect(path)) as db, db:
        (records,) = db.execute("SELECT records FROM block").fetchone()
        stated = records[: -RECORD.size] + RECORD.pack(0, 1, 3, 3, 3, 200, 0x82, 0x11, 0, 0, 0, 0, 0, 0, b"")
        db.execute("UPDATE block SET records = ?", (stated,))
    assert frames(path, "length > 1") == [2, 3]
    assert frames(path, "payload contains ab") == [2, 3]


def test_a_damaged_capture_is_told(captures: RandomCaptures, tmp_path: Path) -> None:
    path = tmp_path / "damaged.unmask"
    path.write_bytes(captures[1].read_bytes())
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE block SET records = CAST(records || x'00' AS BLOB)")
        db.commit()
        with pytest.raises(CaptureError, match="bytes of records"):
            frames(path, "fin")
        assert frames(path, '"not there"') == [], "a search reads no records before there is a hit"
        db.execute("UPDATE lane SET count = 1 << 40")
        db.commit()
        with pytest.raises(CaptureError, match="a block of 1099511627776 frames"):
            frames(path, "fin")
    with pytest.raises(CaptureError, match="There is no capture"):
        frames(tmp_path / "none.unmask", "fin")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is open cannot be cut short")
def test_a_capture_that_is_cut_short_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    writer = CaptureWriter(path, "0")
    writer.write([opened(1)])
    for _ in range(20):
        writer.write([received(1, b"x" * 200_000)])
    writer.close()
    with closing(Scan(path, LANGUAGE.parse("y"), most_blocks=1)) as scan:
        run = scan.run()
        assert next(run).frames == ()
        os.truncate(path, 1_000_000)
        with pytest.raises(CaptureError, match="cannot be read"):
            list(run)


def test_a_hit_in_the_compressed_bytes_of_a_message_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    writer = CaptureWriter(path, "0")
    message = Message(Opcode.TEXT, b"plain text " * 100, True, 1, 8)
    frame = make_frame(Opcode.TEXT, b"squeezed", rsv=RSV1)
    writer.write([opened(1), Batch(1, 1, [FrameReceived(frame, (), message)], 0)])
    writer.close()
    assert frames(path, "squeezed") == []
    assert frames(path, "plain") == frames(path, "compressed") == frames(path, "ratio > 100") == [1]
    assert frames(path, "frame.payload contains squeezed") == [1]


def test_what_stands_behind_a_preview_is_found(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().say("x" * 3_000_000 + "needle")
        maker.recorder.flush()
        assert frames(maker.path, "needle") == frames(maker.path, 'payload matches "x+needle$"') == [1]


@pytest.mark.parametrize(
    "text",
    [
        "connection == 0xffffffffffffffff",
        "connection == 999999999999999GiB",
        "connection in {0xffffffffffffffff}",
    ],
)
def test_a_number_that_no_connection_has(captures: RandomCaptures, text: str) -> None:
    assert frames(captures[1], text) == []
