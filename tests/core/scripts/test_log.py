"""The log of a script keeps the newest entries."""

from __future__ import annotations

from itertools import count

from core.scripts.log import MOST_ENTRIES, ScriptLog
from core.scripts.records import Utterance


def new_log() -> ScriptLog:
    ticks = count(1)
    return ScriptLog(lambda: next(ticks))


def test_entries_come_in_order_and_once() -> None:
    log = new_log()
    log.add(Utterance.PRINT, "one")
    log.add(Utterance.ERROR, "two", 5, "why")
    one, two = log.after()
    assert (one.text, one.number, one.times, one.time_ns) == ("one", 1, 1, 1)
    assert (two.kind, two.line, two.detail) == (Utterance.ERROR, 5, "why")
    assert log.after(one.number) == (two,)
    assert log.after(two.number) == ()


def test_what_is_said_again_takes_one_entry() -> None:
    log = new_log()
    for _ in range(3):
        log.add(Utterance.PRINT, "again")
    [entry] = log.after()
    assert (entry.times, entry.number, entry.time_ns) == (3, 3, 3)
    assert log.after(2) == (entry,)
    log.add(Utterance.LOG, "again")
    assert len(log.after()) == 2


def test_the_oldest_go_first() -> None:
    log = new_log()
    for number in range(MOST_ENTRIES + 5):
        log.add(Utterance.PRINT, str(number))
    entries = log.after()
    assert (len(entries), entries[0].text) == (MOST_ENTRIES, "5")


def test_large_entries_push_out_more() -> None:
    log = new_log()
    for number in range(20):
        log.add(Utterance.PRINT, str(number), 0, "x" * 2**20)
    assert len(log.after()) == 3
    log.clear()
    assert log.after() == ()
