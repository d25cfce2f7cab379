"""Between a client and an echo server (picows): what Unmask as a relay costs that records everything.

    python -m tests.bench.relays [--tls] [--window] [--rules] [--mitmdump PATH] [--connections 1000]

It is measured against a uvloop proxy that copies bytes, and against no relay at all, in the same rounds; `--window`
adds the relay with its window open, `--rules` one with fifty rules that touch one message in a thousand, and with
`--tls` every connection is secured. mitmproxy takes part where an installed `mitmdump` is named. With `--connections`,
so many are busy at once, and it is told what that took of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from statistics import median

from tests.bench.disk import MIB
from tests.bench.load import Way
from tests.bench.secured import tls_environment
from tests.bench.servers import Cell, Server, running_relays
from tests.bench.table import Results, Verdict, at_least, size_text

SMALL_BYTES = 32
KIB = 1024
_CELLS = (
    Cell(Way.PIPELINED, SMALL_BYTES, 4),
    Cell(Way.SINGLE, SMALL_BYTES, 1),
    Cell(Way.PIPELINED, MIB, 1),
)
_GOALS = dict(zip(_CELLS, (0.75, 0.55, 0.5), strict=True))
_TLS_GOALS = dict.fromkeys((_CELLS[0], _CELLS[2]), 0.7)
_MITM_GOALS = {Way.PIPELINED: 50.0, Way.SINGLE: 6.0}
_COPYING, _RULED, _MITM = "copying", "ruled-relay", "mitmproxy"
_RULED_GOAL = 0.7


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure."""

    rounds: int
    seconds: float
    names: Sequence[str]
    mitmdump: str | None = None
    is_secured: bool = False
    cells: Sequence[Cell] = _CELLS


def many(connections: int) -> tuple[Cell, ...]:
    """Cells of so many connections that are busy at once."""
    return Cell(Way.SINGLE, SMALL_BYTES, connections), Cell(Way.PIPELINED, KIB, connections)


def measure(options: Options) -> Results:
    """All cells, in rounds; each round takes each cell to each relay in turn."""
    results = Results()
    with (
        tls_environment() if options.is_secured else nullcontext(os.environ) as environment,
        running_relays(options.names, environment, options.mitmdump) as servers,
    ):
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr, flush=True)
            for cell in options.cells:
                for server in _turned(servers, number):
                    # With large messages mitmproxy takes minutes for what others do in a second.
                    if server.name != _MITM or cell.size == SMALL_BYTES:
                        results.add(server.measure(cell, options.seconds))
    return results


def _turned(servers: list[Server], number: int) -> list[Server]:
    """Beginning with another one in each round, so that none has always the same one before it."""
    first = number % len(servers)
    return servers[first:] + servers[:first]


def lines(results: Results) -> Iterator[str]:
    """Rates, and the median of the ratios to copying within each round."""
    names = sorted(results.servers, key=_place)
    yield f"{'size':>8}{'conns':>6} {'':<12}" + "".join(f"{name:>22}" for name in names)
    for cell in results.cells:
        shown = (_shown(results, cell, name) for name in names)
        yield f"{size_text(cell.size):>8}{cell.connections:>6} {cell.way.value:<12}" + "".join(
            f"{each:>22}" for each in shown
        )
    yield "CPU of each process, µs a message: " + "; ".join(
        f"{name} "
        + ", ".join(f"{_cpu(results, cell, name):,.1f}" for cell in results.cells if results.of(cell, name))
        for name in names
    )


def memory(results: Results) -> str:
    """The greatest resident memory of each process."""
    most = {
        name: max(one.most_resident for one in results.outcomes if one.server == name)
        for name in sorted(results.servers, key=_place)
    }
    return "memory at most, MB: " + ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in most.items())


def _shown(results: Results, cell: Cell, name: str) -> str:
    if not results.of(cell, name):
        return "–"
    return f"{results.rate(cell, name):>13,.0f} ({results.ratio(cell, name, _COPYING):>4.2f}×)"


def _cpu(results: Results, cell: Cell, name: str) -> float:
    return median(one.cpu for one in results.of(cell, name)) * 1e6


def _place(name: str) -> int:
    return ("direct", _COPYING, "relay", "window-relay", _RULED, _MITM).index(name)


def verdicts(results: Results, goals: Mapping[Cell, float]) -> Iterator[Verdict]:
    """Goals that were measured."""
    if "relay" not in results.servers:
        return
    for cell, least in goals.items():
        if cell not in results.cells:
            continue
        what = f"relay, {size_text(cell.size)}, {cell.way.value}"
        yield from at_least(f"{what}, ≥ {least} × copying", least, [results.ratio(cell, "relay", _COPYING)])
        if _RULED in results.servers and cell == _CELLS[0]:
            ratios = [results.ratio(cell, _RULED, "relay")]
            yield from at_least(f"{what}, with rules, ≥ {_RULED_GOAL} × without", _RULED_GOAL, ratios)
        if _MITM in results.servers and cell.size == SMALL_BYTES:
            goal = _MITM_GOALS[cell.way]
            yield from at_least(
                f"{what}, ≥ {goal:g} × mitmproxy", goal, [results.ratio(cell, "relay", _MITM)]
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="for each relay in each cell of each round"
    )
    parser.add_argument("--window", action="store_true", help="the relay with its window, too")
    parser.add_argument("--rules", action="store_true", help="the relay with fifty rules, too")
    parser.add_argument("--tls", action="store_true", help="every connection is secured")
    parser.add_argument("--mitmdump", help="mitmproxy takes part, by this program")
    parser.add_argument("--connections", type=int, help="only with so many that are busy at once")
    parser.add_argument("--json", help="a file that gets every single outcome, one a line")
    asked = parser.parse_args()
    names = [
        _COPYING,
        "relay",
        *(["window-relay"] if asked.window else []),
        *([_RULED] if asked.rules else []),
    ]
    cells = _CELLS if asked.connections is None else many(asked.connections)
    results = measure(Options(asked.rounds, asked.seconds, names, asked.mitmdump, asked.tls, cells))
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; {asked.rounds} rounds of "
        f"{asked.seconds:g} s; messages/s (and the ratio to copying)"
    )
    for line in lines(results):
        print(line)
    print(memory(results))
    for verdict in verdicts(results, _TLS_GOALS if asked.tls else _GOALS):
        print(verdict)
    if asked.json:
        with open(asked.json, "w", encoding="utf-8") as log:
            for one in results.outcomes:
                log.write(
                    json.dumps({**asdict(one), "cell": {**asdict(one.cell), "way": one.cell.way.value}})
                    + "\n"
                )


if __name__ == "__main__":
    main()
