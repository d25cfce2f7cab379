"""What was done to a frame, as the console says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.terminal.handling_text import handling_text
from app.terminal.story_text import PLAIN, StoryText
from core.capture.follow import Decision
from core.capture.records import FrameRecord, FrameRow
from core.protocol.events import Origin
from core.protocol.frames import make_frame
from core.protocol.handling import UNTOUCHED, DecidedBy, Fate, Handling
from tests.app.logic.test_frame_lines import ROW

SECOND = 1_000_000_000


def row(handling: Handling, origin: Origin = Origin.PEER, cause: int | None = None) -> FrameRow:
    return replace(ROW, handling=handling, origin=origin, cause=cause)


@pytest.mark.parametrize(
    ("handling", "said"),
    [
        (UNTOUCHED, ""),
        (Handling(rules=("Log", "Note")), "rules: Log, Note"),
        (Handling(Fate.HELD, rules=("Hold",)), "held (rule: Hold)"),
        (Handling(Fate.HELD, held_ns=SECOND), "held, never passed on"),
        (Handling(Fate.PASSED, DecidedBy.PERSON, 3 * SECOND), "held for 3.00 s, passed on by you"),
        (
            Handling(Fate.PASSED, DecidedBy.DEADLINE, 3 * SECOND),
            "held for 3.00 s, passed on because nobody decided in time",
        ),
        (Handling(Fate.PASSED, held_ns=5_000_000), "held for 5.00 ms"),
        (Handling(Fate.DROPPED, DecidedBy.RULE, rules=("No",)), "dropped by a rule (rule: No)"),
        (Handling(Fate.REPLACED, DecidedBy.SCRIPT, SECOND), "held for 1.00 s, replaced by a script"),
        (Handling(Fate.DROPPED), "dropped"),
        (Handling(is_redacted=True), "redacted"),
    ],
)
def test_what_was_done(handling: Handling, said: str) -> None:
    assert handling_text(row(handling)) == said


def test_why_it_was_sent() -> None:
    assert handling_text(row(UNTOUCHED, Origin.EDITED, 7)) == "in place of frame 7"
    assert handling_text(row(Handling(rules=("Echo",)), Origin.RULE, 7)) == "because of frame 7 (rule: Echo)"


@pytest.fixture
def lines() -> list[str]:
    text = StoryText(PLAIN)
    frame = make_frame(1, b"hello", masking_key=b"mask")
    came = row(Handling(Fate.HELD, rules=("\x1b[31mred",)))
    passed = row(Handling(Fate.PASSED, DecidedBy.PERSON, SECOND))
    entries = (FrameRecord(came, frame, b"hello", ()), Decision(passed), Decision(row(UNTOUCHED)))
    return [line for entry in entries for line in text.lines_of(entry)]


def test_a_frame_and_the_decision(lines: list[str]) -> None:
    assert lines[1] == "        held (rule: \\x1b[31mred)"
    assert lines[2] == "        hello"
    assert lines[3].endswith("#1 → frame 7 held for 1.00 s, passed on by you")
    assert lines[4].endswith("→ frame 7 passed on")
