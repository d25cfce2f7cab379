"""Runs the cases through a tap, and holds the capture against what the tap saw."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, Direction, View
from core.net.failures import Failure
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from tests.tools.tap import TappedConnection, tapping

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


class _Listener:
    def __init__(self) -> None:
        self.addresses: tuple[str, ...] = ()
        self.listening = threading.Event()
        self.failures: list[str] = []

    def on_changed(self) -> None:
        pass

    def on_listening(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses
        self.listening.set()

    def on_stopped_listening(self) -> None:
        pass

    def on_failed(self, failure: Failure) -> None:
        self.failures.append(failure.sentence)

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


def run_cases(selection: Selection, folder: Path, *, parallel: int, seconds: float) -> Outcome:
    """Run the cases against a fresh engine. RuntimeError if the suite itself could not run."""
    listener = _Listener()
    capture = folder / "conformance.unmask"
    settings = EngineSettings(auto_reply=AutoReply.ECHO)
    host = EngineHost(capture, "conformance", settings, load_test_page(), listener)
    thread = threading.Thread(target=host.run, name="engine")
    thread.start()
    try:
        host.listen(ListenAddress("127.0.0.1", 0))
        if not listener.listening.wait(_START_SECONDS):
            raise RuntimeError(f"the engine does not listen: {listener.failures}")
        port = int(listener.addresses[0].rpartition(":")[2])
        with tapping(port) as tap:
            behaviours = _run_suite(selection, tap.port, folder / "reports", parallel, seconds)
    finally:
        host.stop()
        thread.join()
        host.close()
    reader = CaptureReader(capture)
    try:
        totals = reader.totals()
        differences = tuple(_differences(reader, tap.connections))
    finally:
        reader.close()
    return Outcome(behaviours, totals.connections, totals.frames, totals.bytes, differences)


def _run_suite(
    selection: Selection, port: int, reports: Path, parallel: int, seconds: float
) -> dict[str, str]:
    words = [
        str(Path(sys.executable).parent / "kosoku"),
        f"127.0.0.1:{port}",
        "-p",
        str(parallel),
        "-o",
        str(reports),
    ]
    for pattern in selection.include:
        words += ["-i", pattern]
    for pattern in selection.exclude:
        words += ["-x", pattern]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    index = reports / "index.json"
    if not index.exists():
        raise RuntimeError(f"the suite wrote no report:\n{done.stdout}{done.stderr}")
    (cases,) = json.loads(index.read_text()).values()
    return {case: _worse(found["behavior"], found["behaviorClose"]) for case, found in cases.items()}


def _worse(*behaviours: str) -> str:
    order: Sequence[str] = ("OK", "INFORMATIONAL", "NON-STRICT")
    return max(behaviours, key=lambda each: order.index(each) if each in order else len(order))


def _differences(reader: CaptureReader, tapped: dict[str, TappedConnection]) -> list[str]:
    """Where the wire bytes rebuilt from the capture are not those that the tap copied."""
    found: list[str] = []
    records = {record.peer: record for record in reader.connections()}
    if set(records) != set(tapped):
        found.append(f"{len(records)} connections are recorded, {len(tapped)} passed the tap")
    for name in records.keys() & tapped.keys():
        to_server, to_client = wire_of(reader, records[name])
        for way, rebuilt, seen in (
            ("client→server", to_server, tapped[name].to_server),
            ("server→client", to_client, tapped[name].to_client),
        ):
            # What was under way when the other side had gone may have passed the tap and reached nobody.
            if rebuilt != seen and not (way == "client→server" and seen.startswith(rebuilt)):
                found.append(f"#{records[name].id} {way}: {len(rebuilt)} bytes rebuilt, {len(seen)} seen")
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
    to_server += record.trailing
    return to_server, to_client
