"""`make conformance`: all cases, Unmask as the server, as the client and as a relay, and a table of what came of them.

`--quick` leaves out 9, 12 and 13, `--role` takes one of the three.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from core.net.loop import tune_interpreter
from tests.conformance.as_client import run_client_cases
from tests.conformance.as_relay import run_relay_cases
from tests.conformance.suite import Outcome, Selection, run_cases

_COLUMNS = ("OK", "NON-STRICT", "INFORMATIONAL", "FAILED")
_COMPRESSED = (*(f"12.{group}" for group in range(1, 6)), *(f"13.{group}" for group in range(1, 8)))
_QUICK = Selection(exclude=("9.*", "12.*", "13.*"))
_PARTS = (_QUICK, *(Selection((f"{family}.*",)) for family in (9, *_COMPRESSED)))
"""All cases. The compressed ones record some GB a part, so each part has a capture of its own, deleted after it."""


_ROLES = {"server": run_cases, "client": run_client_cases, "relay": run_relay_cases}


def _run(role: str, part: Selection, parallel: int, seconds: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="unmask-conformance-") as folder:
        outcome = _ROLES[role](part, Path(folder), parallel=parallel, seconds=seconds)
    print(
        f"{role}: {' '.join(part.include) or 'the rest'}: {dict(Counter(outcome.behaviours.values()))}",
        file=sys.stderr,
        flush=True,
    )
    return outcome


def _tell(role: str, outcome: Outcome, seconds: float) -> bool:
    """Print what came of it; whether all is well."""
    print(f"Unmask as the {role}")
    print(f"{'family':<8}{'cases':>7}" + "".join(f"{column:>15}" for column in _COLUMNS))
    for family, counts in outcome.by_family.items():
        failed = counts.total() - sum(counts[column] for column in _COLUMNS[:-1])
        cells = [*(counts[column] for column in _COLUMNS[:-1]), failed]
        print(f"{family + '.*':<8}{counts.total():>7}" + "".join(f"{cell:>15}" for cell in cells))
    bad = {case: how for case, how in outcome.behaviours.items() if how not in _COLUMNS[:-1]}
    print(
        f"{len(outcome.behaviours)} cases in {seconds:.0f} s; {outcome.connections} connections, "
        f"{outcome.frames:,} frames, {outcome.wire_bytes:,} bytes recorded; "
        + ("rebuilt bytes equal those of the tap" if not outcome.differences else "REBUILT BYTES DIFFER")
    )
    for line in [*(f"{case}: {how}" for case, how in bad.items()), *outcome.differences]:
        print(line)
    return not (bad or outcome.differences)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--role", action="append", choices=_ROLES)
    parser.add_argument("--include", action="append", default=[], metavar="CASE")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3000.0, help="for a part of the cases at most")
    options = parser.parse_args()
    tune_interpreter()
    parts = (
        (_QUICK,) if options.quick else (Selection(tuple(options.include)),) if options.include else _PARTS
    )
    well = []
    for role in _ROLES:
        if options.role is None or role in options.role:
            start = time.monotonic()
            outcome = Outcome.of_parts(
                [_run(role, part, options.parallel, options.seconds) for part in parts]
            )
            well.append(_tell(role, outcome, time.monotonic() - start))
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
