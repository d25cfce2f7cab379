from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from core.capture.follow import Close, Decision, Entry, Follower, Handshake, Passage
from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState, FrameRecord
from core.capture.ring import Keep
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    Decided,
    Event,
    ExchangeEnded,
    FrameReceived,
    HandshakeFailed,
    Ruled,
)
from core.protocol.frames import make_frame
from core.protocol.handling import Fate, Handling
from core.protocol.handshake import refuse
from core.protocol.observer import Observer
from core.protocol.state import Role
from core.protocol.violations import violation
from tests.tools.captures import ACCEPTED, opened, received

START = 1_700_000_000_000_000_000
_GONE = {
    GapReason.DROPPED: "gone",
    GapReason.NOT_RECORDED: "passed",
    GapReason.NOT_WRITTEN: "lost",
    GapReason.CLEARED: "cleared",
}
GONE: list[Event] = [ConnectionClosed(1000, "bye", ClosedBy.CLIENT)]
REFUSED = HandshakeFailed(
    b"hello\r\n\r\n", refuse(400, "That is no HTTP.", (violation("head-not-http", offset=0, length=5),))
)


def accepted(connection: int, time_ns: int) -> list[Batch]:
    return [opened(connection, time_ns), Batch(connection, time_ns, [ACCEPTED], 0)]


def said(connection: int, text: str, time_ns: int) -> Batch:
    return received(connection, text.encode(), time_ns=time_ns)


def gone(connection: int, time_ns: int) -> Batch:
    return Batch(connection, time_ns, GONE, 0)


def answered(connection: int, time_ns: int) -> Batch:
    """A plain request that a server has answered."""
    observer = Observer()
    events = observer.feed(Role.CLIENT, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    events += observer.feed(Role.SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    return Batch(connection, time_ns, events, 0)


def told(entries: Iterable[Entry]) -> list[str]:
    """`open 1`, `1 hello`, `5 gone` and `over 1`."""
    return list(map(in_short, entries))


def in_short(entry: Entry) -> str:
    if isinstance(entry, Handshake):
        return f"open {entry.connection.id}"
    if isinstance(entry, Close):
        return f"over {entry.connection.id}"
    if isinstance(entry, Passage):
        return f"passage {entry.connection.id}"
    if isinstance(entry, Gap):
        return f"{entry.frames} {_GONE[entry.reason]}"
    if isinstance(entry, Decision):
        return f"{entry.row.id} {entry.row.fate.name.lower()}"
    return f"{entry.row.connection} {entry.frame.payload.decode()}"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    yield writer
    writer.close()


@pytest.fixture
def follower(writer: CaptureWriter) -> Iterator[Follower]:
    with closing(CaptureReader(writer.path)) as reader:
        yield Follower(reader)


def test_an_empty_capture_tells_nothing(follower: Follower) -> None:
    assert told(follower.entries()) == []


def test_many_connections_are_merged_by_time(writer: CaptureWriter, follower: Follower) -> None:
    writer.write(
        [
            *accepted(1, START),
            *accepted(2, START + 1),
            said(1, "a", START + 2),
            said(2, "b", START + 3),
            gone(1, START + 4),
            *accepted(3, START + 5),
            said(2, "c", START + 6),
            gone(2, START + 7),
        ]
    )
    assert told(follower.entries()) == [
        *("open 1", "open 2", "1 a", "2 b", "over 1", "open 3", "2 c", "over 2")
    ]
    assert told(follower.entries()) == []


def test_at_one_moment_the_handshake_comes_first_and_the_close_last(
    writer: CaptureWriter, follower: Follower
) -> None:
    writer.write([*accepted(1, START), said(1, "a", START), said(1, "b", START), gone(1, START)])
    assert told(follower.entries()) == ["open 1", "1 a", "1 b", "over 1"]


def test_it_goes_on_from_commit_to_commit(writer: CaptureWriter, follower: Follower) -> None:
    steps: list[tuple[Sequence[Batch], list[str]]] = [
        ([opened(1, START)], []),
        ([Batch(1, START + 1, [ACCEPTED], 0)], ["open 1"]),
        ([said(1, "a", START + 2), *accepted(2, START + 3)], ["1 a", "open 2"]),
        ([said(2, "b", START + 4)], ["2 b"]),
        ([said(1, "c", START + 5), gone(1, START + 6)], ["1 c", "over 1"]),
        ([gone(2, START + 7)], ["over 2"]),
    ]
    for batches, expected in steps:
        writer.write(batches)
        assert told(follower.entries()) == expected


def test_a_refused_handshake_is_told_with_what_it_broke(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([opened(1, START), Batch(1, START + 1, [REFUSED, *GONE], 0)])
    handshake, close = follower.entries()
    assert isinstance(handshake, Handshake)
    assert handshake.connection.state is ConnectionState.REFUSED
    assert handshake.connection.request == b"hello\r\n\r\n"
    assert handshake.violations == REFUSED.answer.violations
    assert in_short(close) == "over 1"


def test_an_exchange_is_told_when_it_is_over_or_the_story_is(
    writer: CaptureWriter, follower: Follower
) -> None:
    writer.write([opened(1, START), answered(1, START + 1), opened(2, START + 2), answered(2, START + 3)])
    assert told(follower.entries()) == []
    writer.write([Batch(1, START + 4, [ExchangeEnded(0, 5, is_plain=True)], 0), *accepted(3, START + 5)])
    assert told(follower.entries()) == ["passage 1", "open 3"]
    assert told(follower.entries(ending=True)) == ["passage 2"]
    assert told(follower.entries(ending=True)) == []


def test_what_stands_there_before_is_told_too(writer: CaptureWriter) -> None:
    writer.write([*accepted(1, START), said(1, "a", START + 1)])
    with closing(CaptureReader(writer.path)) as reader:
        assert told(Follower(reader).entries()) == ["open 1", "1 a"]


def test_what_comes_while_telling_is_told_the_next_time(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), said(1, "a", START + 1)])
    entries = follower.entries()
    assert in_short(next(entries)) == "open 1"
    writer.write([*accepted(2, START + 2), said(2, "b", START + 3), gone(1, START + 4)])
    assert told(entries) == ["1 a"]
    assert told(follower.entries()) == ["open 2", "2 b", "over 1"]


def test_clearing_in_between_neither_repeats_nor_invents(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), *accepted(2, START), said(1, "a", START + 1)])
    assert told(follower.entries()) == ["open 1", "open 2", "1 a"]
    writer.write([said(1, "never told", START + 2), gone(2, START + 3)])
    writer.clear()
    writer.write([said(1, "b", START + 4), *accepted(3, START + 5), said(3, "c", START + 6)])
    assert told(follower.entries()) == ["1 b", "open 3", "3 c"]
    writer.write([gone(1, START + 7), gone(3, START + 8)])
    assert told(follower.entries()) == ["over 1", "over 3"]


def test_clearing_while_telling_keeps_the_order(writer: CaptureWriter, follower: Follower) -> None:
    """What is recorded after the clearing waits for its handshake."""
    writer.write([*accepted(1, START), said(1, "a", START + 1)])
    writer.write([said(1, "b", START + 2), said(1, "c", START + 3)])
    entries = follower.entries()
    assert in_short(next(entries)) == "open 1"
    writer.clear()
    writer.write([*accepted(2, START + 100), said(2, "new", START + 101)])
    # One frame is looked at ahead, to be told in order of time; the other two were to be told.
    assert told(entries) == ["1 a", "2 cleared"]
    assert follower.missed_frames == 2
    assert told(follower.entries()) == ["open 2", "2 new"]


def test_connections_that_were_cleared_are_forgotten(writer: CaptureWriter, follower: Follower) -> None:
    """A number may come again in a capture that was cleared; nothing is remembered of the old one."""
    writer.write(accepted(1, START))
    assert told(follower.entries()) == ["open 1"]
    writer.write([gone(1, START + 1)])
    writer.clear()
    assert told(follower.entries()) == []
    writer.write(accepted(1, START + 2))
    assert told(follower.entries()) == ["open 1"]


def test_nothing_twice_and_nothing_lost_while_recording_goes_on(
    writer: CaptureWriter, follower: Follower
) -> None:
    """A thread writes as fast as it can, this one follows; blocks are filled, ended early, and read half full."""
    connections, rounds = 5, 120
    over = threading.Event()

    def record() -> None:
        clock = count(START)
        for connection in range(1, connections + 1):
            writer.write(accepted(connection, next(clock)))
        for number in range(rounds):
            writer.write(
                said(connection, f"{number}.{each}", next(clock))
                for connection in range(1, connections + 1)
                for each in range(20)
            )
        for connection in range(1, connections + 1):
            writer.write([gone(connection, next(clock))])
        over.set()

    thread = threading.Thread(target=record)
    thread.start()
    lines: list[str] = []
    while not over.is_set():
        lines += told(follower.entries())
    thread.join()
    lines += told(follower.entries())
    for connection in range(1, connections + 1):
        mine = [
            line for line in lines if line.split(" ")[0] == str(connection) or line.endswith(f" {connection}")
        ]
        frames = [f"{connection} {number}.{each}" for number in range(rounds) for each in range(20)]
        assert mine == [f"open {connection}", *frames, f"over {connection}"]
    assert len(lines) == connections * (rounds * 20 + 2)


def test_a_frame_comes_with_everything(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), said(1, "a", START + 1)])
    _, record = follower.entries()
    assert isinstance(record, FrameRecord)
    assert (record.row.id, record.row.number, record.row.time_ns) == (1, 1, START + 1)
    assert record.message_payload == record.frame.payload == b"a"


def test_a_connection_of_any_kind_is_told_once(writer: CaptureWriter, follower: Follower) -> None:
    """One that ends without a word has a handshake too: the one that failed."""
    assert isinstance(opened(1).events, Opened)
    writer.write([opened(1, START), Batch(1, START + 1, [REFUSED], 0)])
    assert told(follower.entries()) == ["open 1"]
    writer.write([gone(1, START + 2)])
    assert told(follower.entries()) == ["over 1"]


def drop_all_but(writer: CaptureWriter, frames: int) -> None:
    writer.keep = Keep(frames=frames)
    writer.drop_oldest(0, 1 << 40)


def test_what_a_ring_dropped_before_is_told_as_a_gap(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), said(1, "a", START + 1), said(1, "b", START + 2)])
    writer.write([said(1, "c", START + 3)])
    drop_all_but(writer, 1)
    entries = list(follower.entries())
    assert told(entries) == ["open 1", "2 gone", "1 c"]
    assert entries[1] == Gap(3, GapReason.DROPPED, 2, START + 1, START + 2)
    assert follower.missed_frames == 0


def test_what_a_ring_drops_before_it_was_told_is_a_gap(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), said(1, "a", START + 1)])
    assert told(follower.entries()) == ["open 1", "1 a"]
    for number in range(2, 6):
        writer.write([said(1, f"{number}", START + number)])
    drop_all_but(writer, 2)
    assert told(follower.entries()) == ["2 gone", "1 4", "1 5"]
    writer.write([said(1, "6", START + 6)])
    assert told(follower.entries()) == ["1 6"]


def test_what_a_ring_drops_while_it_is_told_is_a_gap(writer: CaptureWriter, follower: Follower) -> None:
    writer.write(accepted(1, START))
    for number in range(1, 6):
        writer.write([said(1, f"{number}", START + number)])
    story = follower.entries()
    assert [in_short(next(story)) for _ in range(2)] == ["open 1", "1 1"]
    drop_all_but(writer, 2)
    # One frame is looked at ahead, to be told in order of time.
    rest = told(story)
    assert rest in (["2 gone", "1 4", "1 5"], ["1 2", "1 gone", "1 4", "1 5"])


def test_what_was_cleared_is_no_gap(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), said(1, "a", START + 1), said(1, "b", START + 2)])
    writer.clear()
    for number in (3, 4, 5):
        writer.write([said(1, f"{number}", START + number)])
    drop_all_but(writer, 2)
    assert told(follower.entries()) == ["open 1", "1 gone", "1 4", "1 5"]


class Looked(NamedTuple):
    frames: tuple[int, ...]
    through: int


class Even:
    """Finds frames of even ids, two frames at a time."""

    def __init__(self, reader: CaptureReader) -> None:
        self._reader = reader
        self.between: Callable[[], None] = lambda: None

    def __call__(self, after: int) -> Iterator[Looked]:
        last = self._reader.last_frame_id()
        for first in range(after + 1, last + 1, 2):
            yield Looked((first + first % 2,), min(first + 1, last))
            self.between()


def test_only_frames_that_are_found_are_told(writer: CaptureWriter) -> None:
    with closing(CaptureReader(writer.path)) as reader:
        follower = Follower(reader, Even(reader))
        assert told(follower.entries()) == []
        writer.write([*accepted(1, START), *(said(1, f"{number}", START + number) for number in range(1, 6))])
        assert told(follower.entries()) == ["open 1", "1 2", "1 4"]
        writer.write([said(1, "6", START + 6), gone(1, START + 7)])
        assert told(follower.entries()) == ["1 6", "over 1"]
        writer.write([*accepted(2, START + 8), said(2, "7", START + 9), said(2, "8", START + 10)])
        assert told(follower.entries()) == ["open 2", "2 8"]


def test_what_comes_while_telling_what_is_found_waits(writer: CaptureWriter) -> None:
    writer.write([*accepted(1, START), said(1, "1", START + 1), said(1, "2", START + 2)])
    with closing(CaptureReader(writer.path)) as reader:
        follower = Follower(reader, lambda after: [Looked((2, 4), 4)] if after < 4 else [])
        entries = follower.entries()
        assert in_short(next(entries)) == "open 1"
        writer.write([*accepted(2, START + 3), said(2, "3", START + 4), said(2, "4", START + 5)])
        assert told(entries) == ["1 2"]
        assert told(follower.entries()) == ["open 2", "2 4"]


def test_gaps_between_frames_that_are_found(writer: CaptureWriter) -> None:
    writer.write(accepted(1, START))
    for number in range(1, 11):
        writer.write([said(1, f"{number}", START + number)])
    drop_all_but(writer, 8)
    with closing(CaptureReader(writer.path)) as reader:
        even = Even(reader)
        follower = Follower(reader, even)
        even.between = lambda: drop_all_but(writer, 3)
        rest = told(follower.entries())
    # Those up to 4 were looked at before they were dropped.
    assert rest == ["open 1", "2 gone", "1 4", "3 gone", "1 8", "1 10"]


@pytest.mark.parametrize(("kept", "rest"), [(2, ["2 gone", "1 8"]), (1, ["3 gone"])])
def test_what_was_found_and_is_dropped_before_it_is_told_is_a_gap(
    writer: CaptureWriter, kept: int, rest: list[str]
) -> None:
    writer.write(accepted(1, START))
    for number in range(1, 10):
        writer.write([said(1, f"{number}", START + number)])
    with closing(CaptureReader(writer.path)) as reader:
        story = Follower(reader, lambda _: [Looked((2, 4, 6, 8), 9)]).entries()
        assert [in_short(next(story)) for _ in range(2)] == ["open 1", "1 2"]
        drop_all_but(writer, kept)
        assert told(story) == rest


def test_clearing_while_telling_what_is_found_is_told(writer: CaptureWriter) -> None:
    writer.write([*accepted(1, START), *(said(1, f"{number}", START + number) for number in range(1, 6))])
    with closing(CaptureReader(writer.path)) as reader:
        even = Even(reader)
        follower = Follower(reader, even)
        even.between = writer.clear
        assert told(follower.entries()) == ["open 1", "1 2", "3 cleared"]
        writer.write([said(1, "6", START + 6)])
        even.between = lambda: None
        assert told(follower.entries()) == ["1 6"]


def held(connection: int, ticket: int, time_ns: int) -> Batch:
    came = FrameReceived(make_frame(1, b"held"), (), None)
    return Batch(connection, time_ns, [Ruled(came, Handling(Fate.HELD), ticket)], 0)


def decided(connection: int, ticket: int, fate: Fate, held_ns: int) -> Batch:
    return Batch(connection, START, [Decided(ticket, Handling(fate, held_ns=held_ns))], 0)


def test_decisions_are_told_of_frames_that_were_told_before(
    writer: CaptureWriter, follower: Follower
) -> None:
    writer.write([*accepted(1, START), held(1, 1, START + 1), held(1, 2, START + 2), held(1, 3, START + 3)])
    writer.write([decided(1, 3, Fate.DROPPED, 1)])
    assert told(follower.entries()) == ["open 1", "1 held", "1 held", "1 held"], "the third is no news"
    assert told(follower.entries()) == []
    writer.write([said(1, "a", START + 7), decided(1, 2, Fate.REPLACED, 4), decided(1, 1, Fate.PASSED, 9)])
    assert told(follower.entries()) == ["2 replaced", "1 a", "1 passed"], "in order of time"
    writer.write([decided(1, 1, Fate.DROPPED, 9)])
    assert told(follower.entries()) == [], "once"


def test_no_decision_is_told_of_frames_that_are_gone(writer: CaptureWriter, follower: Follower) -> None:
    writer.write([*accepted(1, START), held(1, 1, START + 1), held(1, 2, START + 2)])
    assert told(follower.entries()) == ["open 1", "1 held", "1 held"]
    writer.clear()
    writer.write([held(1, 1, START + 3), decided(1, 1, Fate.PASSED, 4), decided(1, 2, Fate.PASSED, 4)])
    assert told(follower.entries()) == ["1 held"]
