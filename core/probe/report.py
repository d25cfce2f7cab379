"""The report of a probe, as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from core.probe.outcome import DEMANDED, Outcome, Result
from core.protocol.state import Role

_ORDER = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Report:
    """How a peer took all presets that were tried."""

    peer: str
    """Who was asked: a URL, or an address."""
    sender: Role
    """The side that Unmask took."""
    results: tuple[Result, ...]
    total: int
    """Number of presets that were to be tried."""
    remark: str = ""
    """Why it ended early, in a sentence; "" if it did not."""

    @property
    def findings(self) -> tuple[Result, ...]:
        """What the RFC does not let a peer do."""
        return tuple(result for result in self.results if not result.is_fine)

    @property
    def is_whole(self) -> bool:
        """Whether every preset was tried."""
        return len(self.results) == self.total

    @property
    def summary(self) -> str:
        """One line: how many presets, and what became of them."""
        counts = Counter(result.outcome for result in self.results)
        parts = [f"{counts[outcome]} {outcome.value}" for outcome in _ORDER if counts[outcome]]
        tried = f"{len(self.results)} of {self.total} presets"
        findings = len(self.findings)
        against = "none" if not findings else str(findings)
        return f"{tried}: {', '.join(parts) or 'nothing'}; {against} against the RFC"


def markdown(report: Report) -> str:
    """The report as a page of Markdown."""
    role = "server" if report.sender is Role.CLIENT else "client"
    lines = [f"# Probe of the {role} {_cell(report.peer)}", "", f"{report.summary}.", ""]
    if report.remark:
        lines += [_cell(report.remark), ""]
    if report.findings:
        lines += ["## Against the RFC", "", *_table(report.findings), ""]
    lines += ["## All", "", *_table(report.results), ""]
    return "\n".join(lines)


def _table(results: tuple[Result, ...]) -> list[str]:
    rows = [
        "| | preset | it got | by the RFC it | it | connection |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        preset = result.preset
        demanded = DEMANDED[preset.demand]
        if preset.rule is not None:
            demanded = f"{demanded} ({preset.rule.section})"
        said = f"{result.said}: {result.detail}" if result.detail else result.said
        number = "" if result.connection is None else f"#{result.connection}"
        mark = "ok" if result.is_fine else "**against**"
        cells = (mark, f"`{preset.id}`", preset.title, demanded, said, number)
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    return rows


def _cell(text: str) -> str:
    """A text that ends no cell and no line, and hides no control character."""
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return shown.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def as_json(report: Report) -> str:
    """The report as one JSON object, indented."""
    said = {
        "peer": report.peer,
        "probed": "server" if report.sender is Role.CLIENT else "client",
        "presets": report.total,
        "tried": len(report.results),
        "findings": len(report.findings),
        "remark": report.remark,
        "results": [_result(result) for result in report.results],
    }
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"


def _result(result: Result) -> dict[str, Any]:
    preset = result.preset
    return {
        "preset": preset.id,
        "title": preset.title,
        "rule": None if preset.rule is None else preset.rule.id,
        "section": None if preset.rule is None else preset.rule.section,
        "demand": preset.demand.value,
        "outcome": result.outcome.value,
        "code": result.code,
        "detail": result.detail,
        "fine": result.is_fine,
        "connection": result.connection,
        "frame": result.frame,
        "answer": result.answer,
        "seconds": round(result.seconds, 3),
    }
