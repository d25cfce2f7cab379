from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.logic.shown_frame import AT_ONCE
from app.logic.text import grouped
from app.runtime import stepping
from app.runtime.jobs import Jobs
from app.views.parts.finder import Finder
from core.decoders import search
from core.decoders.search import Hit, text_needle
from core.decoders.source import Held, Source
from core.errors import CaptureError

FEW = Held(b"a..a..a..a..a")


@pytest.fixture
def finder(jobs: Jobs, qapp: QApplication) -> Iterator[Finder]:
    owner = QObject(qapp)
    yield Finder(jobs, owner)
    jobs.stop()
    owner.deleteLater()


class Walk:
    """Goes from place to place and notes where it comes."""

    def __init__(self, finder: Finder, source: Source, wanted: str = "a") -> None:
        self.firsts: list[int] = []
        self.source = source
        self._finder = finder
        self._wanted = wanted
        finder.found.connect(self._note)

    def go(self, *, backward: bool = False, origin: int = 0) -> None:
        needle = text_needle(self._wanted)
        self._finder.find(self.source, needle, origin, backward=backward)

    def _note(self, hit: Hit) -> None:
        self.firsts.append(hit.first)


def test_it_goes_round_both_ways(finder: Finder) -> None:
    walk = Walk(finder, FEW)
    for _ in range(6):
        walk.go()
    assert walk.firsts == [0, 3, 6, 9, 12, 0]
    assert finder.summary() == "1 of 5"
    walk.go(backward=True)
    walk.go(backward=True)
    assert walk.firsts[-2:] == [12, 9]


def test_it_begins_where_one_looks(finder: Finder) -> None:
    walk = Walk(finder, FEW)
    walk.go(origin=4)
    assert (walk.firsts, finder.summary()) == ([6], "3 of 5")
    finder.clear()
    walk.go(origin=4, backward=True)
    assert (walk.firsts[-1], finder.summary()) == (3, "2 of 5")
    assert finder.hits(3, 10, 10) == [Hit(3, 4), Hit(6, 7), Hit(9, 10)]
    assert finder.hits(3, 10, 2) == [Hit(3, 4), Hit(6, 7)]
    finder.clear()
    assert (finder.summary(), finder.hits(0, 100, 10), finder.has_hits) == ("", [], False)


def test_every_hit_can_be_visited_where_not_all_are_kept(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "KEPT", 2)
    walk, said = Walk(finder, FEW), []
    for _ in range(5):
        walk.go()
        said.append(finder.summary())
    assert walk.firsts == [0, 3, 6, 9, 12]
    assert [each.split(";")[0] for each in said] == [f"{number} of 5" for number in range(1, 6)]
    assert said[0] == "1 of 5; 2 of them are marked"
    walk.go(backward=True)
    assert walk.firsts[-1] == 3
    walk.go()
    assert walk.firsts[-1] == 6


def test_in_a_long_payload_the_first_hit_does_not_wait_for_the_last(
    finder: Finder, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "SLICE_SECONDS", 0)
    source = Held((b"a" + bytes(999)) * 200)
    assert len(source) > AT_ONCE
    walk = Walk(finder, source)
    summaries: list[str] = []
    finder.changed.connect(lambda: summaries.append(finder.summary()))
    with qtbot.waitSignal(finder.found):
        walk.go(origin=500)
    assert finder.is_running
    assert walk.firsts == [1000]
    walk.go(backward=True)
    walk.go(backward=True)
    qtbot.waitUntil(lambda: not finder.is_running)
    assert walk.firsts == [1000, 0, 199_000]
    assert finder.summary() == f"{grouped(200)} of {grouped(200)}"
    assert any(" so far, " in each for each in summaries)
    assert finder.reached == len(source)


def test_a_payload_that_cannot_be_read_is_said(finder: Finder, qtbot: QtBot) -> None:
    class Gone(Held):
        is_held = False

        def read(self, start: int, end: int) -> bytes:
            raise CaptureError(f"bytes {start} to {end} are gone")

    walk = Walk(finder, Gone(b"abc"))
    walk.go()
    qtbot.waitUntil(lambda: not finder.is_running)
    assert finder.summary() == "The search has failed: bytes 0 to 3 are gone"
