"""What was measured, as a table and as verdicts on the goals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.disk import MIB
from tests.bench.load import Way
from tests.bench.servers import OURS, Cell, Outcome

SMALL_BYTES = 125
"""The largest message that the goals call small."""
_SMALL_RATIO = 1.5
_LARGE_RATIO = 0.8
_MOST_RESIDENT = 300_000_000
_RIVAL = "picows"
_BUSY = 0.9
"""Share of a core from which on the load generator may be what is measured."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and what came of it."""

    goal: str
    figure: str
    met: bool

    def __str__(self) -> str:
        return f"{'met   ' if self.met else 'MISSED'}  {self.goal}: {self.figure}"


class Results:
    """All outcomes, in the order in which they were measured: each round has every server in every cell."""

    def __init__(self) -> None:
        self._outcomes: dict[Cell, dict[str, list[Outcome]]] = {}

    def add(self, outcome: Outcome) -> None:
        self._outcomes.setdefault(outcome.cell, {}).setdefault(outcome.server, []).append(outcome)

    @property
    def cells(self) -> list[Cell]:
        return list(self._outcomes)

    @property
    def servers(self) -> list[str]:
        return list(dict.fromkeys(name for by_server in self._outcomes.values() for name in by_server))

    @property
    def outcomes(self) -> list[Outcome]:
        return [one for by_server in self._outcomes.values() for those in by_server.values() for one in those]

    def of(self, cell: Cell, server: str) -> list[Outcome]:
        return self._outcomes[cell].get(server, [])

    def rate(self, cell: Cell, server: str) -> float:
        """Median, in messages a second."""
        return median(one.rate for one in self.of(cell, server))

    def ratio(self, cell: Cell, server: str, other: str) -> float:
        """Median of the ratios within each round: a slow moment of the machine has met both."""
        pairs = zip(self.of(cell, server), self.of(cell, other), strict=True)
        return median(one.rate / its.rate for one, its in pairs)

    @property
    def most_resident(self) -> int:
        """Peak resident memory of the recording server, in bytes."""
        return max(
            (one.most_resident for each in self._outcomes.values() for one in each.get(OURS[0], ())),
            default=0,
        )


def lines(results: Results, cells: Sequence[Cell]) -> Iterator[str]:
    """The table of some cells: medians, ours divided by each of the others, and what ours and the generator cost."""
    names = results.servers
    ours, others = names[0], names[1:]
    yield (
        f"{'size':>8}{'conns':>6}"
        + "".join(f"{name:>12}" for name in names)
        + "".join(f"{'/ ' + name:>13}" for name in others)
        + f"{'MB/s':>7}{'µs CPU':>9}{'load':>6}{'RSS MB':>8}"
    )
    for cell in cells:
        own = results.of(cell, ours)
        # Both directions of the payload.
        megabytes = 2 * cell.size * results.rate(cell, ours) / 1e6
        load = max(median(one.load for one in results.of(cell, name)) for name in names)
        yield (
            f"{size_text(cell.size):>8}{cell.connections:>6}"
            + "".join(f"{results.rate(cell, name):>12,.0f}" for name in names)
            + "".join(f"{results.ratio(cell, ours, name):>12.2f}×" for name in others)
            + f"{megabytes:>7,.0f}{median(one.cpu for one in own) * 1e6:>9,.1f}"
            + f"{load:>5.0%}{'!' if load > _BUSY else ' '}{max(one.most_resident for one in own) / 1e6:>7,.0f}"
        )


def verdicts(results: Results, disk_rates: Sequence[float]) -> Iterator[Verdict]:
    """Goals that these cells say something about. `disk_rates` is what SQLite could write, in bytes a second."""
    ours = OURS[0]
    if ours not in results.servers:
        return
    if _RIVAL in results.servers:
        small = [cell for cell in results.cells if cell.size <= SMALL_BYTES]
        for way, name in ((Way.PIPELINED, "small, pipelined"), (Way.SINGLE, "small, one in flight")):
            cells = [cell for cell in small if cell.way is way]
            yield from at_least(f"{name}, ≥ {_SMALL_RATIO} × {_RIVAL}", _SMALL_RATIO, _paired(results, cells))
        large = [cell for cell in results.cells if cell.size == MIB and cell.way is Way.PIPELINED]
        if disk_rates:
            # Each echoed message is written twice.
            writable = median(disk_rates) / (2 * MIB)
            ratios = [results.rate(cell, ours) / min(results.rate(cell, _RIVAL), writable) for cell in large]
            goal = f"1 MiB, pipelined, ≥ {_LARGE_RATIO} × the lesser of {_RIVAL} and SQLite"
            yield from at_least(goal, _LARGE_RATIO, ratios)
    resident = results.most_resident
    goal = f"memory, < {_MOST_RESIDENT / 1e6:.0f} MB"
    yield Verdict(goal, f"{resident / 1e6:.0f} MB", resident < _MOST_RESIDENT)


def _paired(results: Results, cells: Iterable[Cell]) -> list[float]:
    return [results.ratio(cell, OURS[0], _RIVAL) for cell in cells]


def at_least(goal: str, least: float, ratios: Sequence[float]) -> Iterator[Verdict]:
    """Nothing where nothing was measured."""
    if ratios:
        figure = f"{min(ratios):.2f} to {max(ratios):.2f}" if len(ratios) > 1 else f"{ratios[0]:.2f}"
        yield Verdict(goal, figure, min(ratios) >= least)


def size_text(count: int) -> str:
    for unit, factor in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if count % factor == 0 and count:
            return f"{count // factor} {unit}"
    return f"{count} B"
