"""The report of a probe: what counts as a finding, and that peer and person can write what they like in it."""

from __future__ import annotations

import json

import pytest

from core.probe.outcome import Outcome, Result
from core.probe.preset import Demand, Preset
from core.probe.registry import PRESETS
from core.probe.report import Report, as_json, markdown
from core.protocol.state import Role
from tests.tools.make_docs import FOLDER

BY_ID = {preset.id: preset for preset in PRESETS}


def one_of(demand: Demand) -> Preset:
    return next(preset for preset in PRESETS if preset.demand is demand)


@pytest.mark.parametrize(
    ("demand", "outcomes"),
    [
        (Demand.FAIL, "closed refused dropped skipped"),
        (Demand.CHOOSE, "closed refused dropped skipped ignored"),
        (Demand.WAIT, "closed refused dropped skipped ignored hung"),
        (Demand.GO_ON, "ignored skipped"),
    ],
)
def test_what_the_rfc_lets_a_peer_do(demand: Demand, outcomes: str) -> None:
    fine = [each for each in Outcome if Result(one_of(demand), each).is_fine]
    assert {each.value for each in fine} == set(outcomes.split())


def test_a_crash_is_never_fine() -> None:
    assert not any(Result(preset, Outcome.CRASHED).is_fine for preset in PRESETS)


def report() -> Report:
    results = (
        Result(BY_ID["rsv1-set"], Outcome.CLOSED, 1002, connection=3, frame=7, answer=8, seconds=0.25),
        Result(BY_ID["text-not-utf8"], Outcome.IGNORED, connection=4),
        Result(BY_ID["head-timeout"], Outcome.HUNG, seconds=3.0),
    )
    return Report("ws://127.0.0.1:9000/a|b", Role.CLIENT, results, 4, "It was <stopped>.\x1b[0m")


def test_markdown_has_the_findings_first_and_nothing_that_acts() -> None:
    page = markdown(report())
    assert page.startswith("# Probe of the server ws://127.0.0.1:9000/a\\|b\n")
    assert "3 of 4 presets: 1 closed, 1 ignored, 1 hung; 1 against the RFC." in page
    assert "&lt;stopped>" in page
    assert "\x1b" not in page
    findings = page[page.index("## Against") : page.index("## All")]
    assert "`text-not-utf8`" in findings
    assert "rsv1-set" not in findings
    assert "closed with 1002 | #3 |" in page


def test_json_has_all_that_is_known() -> None:
    found = json.loads(as_json(report()))
    assert (found["probed"], found["presets"], found["tried"], found["findings"]) == ("server", 4, 3, 1)
    first = found["results"][0]
    assert first == {
        "preset": "rsv1-set",
        "title": "a text with RSV1",
        "rule": "rsv1-set",
        "section": "RFC 6455 §5.2",
        "demand": "fail",
        "outcome": "closed",
        "code": 1002,
        "detail": "",
        "fine": True,
        "connection": 3,
        "frame": 7,
        "answer": 8,
        "seconds": 0.25,
    }


def test_each_field_is_explained_in_the_docs() -> None:
    page = (FOLDER / "probe.md").read_text("utf-8")
    found = json.loads(as_json(report()))
    for name in (*found, *found["results"][0]):
        assert f"`{name}`" in page


def test_every_outcome_can_be_said() -> None:
    said = {Result(PRESETS[0], outcome, 1002, seconds=2.0).said for outcome in Outcome}
    assert len(said) == len(Outcome)
