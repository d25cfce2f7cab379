"""Rules, a hold and a message sent along, through a proxy: in clear, and within TLS that it opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.sync.client import connect

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, Mode
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingMessage, Target
from core.protocol.state import Role
from core.rules.verdict import Replacement
from tests.tools.certificates import server_context
from tests.tools.proxied import echoing, proxied
from tests.tools.ruled_relay import held, rule_on, use


@pytest.mark.parametrize("is_secured", [False, True])
def test_what_passes_a_proxy_is_changed(tmp_path: Path, *, is_secured: bool) -> None:
    """Compressed, with context takeover on both sides."""
    context = server_context("localhost") if is_secured else None
    with echoing(context) as port, proxied(tmp_path) as proxy:
        served = proxy.served
        use(
            served,
            rule_on('payload == "no"', "drop", id=1),
            rule_on('payload == "old"', "replace", id=2, payload="new"),
            rule_on('payload == "halt"', "hold", id=3, sender=Role.CLIENT),
        )
        url = f"{'wss' if is_secured else 'ws'}://localhost:{port}/"
        with connect(url, proxy=proxy.url, ssl=proxy.trusting() if is_secured else None) as client:
            for text in ("first", "no", "old", "last"):
                client.send(text)
            assert [client.recv() for _ in range(3)] == ["first", "new", "last"]
            client.send("halt")
            client.send("behind")
            [message] = held(served)
            served.host.decide([message.key], Replacement(Opcode.TEXT, b"edited"))
            assert [client.recv() for _ in range(2)] == ["edited", "behind"]
            target = Target(message.key.connection, Role.SERVER)
            served.host.send(target, OutgoingMessage(Opcode.TEXT, b"sent along"))
            assert client.recv() == "sent along"

        def those(reader: CaptureReader) -> list[ConnectionRecord]:
            return [each for each in reader.connections() if each.status == 101 and each.closed_ns]

        found = those(served.captured(lambda reader: bool(those(reader)), "the connection is over"))
    assert [each.source.mode for each in found if each.source is not None] == [Mode.PROXY]
