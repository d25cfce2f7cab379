"""A story under a filter that takes for ever over some frames: those are left out, and that is said."""

from __future__ import annotations

from contextlib import closing
from multiprocessing import active_children

from app.terminal.patient_scan import PatientScan
from core.capture.follow import Follower
from core.capture.records import FrameRecord
from core.query.language import default_language
from tests.tools.hopeless import HOPELESS, TRAP
from tests.tools.recorded import CaptureMaker

LANGUAGE = default_language()


def told(story: Follower) -> list[int]:
    return [each.row.id for each in story.entries() if isinstance(each, FrameRecord)]


def test_frames_over_which_it_takes_too_long_are_left_out(maker: CaptureMaker) -> None:
    peer, said = maker.peer(), list[str]()
    peer.say("a")
    reader = maker.reader()
    with closing(PatientScan(reader, LANGUAGE.filter(HOPELESS), lambda: True, said.append, 1.0)) as scan:
        story = Follower(reader, scan.find)
        assert told(story) == [1]
        peer.say(TRAP)
        maker.recorder.flush()
        assert told(story) == []
        [sentence] = said
        assert sentence.startswith("The filter takes longer than 1 s over a few frames.")
        assert (
            f"From frame 2 on, frames were left out that match it or not; all are in {maker.path}."
            in sentence
        )
        assert not active_children()
        peer.say("aa")
        maker.recorder.flush()
        assert told(story) == [3]
    assert len(said) == 1
    assert not active_children()


def test_it_ends_when_nobody_wants_more(maker: CaptureMaker) -> None:
    maker.peer().say(TRAP)
    reader, said = maker.reader(), list[str]()
    with closing(PatientScan(reader, LANGUAGE.filter(HOPELESS), lambda: False, said.append)) as scan:
        assert told(Follower(reader, scan.find)) == []
    assert said == []
