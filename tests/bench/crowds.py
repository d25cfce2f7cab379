"""Many peers at once that want all the memory, and bombs that want all the disk: last rows of `make hostile` (Linux).

Each row has an engine in a process of its own that echoes, with a bound on the memory for peers. Its memory is what the
process grew by at most after the first handshake. All the while a modest peer pings it; the time is its worst of a
hundred.
"""

from __future__ import annotations

import argparse
import re
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.capture.reader import CaptureReader
from core.net.failures import Failure
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.loop import tune_interpreter
from core.net.settings import AutoReply, EngineSettings, Limits, ListenAddress
from core.net.sources import SourceState, SourceStatus
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.handshake import client_request, new_key
from core.query.language import default_language
from core.query.scan import Scan

KIB, MIB = 1024, 1024 * 1024
_KEY = b"\x37\xfa\x21\x3d"
_HALF_HEAD = 60 * KIB
_MESSAGE = 60 * MIB
_FRAGMENT = 256 * KIB
_PUSH_SECONDS = 20.0
_PING_SECONDS = 0.01
_OPEN_FILES = 8192
Crowd = Callable[[int, int], str]
"""What a crowd of so many does to the engine at a port; what is worth telling of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A crowd, and how large it is."""

    name: str
    crowd: Crowd
    count: int
    memory: int
    """The bound on what is held of peers."""


class Quiet:
    """Who listens to the engine, and wants to know its port alone."""

    def on_changed(self) -> None: ...

    def on_source(self, status: SourceStatus) -> None:
        if status.addresses and status.state is SourceState.RUNNING:
            print(status.addresses[0].rpartition(":")[2], flush=True)

    def on_failed(self, failure: Failure) -> None:
        print(failure.sentence, file=sys.stderr)

    def on_sent(self, result: SendResult) -> None: ...

    def on_capture_moved(self, moved: CaptureMoved) -> None: ...


def serve(capture: Path, memory: int) -> None:
    """An engine that echoes, until the standard input ends."""
    tune_interpreter()
    settings = EngineSettings(limits=Limits(memory_bytes=memory), auto_reply=AutoReply.ECHO)
    host = EngineHost(capture, "0", settings, load_test_page(), Quiet())
    thread = threading.Thread(target=host.run)
    thread.start()
    host.listen(ListenAddress("127.0.0.1", 0))
    sys.stdin.read()
    host.stop()
    thread.join()
    host.close()


def opened(port: int, *, deflate: bool = False) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    offer = "permessage-deflate" if deflate else None
    sock.sendall(client_request(f"127.0.0.1:{port}", "/", new_key(), deflate=offer))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(KIB)
    assert b" 101 " in answer
    return sock


def masked(opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> bytes:
    return make_frame(opcode, payload, fin=fin, rsv=rsv, masking_key=_KEY).wire()


@dataclass(slots=True)
class _Pusher:
    """A peer, and what it has yet to say."""

    sock: socket.socket
    pieces: Iterator[bytes]
    left: bytes = b""
    said: bytes = b""
    """What came back first."""


def push(pushers: list[_Pusher]) -> list[_Pusher]:
    """Say it all, or as much as is taken in time; those that were cut off."""
    cut: list[_Pusher] = []
    with selectors.DefaultSelector() as selector:
        for each in pushers:
            each.sock.setblocking(False)
            selector.register(each.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, each)
        until = time.monotonic() + _PUSH_SECONDS
        going = len(pushers)
        while going and time.monotonic() < until:
            for key, events in selector.select(0.1):
                each = key.data
                try:
                    if events & selectors.EVENT_READ:
                        data = each.sock.recv(64 * KIB)
                        each.said = each.said or data
                        if not data:
                            raise ConnectionResetError
                    elif not each.left:
                        each.left = next(each.pieces)
                    if events & selectors.EVENT_WRITE and each.left:
                        each.left = each.left[each.sock.send(each.left) :]
                except (ConnectionError, StopIteration) as error:
                    going -= 1
                    selector.unregister(each.sock)
                    if not isinstance(error, StopIteration):
                        cut.append(each)
                except BlockingIOError:
                    pass
    return cut


def unfinished_fragments(port: int, count: int) -> str:
    """Each says 60 MiB of a message, and never the end."""
    piece = bytes(_FRAGMENT)

    def fragments() -> Iterator[bytes]:
        yield masked(Opcode.BINARY, piece, fin=False)
        for _ in range(_MESSAGE // _FRAGMENT - 1):
            yield masked(0, piece, fin=False)

    with ExitStack() as peers:
        cut = push([_Pusher(peers.enter_context(opened(port)), fragments()) for _ in range(count)])
        told = sum(each.said[2:4] == b"\x03\xf5" for each in cut)
        return f"{len(cut)} failed, {told} of them told 1013"


def half_heads(port: int, count: int) -> str:
    """Each says 60 KiB of a request head."""
    half = client_request("localhost", "/", new_key())[:-2] + b"x: " + b"y" * _HALF_HEAD
    with ExitStack() as peers:
        pushers = []
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            pushers.append(_Pusher(peers.enter_context(sock), iter((half,))))
        cut = push(pushers)
        time.sleep(1)
        refused = sum(each.said[9:12] == b"503" for each in cut)
        return f"{refused} refused, {len(cut) - refused} late"


def bombs(port: int, count: int) -> str:
    """One peer says `count` messages of 63 MiB each in some 64 KB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(MIB)
    data = b"".join(compressor.compress(zeros) for _ in range(63)) + compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]
    # A stream of its own each time: nothing of it refers to what came before.
    wire = masked(Opcode.BINARY, data, rsv=RSV1)
    with opened(port, deflate=True) as sock:
        cut = push([_Pusher(sock, iter([wire] * count))])
        sock.setblocking(True)
        sock.settimeout(120)
        sock.sendall(masked(Opcode.PING, b"the end"))
        tail = b""
        while not tail.endswith(b"\x8a\x07the end"):
            data = sock.recv(64 * KIB)
            assert data, "the engine closed the connection"
            tail = (tail + data)[-64:]
    assert not cut
    return f"{count * len(wire) / 1e6:.1f} MB on the wire"


ROWS = (
    Row("20 peers, 60 MiB unfinished each", unfinished_fragments, 20, 512 * MIB),
    Row("2,000 peers with half a head", half_heads, 2000, 256 * MIB),
    Row("bombs: 33 × 63 MiB", bombs, 33, 512 * MIB),
)


class Modest:
    """A peer that wants little: it pings, again and again."""

    def __init__(self, port: int) -> None:
        self._sock = opened(port)
        self._ended = threading.Event()
        self._times: list[float] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Modest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._sock.close()

    @property
    def p99(self) -> float:
        """Seconds of a round trip."""
        return sorted(self._times)[len(self._times) * 99 // 100]

    def _run(self) -> None:
        while not self._ended.wait(_PING_SECONDS):
            began = time.perf_counter()
            self._sock.sendall(masked(Opcode.PING, b"modest"))
            answer = b""
            while len(answer) < 8:
                answer += self._sock.recv(8)
            self._times.append(time.perf_counter() - began)


@contextmanager
def engine(capture: Path, memory: int) -> Iterator[subprocess.Popen[str]]:
    """An engine in a process of its own."""
    words = [sys.executable, "-m", "tests.bench.crowds", "--serve", str(capture), "--memory", str(memory)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(120)


def peak_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def run(row: Row, count: int) -> str:
    """One line of figures."""
    with tempfile.TemporaryDirectory(prefix="unmask-hostile-") as folder:
        capture = Path(folder) / "crowd.unmask"
        with engine(capture, row.memory) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with Modest(port) as modest:
                time.sleep(0.2)
                before = peak_mib(process.pid)
                began = time.monotonic()
                told = row.crowd(port, count)
                seconds = time.monotonic() - began
            grown = peak_mib(process.pid) - before
        size = capture.stat().st_size / 1e6
        read = time_to_read(capture)
    return (
        f"{row.name:<40}{seconds:>7.1f} s{grown:>8.0f} MiB of {row.memory // MIB:<5}{modest.p99 * 1000:>7.0f} ms"
        f"{size:>9.1f} MB{read:>7.1f} s   {told}"
    )


HEADER = f"{'with a modest peer beside them':<40}{'took':>9}{'memory, bound':>21}{'p99':>10}{'file':>12}{'read':>9}"


def time_to_read(capture: Path) -> float:
    """Seconds that a search of all payloads and a reading of all frames take."""
    began = time.monotonic()
    with closing(Scan(capture, default_language().filter("payload contains nowhere").expression)) as scan:
        assert not any(found.frames for found in scan.run())
    with closing(CaptureReader(capture)) as reader:
        for _ in reader.frames_after(0, 1 << 40):
            pass
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(_OPEN_FILES, hard)), hard))
    if options.serve is not None:
        serve(options.serve, options.memory)
        return
    print_rows(1, options.only)


def print_rows(part: int, only: str) -> None:
    """Measure the rows whose name contains `only`, at a `part`th of their size, and print them."""
    rows = [row for row in ROWS if only in row.name]
    if rows:
        print(f"\n{HEADER}")
    for row in rows:
        print(run(row, max(row.count // part, 1)), flush=True)


if __name__ == "__main__":
    main()
