"""`kill -9` at random moments: does the capture open, is it whole, does it hold what was committed?

    python -m tests.bench.kill9 [--times 50] [--seed 1] [--merging]

The killed process records numbered frames that a client sends as fast as it can. What a reader of the file has seen
100 ms before the kill must be there afterwards, and the capture must be offered as left behind. With `--merging`, the
process writes the frames itself, one per commit, merges small blocks whenever there are enough, and is killed during a
merge or shortly after one. Each frame must be in its place, in every list.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.session_files import CaptureFolder
from core.protocol.frames import Opcode, make_frame
from tests.bench.load import connect

CONNECTIONS = 3
"""Connections whose frames are merged."""
_MARGIN_SECONDS = 0.1
_START_SECONDS = 20.0
_PER_WRITE = 200
_MERGE_SECONDS = 0.003
"""Approximate time of a merge."""

_SERVER = """
import sys
from pathlib import Path
from core.capture.session_files import CaptureFolder
from core.net.host import EngineHost
from core.net.loop import tune_interpreter
from core.net.settings import EngineSettings, ListenAddress
from core.net.fronts.test_page import load_test_page
from tests.bench.serve import Announcer
tune_interpreter()
claimed = CaptureFolder(Path(sys.argv[1])).claim_new()
print(claimed.path, flush=True)
host = EngineHost(claimed.path, "kill9", EngineSettings(), load_test_page(), Announcer())
host.listen(ListenAddress("127.0.0.1", 0))
host.run()
"""

_MERGER = """
import sys
from pathlib import Path
from core.capture.writer import CaptureWriter
from tests.bench.kill9 import CONNECTIONS
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

    committed: int
    """Frames that are known to have been committed before it."""
    held: int
    blocks: int
    integrity: str
    in_order: bool
    offered: bool
    """Whether the capture is offered as left behind; always true if that was not asked."""
    in_merge: bool

    @property
    def good(self) -> bool:
        return self.held >= self.committed and self.integrity == "ok" and self.in_order and self.offered


def survive(folder: Path, seconds: float) -> Survival:
    """Record a flood for `seconds`, look, wait 100 ms, kill, and look what is left."""
    with _running(_SERVER, folder) as server:
        assert server.stdout is not None
        path = Path(server.stdout.readline().decode().strip())
        port = int(server.stdout.readline())
        with _numbered_frames(port):
            seen = _seen(path, seconds)
            time.sleep(_MARGIN_SECONDS)
            server.kill()
    left = [each.path for each in CaptureFolder(folder).left_behind()]
    return _look(path, seen, 1, offered=path in left)


def survive_merging(folder: Path, seconds: float, delay: float) -> Survival:
    """Write and merge for `seconds`, wait for the next merge, kill `delay` seconds later, and look what is left."""
    path = folder / "a.unmask"
    said = b""
    with _running(_MERGER, path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        end = time.monotonic() + seconds
        while time.monotonic() < end or not said.endswith(b"merging\n"):
            said += os.read(child.stdout.fileno(), 1 << 16)
        time.sleep(delay)
        child.kill()
        said += child.stdout.read()
    lines = said.decode().splitlines()
    told = max((int(each) for each in lines if each.isdecimal()), default=0)
    return _look(path, told, CONNECTIONS, in_merge=lines[-1:] == ["merging"])


@contextmanager
def _running(script: str, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs `script`, killed at the end at the latest."""
    command = [sys.executable, "-c", script, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _look(
    path: Path, committed: int, connections: int, *, offered: bool = True, in_merge: bool = False
) -> Survival:
    """What is left of a capture of so many connections."""
    with closing(CaptureReader(path)) as reader:
        held = reader.last_frame_id()
        in_order = all(_is_in_order(reader, each, connections, held) for each in range(connections + 1))
    with closing(sqlite3.connect(path)) as database:
        (integrity,) = database.execute("PRAGMA integrity_check").fetchone()
        (blocks,) = database.execute("SELECT count(*) FROM block").fetchone()
    return Survival(committed, held, blocks, integrity, in_order, offered, in_merge)


def _is_in_order(reader: CaptureReader, connection: int, connections: int, held: int) -> bool:
    """Whether the list of a connection has its frames, each with its number as payload; 0: the list of all."""
    expected = [each for each in range(1, held + 1) if connection in (0, 1 + each % connections)]
    view = View(connection or None)
    rows = reader.rows(view, 0, held + 1)
    return (
        reader.count(view) == len(expected)
        and [row.id for row in rows] == expected
        and [int.from_bytes(row.preview, "big") for row in rows] == expected
    )


def _seen(path: Path, seconds: float) -> int:
    """Wait `seconds`, and until there is something; the number of frames that a reader sees then."""
    deadline = time.monotonic() + _START_SECONDS
    time.sleep(seconds)
    with closing(CaptureReader(path)) as reader:
        while not (seen := reader.last_frame_id()):
            if time.monotonic() > deadline:
                raise RuntimeError("nothing was recorded")
            time.sleep(0.01)
    return seen


@contextmanager
def _numbered_frames(port: int) -> Iterator[None]:
    """Within, frames that carry 1, 2, 3 … are sent as fast as they are taken."""
    stop = threading.Event()

    def send() -> None:
        with connect(port) as sock, suppress(OSError):
            number = 1
            while not stop.is_set():
                numbers = range(number, number + _PER_WRITE)
                frames = [
                    make_frame(Opcode.BINARY, each.to_bytes(8, "big"), masking_key=b"\x01\x02\x03\x04")
                    for each in numbers
                ]
                sock.sendall(b"".join(frame.wire() for frame in frames))
                number += _PER_WRITE

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--merging", action="store_true")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    survivals: list[Survival] = []
    for _ in range(options.times):
        with tempfile.TemporaryDirectory(prefix="unmask-kill9-") as name:
            folder, seconds = Path(name), moments.uniform(0.0, 1.0)
            survivals.append(
                survive_merging(folder, seconds, moments.uniform(0.0, _MERGE_SECONDS))
                if options.merging
                else survive(folder, seconds)
            )
    good = [each for each in survivals if each.good]
    print(f"{len(good)} of {len(survivals)} captures opened whole, in order, with all that was committed")
    if options.merging:
        print(f"killed within a merge: {sum(each.in_merge for each in survivals)}")
    print(f"frames committed before the kill: {sum(each.committed for each in survivals):,}")
    print(f"frames held afterwards:           {sum(each.held for each in survivals):,}")
    print(f"blocks that hold them:            {sum(each.blocks for each in survivals):,}")
    for each in survivals:
        if not each.good:
            print(each)
    return 0 if len(good) == len(survivals) else 1


if __name__ == "__main__":
    sys.exit(main())
