"""Removes one connection from the capture, with all frames and everything noted about them.

Connections share blocks, so all blocks from the connection's first frame on are rewritten. The frames that stay in them
get new ids, greater than all before: an old id finds nothing, and never another frame.
"""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass

from core.capture.blocks import BlockBuilder, StoredFrame
from core.capture.layout import CONNECTION_AND_HEAD, OWN_PAYLOAD, RECORD
from core.capture.repeats import REPEATED_FROM, Layout
from core.capture.store import ALL, zeroing
from core.capture.tables import BLOCK, HEAD, LEG, PAYLOAD

_OF_FRAMES = (
    ("violation", "frame"),
    ("mark", "frame"),
    ("handling", "frame"),
    ("handling", "cause"),
)
"""Columns that name frames."""


@dataclass(slots=True)
class Forgotten:
    """What was removed."""

    next_frame: int
    """Id of the next frame to be recorded."""
    connections: int = 0
    frames: int = 0
    control: int = 0
    """Control frames among them."""
    bytes: int = 0
    """Wire bytes, including those of frames that a ring had dropped."""
    violations: int = 0
    violations_left: int = 0
    """Violations of the handshake, if the connection stays."""


@dataclass(slots=True)
class Running:
    """The values of the table `total`."""

    connections: int = 0
    frames: int = 0
    control: int = 0
    bytes: int = 0
    violations: int = 0
    changes: int = 0
    generation: int = 1

    def write(self, db: sqlite3.Connection) -> None:
        """Write them. A transaction of the caller's."""
        db.execute(
            "UPDATE total SET connections=?, frames=?, control_frames=?, bytes=?, violations=?, changes=?, "
            "generation=?",
            astuple(self),
        )

    def lose(self, forgotten: Forgotten) -> None:
        """Subtract what was removed; readers must begin anew."""
        self.connections -= forgotten.connections
        self.frames -= forgotten.frames
        self.control -= forgotten.control
        self.bytes -= forgotten.bytes
        self.violations -= forgotten.violations
        self.changes += 1
        self.generation += 1


def forget(db: sqlite3.Connection, connection: int, next_frame: int, *, stays: bool) -> Forgotten:
    """Remove a connection, or only its frames if it `stays` because it is open. The caller owns the transaction.

    `next_frame` is greater than the id of any frame. The caller updates `total`, and `connection` if it stays. Raises
    sqlite3.Error, and ValueError for a damaged block.
    """
    forgotten = Forgotten(next_frame)
    with zeroing(db):
        _forget_gaps(db, connection)
        (first,) = db.execute("SELECT min(block) FROM lane WHERE connection = ?", (connection,)).fetchone()
        if first is not None:
            blocks = db.execute(
                "SELECT first FROM block WHERE first >= ? ORDER BY first", (first,)
            ).fetchall()
            for (block,) in blocks:
                _rewrite(db, block, connection, forgotten)
            _move_gaps(db, next_frame, forgotten.next_frame)
        db.execute("DELETE FROM lane WHERE connection = ?", (connection,))
        _forget_itself(db, connection, forgotten, stays=stays)
    return forgotten


def _forget_itself(db: sqlite3.Connection, connection: int, forgotten: Forgotten, *, stays: bool) -> None:
    row = db.execute("SELECT bytes_in + bytes_out FROM connection WHERE id = ?", (connection,)).fetchone()
    if row is not None:
        (forgotten.bytes,) = row
    which = "AND frame IS NOT NULL" if stays else ""
    found = db.execute(f"DELETE FROM violation WHERE connection = ? {which}", (connection,))
    forgotten.violations = found.rowcount
    if stays:
        (forgotten.violations_left,) = db.execute(
            "SELECT count(*) FROM violation WHERE connection = ?", (connection,)
        ).fetchone()
    else:
        forgotten.connections = db.execute("DELETE FROM connection WHERE id = ?", (connection,)).rowcount
        for table in (LEG, HEAD):
            db.execute(f"DELETE FROM {table.name} WHERE connection = ?", (connection,))


def _rewrite(db: sqlite3.Connection, old: int, forget: int, forgotten: Forgotten) -> None:
    """Move block `old` after all others, without the frames of a connection."""
    new = forgotten.next_frame
    (records,) = db.execute("SELECT records FROM block WHERE first = ?", (old,)).fetchone()
    found = list(CONNECTION_AND_HEAD.iter_unpack(records))
    stay = [index for index, (connection, _) in enumerate(found) if connection != forget]
    frames = len(found) - len(stay)
    control = sum(1 for connection, head in found if connection == forget and head & 8)
    if not frames:
        db.execute("UPDATE block SET first = ? WHERE first = ?", (new, old))
        db.execute("UPDATE payload SET block = ? WHERE block = ?", (new, old))
    else:
        block = _without(db, old, records, stay, new) if stay else None
        db.execute("DELETE FROM block WHERE first = ?", (old,))
        db.execute("DELETE FROM payload WHERE block = ?", (old,))
        if block is not None:
            db.execute(BLOCK.insert, block.row)
            db.execute(PAYLOAD.insert, block.payload_row)
    data, gone_data = frames - control, forgotten.frames - forgotten.control
    db.execute(
        "UPDATE lane SET position = position - ?, count = count - ?, data_position = data_position - ?, "
        "data_count = data_count - ? WHERE connection = ? AND block = ?",
        (forgotten.frames, frames, gone_data, data, ALL, old),
    )
    # A block that loses all its frames has none of other connections.
    lanes = {ALL, *(connection for connection, _ in found)} - {forget} if stay else set()
    db.execute("DELETE FROM lane WHERE connection = ? AND block = ?", (forget if stay else ALL, old))
    db.executemany(
        "UPDATE lane SET block = ? WHERE connection = ? AND block = ?", [(new, lane, old) for lane in lanes]
    )
    _move_what_is_said(db, old, len(found), stay, new)
    _move_gaps(db, old, new)
    forgotten.frames += frames
    forgotten.control += control
    forgotten.next_frame += len(stay)


def _without(db: sqlite3.Connection, old: int, records: bytes, stay: list[int], new: int) -> BlockBuilder:
    """A block of those frames of block `old` that stay."""
    repeats, stored = db.execute("SELECT repeats, bytes FROM payload WHERE block = ?", (old,)).fetchone()
    layout = Layout(repeats)
    payloads = layout.complete(stored)
    shared: dict[tuple[int, int], bytes] = {}
    block = BlockBuilder(new)
    for index in stay:
        frame = StoredFrame(records, index)
        places = [(frame.offset, frame.captured)]
        if frame.flags & OWN_PAYLOAD:
            places.append(frame.content)
        pieces = []
        for offset, length in places:
            piece = payloads[offset : offset + length]
            if length >= REPEATED_FROM:
                # A single object for bytes stored once, so that they are stored once again.
                piece = shared.setdefault((layout.place(offset), length), piece)
            pieces.append(piece)
        block.copy(records[index * RECORD.size : (index + 1) * RECORD.size], frame, pieces)
    return block


def _move_what_is_said(db: sqlite3.Connection, old: int, count: int, stay: list[int], new: int) -> None:
    """Move violations and bookmarks with their frames; bookmarks of removed frames are removed."""
    ids = {old + index: number for number, index in enumerate(stay, new)}
    span = (old, old + count - 1)
    for table, column in _OF_FRAMES:
        within = f"FROM {table} WHERE {column} BETWEEN ? AND ?"
        rows = db.execute(f"SELECT DISTINCT {column} {within}", span).fetchall()
        moved = [(ids[frame], frame) for (frame,) in rows if frame in ids]
        db.executemany(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", moved)
        if table != "violation":
            db.execute(f"DELETE {within}", span)


def _forget_gaps(db: sqlite3.Connection, connection: int) -> None:
    """Remove the gaps of a connection, and their share of the gaps of all connections."""
    db.execute(
        "UPDATE gap SET frames = gap.frames - own.frames, data_frames = gap.data_frames - own.data_frames "
        "FROM gap AS own WHERE gap.connection = ? AND own.connection = ? "
        "AND own.before = gap.before AND own.reason = gap.reason",
        (ALL, connection),
    )
    db.execute("DELETE FROM gap WHERE connection = ? OR frames <= 0", (connection,))


def _move_gaps(db: sqlite3.Connection, old: int, new: int) -> None:
    """Move gaps before block `old` to before block `new`, where others may be already."""
    if old == new:
        return
    db.execute(
        "INSERT INTO gap SELECT connection, ?, reason, frames, data_frames, first_ns, last_ns FROM gap "
        "WHERE before = ? ON CONFLICT DO UPDATE SET frames = frames + excluded.frames, "
        "data_frames = data_frames + excluded.data_frames, "
        "first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)",
        (new, old),
    )
    db.execute("DELETE FROM gap WHERE before = ?", (old,))
