"""Runs the cases through a tap, and holds the capture against what the tap saw."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, Direction, Mode, View
from core.net.failures import Failure
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import SourceState, SourceStatus
from core.protocol.state import Role
from tests.tools.tap import Tap, TappedConnection, tapping

_START_SECONDS = 10.0
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases: identifiers or patterns such as `9.*`; nothing included means all."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    behaviours: dict[str, str]
    """Case to OK, NON-STRICT, INFORMATIONAL or FAILED: the worse of its behaviour and its way of closing."""
    connections: int
    frames: int
    wire_bytes: int
    differences: tuple[str, ...]
    """Where the capture does not give back what was on the wire."""

    @classmethod
    def of_parts(cls, parts: Sequence[Outcome]) -> Outcome:
        """What came of all of them."""
        return cls(
            {case: how for part in parts for case, how in part.behaviours.items()},
            sum(part.connections for part in parts),
            sum(part.frames for part in parts),
            sum(part.wire_bytes for part in parts),
            tuple(difference for part in parts for difference in part.differences),
        )

    @property
    def by_family(self) -> dict[str, Counter[str]]:
        families: dict[str, Counter[str]] = {}
        for case, behaviour in self.behaviours.items():
            families.setdefault(case.partition(".")[0], Counter())[behaviour] += 1
        return dict(sorted(families.items(), key=lambda item: int(item[0])))


class Listener:
    """What the engine tells, for who waits for it on another thread."""

    def __init__(self) -> None:
        self.addresses: tuple[str, ...] = ()
        self.listening = threading.Event()
        self.failures: list[str] = []
        self.changed = threading.Event()

    def on_changed(self) -> None:
        self.changed.set()

    def on_source(self, status: SourceStatus) -> None:
        if status.addresses and status.state is SourceState.RUNNING:
            self.addresses = status.addresses
            self.listening.set()

    def on_failed(self, failure: Failure) -> None:
        self.failures.append(failure.sentence)

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


@contextmanager
def echoing(capture: Path, listener: Listener) -> Iterator[EngineHost]:
    """A fresh engine that echoes and records to `capture`, which is finished when the block is left."""
    settings = EngineSettings(auto_reply=AutoReply.ECHO)
    host = EngineHost(capture, "conformance", settings, load_test_page(), listener)
    thread = threading.Thread(target=host.run, name="engine")
    thread.start()
    try:
        yield host
    finally:
        host.stop()
        thread.join()
        host.close()


def run_cases(selection: Selection, folder: Path, *, parallel: int, seconds: float) -> Outcome:
    """Run the cases against Unmask as a server. RuntimeError if the suite itself could not run."""
    listener = Listener()
    capture = folder / "conformance.unmask"
    with echoing(capture, listener) as host:
        host.listen(ListenAddress("127.0.0.1", 0))
        if not listener.listening.wait(_START_SECONDS):
            raise RuntimeError(f"the engine does not listen: {listener.failures}")
        port = int(listener.addresses[0].rpartition(":")[2])
        with tapping(port) as tap:
            words = (f"127.0.0.1:{tap.port}", "-p", str(parallel))
            behaviours = _run_suite(suite_command(selection, folder / "reports", *words), folder, seconds)
    return outcome_of(behaviours, capture, tap)


def outcome_of(behaviours: dict[str, str], capture: Path, tap: Tap) -> Outcome:
    """The outcome of the cases, with what the capture holds of them."""
    reader = CaptureReader(capture)
    try:
        totals = reader.totals()
        differences = tuple(_differences(reader, tap.connections.values()))
    finally:
        reader.close()
    return Outcome(behaviours, totals.connections, totals.frames, totals.bytes, differences)


def suite_command(selection: Selection, reports: Path, *words: str) -> list[str]:
    """The suite's program with these words."""
    command = [str(Path(sys.executable).parent / "kosoku"), *words, "-o", str(reports)]
    for pattern in selection.include:
        command += ["-i", pattern]
    for pattern in selection.exclude:
        command += ["-x", pattern]
    return command


def _run_suite(command: list[str], folder: Path, seconds: float) -> dict[str, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    index = folder / "reports" / "index.json"
    if not index.exists():
        raise RuntimeError(f"the suite wrote no report:\n{done.stdout}{done.stderr}")
    (cases,) = json.loads(index.read_text()).values()
    return behaviours_of(cases)


def behaviours_of(cases: dict[str, dict[str, str]]) -> dict[str, str]:
    """For each case, the worse of two verdicts: on its frames, and on how the connection was closed."""
    return {case: _worse(found["behavior"], found["behaviorClose"]) for case, found in cases.items()}


def _worse(*behaviours: str) -> str:
    order: Sequence[str] = ("OK", "INFORMATIONAL", "NON-STRICT")
    return max(behaviours, key=lambda each: order.index(each) if each in order else len(order))


def _differences(reader: CaptureReader, tapped: Iterable[TappedConnection]) -> list[str]:
    """Where the wire bytes rebuilt from the capture are not those that the tap copied."""
    found: list[str] = []
    # No two requests have the same key.
    seen = {_request_of(each): each for each in tapped}
    records = {record.request: record for record in reader.connections()}
    if set(records) != set(seen):
        found.append(f"{len(records)} connections are recorded, {len(seen)} passed the tap")
    for request in records.keys() & seen.keys():
        record, each = records[request], seen[request]
        to_server, to_client = wire_of(reader, record)
        sent_to_us = Role.SERVER if record.mode is Mode.LISTEN else Role.CLIENT
        for receiver, way, rebuilt, copied in (
            (Role.SERVER, "client→server", to_server, each.to_server),
            (Role.CLIENT, "server→client", to_client, each.to_client),
        ):
            # What was under way when its receiver had gone may have passed the tap and reached nobody.
            if rebuilt != copied and not (receiver is sent_to_us and copied.startswith(rebuilt)):
                found.append(f"#{record.id} {way}: {len(rebuilt)} bytes rebuilt, {len(copied)} seen")
    return found


def _request_of(tapped: TappedConnection) -> bytes:
    head, end, _ = bytes(tapped.to_server).partition(b"\r\n\r\n")
    return head + end


def wire_of(reader: CaptureReader, record: ConnectionRecord) -> tuple[bytearray, bytearray]:
    """All bytes of a connection, rebuilt: client→server and server→client."""
    to_server, to_client = bytearray(record.request), bytearray(record.response)
    view = View(record.id)
    for first in range(0, reader.count(view), _PAGE):
        for row in reader.rows(view, first, _PAGE):
            frame = reader.frame(row.id)
            assert frame is not None
            way = to_server if row.direction is Direction.CLIENT_TO_SERVER else to_client
            way += frame.frame.wire()
    trailing = to_server if record.mode is Mode.LISTEN else to_client
    trailing += record.trailing
    return to_server, to_client
