"""`make conformance`: all cases, and a table of what came of them. `--quick` leaves out 9, 12 and 13."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from core.net.loop import tune_interpreter
from tests.conformance.suite import Outcome, Selection, run_cases

_COLUMNS = ("OK", "NON-STRICT", "INFORMATIONAL", "FAILED")
_COMPRESSED = (*(f"12.{group}" for group in range(1, 6)), *(f"13.{group}" for group in range(1, 8)))
_QUICK = Selection(exclude=("9.*", "12.*", "13.*"))
_PARTS = (_QUICK, *(Selection((f"{family}.*",)) for family in (9, *_COMPRESSED)))
"""All cases. The compressed ones record some GB a part, so each part has a capture of its own, deleted after it."""


def _run(part: Selection, parallel: int, seconds: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="unmask-conformance-") as folder:
        outcome = run_cases(part, Path(folder), parallel=parallel, seconds=seconds)
    print(
        f"{' '.join(part.include) or 'the rest'}: {len(outcome.behaviours)} cases",
        file=sys.stderr,
        flush=True,
    )
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--include", action="append", default=[], metavar="CASE")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3000.0, help="for a part of the cases at most")
    options = parser.parse_args()
    tune_interpreter()
    start = time.monotonic()
    parts = (
        (_QUICK,) if options.quick else (Selection(tuple(options.include)),) if options.include else _PARTS
    )
    outcome = Outcome.of_parts([_run(part, options.parallel, options.seconds) for part in parts])
    print(f"{'family':<8}{'cases':>7}" + "".join(f"{column:>15}" for column in _COLUMNS))
    for family, counts in outcome.by_family.items():
        failed = counts.total() - sum(counts[column] for column in _COLUMNS[:-1])
        cells = [*(counts[column] for column in _COLUMNS[:-1]), failed]
        print(f"{family + '.*':<8}{counts.total():>7}" + "".join(f"{cell:>15}" for cell in cells))
    bad = {case: how for case, how in outcome.behaviours.items() if how not in _COLUMNS[:-1]}
    print(
        f"{len(outcome.behaviours)} cases in {time.monotonic() - start:.0f} s; {outcome.connections} connections, "
        f"{outcome.frames:,} frames, {outcome.wire_bytes:,} bytes recorded; "
        + ("rebuilt bytes equal those of the tap" if not outcome.differences else "REBUILT BYTES DIFFER")
    )
    for line in [*(f"{case}: {how}" for case, how in bad.items()), *outcome.differences]:
        print(line)
    return 1 if bad or outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
