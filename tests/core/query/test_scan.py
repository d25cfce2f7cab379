"""A scan finds what asking frame by frame finds, resumes, can be stopped, and leaves out what cannot match."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.errors import FilterError
from core.query.language import default_language
from tests.tools.filters import asked, filters, scanned, write_capture

LANGUAGE = default_language()


@pytest.fixture(scope="module")
def captures() -> Iterator[dict[int, Path]]:
    """Random captures by their seeds, made when first asked for."""
    with tempfile.TemporaryDirectory() as folder:

        class Captures(dict[int, Path]):
            def __missing__(self, seed: int) -> Path:
                path = self[seed] = Path(folder) / f"{seed}.unmask"
                write_capture(path, seed)
                return path

        yield Captures()


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 40), text=filters(LANGUAGE), after=st.integers(0, 60))
def test_both_ways_of_asking_say_the_same(
    captures: dict[int, Path], seed: int, text: str, after: int
) -> None:
    try:
        expression = LANGUAGE.parse(text)
    except FilterError:
        assume(False)
    path = captures[seed]
    expected = asked(path, expression)
    assert scanned(path, expression) == expected
    assert scanned(path, expression, after) == [frame for frame in expected if frame > after]
