"""The queue of one direction: whatever the order of decisions, items go on in the order in which they came."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from core.rules.gate import Gate


def gone(gate: Gate[str]) -> list[str]:
    """What goes on now."""
    found = []
    while (item := gate.take()) is not None:
        found.append(item)
    return found


def filled(*items: str) -> Gate[str]:
    """A gate in which these wait for decisions, under tickets from 1."""
    gate: Gate[str] = Gate(100, 1000)
    for ticket, item in enumerate(items, 1):
        gate.arrive(ticket, item, len(item))
    return gate


def test_nothing_passes_what_waits_before_it() -> None:
    gate = filled("a", "b", "c")
    assert gate.decide(2, "B")
    assert gone(gate) == []
    assert gate.decide(1, "a")
    assert gone(gate) == ["a", "B"]
    assert gate.decide(3, None)
    assert gone(gate) == []
    assert gate.is_idle
    assert gate.held_bytes == 0


def test_a_decision_is_made_once() -> None:
    gate = filled("a")
    assert gate.decide(1, "a")
    assert not gate.decide(1, None)
    assert not gate.decide(7, "x")
    assert gone(gate) == ["a"]


def test_what_is_decided_on_waits_for_its_turn_only() -> None:
    gate = filled("a")
    gate.arrive(2, "b", 1, is_decided=True)
    assert [(each.ticket, each.position) for each in gate.waiting()] == [(1, 0)]
    assert gone(gate) == []
    gate.decide(1, "a")
    assert gone(gate) == ["a", "b"]


def test_one_goes_on_behind_later_ones() -> None:
    gate: Gate[str] = Gate(100, 1000)
    gate.arrive(1, "late", 4, is_decided=True, behind=2)
    gate.arrive(2, "a", 1, is_decided=True)
    assert gone(gate) == ["a"]
    assert not gate.is_idle
    gate.arrive(3, "b", 1, is_decided=True)
    gate.arrive(4, "c", 1, is_decided=True)
    assert gone(gate) == ["b", "late", "c"]


def test_all_goes_when_it_is_flushed_and_what_lags_goes_last() -> None:
    gate: Gate[str] = Gate(100, 1000)
    gate.arrive(1, "late", 4, is_decided=True, behind=5)
    gate.arrive(2, "a", 1, is_decided=True)
    gate.arrive(3, "held", 4)
    gate.arrive(4, "b", 1, is_decided=True)
    assert gone(gate) == ["a"]
    assert [each.item for each in gate.flush()] == ["held"]
    assert gone(gate) == ["held", "b", "late"]


def test_it_is_full_by_number_and_by_size() -> None:
    few: Gate[str] = Gate(2, 1000)
    few.arrive(1, "a", 1)
    assert not few.is_full
    few.arrive(2, "b", 1)
    assert few.is_full
    small: Gate[str] = Gate(100, 10)
    small.arrive(1, "a", 10)
    assert small.is_full
    small.decide(1, None)
    assert gone(small) == []
    assert not small.is_full


def test_what_is_cleared_is_told_in_order() -> None:
    gate = filled("a", "b", "c")
    gate.decide(2, None)
    gate.decide(3, "c")
    assert gate.clear() == ["a", "c"]
    assert gate.is_idle
    assert gate.undecided == 0


@given(st.lists(st.sampled_from(["pass", "drop", "ready"]), max_size=30), st.randoms(use_true_random=False))
def test_any_order_of_decisions_keeps_the_order(kinds: list[str], chance: random.Random) -> None:
    gate: Gate[int] = Gate(100, 1000)
    for ticket, kind in enumerate(kinds, 1):
        gate.arrive(ticket, ticket, 1, is_decided=kind == "ready")
    tickets = [ticket for ticket, kind in enumerate(kinds, 1) if kind != "ready"]
    chance.shuffle(tickets)
    found = []
    for ticket in tickets:
        gate.decide(ticket, ticket if kinds[ticket - 1] == "pass" else None)
        while (item := gate.take()) is not None:
            found.append(item)
    while (item := gate.take()) is not None:
        found.append(item)
    assert found == [ticket for ticket, kind in enumerate(kinds, 1) if kind != "drop"]
    assert gate.is_idle
