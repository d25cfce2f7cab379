"""Hostile input within its bounds of memory, each in a process of its own. Times: `make hostile`."""

from __future__ import annotations

import pytest

from tests.bench.hostile import LIMIT, MIB, measure

_BOUND_MIB = LIMIT / MIB + 64


@pytest.mark.parametrize(
    ("case", "size"),
    [("bomb: 1 GiB in one frame", 1024 * MIB), ("bomb: 1 GiB in fragments", 1024 * MIB)],
)
def test_a_bomb_stops_at_the_limit_and_tells_its_ratio(case: str, size: int) -> None:
    figures = measure(case, size)
    assert figures.mib < _BOUND_MIB
    assert "a ratio of 1028:1" in figures.found["inflates-too-big"]


@pytest.mark.parametrize(
    ("case", "size"),
    [
        ("1,000,000 empty fragments", 100_000),
        ("1,000,000 reads of one byte", 100_000),
        ("1 MiB head, byte by byte", MIB // 8),
    ],
)
def test_many_small_things_take_little_memory(case: str, size: int) -> None:
    assert measure(case, size).mib < 64
