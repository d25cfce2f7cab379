"""Figures of Unmask itself, and the file with a line of them each second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.logic.sampling import DiagnosticsLog, Sampler, WindowGauges, resident_bytes, sample_line
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction
from core.capture.timings import Timings
from core.errors import UnmaskError
from tests.tools.captures import OPENED, received
from tests.tools.json_fields import DIAGNOSTICS
from tests.tools.waiting import until


class Recording:
    """What a sampler asks, with a real recorder."""

    open_connections = 3

    def __init__(self, path: Path) -> None:
        self.recorder = Recorder(
            path, "1", RecorderCallbacks(lambda: None, lambda: None, lambda _error: None)
        )
        self._connection = self.recorder.open_connection(OPENED, 1)

    def say(self, *payloads: bytes) -> None:
        batch = received(self._connection, *payloads)
        assert isinstance(batch.events, list)
        self.recorder.record(self._connection, 2, batch.events, 0, Direction.CLIENT_TO_SERVER)
        self.recorder.flush()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    recording = Recording(tmp_path / "a.unmask")
    yield recording
    recording.recorder.close()


def lines_in(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_sample_says_what_there_is(recording: Recording) -> None:
    recording.say(b"before")
    sampler = Sampler(recording)
    recording.say(b"a", b"b")
    sample = sampler.sample()
    assert (sample.frames, sample.lost_frames, sample.open_connections) == (3, 0, 3)
    assert sample.frames_per_second > 0
    assert sample.commit is not None
    assert sample.window is None
    assert sampler.sample().frames_per_second == 0


def test_figures_of_a_window_come_from_its_gauges(recording: Recording) -> None:
    gauges = WindowGauges(Timings(), Timings(), Timings())
    gauges.gap.add(1_500_000)
    window = Sampler(recording, gauges).sample().window
    assert window is not None
    assert window.gap is not None
    assert (window.gap.p50, window.paint) == (1_500_000, None)


def test_a_line_has_every_figure(recording: Recording) -> None:
    gauges = WindowGauges(Timings(), Timings(), Timings())
    gauges.gap.add(1_500_000)
    line = json.loads(sample_line(Sampler(recording, gauges).sample()))
    assert list(line) == ["event", *DIAGNOSTICS]
    assert (line["event"], line["gap_p99_ms"], line["paint_max_ms"]) == ("diagnostics", 1.5, None)


def test_without_a_window_a_line_has_only_what_makes_sense(recording: Recording) -> None:
    line = json.loads(sample_line(Sampler(recording).sample()))
    assert [name for name in line if name.startswith(("gap", "paint", "latency"))] == []
    assert "commit_p50_ms" in line


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no such file")
def test_memory_is_that_of_this_process() -> None:
    before = resident_bytes()
    held = b"x" * 50_000_000
    after = resident_bytes()
    assert before is not None
    assert after is not None
    assert 40_000_000 < after - before < 60_000_000 + len(held) // 10


def test_lines_are_written_while_it_runs_and_one_at_the_end(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "figures.jsonl"
    path.write_text('{"event":"before"}\n')
    failures: list[str] = []
    log = DiagnosticsLog(path, Sampler(recording), failures.append)
    until(lambda: len(lines_in(path)) == 2, "a line is written")
    recording.say(b"a")
    log.close()
    log.close()
    assert [line["event"] for line in lines_in(path)][:2] == ["before", "diagnostics"]
    assert lines_in(path)[-1]["frames"] == 1
    assert failures == []


def test_a_file_that_cannot_be_written_is_told_at_once(recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match=r"No diagnostics can be written to .*Choose a file in a folder"):
        DiagnosticsLog(tmp_path, Sampler(recording), lambda _sentence: None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no such device")
def test_a_disk_that_is_full_later_is_told_once(recording: Recording) -> None:
    failures: list[str] = []
    log = DiagnosticsLog(Path("/dev/full"), Sampler(recording), failures.append)
    until(lambda: bool(failures), "the failure is told")
    log.close()
    assert len(failures) == 1
    assert failures[0].startswith("Diagnostics are written to /dev/full no longer: ")
