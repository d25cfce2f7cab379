"""Every seed, and some thousand mutations of the seeds: the same ones each time."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.fuzz.mutation import mutations
from tests.fuzz.targets import LENGTHS, corpus, load

_SEED = 6455
_RUNS = {
    "head": 8000,
    "frames": 8000,
    "connection": 4000,
    "capture": 2000,
    "tls": 3000,
    "rules": 1500,
    "template": 3000,
    "passage": 1500,
    "records": 3000,
}


@pytest.mark.parametrize("name", LENGTHS)
def test_the_seeds_break_nothing(name: str) -> None:
    run = load(name)
    seeds = corpus(name)
    assert seeds
    for data in seeds.values():
        assert len(data) <= LENGTHS[name]
        run(data)


@pytest.mark.parametrize("name", LENGTHS)
def test_mutated_seeds_break_nothing(name: str) -> None:
    run = load(name)
    for data in islice(mutations([*corpus(name).values()], _SEED, LENGTHS[name]), _RUNS[name]):
        try:
            run(data)
        except BaseException as error:
            error.add_note(f"the input: {data.hex()}")
            raise
