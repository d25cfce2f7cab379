from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.blocks import BLOCK_BYTES, BLOCK_FRAMES, MOST_FRAME_BYTES
from core.capture.gaps import Gap
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState, Direction, FrameRecord, Mode, View
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.net.settings import LARGEST_MESSAGE
from core.protocol.events import (
    ClosedBy,
    Completes,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    FrameReceived,
    FrameSent,
    HandshakeDone,
    HandshakeFailed,
    Message,
    Origin,
    Report,
    RequestReceived,
    RunReceived,
    RunSent,
    singly,
)
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import ServerPolicy, propose, refuse
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead
from core.protocol.violations import Judgement, Severity, violation
from tests.tools.captures import ACCEPTED, files_of, opened, plain, received
from tests.tools.wires import columns_of

REQUEST = (
    b"GET /chat?x=1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://o\r\n"
    b"Sec-WebSocket-Protocol: chat\r\n\r\n"
)
CLOSED = ConnectionClosed(1001, "bye", ClosedBy.CLIENT, False, b"tail", 900)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "1.2.3")
    yield writer
    writer.close()


def request_of(raw: bytes) -> RequestHead:
    head = HeadParser(HeadKind.REQUEST, HeadLimits(), Judgement.STRICT).feed(raw)
    assert isinstance(head, RequestHead)
    return head


def shown(path: Path, view: View | None = None) -> list[bytes]:
    with closing(CaptureReader(path)) as reader:
        return [row.preview for row in reader.rows(view or View(), 0, 100_000)]


def events(connection: int, *happened: Event) -> Batch:
    return Batch(connection, 5, list(happened), 0)


def limit_pages(writer: CaptureWriter, *, more: int) -> None:
    """A full disk: the database takes only so many more pages."""
    (count,) = writer._db.execute("PRAGMA page_count").fetchone()
    writer._db.execute(f"PRAGMA max_page_count = {count + more}")


def free_pages(writer: CaptureWriter) -> None:
    writer._db.execute("PRAGMA max_page_count = 1000000")


def test_a_handshake_and_how_the_connection_ended(writer: CaptureWriter) -> None:
    request = request_of(REQUEST)
    answer = propose(request, ServerPolicy())
    writer.write([opened(1, 3), events(1, RequestReceived(request, ServerPolicy()), HandshakeDone(answer))])
    with closing(CaptureReader(writer.path)) as reader:
        found = reader.connection(1)
        assert found is not None
        assert (found.state, found.is_open, found.closed_ns) == (ConnectionState.OPEN, True, None)
        assert (found.mode, found.peer, found.local) == (Mode.LISTEN, "127.0.0.1:50000", "127.0.0.1:8080")
        assert (found.request, found.response) == (REQUEST, answer.response)
        assert (found.path, found.origin, found.subprotocol) == ("/chat?x=1", "http://o", "chat")
        assert (found.status, found.opened_ns) == (101, 3)
        writer.write([events(1, CLOSED)])
        found = reader.connection(1)
    assert found is not None
    assert (found.state, found.closed_ns) == (ConnectionState.CLOSED, 5)
    assert (found.close_code, found.reason, found.closed_by) == (1001, "bye", ClosedBy.CLIENT)
    assert (found.trailing, found.trailing_length) == (b"tail", 900)


def test_handshakes_that_come_to_nothing(writer: CaptureWriter) -> None:
    broken = (violation("key-missing"), violation("host-missing"))
    refused, served = refuse(400, "No key.", broken), refuse(200, "")
    failed = refuse(431, "Too long.", (violation("head-too-large"),))
    writer.write([opened(number) for number in (1, 2, 3)])
    writer.write([events(1, HandshakeDone(refused)), events(2, HandshakeDone(served))])
    writer.write([events(3, HandshakeFailed(b"\x16\x03raw", failed))])
    writer.write([events(number, CLOSED) for number in (1, 2, 3)])
    with closing(CaptureReader(writer.path)) as reader:
        states = [(each.state, each.status, each.reason, each.close_code) for each in reader.connections()]
        assert states == [
            (ConnectionState.REFUSED, 400, "No key.", None),
            (ConnectionState.SERVED, 200, "", None),
            (ConnectionState.REFUSED, 431, "Too long.", None),
        ]
        assert reader.connection_violations(1) == broken
        assert [(each.connection, each.frame) for each in reader.problems()] == [
            (1, None),
            (1, None),
            (3, None),
        ]
        last = reader.connection(3)
    assert last is not None
    assert last.request == b"\x16\x03raw"


@pytest.mark.parametrize("recording", [True, False])
def test_runs_are_kept_as_their_frames_are(tmp_path: Path, *, recording: bool) -> None:
    """Over the ends of blocks too."""
    count = BLOCK_FRAMES + 300
    peers = [make_frame(1 + number % 2, b"%d" % number, masking_key=b"abcd") for number in range(count)]
    ours = [make_frame(2, b"x" * (number % 200)) for number in range(count)]
    reports: list[Report] = [RunReceived(columns_of(peers)), FrameReceived(make_frame(9), (), None)]
    reports += [RunSent(columns_of(ours), Origin.RULE), RunSent(columns_of(ours[:3]), Origin.COMPOSED)]
    kept: list[list[FrameRecord]] = []
    passed: list[list[Gap]] = []
    for name, happened in (("runs", reports), ("single", singly(reports))):
        writer = CaptureWriter(tmp_path / name, "1")
        writer.recording = recording
        writer.write([opened(1), Batch(1, 5, happened, 0)])
        writer.recording = True
        writer.write([received(1, b"behind")])
        with closing(CaptureReader(tmp_path / name)) as reader:
            kept.append(list(reader.frames_after(0, 100_000)))
            passed.append(
                [gap for view in (View(), View(1, control=False)) for gap in reader.gaps.noted(view)]
            )
        writer.close()
    assert kept[0] == kept[1]
    assert len(kept[0]) == (2 * count + 4 if recording else 0) + 1
    assert kept[0][-1].row.number == 2 * count + 5
    assert passed[0] == passed[1]
    assert [gap.frames for gap in passed[0]] == ([] if recording else [2 * count + 4, 2 * count + 3])


def test_a_connection_is_closing_once_we_have_said_so(writer: CaptureWriter) -> None:
    close = FrameSent(make_frame(Opcode.CLOSE), Origin.COMPOSED, None)
    failed = ConnectionFailed(1002, violation("rsv2-set"))
    writer.write([opened(1), opened(2), opened(3)])
    writer.write([events(number, ACCEPTED) for number in (1, 2, 3)])
    writer.write([events(1, close), events(2, failed)])
    with closing(CaptureReader(writer.path)) as reader:
        states = [each.state for each in reader.connections()]
    assert states == [ConnectionState.CLOSING, ConnectionState.CLOSING, ConnectionState.OPEN]


def test_frames_of_a_connection_in_which_we_are_the_client(writer: CaptureWriter) -> None:
    upstream = Opened(Mode.CONNECT, "10.0.0.1:80", "10.0.0.2:5")
    writer.write([Batch(1, 0, upstream, 0)])
    got = FrameReceived(plain(b"in", key=None), (), Completes.ITSELF)
    sent = FrameSent(plain(b"out"), Origin.COMPOSED, Completes.ITSELF)
    writer.write([Batch(1, 5, [got, sent], 0, Direction.SERVER_TO_CLIENT)])
    with closing(CaptureReader(writer.path)) as reader:
        directions = [row.direction for row in reader.rows(View(), 0, 9)]
        found = reader.connection(1)
    assert directions == [Direction.SERVER_TO_CLIENT, Direction.CLIENT_TO_SERVER]
    assert found is not None
    assert (found.bytes_in, found.bytes_out) == (2 + 4 + 3, 2 + 2)


def test_what_comes_after_the_end_of_a_connection_is_nobodys(writer: CaptureWriter) -> None:
    writer.write([opened(1), events(1, CLOSED), received(1, b"late"), received(8, b"never opened")])
    assert shown(writer.path) == []


def test_recording_off_leaves_a_gap_in_the_numbers(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"a", b"b")])
    writer.recording = False
    broken = FrameReceived(plain(b"x"), (violation("rsv2-set"),), None)
    writer.write([received(1, b"c", b"d"), events(1, broken), opened(2), received(2, b"z")])
    writer.recording = True
    writer.write([received(1, b"e"), received(2, b"y")])
    with closing(CaptureReader(writer.path)) as reader:
        rows = reader.rows(View(), 0, 9)
        assert [(row.connection, row.number, row.preview) for row in rows] == [
            (1, 1, b"a"), (1, 2, b"b"), (1, 6, b"e"), (2, 2, b"y")
        ]  # fmt: skip
        assert [row.id for row in rows] == [1, 2, 3, 4]
        assert (reader.totals().frames, reader.totals().violations, reader.totals().connections) == (4, 0, 2)


def test_clear_begins_anew_and_open_connections_survive(writer: CaptureWriter) -> None:
    broken = FrameReceived(plain(b"x"), (violation("rsv2-set"),), Completes.ITSELF)
    writer.write([opened(1), opened(2), received(1, b"a", b"b"), received(2, b"c"), events(1, broken)])
    writer.write([events(2, CLOSED)])
    with closing(CaptureReader(writer.path)) as reader:
        before = reader.totals()
        writer.clear()
        after = reader.totals()
        assert after.generation == before.generation + 1
        assert after.changes > before.changes
        assert (after.connections, after.frames, after.bytes, after.violations) == (1, 0, 0, 0)
        assert [each.id for each in reader.connections(before.changes)] == [1]
        assert (reader.count(View()), reader.count(View(1)), reader.problems()) == (0, 0, [])
        writer.write([received(1, b"d", b"e")])
        rows = reader.rows(View(1), 0, 9)
        assert [(row.number, row.preview) for row in rows] == [(4, b"d"), (5, b"e")]
        assert rows[0].id > before.frames
        assert [reader.position(View(), row.id) for row in rows] == [0, 1]
        found = reader.connection(1)
        assert found is not None
        assert (found.frame_count, found.violation_count, found.bytes_in) == (2, 0, 2 * (2 + 4 + 1))
        writer.write([opened(3), events(1, CLOSED)])
        assert reader.totals().connections == 2


def test_a_full_disk_loses_those_frames_and_nothing_else(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"before")])
    limit_pages(writer, more=3)
    flood = [opened(2), received(1, *[bytes(1000)] * 5000), received(2, bytes(1000)), events(2, ACCEPTED)]
    with pytest.raises(CaptureError, match=r"a\.unmask cannot be written: database or disk is full"):
        writer.write(flood)
    assert writer.lost_frames == 5001
    assert shown(writer.path) == [b"before"]
    free_pages(writer)
    writer.write([received(1, b"after"), received(2, b"second")])
    with closing(CaptureReader(writer.path)) as reader:
        rows = reader.rows(View(), 0, 9)
        assert [(row.id, row.connection, row.number, row.preview) for row in rows] == [
            (1, 1, 1, b"before"), (2, 1, 5002, b"after"), (3, 2, 2, b"second")
        ]  # fmt: skip
        totals = reader.totals()
        assert (totals.connections, totals.frames) == (2, 3)
        assert [(each.state, each.frame_count) for each in reader.connections()] == [
            (ConnectionState.CONNECTING, 2), (ConnectionState.OPEN, 1)
        ]  # fmt: skip
        assert [reader.count(View(number)) for number in (None, 1, 2)] == [3, 2, 1]


def test_connections_that_end_while_the_disk_is_full_are_written_later(writer: CaptureWriter) -> None:
    writer.write([opened(number) for number in range(1, 600)])
    limit_pages(writer, more=0)
    too_much = received(1, bytes(4_000_000))
    with pytest.raises(CaptureError):
        writer.write([*(events(number, CLOSED) for number in range(2, 600)), too_much])
    with pytest.raises(CaptureError):
        writer.write([too_much])
    assert len(writer._touched) <= 257
    free_pages(writer)
    writer.write([received(1, b"after")])
    with closing(CaptureReader(writer.path)) as reader:
        closed = [each.id for each in reader.connections() if each.state is ConnectionState.CLOSED]
        assert (closed, reader.totals().connections) == (list(range(344, 600)), 599)


def test_clearing_that_fails_changes_nothing(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"a")])
    writer._db.execute("CREATE TRIGGER no BEFORE DELETE ON lane BEGIN SELECT RAISE(FAIL, 'not now'); END")
    with pytest.raises(CaptureError, match="not now"):
        writer.clear()
    writer._db.execute("DROP TRIGGER no")
    writer.write([received(1, b"b")])
    assert shown(writer.path) == [b"a", b"b"]
    with closing(CaptureReader(writer.path)) as reader:
        totals, found = reader.totals(), reader.connection(1)
    assert (totals.connections, totals.frames, totals.generation) == (1, 2, 1)
    assert found is not None
    assert found.frame_count == 2


def test_a_fault_of_ours_leaves_the_writer_usable(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"a")])
    impossible = FrameReceived(plain(b"x")._replace(head=70_000), (), None)
    with pytest.raises(Exception, match="format requires"):
        writer.write([received(1, b"b"), events(1, impossible)])
    writer.write([received(1, b"c")])
    with closing(CaptureReader(writer.path)) as reader:
        rows = reader.rows(View(), 0, 9)
    assert [(row.id, row.preview) for row in rows] == [(1, b"a"), (2, b"c")]
    assert rows[1].number > 2
    assert writer.lost_frames >= 1


def test_closing_leaves_one_file_and_says_what_was_still_open(tmp_path: Path) -> None:
    path = tmp_path / "b.unmask"
    writer = CaptureWriter(path, "1")
    refused = HandshakeDone(refuse(400, "No."))
    writer.write([opened(number) for number in (1, 2, 3, 4)])
    writer.write([events(1, ACCEPTED), events(2, refused), events(3, ACCEPTED, CLOSED)])
    writer.close()
    assert files_of(path) == ["b.unmask"]
    with closing(CaptureReader(path)) as reader:
        states = [each.state for each in reader.connections()]
    lost = ConnectionState.LOST
    assert states == [lost, ConnectionState.REFUSED, ConnectionState.CLOSED, lost]


def test_closing_while_it_is_being_read(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "b.unmask", "1")
    writer.write([opened(1), received(1, b"a")])
    with closing(CaptureReader(writer.path)) as reader, reader.snapshot():
        assert reader.totals().frames == 1
        writer.close()
        assert reader.totals().frames == 1
    assert shown(tmp_path / "b.unmask") == [b"a"]


def test_closing_on_a_full_disk(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "b.unmask", "1")
    writer.write([opened(1), received(1, b"a")])
    limit_pages(writer, more=0)
    with pytest.raises(CaptureError):
        writer.write([received(1, bytes(1_000_000))])
    writer.close()
    assert shown(tmp_path / "b.unmask") == [b"a"]


def test_moving_takes_all_along_and_goes_on_there(writer: CaptureWriter, tmp_path: Path) -> None:
    old, new = writer.path, tmp_path / "sub ü %41?#.unmask"
    new.write_bytes(b"what was there")
    new.with_name(new.name + "-wal").write_bytes(b"of another")
    writer.write([opened(1), received(1, b"a")])
    writer.move_to(new)
    assert writer.path == new
    writer.write([received(1, b"b")])
    assert (shown(new), shown(old)) == ([b"a", b"b"], [b"a"])
    assert files_of(old) == ["a.unmask"]
    with closing(sqlite3.connect(new)) as found:
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert found.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == ("1.2.3",)


def test_moving_to_where_it_is_changes_nothing(writer: CaptureWriter, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(writer.path)
    writer.write([opened(1), received(1, b"a")])
    with closing(CaptureReader(writer.path)) as reader:
        writer.move_to(writer.path)
        writer.move_to(tmp_path / "link")
        writer.write([received(1, b"b")])
        assert [row.preview for row in reader.rows(View(), 0, 9)] == [b"a", b"b"]


@pytest.mark.parametrize("name", ["missing/x.unmask", ".", "nul\0byte"])
def test_moving_to_where_it_cannot_be_keeps_it_here(writer: CaptureWriter, tmp_path: Path, name: str) -> None:
    writer.write([opened(1), received(1, b"a")])
    path = writer.path
    with pytest.raises(CaptureError, match="cannot be saved as"):
        writer.move_to(tmp_path / name)
    writer.write([received(1, b"b")])
    assert (writer.path, shown(path)) == (path, [b"a", b"b"])
    assert list(tmp_path.rglob("*.part*")) == []


def test_a_new_capture_leaves_the_old_one_finished_and_keeps_what_is_open(
    writer: CaptureWriter, tmp_path: Path
) -> None:
    old, new = writer.path, tmp_path / "new.unmask"
    writer.write([opened(1), events(1, ACCEPTED), opened(2), events(2, ACCEPTED), received(1, b"a", b"b")])
    writer.write([received(2, b"c"), events(2, CLOSED)])
    writer.start_new(new)
    writer.write([received(1, b"d"), opened(3), received(3, b"e")])
    assert (writer.path, shown(old), shown(new)) == (new, [b"a", b"b", b"c"], [b"d", b"e"])
    assert files_of(old) == ["a.unmask"]
    with closing(CaptureReader(old)) as reader:
        assert [(each.id, each.state) for each in reader.connections()] == [
            (1, ConnectionState.LOST), (2, ConnectionState.CLOSED)
        ]  # fmt: skip
    with closing(CaptureReader(new)) as reader:
        assert [(each.id, each.frame_count) for each in reader.connections()] == [(1, 1), (2, 1)]
        assert reader.connections()[0].state is ConnectionState.OPEN
        assert (reader.totals().connections, reader.totals().frames) == (2, 2)
        first = reader.frame(1)
        assert first is not None
        assert first.row.number == 1
    assert [writer.numbering.number(handle) for handle in (1, 2, 3, 4)] == [1, None, 2, 3]
    assert [writer.numbering.handle(number) for number in (1, 2, 3)] == [1, 3, 4]


def test_a_new_capture_that_cannot_be_made_changes_nothing(writer: CaptureWriter, tmp_path: Path) -> None:
    writer.write([opened(1), received(1, b"a")])
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(CaptureError, match="already"):
        writer.start_new(tmp_path / "taken")
    writer.write([received(1, b"b")])
    assert shown(writer.path) == [b"a", b"b"]


def test_a_capture_in_use_is_not_written_over(writer: CaptureWriter, tmp_path: Path) -> None:
    writer.write([opened(1), received(1, b"a")])
    other = CaptureWriter(tmp_path / "b.unmask", "1")
    other.write([opened(1), received(1, b"b")])
    with pytest.raises(CaptureError, match="in use, by this or another Unmask"):
        writer.move_to(other.path)
    other.write([received(1, b"c")])
    other.close()
    assert shown(other.path) == [b"b", b"c"]
    writer.move_to(other.path)
    assert shown(other.path) == [b"a"]


def test_clearing_gives_the_room_back(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    with closing(CaptureReader(writer.path)) as reader:
        writer.write([opened(1)])
        for _ in range(4):
            writer.write([received(1, *[bytes(1000)] * 5000)])
        assert reader.count(View()) == 20_000
        before = writer.path.stat().st_size
        writer.clear()
        assert before > 5_000_000
        assert writer.path.stat().st_size < 500_000
        writer.write([received(1, b"after")])
        reader.forget()
        assert [(row.id, row.preview) for row in reader.rows(View(), 0, 9)] == [(20_001, b"after")]
    writer.close()


def test_clearing_does_not_wait_for_who_reads(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    with closing(CaptureReader(writer.path)) as reader:
        writer.write([opened(1), received(1, *[bytes(1000)] * 5000)])
        with reader.snapshot():
            assert reader.count(View()) == 5000
            writer.clear()
            assert len(reader.rows(View(), 0, 10)) == 10
        assert reader.count(View()) == 0
    writer.close()


def test_a_frame_that_is_more_than_a_capture_holds_is_cut_and_takes_no_other_with_it(
    writer: CaptureWriter,
) -> None:
    writer.most_frame_bytes = 1000
    large = make_frame(2, bytes(range(250)) * 4 + b"x", masking_key=b"mask")
    in_two = make_frame(0, b"end", masking_key=b"mask")
    reports: list[Event] = [
        FrameReceived(make_frame(2, b"before", masking_key=b"mask"), (), Completes.ITSELF),
        FrameReceived(large, (violation("rsv2-set"),), Completes.ITSELF),
        FrameReceived(in_two, (), Message(2, bytes(998), False, 2, 998)),
        FrameSent(make_frame(2, bytes(1001)), Origin.COMPOSED, Completes.ITSELF),
        FrameSent(make_frame(2, bytes(1000)), Origin.COMPOSED, Completes.ITSELF),
    ]
    writer.write([opened(1), events(1, *reports)])
    assert writer.lost_frames == 0
    with closing(CaptureReader(writer.path)) as reader:
        before, cut, end, sent, last = reader.frames_after(0, 9)
        assert (before.frame.payload, last.frame.payload) == (b"before", bytes(1000))
        assert (cut.frame.payload, cut.frame.declared_length) == (large.payload[:256], 1001)
        assert [each.rule.id for each in cut.violations] == ["rsv2-set", "not-stored"]
        assert cut.message_payload is None
        assert (end.frame.payload, end.message_payload) == (b"end", None)
        assert [each.detail for each in end.violations] == ["3 bytes of the frame and 998 of its message"]
        assert (sent.row.severity, [each.rule.id for each in sent.violations]) == (
            Severity.NOTE,
            ["not-stored"],
        )
        assert reader.totals().violations == 4


def test_what_the_format_bounds_is_not_said_of_the_disk(writer: CaptureWriter) -> None:
    writer._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    with pytest.raises(CaptureError, match="The disk is not the reason: one of the frames is larger than"):
        writer.write([opened(1), received(1, bytes(200_000))])


def test_the_largest_message_fits_into_a_block_twice() -> None:
    assert 2 * LARGEST_MESSAGE <= MOST_FRAME_BYTES
    assert sqlite3.connect(":memory:").getlimit(sqlite3.SQLITE_LIMIT_LENGTH) > MOST_FRAME_BYTES + BLOCK_BYTES
