"""The reduced runs of the independent suite: everything but the sizes and compression families that take minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.rules.moment import Moment
from tests.conformance.as_client import run_client_cases
from tests.conformance.as_relay import run_relay_cases
from tests.conformance.suite import Outcome, Selection, run_cases
from tests.tools.ruled import COMPILER, action, rule

_PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}

as_each_role = pytest.mark.parametrize(
    "run", [pytest.param(run_cases, id="server"), pytest.param(run_client_cases, id="client")]
)
Run = Callable[..., Outcome]


@as_each_role
@pytest.mark.timeout(300)
def test_every_case_passes_and_the_capture_gives_back_the_wire(tmp_path: Path, run: Run) -> None:
    quick = Selection(exclude=("9.*", "12.*", "13.*"))
    outcome = run(quick, tmp_path, parallel=4, seconds=240)
    assert len(outcome.behaviours) == 247
    assert {case: how for case, how in outcome.behaviours.items() if how not in _PASSED} == {}
    assert not outcome.differences
    # The suite asks how many cases there are and reports at the end on connections of its own.
    assert outcome.connections >= 247


@as_each_role
@pytest.mark.timeout(300)
def test_compressed_cases_pass(tmp_path: Path, run: Run) -> None:
    # One case of each family, of the three size classes that are quick in turn.
    cases = tuple(f"12.{family}.{1 + family % 3}" for family in range(1, 6))
    cases += tuple(f"13.{family}.{1 + family % 3}" for family in range(1, 8))
    outcome = run(Selection(cases), tmp_path, parallel=4, seconds=240)
    assert set(outcome.behaviours.values()) == {"OK"}
    assert len(outcome.behaviours) == len(cases)
    assert not outcome.differences


@pytest.mark.timeout(300)
def test_a_relay_changes_no_verdict_and_no_byte(tmp_path: Path) -> None:
    some = Selection(tuple(f"{family}.*" for family in (1, 2, 3, 4, 5, 7, 10)))
    (tmp_path / "direct").mkdir()
    direct = run_cases(some, tmp_path / "direct", parallel=4, seconds=120)
    relayed = run_relay_cases(some, tmp_path, parallel=4, seconds=120)
    assert relayed.behaviours == direct.behaviours
    assert len(relayed.behaviours) > 100
    assert not relayed.differences


@pytest.mark.timeout(300)
def test_a_relay_whose_rules_match_nothing_changes_no_byte(tmp_path: Path) -> None:
    """Rules are asked about every message, also compressed ones in fragments, and about every frame."""
    some = Selection(("2.*", "4.*", "5.*", "7.3.*", "12.1.1", "12.5.2", "13.3.1", "13.6.2"))
    never = 'not message.length >= 0 and payload contains "never"'
    rules = [
        rule(action("drop"), id=1, filter=never),
        rule(
            action("drop"),
            id=2,
            moment=Moment.FRAME,
            filter='length > 100MiB or payload == "never to be seen"',
        ),
    ]
    outcome = run_relay_cases(some, tmp_path, parallel=4, seconds=240, rules=COMPILER.book(rules))
    assert {case: how for case, how in outcome.behaviours.items() if how not in _PASSED} == {}
    assert len(outcome.behaviours) > 50
    assert not outcome.differences
