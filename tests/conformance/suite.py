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

    @property
    def port(self) -> int:
        """The port listened on, once there is one. RuntimeError if that takes too long."""
        if not self.listening.wait(_START_SECONDS):
            raise RuntimeError(f"the engine does not listen: {self.failures}")
        return int(self.addresses[0].rpartition(":")[2])

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
def running(capture: Path, listener: Listener, auto_reply: AutoReply) -> Iterator[EngineHost]:
    """A fresh engine that records to `capture`, which is finished when the block is left."""
    settings = EngineSettings(auto_reply=auto_reply)
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
    with running(capture, listener, AutoReply.ECHO) as host:
        host.listen(ListenAddress("127.0.0.1", 0))
        with tapping(listener.port) as tap:
            words = (f"127.0.0.1:{tap.port}", "-p", str(parallel))
            behaviours = run_suite(selection, folder, seconds, *words)
    return outcome_of(behaviours, capture, tap)


def outcome_of(behaviours: dict[str, str], capture: Path, tap: Tap) -> Outcome:
    """The outcome of the cases, with what the capture holds of them."""
    reader = CaptureReader(capture)
    try:
        totals = reader.totals()
        differences = tuple(_differences(reader, tap.connections))
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


def run_suite(selection: Selection, folder: Path, seconds: float, *words: str) -> dict[str, str]:
    """Run the suite as a client with these words; what it says of each case."""
    command = suite_command(selection, folder / "reports", *words)
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
    each_record = reader.connections()
    # The tap is before Unmask, or behind it if that is the client.
    is_before = all(record.mode is not Mode.CONNECT for record in each_record)
    seen = {each.name if is_before else each.client: each for each in tapped}
    records = {record.peer if is_before else record.local: record for record in each_record}
    if set(records) != set(seen):
        found.append(f"{len(records)} connections are recorded, {len(seen)} passed the tap")
    for place in records.keys() & seen.keys():
        record, each = records[place], seen[place]
        to_server, to_client = wire_of(reader, record)
        sent_to_us = {Mode.LISTEN: (Role.SERVER,), Mode.CONNECT: (Role.CLIENT,)}.get(record.mode, tuple(Role))
        for receiver, way, rebuilt, copied in (
            (Role.SERVER, "client→server", to_server, each.to_server),
            (Role.CLIENT, "server→client", to_client, each.to_client),
        ):
            # What was under way when its receiver had gone may have passed the tap and reached nobody.
            if rebuilt != copied and not (receiver in sent_to_us and copied.startswith(rebuilt)):
                found.append(f"#{record.id} {way}: {len(rebuilt)} bytes rebuilt, {len(copied)} seen")
    return found


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
    for leg in reader.legs(record.id):
        way = to_server if leg.side is Role.CLIENT else to_client
        way += leg.trailing
    return to_server, to_client
