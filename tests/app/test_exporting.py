"""A filtered export has the frames that match, and every handshake and close."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from app.exporting import ExportWork, export_capture, pieces
from core.capture.follow import Follower
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.formats.jsonl import JsonLines
from core.protocol.frames import Opcode
from core.query.language import default_language
from core.query.scan import Scan
from tests.tools.conversation import Conversation
from tests.tools.filters import asked, write_capture

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


def events(exported: bytes) -> list[str]:
    return [json.loads(line)["event"] for line in exported.splitlines()]


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ('json("$.id") == 2', ["frame", "message"]),
        ('json("$.id") >= 1', ["frame", "message", "frame", "message"]),
        ("opcode == pong and delta > 0ns", []),
        ("control and direction == c2s", ["frame", "frame"]),
        ("path == /chat and time.relative == 0s", ["frame", "message"]),
    ],
)
def test_frames_that_match_between_handshake_and_close(
    capture: Path, tmp_path: Path, text: str, frames: list[str]
) -> None:
    target = tmp_path / "out.jsonl"
    export_capture(JsonLines(), capture, target, filtered=LANGUAGE.filter(text))
    assert events(target.read_bytes()) == ["handshake", *frames, "close"]


def test_without_a_filter_all_is_there(capture: Path, tmp_path: Path) -> None:
    export_capture(JsonLines(), capture, tmp_path / "out.jsonl")
    with closing(CaptureReader(capture)) as reader:
        assert (tmp_path / "out.jsonl").read_bytes() == b"".join(
            pieces(JsonLines(), reader, None, ExportWork())
        )
        assert events((tmp_path / "out.jsonl").read_bytes()).count("frame") == reader.totals().frames


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "text", ["ab or opcode == ping", "not message contains a", "delta > 1ms", "connection == 2"]
)
def test_the_story_has_the_frames_that_match_one_by_one(tmp_path: Path, seed: int, text: str) -> None:
    path = tmp_path / "a.unmask"
    write_capture(path, seed)
    expression = LANGUAGE.parse(text)
    with closing(CaptureReader(path)) as reader, closing(Scan(path, expression)) as scan:
        entries = list(Follower(reader, scan.run).entries())
        whole = [each for each in Follower(reader).entries() if isinstance(each, FrameRecord)]
    told = [each for each in entries if isinstance(each, FrameRecord)]
    wanted = asked(path, expression)
    assert sorted(each.row.id for each in told) == wanted
    assert [each for each in whole if each.row.id in set(wanted)] == told
