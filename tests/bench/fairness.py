"""Who floods keeps nobody waiting: three peers send what is cheap to send and dear to read, and another one pings.

A row for each kind of flood: what a byte of it costs the engine, how much of it is read in a second, how long a ping of
another peer takes meanwhile, and how long a new client's opening handshake. Echo is on, all is recorded.

    python -m tests.bench.fairness PART_OF_NAME SECONDS [serve_window]

Part of `make hostile`; `serve_window` has the window open.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from app.runtime.display import missing_display
from core.capture.recorder import Recorder
from core.capture.ring import Keep
from core.net.fronts.test_page import load_test_page
from core.net.host import EngineHost
from core.net.loop import tune_interpreter
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.protocol.frames import FIN, RSV1, Opcode, make_frame
from core.protocol.handshake import client_request, new_key
from core.protocol.violations import Judgement
from tests.bench.serve import Announcer

MIB = 1024 * 1024
_KEY = b"\x37\xfa\x21\x3d"
_KEEP = Keep(bytes=256 * MIB)
_BATCH_BYTES = 256 * 1024
_PATIENCE_SECONDS = 60.0
_PING_SECONDS = 0.01
_FLOODING_PEERS = 3
_PINGS_A_HANDSHAKE = 10
_DEFLATE = "permessage-deflate"
_SMALL_WINDOW = (
    "permessage-deflate; client_max_window_bits=9; client_no_context_takeover; server_no_context_takeover"
)


def _masked(head: int, payload: bytes = b"") -> bytes:
    return make_frame(head & 0x0F, payload, fin=head & FIN != 0, rsv=head & 0x70, masking_key=_KEY).wire()


def _deflated(payload: bytes, bits: int = 15) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _compressed(payload: bytes, opcode: int = Opcode.BINARY, bits: int = 15) -> bytes:
    return _masked(FIN | RSV1 | opcode, _deflated(payload, bits))


def _streams() -> bytes:
    """A message of nothing but blocks with BFINAL set, two bytes each."""
    return _masked(FIN | RSV1 | Opcode.BINARY, b"\x03\x00" * 1000 + b"\x00")


def _varied_keys(opcode: int, payload: bytes) -> bytes:
    """Frames as a browser sends them, with keys that differ."""
    keys = (number.to_bytes(4, "little") for number in range(1, 1001))
    return b"".join(make_frame(opcode, payload, masking_key=key).wire() for key in keys)


@dataclass(frozen=True, slots=True)
class Flood:
    """What a peer sends again and again."""

    unit: Callable[[], bytes]
    rows: int
    """Frames that a unit leaves in the capture, those of the answers included."""
    offer: str | None = None
    """The extension that is asked for."""
    first: bytes = b""
    """Sent once, before."""
    judgement: Judgement = Judgement.STRICT


QUIET = "no flood"

FLOODS: dict[str, Flood] = {
    QUIET: Flood(lambda: b"", 1),
    "16 B messages": Flood(lambda: _varied_keys(Opcode.BINARY, b"x" * 16), 2000),
    "empty messages": Flood(lambda: _masked(0x82), 2),
    "empty texts, deflate agreed": Flood(lambda: _varied_keys(Opcode.TEXT, b""), 2000, _DEFLATE),
    "1 MiB messages": Flood(lambda: _masked(0x82, os.urandom(MIB)), 2),
    "60 MiB messages": Flood(lambda: _masked(0x82, os.urandom(60 * MIB)), 2),
    "60 MiB messages, deflate agreed": Flood(lambda: _masked(0x82, os.urandom(60 * MIB)), 2, _DEFLATE),
    "60 MiB texts of 3-byte characters": Flood(lambda: _masked(0x81, "你".encode() * (20 * MIB)), 2),
    "empty pings": Flood(lambda: _masked(0x89), 2),
    "empty pongs": Flood(lambda: _masked(0x8A), 1),
    "empty continuations": Flood(lambda: _masked(0x00), 1, first=_masked(0x01)),
    "messages of two empty frames": Flood(lambda: _masked(0x01) + _masked(0x80), 3),
    "two bytes, five faults": Flood(lambda: b"\xf3\x00", 1, judgement=Judgement.TOLERANT),
    "compressed, empty": Flood(lambda: _compressed(b""), 2, _DEFLATE),
    "compressed, one byte": Flood(lambda: _compressed(b"x"), 2, _DEFLATE),
    "compressed, small window, no context": Flood(lambda: _compressed(b"x", bits=9), 2, _SMALL_WINDOW),
    "1000 deflate streams a message": Flood(_streams, 2, _DEFLATE),
    "bombs of 64 KiB": Flood(lambda: _compressed(bytes(MIB // 16)), 2, _DEFLATE),
    "bombs of 1 MiB": Flood(lambda: _compressed(bytes(MIB)), 2, _DEFLATE),
    "bombs of 60 MiB": Flood(lambda: _compressed(bytes(60 * MIB)), 2, _DEFLATE),
    "text bombs of 60 MiB": Flood(lambda: _compressed("你".encode() * (20 * MIB), Opcode.TEXT), 2, _DEFLATE),
    "bombs of 60 MiB, small window": Flood(lambda: _compressed(bytes(60 * MIB), bits=9), 2, _SMALL_WINDOW),
}


# The server, in a process of its own.


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server has done so far."""

    frames: int
    cpu_seconds: float
    at: float


def _answer(recorder: Recorder) -> None:
    """Each line on standard input asks for a `Spent`."""
    for _ in sys.stdin:
        spent = Spent(recorder.written_frames, time.process_time(), time.monotonic())
        print(json.dumps(asdict(spent)), flush=True)


def _settings(flood: Flood) -> EngineSettings:
    return EngineSettings(auto_reply=AutoReply.ECHO, keep=_KEEP, judgement=flood.judgement)


def serve(name: str, folder: Path) -> None:
    """The engine alone."""
    tune_interpreter()
    host = EngineHost(folder / "a.unmask", "bench", _settings(FLOODS[name]), load_test_page(), Announcer())
    thread = threading.Thread(target=host.run, daemon=True)
    thread.start()
    host.listen(ListenAddress("127.0.0.1", 0))
    _answer(host.recorder)


def serve_window(name: str, folder: Path) -> None:
    """The engine behind the window."""
    from PySide6.QtWidgets import QApplication

    from app.settings import Settings
    from app.window.desktop import Desktop
    from core.capture.session_files import CaptureFolder

    if missing_display() is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    tune_interpreter()
    application = QApplication(sys.argv[:1])
    settings = _settings(FLOODS[name])
    desktop = Desktop(
        application,
        Settings.at(folder / "settings.ini"),
        CaptureFolder(folder / "captures"),
        adjust=lambda engine: replace(engine, keep=settings.keep, judgement=settings.judgement),
    )
    desktop.engine.set_auto_reply(AutoReply.ECHO)
    announcer = Announcer()
    desktop.engine.listening.connect(announcer.on_listening)
    desktop.window.resize(1360, 860)
    desktop.show(ListenAddress("127.0.0.1", 0))
    threading.Thread(target=_answer, args=(desktop.engine.recorder,), daemon=True).start()
    application.exec()


# The peers that flood, in a process of their own.


def _connect(port: int, offer: str | None = None) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(client_request(f"127.0.0.1:{port}", "/", new_key(), deflate=offer))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    if not head.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(f"no WebSocket: {head!r}")
    return sock


def flood(name: str, port: int, peers: int) -> None:
    """Send until standard input ends, and read what comes back."""
    what = FLOODS[name]
    unit = what.unit()
    batch = memoryview(unit * max(1, _BATCH_BYTES // max(1, len(unit))))
    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unit else 0)
    places: dict[socket.socket, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        for _ in range(peers):
            sock = _connect(port, what.offer)
            sock.sendall(what.first)
            sock.setblocking(False)
            places[sock] = 0
            selector.register(sock, wanted)
        print("flooding", flush=True)
        buffer = bytearray(MIB)
        while True:
            for key, events in selector.select():
                if key.fileobj is sys.stdin:
                    return
                sock = key.fileobj  # type: ignore[assignment]
                if events & selectors.EVENT_READ and not sock.recv_into(buffer):
                    raise RuntimeError("the engine closed the connection")
                if events & selectors.EVENT_WRITE:
                    places[sock] = (places[sock] + sock.send(batch[places[sock] :])) % len(batch)


# What is measured.


@dataclass(frozen=True, slots=True)
class Fairness:
    """What a flood of a kind did to the others."""

    ns_per_byte: float
    """Processor time of the engine for a byte that flooded."""
    bytes_per_second: float
    pings: int
    ping_p99: float
    """Seconds."""
    ping_worst: float
    handshake_worst: float


@contextmanager
def _process(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bench.fairness", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("a process has ended before its time")
    return line


def _spent(server: subprocess.Popen[str]) -> Spent:
    assert server.stdin is not None
    server.stdin.write("\n")
    server.stdin.flush()
    return Spent(**json.loads(_line(server)))


def _ping(sock: socket.socket) -> float:
    """Seconds until the pong; infinite where one's patience ends before."""
    began = time.monotonic()
    sock.sendall(_masked(0x89, b"ping"))
    due = 6
    try:
        while due > 0:
            due -= len(sock.recv(due))
    except TimeoutError:
        return math.inf
    return time.monotonic() - began


def _handshake(port: int) -> float:
    began = time.monotonic()
    try:
        _connect(port).close()
    except TimeoutError:
        return math.inf
    return time.monotonic() - began


def measure(name: str, seconds: float, peers: int = _FLOODING_PEERS, mode: str = "serve") -> Fairness:
    """Flood for so long; in processes of their own."""
    with tempfile.TemporaryDirectory(prefix="unmask-fair-") as folder, _process(mode, name, folder) as server:
        port = int(_line(server))
        with _connect(port) as other, _process("flood", name, str(port), str(peers)) as flooding:
            _line(flooding)
            began = _spent(server)
            pings: list[float] = []
            handshakes: list[float] = []
            end = time.monotonic() + seconds
            for number in count():
                if time.monotonic() > end or math.inf in (*pings[-1:], *handshakes[-1:]):
                    break
                if number % _PINGS_A_HANDSHAKE == 0:
                    handshakes.append(_handshake(port))
                pings.append(_ping(other))
                time.sleep(_PING_SECONDS)
            ended = _spent(server)
    unit = FLOODS[name]
    units = (ended.frames - began.frames - 2 * len(pings)) / unit.rows
    flooded = max(units, 1e-3) * max(1, len(unit.unit()))
    pings.sort()
    return Fairness(
        (ended.cpu_seconds - began.cpu_seconds) * 1e9 / flooded,
        flooded / (ended.at - began.at),
        len(pings),
        pings[int(len(pings) * 0.99)],
        pings[-1],
        max(handshakes),
    )


def print_rows(only: str, seconds: float, mode: str = "serve") -> None:
    """A row for each kind whose name has `only` in it; the first tells how the machine is without a flood."""
    if not any(only in name for name in FLOODS):
        return
    print(
        f"{'three peers flood with':<40}{'a byte costs':>14}{'read':>13}{'pings':>8}{'p99':>10}{'worst':>10}"
        f"{'handshake':>12}"
    )
    for name in FLOODS:
        if only not in name and name != QUIET:
            continue
        found = measure(name, seconds, mode=mode)
        p99, worst, handshake = (
            each * 1e3 for each in (found.ping_p99, found.ping_worst, found.handshake_worst)
        )
        print(
            f"{name:<40}{found.ns_per_byte:>11,.1f} ns{found.bytes_per_second / 1e3:>8,.0f} kB/s{found.pings:>8}"
            f"{p99:>7,.0f} ms{worst:>7,.0f} ms{handshake:>9,.0f} ms",
            flush=True,
        )


def main() -> None:
    match sys.argv[1:]:
        case ["serve", name, folder]:
            serve(name, Path(folder))
        case ["serve_window", name, folder]:
            serve_window(name, Path(folder))
        case ["flood", name, port, peers]:
            flood(name, int(port), int(peers))
        case [only, seconds, *mode]:
            print_rows(only, float(seconds), *mode)


if __name__ == "__main__":
    main()
