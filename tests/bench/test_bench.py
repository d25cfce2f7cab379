"""`make bench` in small: every server, the table, the goals, and every outcome as a line of JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import fairness
from tests.bench.disk import MIB
from tests.bench.load import Way
from tests.bench.servers import Cell, Outcome
from tests.bench.table import Results, lines, verdicts

SMALL, LARGE = Cell(Way.PIPELINED, 16, 1), Cell(Way.PIPELINED, MIB, 8)


def outcome(
    server: str, cell: Cell, rate: float, *, load: float = 0.5, resident: int = 100_000_000
) -> Outcome:
    return Outcome(server, cell, rate, 1e-6, load, resident)


def results(*outcomes: Outcome) -> Results:
    results = Results()
    for each in outcomes:
        results.add(each)
    return results


def test_all_servers_echo_and_what_unmask_records_is_counted(tmp_path: Path) -> None:
    log = tmp_path / "outcomes.jsonl"
    command = [
        sys.executable,
        "-m",
        "tests.bench",
        "--rounds",
        "2",
        "--seconds",
        "0.02",
        "--sustained",
        "0.05",
    ]
    command += ["--sizes", "16,65536", "--connections", "1,3", "--json", str(log)]
    command += ["--servers", "unmask,engine,picows,websockets,aiohttp,ws"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    rows = [
        line.split() for line in ended.stdout.splitlines() if line.lstrip().startswith(("16 B", "64 KiB"))
    ]
    # Two ways, two sizes and two numbers of connections, then the sustained part.
    assert len(rows) == 8 + 1
    assert "one in flight, ≥ 1.5 × picows" in ended.stdout
    noted = [json.loads(line) for line in log.read_text().splitlines()]
    measured = [one for one in noted if "server" in one]
    assert len(measured) == 2 * 8 * 6 + 2 * 3
    assert all(one["rate"] > 0 for one in measured)
    assert {one["cell"]["way"] for one in measured} == {"pipelined", "single"}
    assert sum("sqlite_bytes_per_second" in one for one in noted) == 3


def test_medians_of_rates_and_of_ratios_within_a_round() -> None:
    measured = results(
        *(outcome("unmask", SMALL, rate) for rate in (100, 300, 200)),
        *(outcome("picows", SMALL, rate) for rate in (100, 100, 400)),
    )
    assert measured.rate(SMALL, "unmask") == 200
    assert measured.ratio(SMALL, "unmask", "picows") == 1
    header, row = lines(measured, [SMALL])
    assert header.split()[:4] == ["size", "conns", "unmask", "picows"]
    assert row.split()[:6] == ["16", "B", "1", "200", "100", "1.00×"]


def test_a_generator_at_its_limit_is_marked() -> None:
    _, row = lines(results(outcome("unmask", SMALL, 1, load=0.95)), [SMALL])
    assert "95%!" in row


def test_goals() -> None:
    measured = results(
        outcome("unmask", SMALL, 160, resident=310_000_000),
        outcome("picows", SMALL, 100),
        outcome("unmask", LARGE, 80),
        outcome("picows", LARGE, 500),
    )
    found = {verdict.goal.split(",")[0]: verdict for verdict in verdicts(measured, [200.0 * MIB])}
    assert (found["small"].met, found["small"].figure) == (True, "1.60")
    # A hundred messages a second can be written twice; eighty were.
    assert (found["1 MiB"].met, found["1 MiB"].figure) == (True, "0.80")
    assert (found["memory"].met, found["memory"].figure) == (False, "310 MB")
    assert "MISSED" in str(found["memory"])


def test_goals_are_silent_on_what_was_not_measured() -> None:
    assert list(verdicts(results(outcome("picows", SMALL, 100)), [1.0])) == []
    alone = verdicts(results(outcome("unmask", SMALL, 100)), [])
    assert [verdict.goal for verdict in alone] == ["memory, < 300 MB"]


def test_crowds_are_held_within_their_bound() -> None:
    """A sixteenth of each."""
    command = [sys.executable, "-m", "tests.bench.hostile", "--quick", "--only", "peers"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    _, *rows = ended.stdout.split("with a modest peer beside them")[1].splitlines()
    assert [row.split()[0] for row in rows] == ["20", "2,000"]


def test_what_a_flood_does_to_others_is_measured() -> None:
    found = fairness.measure("compressed, empty", 0.5)
    assert found.pings > 1
    assert 0 < found.ping_p99 <= found.ping_worst
    assert found.handshake_worst > 0
    assert found.bytes_per_second > 0


def test_relays_are_measured_against_copying() -> None:
    command = [sys.executable, "-m", "tests.bench.relays", "--rounds", "2", "--seconds", "0.02", "--window"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    names, *rows = ended.stdout.splitlines()[1:5]
    assert names.split()[2:] == ["direct", "copying", "relay", "window-relay"]
    assert all("(1.00×)" in row for row in rows)
    assert "relay, 32 B, single, ≥ 0.55 × copying" in ended.stdout


def test_a_relay_with_rules_is_measured_against_one_without() -> None:
    command = [sys.executable, "-m", "tests.bench.relays", "--rounds", "1", "--seconds", "0.02", "--rules"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "relay, 32 B, pipelined, with rules, ≥ 0.7 × without" in ended.stdout


def test_many_busy_relayed_connections_are_measured() -> None:
    command = [sys.executable, "-m", "tests.bench.relays", "--rounds", "1", "--seconds", "0.02"]
    ended = subprocess.run(
        [*command, "--connections", "50"], capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.returncode == 0, ended.stderr
    rows = [line.split() for line in ended.stdout.splitlines() if line.lstrip().startswith(("32 B", "1 KiB"))]
    assert [(row[0], row[2]) for row in rows] == [("32", "50"), ("1", "50")]
    assert re.search(r"memory at most, MB: direct \d+, copying \d+, relay \d+", ended.stdout)


def test_relays_are_measured_over_tls() -> None:
    command = [sys.executable, "-m", "tests.bench.relays", "--rounds", "1", "--seconds", "0.02", "--tls"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "relay, 1 MiB, pipelined, ≥ 0.7 × copying" in ended.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_relay_is_left_as_it_was_by_those_who_come_and_go() -> None:
    command = [sys.executable, "-m", "tests.bench.relay_soak", "--minutes", "0.05", "--mib", "64"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    large, visits, *_ = ended.stdout.splitlines()
    assert int(large.split("grew by ")[1].split()[0]) < 32
    assert int(visits.split()[1].replace(",", "")) > 10
