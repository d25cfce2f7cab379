"""`make hostile`: what hostile input costs. Each case in a process of its own, at a quarter of its size and whole.

Linear is: the whole takes about four times as long as the quarter. Memory is what the process grew by, the recorder
and its queue included, over what it had before the first byte. Every case goes through a real connection into a
real capture. `--quick` takes a sixteenth of every size. After that come crowds of peers (`tests.bench.crowds`).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, repeat
from pathlib import Path

from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, Mode
from core.capture.tracks import Opened
from core.net.loop import tune_interpreter
from core.protocol.endpoint import ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import FrameReceived, RequestReceived
from core.protocol.frames import FIN, RSV1, Frame, Opcode, apply_mask, make_frame, shortest_length_form
from core.protocol.handshake import ServerPolicy, client_request, new_key
from core.protocol.http11 import HeadLimits
from tests.bench import fairness
from tests.bench.crowds import print_rows

KIB, MIB = 1024, 1024 * 1024
LIMIT = 64 * MIB
_READ = 64 * KIB
_KEY = b"\x37\xfa\x21\x3d"
_ZEROS = bytes(MIB)
Stream = Iterator[bytes]


def _request(*, deflate: bool = False, more: bytes = b"") -> bytes:
    offer = "permessage-deflate" if deflate else None
    head = client_request("localhost", "/", new_key(), deflate=offer)
    return head[:-2] + more + b"\r\n" if more else head


def _reads(pieces: Stream, width: int = _READ) -> Stream:
    """The bytes of `pieces` in reads of `width`."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= width:
            yield bytes(held[:width])
            del held[:width]
    yield bytes(held)


def _masked(opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> bytes:
    return make_frame(opcode, payload, fin=fin, rsv=rsv, masking_key=_KEY).wire()


def head_in_bytes(size: int) -> Stream:
    head = _request(more=b"x: y\r\n" * (size // 6))
    return (head[at : at + 1] for at in range(len(head)))


def head_at_once(size: int) -> Stream:
    return iter((_request(more=b"x: " + b"y" * size + b"\r\n"),))


def tiny_fragments(count: int) -> Stream:
    middle = _masked(0, b"x", fin=False) * 1000
    yield _request()
    yield _masked(Opcode.BINARY, b"x", fin=False)
    yield from _reads(repeat(middle, count // 1000))
    yield _masked(0, b"")


def empty_fragments(count: int) -> Stream:
    yield _request()
    yield _masked(Opcode.TEXT, b"", fin=False)
    yield from _reads(repeat(_masked(0, b"", fin=False) * 1000, count // 1000))


def reads_of_one_byte(count: int) -> Stream:
    frame = _masked(Opcode.BINARY, b"x" * 58)
    yield _request()
    for _ in range(count // len(frame)):
        for at in range(len(frame)):
            yield frame[at : at + 1]


def large_frame_in_small_reads(size: int) -> Stream:
    yield _request()
    frame = Frame(0x82, _KEY, bytes(size), 2, size).wire()
    for at in range(0, len(frame), 64):
        yield frame[at : at + 64]


def large_frame(size: int) -> Stream:
    yield _request()
    yield from _reads(_large(FIN | Opcode.BINARY, [_ZEROS] * (size // MIB)))


def _pieces_of_bomb(size: int, compressor: zlib._Compress | None = None) -> list[bytes]:
    """About a thousandth of `size` bytes, which inflate to `size`."""
    compressor = compressor or zlib.compressobj(9, zlib.DEFLATED, -15)
    pieces = [compressor.compress(_ZEROS) for _ in range(size // MIB)]
    pieces.append(compressor.flush(zlib.Z_SYNC_FLUSH)[:-4])
    return pieces


def _large(head: int, pieces: list[bytes]) -> Stream:
    """One frame of many pieces, never in memory as a whole."""
    length = sum(map(len, pieces))
    yield Frame(head, _KEY, b"", int(shortest_length_form(length)), length).header()
    at = 0
    for piece in pieces:
        turn = at % 4
        yield apply_mask(piece, _KEY[turn:] + _KEY[:turn])
        at += len(piece)


def bomb(size: int) -> Stream:
    """One frame that inflates to `size` bytes."""
    pieces = _pieces_of_bomb(size)
    yield _request(deflate=True)
    yield from _reads(_large(FIN | RSV1 | Opcode.BINARY, pieces))


def bomb_in_fragments(size: int) -> Stream:
    data = b"".join(_pieces_of_bomb(size))
    yield _request(deflate=True)
    frames = (_masked(0, data[at : at + 100], fin=False) for at in range(100, len(data), 100))
    yield _masked(Opcode.BINARY, data[:100], fin=False, rsv=RSV1)
    yield from _reads(chain(frames, (_masked(0, b""),)))


def nested_windows(size: int) -> Stream:
    """Bombs just below the limit, each of which reaches back into the one before."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    messages = [_pieces_of_bomb(size, compressor) for _ in range(4)]
    yield _request(deflate=True)
    for pieces in messages:
        yield from _reads(_large(FIN | RSV1 | Opcode.BINARY, pieces))


def one_byte_streams(count: int) -> Stream:
    """Messages each of which is nothing but blocks with BFINAL set, which cost a new zlib stream each."""
    yield _request(deflate=True)
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    final = block.compress(b"x") + block.flush()
    yield from _reads(repeat(_masked(Opcode.BINARY, final * 1000 + b"\x00", rsv=RSV1), count // 1000))


CASES: dict[str, tuple[Callable[[int], Stream], int]] = {
    "1 MiB head, byte by byte": (head_in_bytes, MIB),
    "1 MiB head in one read": (head_at_once, MIB),
    "1,000,000 fragments of one byte": (tiny_fragments, 1_000_000),
    "1,000,000 empty fragments": (empty_fragments, 1_000_000),
    "1,000,000 reads of one byte": (reads_of_one_byte, 1_000_000),
    "16 MiB message in frames of one byte": (tiny_fragments, 16 * MIB),
    "16 MiB frame in reads of 64 bytes": (large_frame_in_small_reads, 16 * MIB),
    "60 MiB frame in reads of 64 KiB": (large_frame, 60 * MIB),
    "bomb: 64 MiB - 1 in one frame": (bomb, 63 * MIB),
    "bomb: 1 GiB in one frame": (bomb, 1024 * MIB),
    "bomb: 1 GiB in fragments": (bomb_in_fragments, 1024 * MIB),
    "bomb: 32 GiB, a 32 MiB frame": (bomb, 32 * 1024 * MIB),
    "bombs: 4 × 60 MiB in one context": (nested_windows, 60 * MIB),
    "100,000 deflate streams": (one_byte_streams, 100_000),
}


class Sink:
    """A connection and its recorder, as a session joins them; `seconds` is what they took, `said` what was found."""

    def __init__(self, folder: Path) -> None:
        limits = ConnectionLimits(HeadLimits(2 * MIB, MIB), LIMIT)
        self._connection = Endpoint(ServerSide(ServerPolicy()), limits)
        nothing = RecorderCallbacks(lambda: None, lambda: None, lambda _error: None)
        self._recorder = Recorder(folder / "hostile.unmask", "0", nothing)
        self._opened = Opened(Mode.LISTEN, "", "")
        self._id = self._recorder.open_connection(self._opened, 1)
        self.seconds = 0.0
        self.found: dict[str, str] = {}
        self._unrecorded = 0

    def feed(self, data: bytes) -> None:
        start = time.process_time()
        connection = self._connection
        events = connection.receive_data(data)
        for event in tuple(events):
            if isinstance(event, RequestReceived):
                events += connection.answer(event.proposed)
        while connection.has_more:
            events += connection.receive_data(b"")
        connection.data_to_send()
        self._unrecorded += len(data)
        if events:
            inflated = sum(
                len(event.message.payload)
                for event in events
                if isinstance(event, FrameReceived) and event.message is not None
            )
            for event in events:
                if isinstance(event, FrameReceived) and event.violations:
                    self.found.update({each.rule.id: each.detail for each in event.violations})
            self._recorder.record(
                self._id, 1, events, self._unrecorded + inflated, Direction.CLIENT_TO_SERVER
            )
            self._unrecorded = 0
        if self._recorder.is_full:
            events = []
            self._recorder.flush()
        self.seconds += time.process_time() - start

    def close(self) -> None:
        start = time.process_time()
        self._recorder.record(self._id, 2, self._connection.receive_eof(), 0, Direction.CLIENT_TO_SERVER)
        self._recorder.close()
        self.seconds += time.process_time() - start


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """What a case cost: seconds of processor time, MiB that the process grew by at most."""

    seconds: float
    mib: float
    found: dict[str, str]
    """Rules broken, with the last detail of each."""


def run_case(name: str, size: int) -> Figures:
    """Measure one case in this process."""
    tune_interpreter()
    stream, _ = CASES[name]
    with tempfile.TemporaryDirectory(prefix="unmask-hostile-") as folder:
        sink = Sink(Path(folder))
        pieces = stream(size)
        first = next(pieces)
        before = _peak_mib()
        for piece in chain((first,), pieces):
            sink.feed(piece)
        sink.close()
    return Figures(sink.seconds, _peak_mib() - before, sink.found)


def measure(name: str, size: int) -> Figures:
    """Measure one case in a process of its own."""
    words = [sys.executable, "-m", "tests.bench.hostile", "--case", name, "--size", str(size)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return Figures(**json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(asdict(run_case(options.case, options.size))))
        return
    print(f"{'':<40}{'a quarter':>11}{'whole':>10}{'ratio':>8}{'memory':>11}   found")
    for name, (_, size) in CASES.items():
        if options.only not in name:
            continue
        size //= 16 if options.quick else 1
        quarter, whole = measure(name, size // 4), measure(name, size)
        print(
            f"{name:<40}{quarter.seconds:>9.2f} s{whole.seconds:>8.2f} s"
            f"{whole.seconds / max(quarter.seconds, 1e-3):>8.1f}{whole.mib:>7.0f} MiB   {', '.join(whole.found)}",
            flush=True,
        )
        for detail in whole.found.values():
            if ":1" in detail:
                print(f"{'':<40}{detail}")
    print_rows(16 if options.quick else 1, options.only)
    fairness.print_rows(options.only, 1 if options.quick else 5)


if __name__ == "__main__":
    main()
