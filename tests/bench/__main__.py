"""`make bench`: echo throughput and latency of the recording engine against libraries that record nothing.

Rounds go through all servers in turn, so that a slow moment of the machine meets all of them; medians are printed,
and the medians of the ratios within each round.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys

from tests.bench.serve import SERVERS

_PATIENCE_SECONDS = 60


def measure(server: str, way: str, seconds: float, size: int) -> float:
    """Messages a second, echoed; RuntimeError when unmask has not recorded each of them twice."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.serve", server], stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        try:
            port = serving.stdout.readline().strip()
            done = subprocess.run(
                [sys.executable, "-m", "tests.bench.load", port, str(seconds), str(size), way],
                capture_output=True,
                text=True,
                check=True,
                timeout=seconds + _PATIENCE_SECONDS,
            )
        finally:
            serving.terminate()
        rest = serving.stdout.read()
    result = json.loads(done.stdout)
    if server == "unmask":
        recorded = json.loads(rest)["frames"]
        if recorded != 2 * result["messages"]:
            raise RuntimeError(f"{result['messages']} messages were echoed, {recorded} frames are recorded")
    return float(result["messages"] / result["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--size", type=int, default=32)
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {options.size} B, {options.rounds} rounds"
    )
    for way in ("pipelined", "single"):
        rates: dict[str, list[float]] = {name: [] for name in SERVERS}
        for _ in range(options.rounds):
            for name in SERVERS:
                rates[name].append(measure(name, way, options.seconds, options.size))
        title = (
            "echo, pipelined (messages/s)" if way == "pipelined" else "echo, one in flight (round trips/s)"
        )
        print(f"\n{title}\n{'':<28}{'median':>12}{'min':>12}{'max':>12}{'unmask / it':>14}")
        for name, values in rates.items():
            ratio = statistics.median(ours / its for ours, its in zip(rates["unmask"], values, strict=True))
            label = "unmask, recording all" if name == "unmask" else f"{name}, recording nothing"
            print(
                f"{label:<28}{statistics.median(values):>12,.0f}{min(values):>12,.0f}{max(values):>12,.0f}"
                f"{ratio:>13.2f}×"
            )


if __name__ == "__main__":
    main()
