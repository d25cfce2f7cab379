"""Runs the cases with Unmask as the client: the suite plays the server, and says which cases there are."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.capture.reader import CaptureReader
from core.net.connect_request import ConnectRequest, parse_url
from core.net.host import EngineHost
from core.net.settings import AutoReply
from tests.conformance.suite import (
    Listener,
    Outcome,
    Selection,
    behaviours_of,
    outcome_of,
    running,
    suite_command,
)
from tests.tools.served import messages_of
from tests.tools.tap import tapping

_AGENT = "unmask"
_OFFER = "permessage-deflate; client_no_context_takeover; client_max_window_bits"
"""Some cases ask for what only a client that offers it does."""


class _Driver:
    """Makes one connection after the other, some at a time, and waits for each to be over."""

    def __init__(
        self, host: EngineHost, reader: CaptureReader, listener: Listener, port: int, end: float
    ) -> None:
        self._host = host
        self._reader = reader
        self._listener = listener
        self._port = port
        self._end = end
        self._begun = 0

    def call(self, target: str) -> int:
        """Connect; the connection's number."""
        url = parse_url(f"ws://127.0.0.1:{self._port}{target}")
        self._host.connect(ConnectRequest(url, compression=_OFFER))
        self._begun += 1
        return self._begun

    def finish(self, under_way: list[int], left: int) -> None:
        """Wait until no more than `left` of those connections are open, and let go of the others."""
        while True:
            self._listener.changed.clear()
            under_way[:] = [number for number in under_way if not self._is_over(number)]
            if len(under_way) <= left:
                return
            if not self._listener.changed.wait(max(self._end - time.monotonic(), 0)):
                raise RuntimeError(f"connections {under_way} are not over in time; {self._listener.failures}")

    def _is_over(self, number: int) -> bool:
        record = self._reader.connection(number)
        return record is not None and record.closed_ns is not None


def run_client_cases(selection: Selection, folder: Path, *, parallel: int, seconds: float) -> Outcome:
    """Have Unmask connect for each of the cases. RuntimeError if the suite itself could not run."""
    reports, capture, listener = folder / "reports", folder / "conformance.unmask", Listener()
    end = time.monotonic() + seconds
    with _fuzzing_server(selection, reports) as server, tapping(server.port) as tap:
        with running(capture, listener, AutoReply.ECHO) as host, closing(CaptureReader(capture)) as reader:
            driver = _Driver(host, reader, listener, tap.port, end)
            asked = driver.call("/getCaseCount")
            driver.finish([asked], 0)
            (count, *_) = messages_of(reader, asked)
            under_way: list[int] = []
            for case in range(1, int(count.payload) + 1):
                under_way.append(driver.call(f"/runCase?case={case}&agent={_AGENT}"))
                driver.finish(under_way, parallel - 1)
            driver.finish(under_way, 0)
            driver.finish([driver.call(f"/updateReports?agent={_AGENT}")], 0)
            server.await_line("wrote reports")
        if listener.failures:
            raise RuntimeError(f"not every connection came to be open: {listener.failures}")
    cases = json.loads((reports / "index.json").read_text())[_AGENT]
    return outcome_of(behaviours_of(cases), capture, tap)


class _FuzzingServer:
    """The suite as a server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self.await_line("listening on").rpartition(":")[2])

    def await_line(self, words: str) -> str:
        """The next line with these words."""
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            if words in line:
                return line
            said.append(line)
        raise RuntimeError(f"the suite has ended: {''.join(said)}")


@contextmanager
def _fuzzing_server(selection: Selection, reports: Path) -> Iterator[_FuzzingServer]:
    """One on a free port."""
    command = suite_command(selection, reports, "-m", "fuzzingserver", "127.0.0.1:0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield _FuzzingServer(process)
        finally:
            process.terminate()
