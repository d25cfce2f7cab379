"""One connection is cleared: its frames are gone, all others are as they were."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.follow import Follower, Handshake
from core.capture.marks import KeepMarks, Mark
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord, FrameRow, View
from core.capture.ring import Keep
from core.protocol.events import Origin
from core.protocol.frames import Opcode
from tests.tools.recorded import CaptureMaker, Peer

BOTH = (True, False)


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[CaptureMaker]:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        yield maker


def no_id(row: FrameRow) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in FrameRow.__dataclass_fields__ if name != "id")


def told(record: FrameRecord) -> tuple[object, ...]:
    """A frame with all that is said of it, but for its id."""
    return (*no_id(record.row), record.frame, record.message_payload, record.violations, record.note)


def story(reader: CaptureReader, *, without: int = 0) -> list[tuple[object, ...]]:
    return [told(each) for each in reader.frames_after(0, 1 << 30) if each.row.connection != without]


def check(reader: CaptureReader) -> None:
    """All lists agree with each other, and with what is counted."""
    records = list(reader.frames_after(0, 1 << 30))
    totals = reader.totals()
    assert totals.frames - totals.dropped_frames == len(records)
    connections = reader.connections()
    assert totals.connections == len(connections)
    assert totals.violations == reader.problem_count() == sum(each.violation_count for each in connections)
    assert totals.bytes == sum(each.bytes_in + each.bytes_out for each in connections)
    for connection in (None, *(each.id for each in connections)):
        for control in BOTH:
            view = View(connection, control)
            shown = [
                each.row
                for each in records
                if connection in (None, each.row.connection) and (control or not each.row.head & 8)
            ]
            first = reader.dropped(view)
            assert reader.count(view) - first == len(shown), view
            assert reader.rows(view, first, 1 << 30) == shown, view
            some = range(0, len(shown), 1 + len(shown) // 500)
            assert [reader.position(view, shown[at].id) for at in some] == [first + at for at in some], view


def chatter(maker: CaptureMaker, peers: list[Peer], steps: int, seed: int) -> None:
    """What peers say, across many blocks; some of it long, broken, cut, again and again."""
    chance = random.Random(seed)
    long = [bytes([kind]) * size for kind, size in ((1, 5000), (2, 9000), (3, 70_000))]
    for step in range(steps):
        peer = chance.choice(peers)
        match chance.randrange(8):
            case 0:
                peer.flood(chance.randrange(1, 30))
            case 1:
                peer.frame(Opcode.PING, b"?")
            case 2:
                peer.frame(Opcode.TEXT, b"not masked", key=None)
            case 3:
                peer.frame(Opcode.TEXT, b"cut ", fin=False)
                peer.frame(Opcode.CONTINUATION, b"in two")
            case 4:
                for each in peers:
                    each.frame(Opcode.BINARY, chance.choice(long))
            case 5:
                peer.answer(f"answer {step}")
            case _:
                peer.say(f"step {step}")
        if step % 7 == 0:
            maker.recorder.flush()
        if step % 31 == 0:
            maker.recorder.set_recording(False)
            peer.flood(3)
            maker.recorder.set_recording(True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("over", BOTH)
def test_all_others_are_as_they_were(maker: CaptureMaker, seed: int, *, over: bool) -> None:
    peers = [maker.peer(f"/{number}") for number in range(4)]
    chatter(maker, peers, 150, seed)
    gone = peers[seed % 4]
    if over:
        gone.vanish()
    reader = maker.reader()
    ids = [each.row.id for each in reader.frames_after(0, 1 << 30)]
    maker.recorder.change_marks(KeepMarks(tuple(Mark(each, f"note {each}") for each in ids[::5])), print)
    maker.recorder.flush()
    check(reader)
    others = story(reader, without=gone.id)
    gaps = [(gap.frames, gap.reason) for gap in reader.gaps.noted(View(None))]
    own = sum(gap.frames for gap in reader.gaps.noted(View(gone.id)))
    maker.recorder.clear_connection(gone.id)
    maker.recorder.flush()
    reader.forget()
    assert story(reader) == others
    assert (reader.connection(gone.id) is None) is over
    check(reader)
    left = [(gap.frames, gap.reason) for gap in reader.gaps.noted(View(None))]
    assert sum(frames for frames, _ in left) == sum(frames for frames, _ in gaps) - own
    # No id comes again, so that nobody takes one frame for another.
    kept = [each.row.id for each in reader.frames_after(0, 1 << 30)]
    marks = list(reader.marks.frames())
    assert set(marks) <= set(kept)
    assert all(each > ids[-1] or each in ids for each in kept)
    chatter(maker, [peer for peer in peers if peer is not gone or not over], 40, seed + 99)
    maker.recorder.flush()
    check(reader)
    assert story(reader)[: len(others)] == others


def test_of_an_open_connection_the_handshake_stays(maker: CaptureMaker) -> None:
    first, second = maker.peer("/one"), maker.peer("/two")
    first.say("gone")
    second.say("stays")
    first.frame(Opcode.TEXT, b"gone too", key=None)
    reader = maker.reader()
    before = reader.connection(first.id)
    maker.recorder.clear_connection(first.id)
    first.say("new")
    maker.recorder.flush()
    after = reader.connection(first.id)
    assert before is not None
    assert after is not None
    assert (after.request, after.response, after.frame_count) == (before.request, before.response, 1)
    assert [each.row.preview for each in reader.frames_after(0, 99)] == [b"stays", b"new"]
    assert {each.frame for each in reader.problems()} == {reader.last_frame_id()}, (
        "only the new one breaks a rule"
    )
    check(reader)


def test_the_only_connection_leaves_an_empty_capture(maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.flood(10_000)
    peer.vanish()
    reader = maker.reader()
    maker.recorder.clear_connection(peer.id)
    maker.recorder.flush()
    reader.forget()
    totals = reader.totals()
    assert (totals.connections, totals.frames, totals.bytes, reader.last_frame_id()) == (0, 0, 0, 0)
    maker.peer("/next").say("hello")
    maker.recorder.flush()
    assert [each.row.preview for each in reader.frames_after(0, 99)] == [b"hello"]
    check(reader)


def test_behind_a_ring(maker: CaptureMaker) -> None:
    peers = [maker.peer("/a"), maker.peer("/b")]
    for _ in range(6):
        for peer in peers:
            peer.flood(50)
        maker.recorder.flush()
    maker.recorder.set_keep(Keep(frames=250))
    maker.recorder.flush()
    maker.recorder.flush()
    reader = maker.reader()
    assert reader.totals().dropped_frames > 0
    others = story(reader, without=peers[0].id)
    maker.recorder.set_keep(Keep())
    maker.recorder.clear_connection(peers[0].id)
    maker.recorder.flush()
    reader.forget()
    assert story(reader) == others
    records = list(reader.frames_after(0, 1 << 30))
    view = View(peers[1].id)
    assert reader.rows(view, reader.dropped(view), 999) == [each.row for each in records]
    assert reader.totals().frames - reader.totals().dropped_frames == len(records)


def test_what_was_cleared_is_nowhere_in_the_file(maker: CaptureMaker) -> None:
    one, two = maker.peer("/a"), maker.peer("/b")
    for number in range(300):
        one.say(f"the secret of {number}")
        two.say(f"the talk of {number}")
    maker.recorder.flush()
    maker.recorder.clear_connection(one.id)
    maker.recorder.flush()
    maker.recorder.save_as(maker.path.with_name("b.unmask"), lambda _error: None)
    maker.recorder.flush()
    assert b"the talk of 7" in maker.path.with_name("b.unmask").read_bytes()
    assert b"the secret of" not in maker.path.with_name("b.unmask").read_bytes()


def test_a_long_payload_that_comes_again_is_stored_once_also_then(maker: CaptureMaker) -> None:
    one, two = maker.peer("/a"), maker.peer("/b")
    # One object, as an echo and a broadcast send it.
    echoed = random.Random(1).randbytes(40_000)
    for _ in range(20):
        for peer in (one, two):
            sent = peer._connection.send_message(
                Opcode.BINARY, echoed, origin=Origin.COMPOSED, compress=False
            )
            peer._keep(sent, len(echoed))
    reader = maker.reader()
    others = story(reader, without=one.id)
    maker.recorder.clear_connection(one.id)
    maker.recorder.flush()
    reader.forget()
    assert story(reader) == others
    with closing(sqlite3.connect(maker.path)) as db:
        (stored,) = db.execute("SELECT sum(length(bytes)) FROM payload").fetchone()
    assert stored < 3 * len(echoed)


def test_a_story_goes_on_without_telling_a_handshake_again(maker: CaptureMaker) -> None:
    one, two = maker.peer("/a"), maker.peer("/b")
    one.say("a")
    follower = Follower(maker.reader())
    assert sum(isinstance(each, Handshake) for each in follower.entries()) == 2
    maker.recorder.clear_connection(one.id)
    two.say("b")
    maker.recorder.flush()
    assert not any(isinstance(each, Handshake) for each in follower.entries())


CLEARING = """
import sys
from pathlib import Path
from tests.tools.recorded import CaptureMaker
maker = CaptureMaker(Path(sys.argv[1]))
peers = [maker.peer(f"/{number}") for number in range(3)]
for _ in range(40):
    for peer in peers:
        peer.flood(150)
    maker.recorder.flush()
print("ready", flush=True)
maker.recorder.clear_connection(peers[1].id)
maker.recorder.flush()
print("cleared", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, None])
def test_whoever_is_killed_meanwhile_has_cleared_all_or_nothing(tmp_path: Path, delay: float | None) -> None:
    path = tmp_path / "a.unmask"
    child = subprocess.Popen(
        [sys.executable, "-c", CLEARING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == "ready\n"
        if delay is None:
            assert child.stdout.readline() == "cleared\n"
        else:
            # Wherever it is by then.
            time.sleep(delay)
        child.kill()
        child.wait(30)
    with closing(CaptureReader(path)) as reader:
        check(reader)
        counts = [reader.count(View(number)) for number in (1, 2, 3)]
        assert counts in ([6_000, 6_000, 6_000], [6_000, 0, 6_000])
        assert delay is not None or counts[1] == 0


def test_where_it_cannot_be_written_nothing_is_cleared(maker: CaptureMaker) -> None:
    one, two = maker.peer("/a"), maker.peer("/b")
    for _ in range(20):
        one.flood(300)
        two.flood(300)
        maker.recorder.flush()
    reader = maker.reader()
    before = story(reader)
    with closing(sqlite3.connect(maker.path)) as db:
        # In the midst of it, as on a full disk.
        refuse = "BEFORE UPDATE ON total BEGIN SELECT RAISE(ABORT, 'full'); END"
        db.execute(f"CREATE TRIGGER full {refuse}")
    maker.recorder.clear_connection(one.id)
    maker.recorder.flush()
    assert maker.recorder.failure is not None
    with closing(sqlite3.connect(maker.path)) as db:
        db.execute("DROP TRIGGER full")
    reader.forget()
    assert story(reader) == before
    two.say("goes on")
    maker.recorder.flush()
    assert maker.recorder.failure is None
    check(reader)
    assert len(story(reader)) == len(before) + 1
