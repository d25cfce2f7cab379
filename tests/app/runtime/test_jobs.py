from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.runtime.jobs import WAITING, Jobs
from tests.tools.qt import dispose


def unexpected(result: object) -> None:
    pytest.fail(f"nobody waits for {result!r}")


@pytest.fixture
def jobs(qapp: QApplication) -> Iterator[Jobs]:
    jobs = Jobs(qapp)
    yield jobs
    jobs.stop()
    dispose(jobs)


def test_a_result_comes_back_on_the_windows_thread(jobs: Jobs, qtbot: QtBot) -> None:
    results: list[tuple[object, str]] = []
    here = threading.current_thread().name

    def done(result: object) -> None:
        results.append((result, threading.current_thread().name))

    jobs.run(lambda: threading.current_thread().name, done, unexpected)
    qtbot.waitUntil(lambda: bool(results))
    assert results[0][1] == here
    assert results[0][0] != here


def test_a_failure_comes_back(jobs: Jobs, qtbot: QtBot) -> None:
    failures: list[Exception] = []

    def work() -> None:
        raise ValueError("no")

    jobs.run(work, lambda _: None, failures.append)
    qtbot.waitUntil(lambda: bool(failures))
    assert str(failures[0]) == "no"


def test_there_is_a_limit_and_stop_drops_what_waits(jobs: Jobs) -> None:
    gate = threading.Event()
    accepted = [jobs.run(gate.wait, unexpected, unexpected) for _ in range(WAITING + 1)]
    assert accepted == [True] * WAITING + [False]
    gate.set()
    jobs.stop()
