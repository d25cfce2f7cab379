"""Captures of every earlier format open, and show what they were made of.

Those in `formats` were made by the programs that wrote these formats: `1` before violations had a second index, `2`
before marks, `3` before gaps, those with a `b` after that, `4` before sources, `5` before handlings. Each holds the
same four conversations and a refused handshake; the crashed ones have a write-ahead log, and a connection that is still
open. The relayed ones have two legs.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from core.capture.block_reader import EVERY, BlockReader
from core.capture.follow import Follower
from core.capture.gaps import Gap, GapReason
from core.capture.legs import HeadPlace, LegEnd, Tls
from core.capture.marks import DropAllMarks, KeepMarks, Mark, change_marks_of
from core.capture.migrations import NEWEST, show_as_newest
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState, Mode, PayloadPart, View
from core.capture.session_files import CaptureFolder
from core.capture.store import copy, open_for_reading
from core.capture.tables import TABLES
from core.errors import CaptureError
from core.formats.jsonl import JsonLines
from core.protocol.events import ClosedBy, Origin
from core.protocol.handling import Fate
from core.protocol.state import Role
from core.query.language import default_language
from tests.tools.filters import asked, scanned

KEPT = Path(__file__).with_name("formats")
FORMATS = ("1", "1b", "2", "2b", "3", "3b", "4", "5")
CRASHED = ("1", "2", "3", "4", "5")
T = TypeVar("T")
MESSAGES = [
    b"Hello", bytes(range(32)), b"in pieces", b"compressed " * 20, b"fragments " * 5, b"long" * 2000, b"one", b"two",
]  # fmt: skip
FILTERS = (
    'payload contains "ello"', "opcode == ping", "length > 1000", "severity == error", "direction == s2c", "ratio > 1",
    'header["Origin"] == "https://example.com"', 'path == "/gone"', "marked", "not marked and control", "time > 1ms",
    'connection == 3 or violation == "opcode-reserved"',
)  # fmt: skip


def unpack(name: str, folder: Path) -> Path:
    """A kept capture, with its log where it has one."""
    for packed in KEPT.glob(f"{name}.unmask*.xz"):
        (folder / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
    return folder / f"{name}.unmask"


@pytest.fixture(params=FORMATS)
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpack(f"format_{request.param}", tmp_path)


def of_all(entries: list[T]) -> list[T]:
    """What every kept capture has: one of them has another connection before the last."""
    return [*entries[:4], entries[-1]]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_connections_are_what_they_were(capture: Path) -> None:
    with closing(CaptureReader(capture)) as reader:
        found = of_all(reader.connections())
        assert [reader.connection(each.id) for each in found] == found
    assert [(each.state, each.closed_by, each.vanished, each.close_code) for each in found] == [
        (ConnectionState.CLOSED, ClosedBy.CLIENT, False, 1000),
        (ConnectionState.CLOSED, ClosedBy.UNMASK, False, 1001),
        (ConnectionState.CLOSED, ClosedBy.CLIENT, True, 1006),
        (ConnectionState.REFUSED, ClosedBy.NOBODY, False, None),
        (ConnectionState.LOST, ClosedBy.NOBODY, False, None),
    ]
    assert [each.path for each in found] == ["/chat", "/ours", "/gone", "/refused", "/open"]
    assert [(each.peer, each.local) for each in found[:2]] == [
        ("127.0.0.1:50001", "127.0.0.1:8080"),
        ("127.0.0.1:50002", "127.0.0.1:8080"),
    ]
    assert found[0].request.startswith(b"GET /chat HTTP/1.1\r\n")
    assert found[0].response.startswith(b"HTTP/1.1 101 ")
    assert (found[0].origin, found[0].frame_count, found[0].reason) == ("https://example.com", 14, "bye")


def test_legs_and_heads_follow_from_the_connections(capture: Path) -> None:
    with closing(CaptureReader(capture)) as reader:
        legs = [reader.legs(number) for number in range(1, 6)]
        heads = [reader.heads(number) for number in range(1, 6)]
        records = reader.connections()
    assert [[(leg.side, leg.ended) for leg in each] for each in legs] == [
        [(Role.CLIENT, LegEnd.CLOSED)],
        [(Role.CLIENT, LegEnd.CLOSED)],
        [(Role.CLIENT, LegEnd.VANISHED)],
        [(Role.CLIENT, LegEnd.CLOSED)],
        [(Role.CLIENT, LegEnd.OPEN)],
    ]
    assert (legs[0][0].peer, legs[0][0].tls, legs[0][0].opened_ns) == (
        "127.0.0.1:50001",
        None,
        records[0].opened_ns,
    )
    assert [[head.place for head in each] for each in heads] == [
        [HeadPlace.CLIENT_REQUEST, HeadPlace.CLIENT_RESPONSE]
    ] * 5
    assert [head.raw for head in heads[0]] == [records[0].request, records[0].response]
    assert [found.rule.id for found in heads[3][0].violations] == ["key-missing"]


def test_two_legs_without_a_source(tmp_path: Path) -> None:
    with closing(CaptureReader(unpack("relayed_4", tmp_path))) as reader:
        [record] = reader.connections()
        client, server = reader.legs(1)
        heads = reader.heads(1)
        assert reader.sources() == []
    assert (record.mode, record.source, record.close_code) == (Mode.RELAY, None, 1000)
    assert server.tls == Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "http/1.1", "example.com", True, b"DER")
    assert (client.tls, client.tls_problem, server.tls_problem) == (None, "", "")
    assert server.connected_ns is not None
    assert server.secured_ns == server.connected_ns + 5
    assert [each.place for each in heads] == [
        HeadPlace.CLIENT_REQUEST,
        HeadPlace.SERVER_REQUEST,
        HeadPlace.SERVER_RESPONSE,
    ]


def test_replacements_are_handlings(tmp_path: Path) -> None:
    path = unpack("relayed_5", tmp_path)
    with closing(CaptureReader(path)) as reader:
        rows = reader.rows(View(), 0, 9)
        causes = [reader.handlings.cause(row.id) for row in rows]
        consequences = [reader.handlings.consequences(row.id) for row in rows]
        [source] = reader.sources()
    assert [row.fate for row in rows] == [
        Fate.REPLACED, Fate.PASSED, Fate.DROPPED, Fate.HELD, Fate.PASSED, Fate.PASSED,
    ]  # fmt: skip
    assert rows[1].origin is Origin.EDITED
    assert causes == [None, 1, None, None, None, None]
    assert consequences == [[2], [], [], [], [], []]
    assert (source.name, source.target) == ("Shop", "wss://example.com/")
    for text, found in (("fate == dropped", [3]), ("edited", [1, 2]), ("fate == held", [4]), ("held", [4])):
        expression = default_language().parse(text)
        assert scanned(path, expression) == asked(path, expression) == found, text


def test_frames_payloads_and_problems(capture: Path) -> None:
    with closing(CaptureReader(capture)) as reader:
        frames = list(reader.frames_after(0, 100))
        messages = [each.message_payload for each in frames if each.message_payload is not None]
        assert messages[: len(MESSAGES)] == MESSAGES
        assert messages[-1] == b"three"
        assert reader.rows(View(), 0, 100) == [each.row for each in frames]
        assert [each.row for each in frames if each.row.connection == 2] == reader.rows(View(2), 0, 100)
        long = next(each.row.id for each in frames if each.message_payload == MESSAGES[5])
        assert reader.pieces.payload(long, PayloadPart.MESSAGE, 4000, 4008) == b"longlong"
        problems = [(each.frame, each.violation.rule.id, each.head) for each in reader.problems()]
        reserved = next(each for each in frames if each.frame.opcode == 3)
    assert (reserved.row.id, "opcode-reserved", None) in problems
    assert (None, "key-missing", HeadPlace.CLIENT_REQUEST) in problems
    with closing(BlockReader(capture)) as blocks:
        payloads = b"".join(blocks.payloads(key) for key in blocks.choose(0, 100, EVERY, 100))
    assert payloads == b"".join(
        each.frame.payload
        + (b"" if each.message_payload in (None, each.frame.payload) else each.message_payload or b"")
        for each in frames
    )


@pytest.mark.parametrize("text", FILTERS)
def test_filters_find_the_same_by_blocks_and_by_frames(capture: Path, text: str) -> None:
    expression = default_language().parse(text)
    found = scanned(capture, expression)
    assert found == asked(capture, expression)
    assert bool(found) == (text != "marked")


def test_a_story_is_exported(capture: Path) -> None:
    with closing(CaptureReader(capture)) as reader:
        lines = [json.loads(line) for line in JsonLines().export(Follower(reader).entries())]
    assert of_all([each["path"] for each in lines if each["event"] == "handshake"]) == [
        "/chat", "/ours", "/gone", "/refused", "/open",
    ]  # fmt: skip
    ends = [(each["closed_by"], each["vanished"]) for each in lines if each["event"] == "close"]
    assert ends == [("client", False), ("unmask", False), ("client", True), ("nobody", False)]


def test_gaps_where_the_file_has_them(tmp_path: Path) -> None:
    with closing(CaptureReader(unpack("format_3", tmp_path))) as reader:
        assert reader.gaps.noted(View()) == []
    with closing(CaptureReader(unpack("format_3b", tmp_path))) as reader:
        [gap] = reader.gaps.noted(View())
    assert (gap.reason, gap.frames) == (GapReason.NOT_RECORDED, 1)


def test_what_a_ring_dropped_is_known_without_gaps(tmp_path: Path) -> None:
    """The times of what is gone are not: the next frame's is the nearest."""
    path = unpack("format_3", tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (second, time_ns) = db.execute("SELECT first, first_ns FROM block LIMIT 1 OFFSET 1").fetchone()
        for table, column in (("block", "first"), ("payload", "block"), ("lane", "block")):
            db.execute(f"DELETE FROM {table} WHERE {column} < ?", (second,))
    with closing(CaptureReader(path)) as reader:
        assert reader.gaps.dropped(View()) == Gap(second, GapReason.DROPPED, second - 1, time_ns, time_ns)


def test_reading_changes_nothing(capture: Path) -> None:
    before = digest(capture)
    with closing(CaptureReader(capture)) as reader:
        reader.totals()
        reader.connections()
    assert digest(capture) == before
    assert sorted(each.name for each in capture.parent.iterdir()) == [capture.name]


def test_marks_are_kept_and_an_open_reader_sees_them(capture: Path) -> None:
    with closing(CaptureReader(capture)) as reader:
        frames = list(reader.frames_after(0, 100))
        assert list(reader.marks.frames()) == []
        changes = reader.totals().mark_changes
        change_marks_of(capture, KeepMarks((Mark(2, "here"),)))
        assert reader.totals().mark_changes == changes + 1
        assert reader.marks.note(2) == "here"
        change_marks_of(capture, KeepMarks((Mark(3, ""),)))
        assert list(reader.marks.frames()) == [2, 3]
        assert scanned(capture, default_language().parse("marked")) == [2, 3]
        change_marks_of(capture, DropAllMarks())
        assert list(reader.marks.frames()) == []
        assert list(reader.frames_after(0, 100)) == frames


def test_a_copy_is_of_the_same_format_and_as_good(capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "copied.unmask"
    copy(capture, target)
    with closing(CaptureReader(capture)) as first, closing(CaptureReader(target)) as second:
        assert second.connections() == first.connections()
        assert list(second.frames_after(0, 100)) == list(first.frames_after(0, 100))


@pytest.mark.parametrize("number", CRASHED)
def test_one_that_a_crash_left_behind_is_recovered(number: str, tmp_path: Path) -> None:
    crashed = unpack(f"crashed_{number}", tmp_path)
    for ending in ("", "-wal"):
        name = f"unsaved_2026-11-01_00-00-00.unmask{ending}"
        os.replace(f"{crashed}{ending}", tmp_path / name)
    path = tmp_path / "unsaved_2026-11-01_00-00-00.unmask"
    with closing(CaptureReader(path)) as reader:
        assert [each.state for each in reader.connections()][-1] is ConnectionState.OPEN
    [left] = CaptureFolder(tmp_path).left_behind()
    assert (left.path, left.holdings.frames, left.finished) == (path, 19, False)
    with closing(CaptureReader(path)) as reader:
        assert [each.state for each in reader.connections()][-1] is ConnectionState.LOST
        assert [each.message_payload for each in reader.frames_after(18, 1)] == [b"three"]


@pytest.mark.parametrize("name", [f"format_{each}" for each in FORMATS])
def test_each_table_of_the_newest_format_is_there_whole(name: str, tmp_path: Path) -> None:
    with closing(open_for_reading(unpack(name, tmp_path))) as db:
        for table in TABLES:
            rows = db.execute(f"SELECT {table.all} FROM {table.name}").fetchall()
            assert [tuple(table.read(row)) for row in rows] == rows, table.name


def test_connections_are_found_by_their_keys(tmp_path: Path) -> None:
    """A list must not look through all heads for each of its rows."""
    queries = (
        "SELECT raw FROM head WHERE connection = 3 ORDER BY side, kind",
        "SELECT peer FROM leg WHERE connection = 3",
        "SELECT rule FROM violation WHERE frame = 3",
        "SELECT repeats FROM payload WHERE block = 3",
    )
    for name in FORMATS:
        with closing(open_for_reading(unpack(f"format_{name}", tmp_path))) as db:
            for query in queries:
                plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]
                assert not any(step.startswith("SCAN main") for step in plan), plan


def test_the_newest_needs_no_view(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        show_as_newest(db, NEWEST)
        assert db.execute("SELECT count(*) FROM sqlite_temp_schema").fetchone() == (0,)


def test_only_schemas_that_were_written_are_written_to(capture: Path) -> None:
    with closing(sqlite3.connect(capture, isolation_level=None)) as db:
        db.execute("CREATE INDEX forged ON block(abs(first))")
    with pytest.raises(CaptureError, match="its tables are not those of a capture"):
        change_marks_of(capture, KeepMarks((Mark(2, ""),)))
    with closing(CaptureReader(capture)) as reader:
        assert reader.count(View()) >= 19
