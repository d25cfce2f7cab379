from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.blocks import BLOCK_BYTES, BLOCK_FRAMES, PREVIEW_BYTES
from core.capture.reader import CaptureReader
from core.capture.records import Direction, View
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.protocol.events import Completes, FrameReceived, Message
from core.protocol.frames import Opcode
from core.protocol.violations import Severity, violation
from tests.tools.captures import Account, Kept, Traffic, all_views, opened, plain, received

Opening = Callable[[], CaptureReader]
CONNECTIONS = (1, 2, 3, 5)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "1")
    yield writer
    writer.close()


@pytest.fixture
def open_reader(writer: CaptureWriter) -> Iterator[Opening]:
    readers: list[CaptureReader] = []

    def open_it() -> CaptureReader:
        readers.append(CaptureReader(writer.path))
        return readers[-1]

    yield open_it
    for reader in readers:
        reader.close()


def record(writer: CaptureWriter, account: Account, seed: int, batches: int) -> None:
    traffic = Traffic(seed, CONNECTIONS)
    dice = random.Random(seed)
    writer.write(traffic.opening())
    waiting: list[Batch] = []
    for batch in traffic.batches(batches):
        account.add(batch)
        waiting.append(batch)
        if dice.random() < 0.05:
            writer.write(waiting)
            waiting = []
    writer.write(waiting)


def check_row(reader: CaptureReader, kept: Kept) -> None:
    found = reader.frame(kept.id)
    assert found is not None
    row, frame = found.row, kept.frame
    assert found.frame == frame
    assert found.frame.wire() == frame.wire()
    assert found.violations == kept.violations
    message = kept.event.message
    assert found.message_payload == (None if message is None else message.payload)
    assert (row.connection, row.number, row.time_ns) == (kept.connection, kept.number, kept.time_ns)
    assert row.preview == kept.content[:PREVIEW_BYTES]
    assert row.content_length == len(kept.content)
    from_client = isinstance(kept.event, FrameReceived)
    assert row.direction is (Direction.CLIENT_TO_SERVER if from_client else Direction.SERVER_TO_CLIENT)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_view_is_what_a_plain_list_would_show(
    writer: CaptureWriter, open_reader: Opening, seed: int
) -> None:
    account = Account()
    record(writer, account, seed, 170)
    assert len(account.kept) > 2 * BLOCK_FRAMES
    reader, dice = open_reader(), random.Random(seed)
    for view in all_views((*CONNECTIONS, 99)):
        expected = account.rows(view)
        assert reader.count(view) == len(expected)
        assert [row.id for row in reader.rows(view, 0, len(expected) + 5)] == [each.id for each in expected]
        for _ in range(40):
            first, count = dice.randrange(len(expected) + 2), dice.randrange(120)
            rows = reader.rows(view, first, count)
            assert [row.id for row in rows] == [each.id for each in expected[first : first + count]]
        places = {kept.id: place for place, kept in enumerate(expected)}
        for kept in dice.sample(account.kept, 60):
            assert reader.position(view, kept.id) == places.get(kept.id)


def test_every_frame_comes_back_as_it_was(writer: CaptureWriter, open_reader: Opening) -> None:
    account = Account()
    record(writer, account, 3, 120)
    reader = open_reader()
    for kept in account.kept:
        check_row(reader, kept)
    rows = {row.id: row for row in reader.rows(View(), 0, len(account.kept))}
    for kept in random.Random(3).sample(account.kept, 200):
        found = reader.frame(kept.id)
        assert found is not None
        assert rows[kept.id] == found.row


@pytest.mark.parametrize("step", [1, 7, 500, 5000])
def test_rows_of_chosen_frames(writer: CaptureWriter, open_reader: Opening, step: int) -> None:
    account = Account()
    record(writer, account, 3, 300)
    last = account.kept[-1].id
    assert last > 2 * BLOCK_FRAMES
    everything = {row.id: row for row in open_reader().rows(View(), 0, last)}
    wanted = range(step, last + 1, step)
    reader = open_reader()
    assert reader.rows_of(wanted) == [everything[each] for each in wanted]
    # Again, now that some blocks are held, and with some that never were.
    reader.frame(last)
    assert [row.id for row in reader.rows_of([*wanted, last + 1, last + 9])] == list(wanted)
    assert reader.rows_of([]) == []


def test_the_totals_are_those_of_the_list(writer: CaptureWriter, open_reader: Opening) -> None:
    account = Account()
    record(writer, account, 4, 150)
    reader = open_reader()
    totals = reader.totals()
    assert totals.connections == len(CONNECTIONS)
    assert totals.frames == len(account.kept) == reader.last_frame_id()
    assert totals.control_frames == sum(kept.frame.is_control for kept in account.kept)
    assert totals.bytes == sum(len(kept.frame.wire()) for kept in account.kept)
    assert totals.violations == sum(len(kept.violations) for kept in account.kept) == reader.problem_count()
    for record_ in reader.connections():
        own = account.rows(View(record_.id))
        assert (record_.frame_count, record_.data_frame_count) == (
            len(own),
            len(account.rows(View(record_.id, control=False))),
        )
        directions = [isinstance(kept.event, FrameReceived) for kept in own]
        sizes = [len(kept.frame.wire()) for kept in own]
        assert record_.bytes_in == sum(size for size, is_in in zip(sizes, directions, strict=True) if is_in)
        assert record_.bytes_out == sum(
            size for size, is_in in zip(sizes, directions, strict=True) if not is_in
        )
        assert record_.violation_count == sum(len(kept.violations) for kept in own)


def test_a_reader_sees_what_comes_while_it_is_open(writer: CaptureWriter, open_reader: Opening) -> None:
    account, reader = Account(), open_reader()
    traffic = Traffic(6, CONNECTIONS)
    writer.write(traffic.opening())
    for batch in traffic.batches(120):
        account.add(batch)
        writer.write([batch])
        for view in (View(), View(2), View(3, control=False)):
            expected = account.rows(view)
            assert reader.count(view) == len(expected)
            tail = [row.id for row in reader.rows(view, max(len(expected) - 20, 0), 50)]
            assert tail == [each.id for each in expected][-20:]


def test_frames_after_goes_on_where_it_stopped(writer: CaptureWriter, open_reader: Opening) -> None:
    account = Account()
    record(writer, account, 5, 100)
    reader, seen = open_reader(), 0
    ids: list[int] = []
    while page := list(reader.frames_after(seen, 777)):
        ids += [each.row.id for each in page]
        seen = ids[-1]
    assert ids == [each.id for each in account.kept]
    assert list(reader.frames_after(5, 0)) == []


@pytest.mark.parametrize("view", [View(), View(1), View(control=False)])
def test_outside_of_a_list_there_is_nothing(writer: CaptureWriter, open_reader: Opening, view: View) -> None:
    reader = open_reader()
    assert (reader.count(view), reader.rows(view, 0, 10), reader.position(view, 1)) == (0, [], None)
    assert (reader.frame(1), reader.last_frame_id(), reader.connection(1)) == (None, 0, None)
    writer.write([opened(1), received(1, b"a", b"b")])
    assert [row.id for row in reader.rows(view, 1, 10)] == [2]
    assert reader.rows(view, 2, 10) == reader.rows(view, -1, 10) == reader.rows(view, 0, 0) == []
    assert (reader.frame(0), reader.frame(3), reader.position(view, 3)) == (None, None, None)


def test_a_view_without_control_frames_passes_over_blocks_of_them(
    writer: CaptureWriter, open_reader: Opening
) -> None:
    ping = FrameReceived(plain(b"", opcode=Opcode.PING), (), None)
    writer.write([opened(1), received(1, b"first")])
    for _ in range(3):
        writer.write([Batch(1, 0, [ping] * 10, 0)])
    writer.write([received(1, b"last")])
    writer.write([Batch(1, 0, [ping], 0)])
    reader = open_reader()
    for view in (View(control=False), View(1, control=False)):
        assert [row.preview for row in reader.rows(view, 0, 9)] == [b"first", b"last"]
        assert [row.preview for row in reader.rows(view, 1, 1)] == [b"last"]
        assert reader.rows(view, 2, 9) == []
        assert (reader.position(view, 32), reader.position(view, 2)) == (1, None)


@pytest.mark.parametrize("count", [BLOCK_FRAMES - 1, BLOCK_FRAMES, BLOCK_FRAMES + 1, 2 * BLOCK_FRAMES])
def test_a_run_over_the_end_of_a_block(writer: CaptureWriter, open_reader: Opening, count: int) -> None:
    payloads = [index.to_bytes(4, "big") for index in range(count)]
    writer.write([opened(1), received(1, *payloads)])
    reader = open_reader()
    assert [row.preview for row in reader.rows(View(1), 0, count + 1)] == payloads
    assert [row.number for row in reader.rows(View(), count - 2, 9)] == [count - 1, count]


def test_large_payloads_are_read_piece_by_piece(writer: CaptureWriter, open_reader: Opening) -> None:
    dice = random.Random(9)
    payloads = [dice.randbytes(size) for size in (3, 700_000, BLOCK_BYTES, 0, 12, BLOCK_BYTES + 1, 5)]
    writer.write([opened(1), received(1, *payloads)])
    reader = open_reader()
    assert [row.preview for row in reader.rows(View(), 0, 9)] == [each[:PREVIEW_BYTES] for each in payloads]
    for number, payload in enumerate(payloads, 1):
        found = reader.frame(number)
        assert found is not None
        assert found.frame.payload == found.message_payload == payload
    assert [each.frame.payload for each in reader.frames_after(0, 99)] == payloads


@pytest.mark.parametrize("size", [60_000, BLOCK_BYTES])
def test_many_frames_of_a_block_that_is_not_held_are_those_that_are_read_one_by_one(
    writer: CaptureWriter, open_reader: Opening, size: int
) -> None:
    dice = random.Random(7)
    payloads = [dice.randbytes(60_000) for _ in range(30)] + [dice.randbytes(size)] * 3
    writer.write([opened(1), received(1, *payloads)])
    reader = open_reader()
    assert [each.frame.payload for each in reader.frames_after(0, 99)] == payloads
    assert [each.frame.payload for each in reader.frames(range(2, 30, 3))] == payloads[1:29:3]
    frames = reader.frames(range(1, 31))
    begun = [next(frames).frame.payload for _ in range(20)]
    writer.clear()
    assert begun + [each.frame.payload for each in frames] == payloads[:30]


@pytest.mark.parametrize("size", [10, 600_000])
@pytest.mark.parametrize("last", [b"", b"\x00end"])
def test_a_fragmented_and_compressed_message_keeps_both_payloads(
    writer: CaptureWriter, open_reader: Opening, size: int, last: bytes
) -> None:
    message = Message(Opcode.TEXT, b"t" * size, True, 2, 4 + len(last))
    first = plain(b"\x01\x02\x03\x04", opcode=Opcode.TEXT)._replace(head=0x41)
    end = plain(last, opcode=Opcode.CONTINUATION)
    writer.write(
        [opened(1), Batch(1, 0, [FrameReceived(first, (), None), FrameReceived(end, (), message)], 0)]
    )
    reader = open_reader()
    begun, done = reader.frame(1), reader.frame(2)
    assert begun is not None
    assert done is not None
    assert (begun.frame, begun.message_payload) == (first, None)
    assert (done.frame, done.message_payload) == (end, message.payload)
    assert done.row.message is not None
    assert (done.row.message.compressed, done.row.message.frame_count) == (True, 2)
    assert (done.row.message.length, done.row.message.wire_length) == (size, 4 + len(last))
    assert reader.rows(View(), 1, 1)[0].preview == message.payload[:PREVIEW_BYTES]


def test_problems_come_page_by_page_with_their_frames(writer: CaptureWriter, open_reader: Opening) -> None:
    broken = FrameReceived(
        plain(b"x"), (violation("rsv2-set"), violation("rsv3-set", "d", 0, 1)), Completes.ITSELF
    )
    writer.write([opened(1), Batch(1, 0, [broken, *received(1, b"ok").events, broken], 0)])  # type: ignore[misc]
    reader = open_reader()
    first = reader.problems(count=3)
    rest = reader.problems(after=first[-1].id)
    assert [(each.frame, each.violation.rule.id) for each in first + rest] == [
        (1, "rsv2-set"), (1, "rsv3-set"), (3, "rsv2-set"), (3, "rsv3-set")
    ]  # fmt: skip
    assert reader.violations(3) == broken.violations


def test_problems_by_severity(writer: CaptureWriter, open_reader: Opening) -> None:
    found = [violation(rule) for rule in ("rsv2-set", "masking-key-zero", "frame-truncated", "rsv3-set")]
    writer.write([opened(1), Batch(1, 0, [FrameReceived(plain(b"x"), tuple(found), Completes.ITSELF)], 0)])
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
        other.execute("INSERT INTO violation VALUES(5, 1, 1, NULL, 'rule-of-tomorrow', 'why', 0, 2)")
    reader = open_reader()
    error, warning, note = Severity.ERROR, Severity.WARNING, Severity.NOTE
    assert reader.severities(1, 9) == [(2, note), (3, warning), (4, error), (5, warning)]
    assert reader.severities(0, 2) == [(1, error), (2, note)]
    for wanted, ids in (((error,), [1, 4]), ((warning,), [3, 5]), ((error, warning), [1, 3, 4, 5]), ((), [])):
        assert [each.id for each in reader.problems(severities=wanted)] == ids


@pytest.mark.parametrize("batches", [1, 40, 400])
def test_the_frame_at_a_time(writer: CaptureWriter, open_reader: Opening, batches: int) -> None:
    account = Account()
    record(writer, account, 3, batches)
    reader = open_reader()
    assert reader.first_frame_id() == 1
    kept = account.kept
    wanted = {kept[0].time_ns - 1, kept[-1].time_ns + 1, 0, 2**63 - 1}
    for each in random.Random(4).sample(kept, min(60, len(kept))):
        wanted |= {each.time_ns, each.time_ns + 1}
    for time_ns in wanted:
        expected = next((each.id for each in kept if each.time_ns >= time_ns), None)
        assert reader.frame_at(time_ns) == expected


def test_the_frame_at_a_time_where_the_clock_was_set_back(
    writer: CaptureWriter, open_reader: Opening
) -> None:
    times = (10, 20, 30, 5, 15, 25, 40)
    writer.write([opened(1)])
    for time_ns in times:
        writer.write([received(1, b"x", time_ns=time_ns)])
    reader = open_reader()
    for time_ns in range(42):
        found = reader.frame_at(time_ns)
        if found is None:
            assert time_ns > 40
        else:
            assert times[found - 1] >= time_ns


def test_no_frame_at_any_time(writer: CaptureWriter, open_reader: Opening) -> None:
    reader = open_reader()
    assert (reader.first_frame_id(), reader.frame_at(0)) == (0, None)
    writer.write([opened(1), received(1, b"a", b"b", time_ns=5)])
    writer.clear()
    writer.write([received(1, b"c", time_ns=7)])
    assert (reader.first_frame_id(), reader.frame_at(0), reader.frame_at(8)) == (3, 3, None)


def test_from_one_broken_frame_to_the_next(writer: CaptureWriter, open_reader: Opening) -> None:
    two = (violation("rsv2-set"), violation("rsv3-set"))
    fine = FrameReceived(plain(b"x"), (), Completes.ITSELF)
    broken = FrameReceived(plain(b"x"), two, Completes.ITSELF)
    ping = FrameReceived(plain(b"x", opcode=Opcode.PING), two, None)
    writer.write(
        [
            opened(1),
            opened(2),
            Batch(1, 0, [fine, broken, ping], 0),
            Batch(2, 0, [broken], 0),
            Batch(1, 0, [broken], 0),
        ]
    )
    reader = open_reader()
    data, second = View(control=False), View(2)
    assert [reader.next_violation(View(), after) for after in range(6)] == [2, 2, 3, 4, 5, None]
    assert [reader.next_violation(data, after) for after in range(6)] == [2, 2, 4, 4, 5, None]
    assert [reader.next_violation(second, after) for after in (0, 4)] == [4, None]
    assert [reader.previous_violation(View(), before) for before in (9, 5, 4, 3, 2)] == [5, 4, 3, 2, None]
    assert [reader.previous_violation(data, before) for before in (4, 3, 2)] == [2, 2, None]
    assert [reader.previous_violation(second, before) for before in (9, 4)] == [4, None]


def test_a_rule_of_a_later_version_is_shown_all_the_same(writer: CaptureWriter, open_reader: Opening) -> None:
    writer.write([opened(1), received(1, b"x")])
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
        other.execute("INSERT INTO violation VALUES(1, 1, 1, NULL, 'rule-of-tomorrow', 'why', 0, 2)")
    [problem] = open_reader().problems()
    assert (problem.violation.rule.id, problem.violation.detail) == ("rule-of-tomorrow", "why")


def test_only_connections_that_changed_are_told(writer: CaptureWriter, open_reader: Opening) -> None:
    reader = open_reader()
    writer.write([opened(1), opened(2)])
    seen = reader.totals().changes
    assert [each.id for each in reader.connections()] == [1, 2]
    assert reader.connections(seen) == []
    writer.write([received(2, b"x")])
    assert [each.id for each in reader.connections(seen)] == [2]
    seen = reader.totals().changes
    writer.write([opened(3), received(1, b"x")])
    assert [each.id for each in reader.connections(seen)] == [1, 3]
    assert [each.id for each in reader.connections(limit=2)] == [1, 2]


def test_what_was_cleared_meanwhile_is_not_there(writer: CaptureWriter, open_reader: Opening) -> None:
    payload = bytes(700_000)
    writer.write([opened(1), received(1, payload, payload)])
    reader = open_reader()
    following = reader.frames_after(0, 99)
    assert next(following).row.id == 1
    assert len(reader.rows(View(), 0, 9)) == 2
    writer.clear()
    assert list(following) == []
    assert reader.frame(2) is None
    assert reader.rows(View(), 0, 9) == []


def test_a_snapshot_is_of_one_moment(writer: CaptureWriter, open_reader: Opening) -> None:
    reader = open_reader()
    writer.write([opened(1), received(1, b"a")])
    with reader.snapshot():
        assert reader.totals().frames == 1
        writer.write([received(1, b"b")])
        assert (reader.totals().frames, reader.last_frame_id(), len(reader.connections())) == (1, 1, 1)
    assert (reader.totals().frames, reader.last_frame_id()) == (2, 2)


@pytest.mark.parametrize(
    ("damage", "ask"),
    [
        ("UPDATE block SET records = x'00'", lambda reader: reader.rows(View(), 0, 9)),
        ("UPDATE block SET records = x'00'", lambda reader: reader.frame(1)),
        ("UPDATE block SET records = 'text'", lambda reader: reader.position(View(), 1)),
        ("UPDATE connection SET state = 99", lambda reader: reader.connections()),
        ("DELETE FROM total", lambda reader: reader.totals()),
        ("DROP TABLE lane", lambda reader: reader.count(View())),
        ("DROP TABLE violation", lambda reader: reader.problems()),
    ],
)
def test_a_damaged_capture_is_said_to_be_one(
    tmp_path: Path, damage: str, ask: Callable[[CaptureReader], object]
) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "1")
    writer.write([opened(1), received(1, b"a")])
    writer.close()
    with closing(CaptureReader(writer.path)) as reader:
        with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
            other.execute(damage)
        with pytest.raises(CaptureError, match=r"a\.unmask cannot be read: .* damaged"):
            ask(reader)
