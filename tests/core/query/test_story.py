"""A filtered story has the frames that match, and every handshake and close."""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from core.capture.follow import Close, Follower, Gap, Handshake
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.formats.chosen import Chosen
from core.formats.jsonl import JsonLines
from core.protocol.frames import Opcode
from core.query.language import default_language
from core.query.story import StoryFilter
from tests.tools.conversation import Conversation

LANGUAGE = default_language()


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    talk = Conversation(tmp_path / "a.unmask")
    talk.open()
    talk.frame(Opcode.TEXT, b'{"id": 1}')
    talk.frame(Opcode.PING)
    talk.frame(Opcode.TEXT, b'{"id": 2}')
    talk.frame(Opcode.CLOSE, (1000).to_bytes(2, "big"))
    talk.end()
    return talk.keep()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ('json("$.id") == 2', [4]),
        ("opcode == pong and delta > 0ns", []),
        ("control and direction == c2s", [2, 5]),
        ("path == /chat and time.relative == 0s", [1]),
        ("delta", [2, 3, 4, 5, 6]),
    ],
)
def test_frames_that_match_between_handshake_and_close(capture: Path, text: str, numbers: list[int]) -> None:
    with closing(CaptureReader(capture)) as reader:
        told = list(StoryFilter(LANGUAGE.parse(text), reader)(Follower(reader).entries()))
    assert isinstance(told[0], Handshake)
    assert isinstance(told[-1], Close)
    assert [each.row.number for each in told if isinstance(each, FrameRecord)] == numbers


def test_a_connection_that_was_announced_before_is_looked_up(capture: Path) -> None:
    with closing(CaptureReader(capture)) as reader:
        entries = [each for each in Follower(reader).entries() if isinstance(each, FrameRecord)]
        told = list(StoryFilter(LANGUAGE.parse("path == /chat"), reader)(entries))
    assert told == entries


def test_a_filtered_export(capture: Path) -> None:
    wanted = Chosen(JsonLines(), partial(StoryFilter, LANGUAGE.parse('json("$.id") >= 1')))
    with closing(CaptureReader(capture)) as reader:
        events = [json.loads(line)["event"] for line in wanted.export(reader)]
        without_frames = list(
            wanted.export(reader, lambda entries: (each for each in entries if isinstance(each, Handshake)))
        )
    assert events == ["handshake", "frame", "message", "frame", "message", "close"]
    assert len(without_frames) == 1
    assert wanted.name == "jsonl"


def test_a_gap_goes_through_every_filter(capture: Path) -> None:
    gap = Gap(5, 6, 7)
    with closing(CaptureReader(capture)) as reader:
        assert list(StoryFilter(LANGUAGE.parse("opcode == 3"), reader)([gap])) == [gap]
