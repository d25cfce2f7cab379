"""The checks of conftest.py notice what they are there for."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QThread

from tests.tools.leftovers import Inventory
from tests.tools.logs import LogWatch


def test_a_thread_left_behind_is_noticed() -> None:
    before = Inventory.now()
    enough = threading.Event()
    thread = threading.Thread(target=enough.wait, name="straggler")
    thread.start()
    assert before.left_since(0.01) == ["the thread 'straggler' still runs"]
    enough.set()
    assert before.left_since(5) == []


def test_an_ended_qthread_is_not_taken_for_a_straggler() -> None:
    class Worker(QThread):
        def run(self) -> None:
            self.name = threading.current_thread().name

    before = Inventory.now()
    worker = Worker()
    worker.start()
    assert worker.wait(5000)
    assert before.left_since(5) == []


def test_a_socket_and_an_event_loop_left_behind_are_noticed() -> None:
    before = Inventory.now()
    with socket.socket():
        [sentence] = before.left_since(0)
        assert sentence.startswith("the socket ")
    loop = asyncio.new_event_loop()
    assert any(sentence.startswith("an event loop") for sentence in before.left_since(0))
    loop.close()
    assert before.left_since(0) == []


def test_a_task_left_behind_is_noticed() -> None:
    before = Inventory.now()
    loop = asyncio.new_event_loop()
    task = loop.create_task(asyncio.sleep(3600), name="sleeper")
    loop.run_until_complete(asyncio.sleep(0))
    assert any("sleep" in sentence and "never ended" in sentence for sentence in before.left_since(0))
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    assert before.left_since(0) == []


def test_log_records_are_judged() -> None:
    watch = LogWatch()
    logger = logging.getLogger("unmask.test_of_the_watch")
    logger.propagate = False
    logger.addHandler(watch)
    logger.info("nothing to see")
    logger.warning("disk is %s", "full")
    assert watch.complaints(["disk is full"]) == []
    [unexpected] = watch.complaints([])
    assert unexpected.endswith("WARNING: disk is full")
    assert len(watch.complaints(["disk is full", "never said"])) == 1


@pytest.mark.expected_log("unmask.example WARNING: as announced")
def test_a_declared_log_record_is_let_through() -> None:
    logging.getLogger("unmask.example").warning("as announced")


@given(st.integers())
def test_the_fixtures_get_on_with_hypothesis(number: int) -> None:
    assert isinstance(number, int)
