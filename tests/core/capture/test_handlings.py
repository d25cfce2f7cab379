"""What was done to frames on their way is kept, found by tickets, and stays with its frames."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.handlings import PendingHandlings
from core.capture.marks import MAX_NOTE, KeepMarks, Mark
from core.capture.reader import CaptureReader
from core.capture.records import Direction, FrameRow, Mode, View
from core.capture.ring import Keep
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.protocol.events import (
    Caused,
    Completes,
    Decided,
    FrameReceived,
    FrameSent,
    Message,
    Origin,
    Report,
    Ruled,
    RunReceived,
)
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Opcode, make_frame
from core.protocol.handling import UNTOUCHED, DecidedBy, Fate, Handling

UP, DOWN = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
RELAYED = Opened(Mode.RELAY, "10.0.0.9:50000", "10.0.0.1:8080")
SECOND = 1_000_000_000
CAME = FrameReceived(make_frame(1, b"came", masking_key=b"mask"), (), Completes.ITSELF)
SENT = FrameSent(make_frame(1, b"sent", masking_key=b"MASK"), Origin.EDITED, Completes.ITSELF)
WAITS = Handling(Fate.HELD, rules=("Hold",))
REPLACED = Handling(Fate.REPLACED, DecidedBy.PERSON, 3 * SECOND)


class Tape:
    """A capture of a few connections."""

    def __init__(self, path: Path) -> None:
        self.writer = CaptureWriter(path, "0")
        self.writer.write([Batch(number, 1, RELAYED, 0) for number in (1, 2)])
        self.reader = CaptureReader(path)
        self._time_ns = 1

    def keep(self, events: Sequence[Report], received: Direction = UP, connection: int = 1) -> None:
        """One commit."""
        self._time_ns += 1
        self.writer.write([Batch(connection, self._time_ns, events, 0, received)])

    def rows(self) -> list[FrameRow]:
        return self.reader.rows(View(), self.reader.dropped(View()), 99)

    def handled(self) -> list[Handling]:
        return [row.handling for row in self.rows()]

    def pairs(self) -> list[tuple[int, int]]:
        """Each frame with its cause, as a reader finds them both ways."""
        found = []
        for row in self.rows():
            cause = self.reader.handlings.cause(row.id)
            if cause is not None:
                assert row.id in self.reader.handlings.consequences(cause)
                found.append((row.id, cause))
        return found


@pytest.fixture
def tape(tmp_path: Path) -> Iterator[Tape]:
    made = Tape(tmp_path / "a.unmask")
    yield made
    made.reader.close()
    made.writer.close()


def test_what_happens_to_most_frames_takes_no_room(tape: Tape) -> None:
    tape.keep([CAME])
    assert tape.handled() == [UNTOUCHED]
    with closing(sqlite3.connect(tape.writer.path)) as db:
        assert db.execute("SELECT count(*) FROM handling").fetchone() == (0,)


def test_what_is_known_at_once(tape: Tape) -> None:
    done = Handling(Fate.DROPPED, DecidedBy.RULE, rules=("No pings", "Log"))
    tape.keep([CAME, Ruled(CAME, done), CAME])
    assert tape.handled() == [UNTOUCHED, done, UNTOUCHED]
    record = tape.reader.frame(2)
    outline = tape.reader.pieces.outline(2)
    assert record is not None
    assert outline is not None
    assert record.row == outline.row == tape.rows()[1] == tape.reader.rows_of([2])[0]
    assert list(tape.reader.frames([1, 2, 3]))[1] == record


@pytest.mark.parametrize("in_one_commit", [True, False])
def test_a_decision_finds_what_waited(tape: Tape, in_one_commit: bool) -> None:
    asked: list[Report] = [Ruled(CAME, WAITS, 7)]
    decided: list[Report] = [Decided(7, Handling(Fate.DROPPED, DecidedBy.SCRIPT, 5, ("fake.py",)))]
    if in_one_commit:
        tape.keep(asked + decided)
    else:
        tape.keep(asked)
        assert tape.handled() == [WAITS]
        assert tape.reader.totals().handling_changes == 0
        tape.keep(decided)
    assert tape.handled() == [Handling(Fate.DROPPED, DecidedBy.SCRIPT, 5, ("Hold", "fake.py"))]
    assert tape.reader.totals().handling_changes == (0 if in_one_commit else 1)


def test_tickets_are_of_their_connection(tape: Tape) -> None:
    tape.keep([Ruled(CAME, WAITS, 1)], connection=1)
    tape.keep([Ruled(CAME, WAITS, 1)], connection=2)
    tape.keep([Decided(1, Handling(Fate.DROPPED)), Decided(2, Handling(Fate.DROPPED))], connection=2)
    assert [each.fate for each in tape.handled()] == [Fate.HELD, Fate.DROPPED]


def test_all_frames_of_a_message_share_its_fate(tape: Tape) -> None:
    first = FrameReceived(make_frame(1, b"to", fin=False, masking_key=b"mask"), (), None)
    last = FrameReceived(
        make_frame(0, b"gether", masking_key=b"mask"), (), Message(1, b"together", False, 2, 8)
    )
    tape.keep([Ruled(first, WAITS, 1), Ruled(last, WAITS, 1)])
    tape.keep([Caused(SENT, 1)], DOWN)
    tape.keep([Decided(1, REPLACED, ("shorter",))])
    assert [each.fate for each in tape.handled()] == [Fate.REPLACED, Fate.REPLACED, Fate.PASSED]
    assert tape.pairs() == [(3, 1)]
    assert tape.reader.handlings.consequences(2) == [3]
    assert tape.reader.marks.notes(1, 9) == {2: "shorter"}


def test_a_whole_run_may_wait(tape: Tape) -> None:
    run = FrameColumns([0x81, 0x81], [b"mask", b"mask"], [b"one", b"two"], [0, 0])
    tape.keep([Ruled(RunReceived(run), WAITS, 3)])
    tape.keep([Decided(3, Handling(held_ns=5))])
    assert [(row.preview, row.handling.held_ns) for row in tape.rows()] == [(b"one", 5), (b"two", 5)]


def test_what_a_rule_sends_names_it(tape: Tape) -> None:
    reply = FrameSent(make_frame(1, b"reply"), Origin.RULE, Completes.ITSELF)
    tape.keep([Ruled(CAME, Handling(rules=("Answer",)), 1), Caused(reply, 1, ("Answer",))])
    tape.keep([Caused(reply, rules=("Tick",))])
    assert [row.handling.rules for row in tape.rows()] == [("Answer",), ("Answer",), ("Tick",)]
    assert tape.pairs() == [(2, 1)]
    assert [row.direction for row in tape.rows()] == [UP, DOWN, DOWN]


def test_close_frames_of_rules_close(tape: Tape) -> None:
    tape.keep([Caused(FrameSent(make_frame(Opcode.CLOSE), Origin.RULE, None))])
    assert tape.rows()[0].opcode == Opcode.CLOSE


def test_names_are_lines_and_each_stands_once(tape: Tape) -> None:
    tape.keep([Ruled(CAME, Handling(rules=("two\nlines", "", "\ud800", "nul\0", "a", "a")))])
    assert tape.handled()[0].rules == ("two lines", "?", "nul?", "a")


def test_the_rules_that_applied_last(tape: Tape) -> None:
    for name in ("old", "one", "two"):
        tape.keep([Ruled(CAME, Handling(rules=(name, "all"))), Ruled(CAME)])
    assert tape.reader.handlings.newest_rules(100) == ["two", "all", "one", "old"]
    assert tape.reader.handlings.newest_rules(2) == ["two", "all"]


def test_times_are_those_that_a_file_holds(tape: Tape) -> None:
    tape.keep([Ruled(CAME, Handling(held_ns=-5)), Ruled(CAME, Handling(held_ns=1 << 80))])
    assert [each.held_ns for each in tape.handled()] == [0, (1 << 63) - 1]


# Notes.


def test_notes_of_rules_are_bookmarks(tape: Tape) -> None:
    changes = tape.reader.totals().mark_changes
    tape.keep([Ruled(CAME, notes=("first", "second")), CAME])
    assert tape.reader.marks.notes(1, 9) == {1: "first\nsecond"}
    assert tape.reader.totals().mark_changes == changes + 1


def test_a_later_note_leaves_the_person_s(tape: Tape) -> None:
    tape.keep([Ruled(CAME, WAITS, 1)])
    tape.writer.change_marks(KeepMarks((Mark(1, "mine"),)))
    tape.keep([Decided(1, REPLACED, ("x" * 2 * MAX_NOTE,))])
    note = tape.reader.marks.note(1)
    assert note is not None
    assert note.startswith("mine\nxx")
    assert len(note) == MAX_NOTE


def test_there_are_no_more_bookmarks_than_a_capture_keeps(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.handlings.MAX_MARKS", 2)
    tape.keep([Ruled(CAME, notes=("note",)) for _ in range(3)])
    tape.keep([Ruled(CAME, ticket=1), Decided(1, UNTOUCHED, ("none",))])
    assert list(tape.reader.marks.frames()) == [1, 2]


# Redaction.


def test_what_may_not_be_recorded_is_not_in_the_file(tape: Tape) -> None:
    secret = b"token=f7a1-never-in-the-file"
    alone = FrameReceived(make_frame(1, secret, masking_key=b"mask"), (), Completes.ITSELF)
    begun = FrameReceived(make_frame(1, secret[:9], fin=False), (), None)
    ended = FrameReceived(make_frame(0, secret[9:]), (), Message(1, secret, False, 2, len(secret)))
    ping = FrameReceived(make_frame(Opcode.PING, secret), (), None)
    tape.keep(
        [Ruled(alone, recorded=b"token=***"), Ruled(begun, recorded=b""), Ruled(ended, recorded=b"t=*")]
    )
    tape.keep([Ruled(ping, recorded=b"token=***"), Ruled(ping, recorded=b"*" * 200)])
    rows = tape.rows()
    assert [row.preview for row in rows] == [b"token=***", b"", b"t=*", b"token=***", b"*" * len(secret)]
    assert all(row.handling.is_redacted and not row.truncated for row in rows)
    assert [row.declared_length for row in rows] == [
        len(secret),
        9,
        len(secret) - 9,
        len(secret),
        len(secret),
    ]
    record = tape.reader.frame(3)
    assert record is not None
    assert (record.message_payload, record.frame.payload) == (b"t=*", b"")
    assert record.row.message is not None
    assert record.row.message.wire_length == len(secret)
    [first, _] = tape.reader.connections()
    assert first.bytes_in == sum(6 if row.masked else 2 for row in rows) + sum(
        r.declared_length for r in rows
    )
    tape.writer.settle()
    written = b"".join(each.read_bytes() for each in tape.writer.path.parent.iterdir())
    assert b"never" not in written
    assert b"f7a1" not in written


# What becomes of the rows.


def three_edits(tape: Tape) -> None:
    for ticket in (1, 2, 3):
        tape.keep([Ruled(CAME, WAITS, ticket)])
        tape.keep([Caused(SENT, ticket)], DOWN)
        tape.keep([Decided(ticket, REPLACED)])
    assert tape.pairs() == [(2, 1), (4, 3), (6, 5)]


def test_a_ring_drops_them_with_their_frames(tape: Tape) -> None:
    three_edits(tape)
    tape.writer.keep = Keep(frames=3)
    tape.writer.drop_oldest(0, 1 << 30)
    assert tape.pairs() == [(4, 3), (6, 5)]
    assert tape.reader.handlings.between(1, 2) == {}


def test_merging_leaves_them(tape: Tape) -> None:
    three_edits(tape)
    before = tape.handled()
    while tape.writer.merge(ending=True):
        pass
    with closing(sqlite3.connect(tape.writer.path)) as db:
        assert db.execute("SELECT count(*) FROM block").fetchone() == (1,)
    assert (tape.pairs(), tape.handled()) == ([(2, 1), (4, 3), (6, 5)], before)


def test_clearing_removes_them(tape: Tape) -> None:
    three_edits(tape)
    tape.keep([Ruled(CAME, WAITS, 4)])
    tape.writer.clear()
    tape.reader.forget()
    tape.keep([Decided(4, REPLACED), CAME])
    assert (tape.pairs(), tape.handled()) == ([], [UNTOUCHED])


def test_frames_that_get_new_ids_keep_theirs_and_can_still_be_decided(tape: Tape) -> None:
    tape.keep([CAME], connection=2)
    tape.keep([Ruled(CAME, WAITS, 1)])
    tape.keep([Caused(SENT, 1)], DOWN)
    tape.keep([Ruled(CAME, WAITS, 2)])
    tape.writer.clear_connection(2)
    tape.reader.forget()
    tape.keep([Decided(1, REPLACED), Decided(2, Handling(Fate.DROPPED))])
    first, second, third = (row.id for row in tape.rows())
    assert first > 4
    assert tape.pairs() == [(second, first)]
    assert [each.fate for each in tape.handled()] == [Fate.REPLACED, Fate.PASSED, Fate.DROPPED]
    tape.keep([Caused(SENT, 2)], DOWN)
    assert tape.pairs()[-1][1] == third


def test_those_of_a_forgotten_connection_go(tape: Tape) -> None:
    three_edits(tape)
    tape.keep([Ruled(CAME, WAITS, 1)], connection=2)
    tape.writer.clear_connection(1)
    tape.reader.forget()
    assert (tape.pairs(), tape.handled()) == ([], [WAITS])
    with closing(sqlite3.connect(tape.writer.path)) as db:
        assert db.execute("SELECT count(*) FROM handling").fetchone() == (1,)


def test_saving_elsewhere_keeps_them(tape: Tape, tmp_path: Path) -> None:
    three_edits(tape)
    tape.keep([Ruled(CAME, WAITS, 4)])
    tape.reader.close()
    tape.writer.move_to(tmp_path / "b.unmask")
    tape.reader = CaptureReader(tmp_path / "b.unmask")
    tape.keep([Decided(4, REPLACED)])
    assert tape.pairs() == [(2, 1), (4, 3), (6, 5)]
    assert tape.handled()[-1] == Handling(Fate.REPLACED, DecidedBy.PERSON, 3 * SECOND, ("Hold",))


def test_a_capture_that_ends_before_the_decision_says_held(tape: Tape, tmp_path: Path) -> None:
    tape.keep([Ruled(CAME, WAITS, 1)])
    tape.writer.start_new(tmp_path / "b.unmask")
    tape.keep([Caused(SENT, 1), Decided(1, REPLACED)])
    assert tape.handled() == [WAITS]
    with closing(CaptureReader(tmp_path / "b.unmask")) as reader:
        [row] = reader.rows(View(), 0, 9)
        assert (row.origin, row.handling, reader.handlings.cause(row.id)) == (Origin.EDITED, UNTOUCHED, None)


def test_while_frames_are_not_recorded(tape: Tape) -> None:
    tape.keep([Ruled(CAME, WAITS, 1)])
    tape.writer.recording = False
    tape.keep([Ruled(CAME, WAITS, 2, ("note",)), Caused(SENT, 1), Decided(1, REPLACED), Decided(2, REPLACED)])
    tape.writer.recording = True
    tape.keep([CAME])
    assert [each.fate for each in tape.handled()] == [Fate.REPLACED, Fate.PASSED]
    assert list(tape.reader.marks.frames()) == []


def test_a_decision_outlives_a_disk_that_fails(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    tape.keep([Ruled(CAME, WAITS, 1)])

    def fail(_self: PendingHandlings, _db: sqlite3.Connection, _new_from: int) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(PendingHandlings, "write", fail)
        with pytest.raises(CaptureError):
            tape.keep([Ruled(CAME, WAITS, 2), Decided(1, REPLACED), Decided(2, REPLACED)])
    tape.keep([CAME])
    assert [each.fate for each in tape.handled()] == [Fate.REPLACED, Fate.PASSED]
    assert tape.reader.handlings.between(2, 2) == {}


def test_a_damaged_row_is_said(tape: Tape) -> None:
    tape.keep([Ruled(CAME, WAITS, 1)])
    with closing(sqlite3.connect(tape.writer.path)) as db:
        db.execute("UPDATE handling SET fate = 99")
        db.commit()
    with pytest.raises(CaptureError, match="99 is not a valid Fate"):
        tape.rows()
