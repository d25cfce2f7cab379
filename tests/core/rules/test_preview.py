"""What a rule would do to what a capture has."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.protocol.frames import Opcode
from core.protocol.state import Role
from core.query.clock import CaptureTimes
from core.query.language import default_language
from core.query.predicate import FrameFilter
from core.rules.moment import Moment
from core.rules.preview import alone, recorded_filters, tried
from core.rules.rule import Condition
from core.rules.verdict import HandshakeVerdict, Onward, Verdict
from tests.tools.conversation import START, Conversation
from tests.tools.ruled import COMPILER, action, gone_on, rule, sent


@pytest.fixture
def capture(tmp_path: Path) -> CaptureReader:
    talk = Conversation(tmp_path / "a.unmask")
    talk.open()
    talk.frame(Opcode.TEXT, b'{"id":7}')
    talk.frame(Opcode.PING, b"keep")
    talk.end()
    return CaptureReader(talk.keep())


def test_recorded_frames(capture: CaptureReader) -> None:
    with closing(capture) as reader:
        message, ping, *_ = reader.frames_after(0, reader.last_frame_id())
        about = reader.connection(message.row.connection)
        assert about is not None
        change = rule(action("set-json", path="$.id", value="{counter}"))
        later = replace(change, is_on=False, when=replace(change.when, after="x", skip=5, percent=1.0))
        assert gone_on(tried(alone(COMPILER, later), later.when, message, about, START)) == b'{"id":1}'  # type: ignore[arg-type]
        assert tried(alone(COMPILER, later), later.when, ping, about, START) is None
        drop = rule(action("drop"), moment=Moment.FRAME, filter="opcode == ping")
        assert tried(alone(COMPILER, drop), drop.when, ping, about, START) == Verdict(Onward.DROP, hits=(1,))
        assert tried(alone(COMPILER, drop), drop.when, message, about, START) is None
        refuse = rule(action("silence"), moment=Moment.REQUEST, filter=f'path == "{about.path}"')
        assert tried(alone(COMPILER, refuse), refuse.when, None, about, START) == HandshakeVerdict(
            is_silent=True, hits=(1,)
        )
        beat = replace(rule(action("send", payload="x")), when=Condition(Moment.TIMER, every_seconds=5.0))
        assert sent(tried(alone(COMPILER, beat), beat.when, None, about, START)) == [b"x"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("when", "count"),
    [
        (Condition(Moment.MESSAGE), 1),
        (Condition(Moment.MESSAGE, sender=Role.SERVER), 0),
        (Condition(Moment.FRAME, "payload contains keep or payload contains id", Role.CLIENT), 2),
    ],
)
def test_frames_that_a_condition_is_about(capture: CaptureReader, when: Condition, count: int) -> None:
    found = default_language().filter(*recorded_filters(when))
    with closing(capture) as reader:
        asking = FrameFilter(found.expression, CaptureTimes(START, START))
        frames = list(reader.frames_after(0, reader.last_frame_id()))
        assert sum(asking.matches(each, reader.connection(each.row.connection)) for each in frames) == count
    assert recorded_filters(Condition(Moment.OPEN)) == ()
