"""Runs the cases through Unmask as a relay to an echo server, with a tap on either side of it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from core.capture.reader import CaptureReader
from core.net.connect_request import parse_url
from core.net.relay import Relay
from core.net.settings import AutoReply, ListenAddress
from core.net.sources import Source
from core.protocol.state import Role
from core.rules.book import RuleBook
from tests.conformance.suite import (
    Listener,
    Outcome,
    Selection,
    outcome_of,
    run_suite,
    running,
)
from tests.tools.tap import TappedConnection, tapping


def run_relay_cases(
    selection: Selection, folder: Path, *, parallel: int, seconds: float, rules: RuleBook | None = None
) -> Outcome:
    """Run the cases against an echo server behind a relay. RuntimeError if the suite itself could not run.

    `differences` are those between the capture and the wire, and between the wires before and behind the relay.
    """
    echo, relay = Listener(), Listener()
    capture = folder / "relay.unmask"
    with running(folder / "echo.unmask", echo, AutoReply.ECHO) as server:
        server.listen(ListenAddress("127.0.0.1", 0))
        with tapping(echo.port) as behind, running(capture, relay, AutoReply.NONE) as host:
            target = parse_url(f"ws://127.0.0.1:{behind.port}")
            if rules is not None:
                host.set_rules(rules)
            host.start_source(
                Source(1, "relay", Relay(ListenAddress("127.0.0.1", 0), target, keep_host=True))
            )
            with tapping(relay.port) as before:
                words = (f"127.0.0.1:{before.port}", "-p", str(parallel))
                behaviours = run_suite(selection, folder, seconds, *words)
    outcome = outcome_of(behaviours, capture, before)
    apart = _differences(capture, before.connections, behind.connections)
    return replace(outcome, differences=(*outcome.differences, *apart))


def _differences(
    capture: Path, before: Iterable[TappedConnection], behind: Iterable[TappedConnection]
) -> list[str]:
    """Where one side of the relay saw other bytes than the other. The capture knows which are legs of one."""
    found: list[str] = []
    # By address, in order: a port may be another connection's later.
    those: dict[str, deque[TappedConnection]] = defaultdict(deque)
    for each in behind:
        those[each.client].append(each)
    servers: dict[str, deque[str]] = defaultdict(deque)
    with closing(CaptureReader(capture)) as reader:
        for record in reader.connections():
            servers[record.peer] += [leg.local for leg in reader.legs(record.id) if leg.side is Role.SERVER]
    for here in before:
        further = those[servers[here.name].popleft()] if servers[here.name] else ()
        if not further:
            found.append(f"{here.name} never reached the server")
            continue
        there = further.popleft()
        for way, sent, came in (
            ("client→server", here.to_server, there.to_server),
            ("server→client", there.to_client, here.to_client),
        ):
            # What was under way when its receiver had gone reached nobody.
            if not sent.startswith(came):
                found.append(f"{here.name} {way}: {len(sent)} bytes were sent, others came")
    return [*found, *(f"{each.name} came from no client" for left in those.values() for each in left)]
