"""The reduced run of the independent suite: everything but the sizes and compression families that take minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.suite import Selection, run_cases


@pytest.mark.timeout(300)
def test_every_case_passes_and_the_capture_gives_back_the_wire(tmp_path: Path) -> None:
    # Of the compression families one case of each size class that is quick.
    quick = Selection(exclude=("9.*", "12.*", "13.*"))
    outcome = run_cases(quick, tmp_path, parallel=4, seconds=240)
    assert len(outcome.behaviours) == 247
    failed = {
        case: how
        for case, how in outcome.behaviours.items()
        if how not in ("OK", "NON-STRICT", "INFORMATIONAL")
    }
    assert not failed
    assert not outcome.differences
    # The suite asks how many cases there are and reports at the end on connections of its own.
    assert outcome.connections >= 247


@pytest.mark.timeout(300)
def test_compressed_cases_pass(tmp_path: Path) -> None:
    cases = tuple(f"12.{family}.{case}" for family in range(1, 6) for case in (1, 2, 3))
    cases += tuple(f"13.{family}.{case}" for family in range(1, 8) for case in (1, 2, 3))
    outcome = run_cases(Selection(cases), tmp_path, parallel=4, seconds=240)
    assert set(outcome.behaviours.values()) == {"OK"}
    assert len(outcome.behaviours) == len(cases)
    assert not outcome.differences
