"""`kill -9` at random moments while small blocks are put together: is every frame there that was committed?

    python -m tests.bench.kill9_merging [--times 50] [--seed 1]

A process of its own writes numbered frames, one a commit, and puts blocks together whenever there are enough. It says
what it is about to do, so that it is known which kills came within a merge.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.records import View

CONNECTIONS = 3
_LATEST = 0.003
"""Seconds; a merge takes about so long."""
_CHILD = """
import sys
from pathlib import Path
from core.capture.writer import CaptureWriter
from tests.bench.kill9_merging import CONNECTIONS
from tests.tools.captures import opened, received
writer = CaptureWriter(Path(sys.argv[1]), "kill9")
writer.write([opened(each) for each in range(1, CONNECTIONS + 1)])
print("ready", flush=True)
number, ending = 0, False
while True:
    for _ in range(24):
        number += 1
        writer.write([received(1 + number % CONNECTIONS, number.to_bytes(8, "big"))])
    print(number, flush=True)
    more, ending = True, not ending
    while more:
        print("merging", flush=True)
        more = writer.merge(ending=ending)
        print("merged", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Survival:
    """What was found after one kill."""

    told: int
    """Frames that were committed before it."""
    held: int
    blocks: int
    in_merge: bool
    integrity: str
    in_order: bool
    """Each frame is in its place, in every list."""

    @property
    def good(self) -> bool:
        return self.held >= self.told and self.integrity == "ok" and self.in_order


def survive(folder: Path, seconds: float, delay: float) -> Survival:
    """Write and merge for `seconds`, wait for the next merge, kill `delay` seconds later, and look what is left."""
    path = folder / "a.unmask"
    command = [sys.executable, "-c", _CHILD, str(path)]
    said = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == b"ready\n"
            end = time.monotonic() + seconds
            while time.monotonic() < end or not said.endswith(b"merging\n"):
                said += os.read(child.stdout.fileno(), 1 << 16)
            time.sleep(delay)
        finally:
            child.kill()
        said += child.stdout.read()
    lines = said.decode().splitlines()
    numbers = [int(each) for each in lines if each.isdecimal()]
    with closing(sqlite3.connect(path)) as database:
        (integrity,) = database.execute("PRAGMA integrity_check").fetchone()
        (blocks,) = database.execute("SELECT count(*) FROM block").fetchone()
    with closing(CaptureReader(path)) as reader:
        held = reader.last_frame_id()
        in_order = all(map(_is_in_order, [reader] * (CONNECTIONS + 1), range(CONNECTIONS + 1), [held] * 9))
    return Survival(max(numbers, default=0), held, blocks, lines[-1:] == ["merging"], integrity, in_order)


def _is_in_order(reader: CaptureReader, connection: int, held: int) -> bool:
    """Whether the list of a connection has its frames, each with its payload; 0: all of them."""
    expected = [each for each in range(1, held + 1) if connection in (0, 1 + each % CONNECTIONS)]
    view = View(connection or None)
    rows = reader.rows(view, 0, held + 1)
    return (
        reader.count(view) == len(expected)
        and [row.id for row in rows] == expected
        and [int.from_bytes(row.preview, "big") for row in rows] == expected
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    survivals: list[Survival] = []
    for _ in range(options.times):
        with tempfile.TemporaryDirectory(prefix="unmask-kill9-") as folder:
            survivals.append(survive(Path(folder), moments.uniform(0.0, 1.0), moments.uniform(0.0, _LATEST)))
    good = [each for each in survivals if each.good]
    print(f"{len(good)} of {len(survivals)} captures whole, in order, with all that was committed")
    print(f"killed within a merge: {sum(each.in_merge for each in survivals)}")
    print(f"frames told of before the kill: {sum(each.told for each in survivals):,}")
    print(f"frames held afterwards:         {sum(each.held for each in survivals):,}")
    print(f"blocks that hold them:          {sum(each.blocks for each in survivals):,}")
    for each in survivals:
        if not each.good:
            print(each)
    return 0 if len(good) == len(survivals) else 1


if __name__ == "__main__":
    sys.exit(main())
