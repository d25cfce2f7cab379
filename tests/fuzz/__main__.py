"""`make fuzz`: hostile input, guided by coverage, until so many runs or seconds have passed.

What is found goes to build/fuzz/TARGET; an input that breaks a target to build/fuzz/TARGET-crash-…: mend what it
shows and add it to tests/fuzz/corpus/TARGET. Without atheris (there is one for Linux on x86-64) the corpus is
mutated blindly.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

from tests.fuzz.mutation import mutations
from tests.fuzz.targets import CORPUS, LENGTHS, UNWATCHED, corpus, load

FOUND = Path(__file__).resolve().parents[2] / "build" / "fuzz"
_CPU_SECONDS = 20
"""Processor time that one input may take."""
_TIMEOUT_SECONDS = 4 * 3600
"""Time that one input may take by the clock: long, because the run may be suspended."""
_MEMORY_MB = 1024


def fuzz_guided(name: str, runs: int, seconds: int) -> None:
    """Runs libFuzzer over the target; it ends the process."""
    atheris = importlib.import_module("atheris")
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=["core"], exclude=list(UNWATCHED.get(name, ()))):
        run = load(name)
    signal.signal(signal.SIGVTALRM, _took_too_long)

    def run_in_time(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, _CPU_SECONDS)
        run(data)

    options = {
        "runs": runs,
        "max_total_time": seconds,
        "max_len": LENGTHS[name],
        "timeout": _TIMEOUT_SECONDS,
        "rss_limit_mb": _MEMORY_MB,
        "artifact_prefix": f"{found}-",
        "print_final_stats": 1,
        "detect_leaks": 0,
        "reload": 0,  # nobody else writes there
        "entropic_scale_per_exec_time": 1,
    }
    words = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([name, *words, str(found), str(CORPUS / name)], run_in_time)
    atheris.Fuzz()


def _took_too_long(*_: object) -> None:
    raise AssertionError(f"one input took more than {_CPU_SECONDS} s of CPU")


def fuzz_blindly(name: str, runs: int, seconds: int) -> None:
    """Fuzz without guidance, and keep an input that breaks the target."""
    run, start, done = load(name), time.monotonic(), 0
    for data in islice(
        mutations([*corpus(name).values()], time.time_ns(), LENGTHS[name]), max(runs, 0) or None
    ):
        try:
            run(data)
        except BaseException:
            FOUND.mkdir(parents=True, exist_ok=True)
            FOUND.joinpath(f"{name}-crash-{done}").write_bytes(data)
            raise
        done += 1
        if time.monotonic() - start > seconds:
            break
    spent = time.monotonic() - start
    print(f"{name}: {done} runs in {spent:.0f} s, {done / spent:.0f} a second")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(LENGTHS))
    parser.add_argument("--runs", type=int, default=-1, help="for each target; -1: go by the time")
    parser.add_argument("--seconds", type=int, default=60, help="for each target; 0: go by the runs")
    parser.add_argument("--blindly", action="store_true", help="without atheris")
    options = parser.parse_args()
    targets = options.targets or list(LENGTHS)
    if unknown := set(targets) - set(LENGTHS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; choose from {', '.join(LENGTHS)}")
    if len(targets) > 1:
        # libFuzzer ends its process: one for each.
        words = [sys.executable, "-m", "tests.fuzz", f"--runs={options.runs}", f"--seconds={options.seconds}"]
        words += ["--blindly"] * options.blindly
        return max(subprocess.run([*words, name], check=False).returncode for name in targets)
    (name,) = targets
    if options.blindly or importlib.util.find_spec("atheris") is None:
        fuzz_blindly(name, options.runs, options.seconds or sys.maxsize)
    else:
        fuzz_guided(name, options.runs, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
