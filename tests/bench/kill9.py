"""`kill -9` at random moments under load: does the capture open, is it whole, does it hold what was committed?

    python -m tests.bench.kill9 [--times 50] [--seed 1]

A recording server and a client that numbers its frames run in processes of their own. What a reader of the file has
seen 100 ms before the kill must be there afterwards, each frame in its place, and the capture must be offered as
left behind.
"""

from __future__ import annotations

import argparse
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
from core.capture.session_files import CaptureFolder
from core.protocol.frames import Opcode, make_frame
from tests.bench.load import connect

_MARGIN_SECONDS = 0.1
_START_SECONDS = 20.0
_PER_WRITE = 200

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


@dataclass(frozen=True, slots=True)
class Survival:
    """What was found after one kill."""

    seen_before: int
    held: int
    integrity: str
    in_order: bool
    offered: bool

    @property
    def good(self) -> bool:
        return self.held >= self.seen_before and self.integrity == "ok" and self.in_order and self.offered


def survive(folder: Path, seconds: float) -> Survival:
    """Start, load for `seconds`, look, wait 100 ms, kill, and look what is left."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            path = Path(server.stdout.readline().strip())
            port = int(server.stdout.readline())
            with _numbered_frames(port):
                seen = _look(path, seconds)
                time.sleep(_MARGIN_SECONDS)
                server.kill()
        finally:
            server.kill()
    left = [each.path for each in CaptureFolder(folder).left_behind()]
    reader = CaptureReader(path)
    try:
        held = reader.last_frame_id()
        in_order = all(
            record.frame.payload == number.to_bytes(8, "big")
            for number, record in enumerate(reader.frames_after(0, held), 1)
        )
    finally:
        reader.close()
    with closing(sqlite3.connect(path)) as database:
        (integrity,) = database.execute("PRAGMA integrity_check").fetchone()
    return Survival(seen, held, integrity, in_order, path in left)


def _look(path: Path, seconds: float) -> int:
    """Wait `seconds`, and until there is something; how many frames a reader sees then."""
    deadline = time.monotonic() + _START_SECONDS
    time.sleep(seconds)
    reader = CaptureReader(path)
    try:
        while not (seen := reader.last_frame_id()):
            if time.monotonic() > deadline:
                raise RuntimeError("nothing was recorded")
            time.sleep(0.01)
    finally:
        reader.close()
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
    options = parser.parse_args()
    moments = random.Random(options.seed)
    survivals: list[Survival] = []
    for _ in range(options.times):
        with tempfile.TemporaryDirectory(prefix="unmask-kill9-") as folder:
            survivals.append(survive(Path(folder), moments.uniform(0.0, 1.0)))
    good = [each for each in survivals if each.good]
    print(
        f"{len(good)} of {len(survivals)} captures opened whole, in order, offered, with all that was committed"
    )
    print(f"frames seen 100 ms before the kill: {sum(each.seen_before for each in survivals):,}")
    print(f"frames held afterwards:             {sum(each.held for each in survivals):,}")
    for each in survivals:
        if not each.good:
            print(each)
    return 0 if len(good) == len(survivals) else 1


if __name__ == "__main__":
    sys.exit(main())
