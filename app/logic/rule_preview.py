"""What a rule would do to what was recorded, in words. No Qt here."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from app.logic.text import one_line
from app.logic.verdict_texts import payload_text, verdict_text
from core.capture.reader import CaptureReader
from core.capture.records import Mode
from core.rules.book import RuleBook
from core.rules.preview import tried
from core.rules.rule import Condition
from core.rules.subjects import live_connection

MOST_SHOWN = 200
MOST_PAYLOAD = 4 * 1024 * 1024
"""Bytes of a message on which a rule is tried."""
MOST_CONNECTIONS = 1000
"""Connections on which a rule is tried that is about no frames."""


def effect_on_frame(path: Path, book: RuleBook, when: Condition, frame_id: int) -> str:
    """What a book of one rule makes of a frame. Raises CaptureError."""
    with closing(CaptureReader(path)) as reader:
        record = reader.frame(frame_id)
        known = None if record is None else reader.connection(record.row.connection)
    if record is None:
        return "This frame is gone: the capture keeps only the newest ones."
    if record.row.content_length > MOST_PAYLOAD:
        return "This message is too long to try the rule on it here."
    about = live_connection(record.row.connection, Mode.RELAY) if known is None else known
    verdict = tried(book, when, record, about, record.row.time_ns)
    opcode = record.row.opcode if record.row.message is None else record.row.message.opcode
    payload = record.frame.payload if record.message_payload is None else record.message_payload
    return f"{payload_text(opcode, payload)}\n\n↓\n\n{verdict_text(verdict)}"


def effect_on_connections(path: Path, book: RuleBook, when: Condition) -> tuple[str, str]:
    """How many recorded connections the condition matches, and what becomes of the newest. Raises CaptureError."""
    with closing(CaptureReader(path)) as reader:
        records = reader.connections(limit=MOST_CONNECTIONS)
    verdicts = [(each, tried(book, when, None, each, each.opened_ns)) for each in records if each.path]
    matching = [(about, verdict) for about, verdict in verdicts if verdict is not None]
    summary = f"{len(matching)} of {len(verdicts)} recorded connections match."
    if not matching:
        return summary, ""
    about, verdict = matching[-1]
    return summary, f"#{about.id} {one_line(about.path)}\n\n↓\n\n{verdict_text(verdict)}"
