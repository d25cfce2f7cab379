from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.runtime import stepping
from app.runtime.jobs import WAITING, Jobs
from app.runtime.stepping import Stepper


@pytest.fixture
def jobs(qapp: QApplication) -> Iterator[Jobs]:
    jobs = Jobs(qapp)
    yield jobs
    jobs.stop()
    jobs.deleteLater()


@pytest.fixture
def stepper(jobs: Jobs, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stepper]:
    monkeypatch.setattr(stepping, "SLICE_SECONDS", 0)
    owner = QObject(qapp)
    yield Stepper(jobs, owner)
    jobs.stop()
    owner.deleteLater()


class Work:
    """Steps that remember where they were taken, and whether they were left."""

    def __init__(self, count: int) -> None:
        self.threads: set[int] = set()
        self.taken = 0
        self.is_left = False
        self._count = count

    def steps(self) -> Generator[int]:
        try:
            for number in range(1, self._count + 1):
                self.threads.add(threading.get_ident())
                self.taken = number
                yield number
        finally:
            self.is_left = True


def test_every_step_is_taken_on_another_thread(stepper: Stepper, qtbot: QtBot) -> None:
    work, seen = Work(5), []
    stepper.stepped.connect(lambda: seen.append(stepper.done))
    with qtbot.waitSignal(stepper.ended):
        stepper.start(work.steps())
        assert stepper.is_running
    assert seen == [1, 2, 3, 4, 5]
    assert not stepper.is_running
    assert threading.get_ident() not in work.threads


def test_short_work_is_done_here(stepper: Stepper, qtbot: QtBot) -> None:
    work = Work(5)
    with qtbot.waitSignal(stepper.ended):
        stepper.run_here(work.steps())
    assert work.threads == {threading.get_ident()}


def test_between_two_slices_nothing_runs_and_one_can_leave(stepper: Stepper, qtbot: QtBot) -> None:
    work = Work(1000)

    def leave() -> None:
        if stepper.done == 3:
            stepper.cancel()

    stepper.stepped.connect(leave)
    with qtbot.assertNotEmitted(stepper.ended):
        stepper.start(work.steps())
        qtbot.waitUntil(lambda: work.is_left)
    assert work.taken == 3
    assert (stepper.is_running, stepper.done) == (False, 0)


def test_another_work_drops_the_one_before(stepper: Stepper, qtbot: QtBot) -> None:
    first, second = Work(1000), Work(3)
    stepper.start(first.steps())
    with qtbot.waitSignal(stepper.ended):
        stepper.start(second.steps())
    qtbot.waitUntil(lambda: first.is_left)
    assert first.taken < 1000
    assert second.taken == 3


@pytest.mark.parametrize("here", [True, False])
def test_a_failure_ends_it(stepper: Stepper, qtbot: QtBot, *, here: bool) -> None:
    def steps() -> Generator[int]:
        yield 1
        raise ValueError("on purpose")

    with qtbot.waitSignal(stepper.failed) as caught:
        (stepper.run_here if here else stepper.start)(steps())
    assert str(caught.args[0]) == "on purpose"
    assert not stepper.is_running


def test_it_waits_while_too_much_is_under_way(stepper: Stepper, jobs: Jobs, qtbot: QtBot) -> None:
    gate = threading.Event()
    for _ in range(WAITING):
        assert jobs.run(gate.wait, lambda _: None, lambda _: None)
    work = Work(2)
    stepper.start(work.steps())
    assert stepper.is_running
    with qtbot.waitSignal(stepper.ended):
        gate.set()
    assert work.taken == 2
