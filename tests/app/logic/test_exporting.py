"""A filtered export has the frames that match, and every handshake and close."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest

from app.logic.exporting import EVERYTHING, ExportPart, ExportWork, export_capture, pieces
from core.capture.follow import Follower
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.errors import CancelledError
from core.formats.jsonl import JsonLines
from core.protocol.frames import Opcode
from core.query.language import default_language
from core.query.scan import Scan
from tests.tools.conversation import Conversation
from tests.tools.filters import asked, write_capture
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.recorded import CaptureMaker
from tests.tools.waiting import until

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
    export_capture(JsonLines(), capture, target, part=ExportPart(LANGUAGE.filter(text)))
    assert events(target.read_bytes()) == ["handshake", *frames, "close"]


def test_without_a_filter_all_is_there(capture: Path, tmp_path: Path) -> None:
    export_capture(JsonLines(), capture, tmp_path / "out.jsonl")
    with closing(CaptureReader(capture)) as reader:
        assert (tmp_path / "out.jsonl").read_bytes() == b"".join(
            pieces(JsonLines(), reader, EVERYTHING, ExportWork())
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


def test_it_can_be_cancelled_within_a_pattern_and_leaves_nothing(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().say(TRAP)
        source = maker.reader().path
        target, work, errors = tmp_path / "out.jsonl", ExportWork(), list[Exception]()

        def export() -> None:
            try:
                export_capture(JsonLines(), source, target, (), ExportPart(LANGUAGE.filter(HOPELESS)), work)
            except CancelledError as error:
                errors.append(error)

        thread = threading.Thread(target=export)
        thread.start()
        until(lambda: bool(active_children()), "the filter runs in a process of its own")
        work.cancel()
        thread.join()
        assert not active_children()
        assert [str(each) for each in errors] == ["The export was cancelled; nothing was written."]
        assert not [each for each in tmp_path.iterdir() if each.name.startswith("out")]


def test_it_says_how_far_it_is(capture: Path, tmp_path: Path) -> None:
    work = ExportWork()
    part = ExportPart(LANGUAGE.filter("payload ~ id"))
    export_capture(JsonLines(), capture, tmp_path / "out.jsonl", (), part, work)
    assert work.share == 1
    work.cancel()
    with pytest.raises(CancelledError):
        export_capture(JsonLines(), capture, tmp_path / "other.jsonl", work=work)
    assert not (tmp_path / "other.jsonl").exists()


@pytest.mark.parametrize("filtered", [None, "payload ~ 1"])
def test_an_export_that_a_ring_overtakes_ends_with_a_gap_and_says_so(
    tmp_path: Path, filtered: str | None
) -> None:
    """A slow reader: the ring drops everything not yet exported, up to the last frame."""
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        peer = maker.peer()
        for _ in range(10):
            peer.flood(500)
            maker.recorder.flush()
        reader, work = maker.reader(), ExportWork()
        part = EVERYTHING if filtered is None else ExportPart(LANGUAGE.filter(filtered))
        story = pieces(JsonLines(), reader, part, work)
        lines = [next(story) for _ in range(20)]
        peer.flood(600)
        maker.keep_last(100)
        lines += story
    told = [json.loads(line) for line in lines]
    gaps = [each for each in told if each["event"] == "gap"]
    assert gaps[-1]["before_frame"] == 5001
    assert gaps[-1]["reason"] == "dropped"
    assert gaps[-1]["from"] <= gaps[-1]["to"]
    assert work.missed_frames == sum(each["frames"] for each in gaps)
    assert work.missed_frames > 0
    if filtered is None:
        assert work.missed_frames == 5000 - sum(each["event"] == "frame" for each in told)


def test_an_export_of_what_is_cleared_meanwhile_says_so(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        maker.peer().flood(6000)
        maker.recorder.flush()
        work = ExportWork()
        story = pieces(JsonLines(), maker.reader(), EVERYTHING, work)
        lines = [next(story) for _ in range(20)]
        maker.recorder.clear()
        maker.recorder.flush()
        lines += story
    gap = next(each for each in map(json.loads, reversed(lines)) if each["event"] == "gap")
    assert (gap["reason"], gap["before_frame"], gap["frames"]) == ("cleared", 6001, work.missed_frames)
