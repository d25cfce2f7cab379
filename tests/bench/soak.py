"""Minutes of steady traffic with connections coming and going: are memory and file descriptors flat?

    python -m tests.bench.soak [--minutes 10] [--rate 20000] [--clients 20]

A recording echo server runs in a process of its own; each client lives a few seconds and is followed by another.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import connect, frame_of

_SAMPLE_SECONDS = 5.0
_TICK_SECONDS = 0.05
_SIZE = 64
_LIFE_SECONDS = (2.0, 15.0)


@dataclass(slots=True)
class Counter:
    """Shared by the clients; each adds under the lock."""

    messages: int = 0
    connections: int = 0


class Clients:
    """Keeps so many clients going until `stop`."""

    def __init__(self, port: int, count: int, messages_per_second: float) -> None:
        self._port = port
        self._each = messages_per_second / count
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.counter = Counter()
        self._threads = [threading.Thread(target=self._live, args=(seed,)) for seed in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _live(self, seed: int) -> None:
        chance = random.Random(seed)
        frame, echo = frame_of(_SIZE)
        while not self._stop.is_set():
            life = chance.uniform(*_LIFE_SECONDS)
            with suppress(OSError), connect(self._port) as sock:
                sent = self._talk(sock.sendall, sock.recv, frame, echo, life)
                with self._lock:
                    self.counter.messages += sent
                    self.counter.connections += 1

    def _talk(self, send: object, receive: object, frame: bytes, echo: int, life: float) -> int:
        assert callable(send)
        assert callable(receive)
        sent = received = 0
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) < life and not self._stop.is_set():
            due = int(elapsed * self._each) - sent
            if due > 0:
                send(frame * due)
                sent += due
                while received < sent * echo:
                    received += len(receive(1 << 20))
            self._stop.wait(_TICK_SECONDS)
        return sent


def _sample(pid: int) -> tuple[int, int]:
    """Resident bytes and open file descriptors of a process (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))
    raise RuntimeError(f"process {pid} has gone")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=20_000, help="frames a second, both ways together")
    parser.add_argument("--clients", type=int, default=20)
    options = parser.parse_args()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.serve", "unmask"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        clients = Clients(port, options.clients, options.rate / 2)
        samples: list[tuple[int, int]] = []
        clients.start()
        try:
            end = time.monotonic() + options.minutes * 60
            while time.monotonic() < end:
                time.sleep(min(_SAMPLE_SECONDS, options.minutes * 6))
                samples.append(_sample(server.pid))
        finally:
            clients.stop()
            server.terminate()
        recorded = json.loads(server.stdout.read())
    counter = clients.counter
    seconds = options.minutes * 60
    print(f"{counter.messages:,} messages echoed on {counter.connections} connections in {seconds:.0f} s")
    print(
        f"{recorded['frames']:,} frames recorded ({recorded['frames'] / seconds:,.0f}/s), {recorded['bytes']:,} bytes"
    )
    tenth = max(1, len(samples) // 10)
    for name, part in (("first tenth", samples[:tenth]), ("last tenth", samples[-tenth:]), ("all", samples)):
        memory = [resident / 1e6 for resident, _ in part]
        files = [count for _, count in part]
        print(
            f"{name:<12} memory {min(memory):.0f}–{max(memory):.0f} MB, descriptors {min(files)}–{max(files)}"
        )


if __name__ == "__main__":
    main()
