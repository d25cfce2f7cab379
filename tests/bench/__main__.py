"""Echo throughput and latency of the whole program, recording every frame with its window open and visible and
following the tail, against libraries that record and show nothing.

Every round takes each cell of the table to each server in turn, so that a slow moment of the machine meets all of
them. Medians are printed, and medians of the ratios within each round. A rate of Unmask counts until the last frame
is in the file. Columns: MB/s of payload recorded, CPU of Unmask for each message, share of a core that the load
generator took (with ! it may be what was measured), the window's greatest resident set so far.

Writes some GB to the disk of temporary files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TextIO

from app.runtime.display import missing_display
from tests.bench.disk import MIB, sqlite_write_rate
from tests.bench.load import Way
from tests.bench.servers import NAMES, OURS, Cell, Server, running
from tests.bench.table import Results, lines, verdicts
from tests.tools.display import xvfb_with_openbox

_SIZES = "16,125,1024,65536,1048576"
_CONNECTIONS = "1,8,100"
_SUSTAINED = (Cell(Way.PIPELINED, 16, 1), Cell(Way.PIPELINED, MIB, 1))
_TITLES = {
    Way.PIPELINED: "echo, pipelined (messages/s)",
    Way.SINGLE: "echo, one in flight on each connection (messages/s)",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """Where the window is."""

    name: str
    environment: Mapping[str, str]


@contextmanager
def screen() -> Iterator[Screen]:
    """The display that there is, else one of our own, else none at all."""
    if missing_display() is None:
        yield Screen("visible on the display", os.environ)
    elif shutil.which("Xvfb") and shutil.which("openbox"):
        with xvfb_with_openbox() as display:
            yield Screen("visible on Xvfb", display.environment)
    else:
        yield Screen("offscreen", os.environ | {"QT_QPA_PLATFORM": "offscreen"})


class Bench:
    """One run."""

    def __init__(self, options: argparse.Namespace, servers: Sequence[Server], log: TextIO | None) -> None:
        self._options = options
        self._servers = servers
        self._log = log
        self._disk_rates: list[float] = []

    def table(self) -> None:
        """All cells, in rounds."""
        options, results = self._options, Results()
        cells = [
            Cell(way, size, connections)
            for way in Way
            for size in options.sizes
            for connections in options.connections
        ]
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr, flush=True)
            self._write_to_disk(options.seconds)
            for cell in cells:
                for server in self._servers:
                    self._measure(results, server, cell, options.seconds)
        for way in Way:
            print(f"\n{_TITLES[way]}")
            self._print(results, [cell for cell in cells if cell.way is way])
        self._judge(results)

    def sustained(self) -> None:
        """So long that the disk is really the limit; the backlog is drained inside the time."""
        seconds, results = self._options.sustained, Results()
        servers = [server for server in self._servers if server.name in (*OURS, "picows")]
        self._disk_rates.clear()
        self._write_to_disk(seconds)
        for cell in _SUSTAINED:
            for server in servers:
                print(f"{server.name} for {seconds:g} s …", file=sys.stderr, flush=True)
                self._measure(results, server, cell, seconds)
        print(f"\nsustained for {seconds:g} s, pipelined (messages/s)")
        self._print(results, _SUSTAINED)
        self._judge(results)

    def _measure(self, results: Results, server: Server, cell: Cell, seconds: float) -> None:
        outcome = server.measure(cell, seconds)
        results.add(outcome)
        self._note({**asdict(outcome), "cell": {**asdict(outcome.cell), "way": cell.way.value}})

    def _write_to_disk(self, seconds: float) -> None:
        with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
            rate = sqlite_write_rate(Path(folder), seconds)
        self._disk_rates.append(rate)
        self._note({"sqlite_bytes_per_second": rate})

    def _print(self, results: Results, cells: Sequence[Cell]) -> None:
        for line in lines(results, cells):
            print(line)

    def _judge(self, results: Results) -> None:
        rate = median(self._disk_rates)
        echoed = rate / 2 / MIB
        print(f"\nSQLite writes {rate / 1e6:,.0f} MB/s here: {echoed:,.0f} echoed messages of 1 MiB a second")
        for verdict in verdicts(results, self._disk_rates):
            print(verdict)

    def _note(self, what: Mapping[str, object]) -> None:
        if self._log is not None:
            print(json.dumps(what), file=self._log, flush=True)


def main() -> None:
    options = _options()
    log = open(options.json, "w", encoding="utf-8") if options.json else None  # noqa: SIM115
    with screen() as where, running(options.servers, where.environment) as servers:
        print(
            f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; the window is "
            f"{where.name}; {options.rounds} rounds of {options.seconds:g} s a cell"
        )
        bench = Bench(options, servers, log)
        bench.table()
        if options.sustained:
            bench.sustained()
    if log is not None:
        log.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="for each server in each cell of each round"
    )
    parser.add_argument("--sizes", type=_numbers, default=_SIZES, help="payload bytes (%(default)s)")
    parser.add_argument("--connections", type=_numbers, default=_CONNECTIONS, help="(%(default)s)")
    parser.add_argument("--servers", type=_names, default=",".join(NAMES), help="(%(default)s), or engine")
    parser.add_argument("--sustained", type=float, default=30.0, help="seconds; 0 leaves that part out")
    parser.add_argument("--quick", action="store_true", help="a first impression in about a minute")
    parser.add_argument("--json", help="a file that gets every single outcome, one a line")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.connections, options.rounds = [16, MIB], [1, 100], 2
        options.seconds, options.sustained = 0.4, 0
    return options


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - {*NAMES, *OURS}:
        raise argparse.ArgumentTypeError(f"there is no server {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
