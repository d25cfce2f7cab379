"""Real clients and servers, with a relay between them that changes messages under permessage-deflate.

Each pair goes on for ten thousand messages after an edit, on a connection that was open before any rule was there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

from core.capture.records import Mode
from core.net.settings import EngineSettings
from core.protocol.frames import Opcode
from core.protocol.state import Role
from core.rules.decision import Decision, HeldMessage
from core.rules.verdict import Onward, Replacement
from tests.e2e.test_relay_peers import NODE, node
from tests.tools.ruled_relay import rule_on, use
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS, until

MANY = 10_000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def text(number: int) -> str:
    """What is said, like much of what was said before."""
    return json.dumps(
        {"number": number, "kind": "quote", "names": ["alpha", "beta"], "spare": "x" * (number % 90)}
    )


RULES = (
    rule_on('json("$.number") == 50', "drop", id=1),
    rule_on('json("$.number") == 60', "replace", id=2, payload="edited on its way"),
)


def expected(first: int, last: int) -> list[str]:
    """What arrives at the other end and comes back: either direction drops and edits."""
    said = [text(number) for number in range(first, last) if number != 50]
    return ["edited on its way" if each == text(60) else each for each in said]


def windows(
    *, takeover: bool, bits: int | None
) -> tuple[ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory]:
    """Offers and answers of the library websockets; no client of it reads 8 bits."""
    return (
        ClientPerMessageDeflateFactory(
            server_no_context_takeover=not takeover,
            client_no_context_takeover=not takeover,
            server_max_window_bits=bits,
            client_max_window_bits=bits or True,
        ),
        ServerPerMessageDeflateFactory(
            server_no_context_takeover=not takeover,
            client_no_context_takeover=not takeover,
            server_max_window_bits=bits,
            client_max_window_bits=bits,
        ),
    )


@pytest.mark.parametrize(("takeover", "bits"), [(True, None), (True, 9), (False, 12)])
def test_websockets_goes_on_after_an_edit(served: Served, *, takeover: bool, bits: int | None) -> None:
    offer, answer = windows(takeover=takeover, bits=bits)
    got: list[str] = []

    async def echo(peer: ServerConnection) -> None:
        async for message in peer:
            assert isinstance(message, str)
            got.append(message)
            await peer.send(message)

    async def talk() -> list[str]:
        async with serve(echo, "127.0.0.1", 0, extensions=[answer], compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            url = f"ws://127.0.0.1:{served.relay(f'ws://127.0.0.1:{port}')}"
            async with connect(url, extensions=[offer], compression=None) as client:
                assert client.response is not None
                assert "permessage-deflate" in client.response.headers["Sec-WebSocket-Extensions"]
                for number in range(40):
                    await client.send(text(number))
                    await client.recv()
                use(served, *RULES)
                sending = asyncio.create_task(say(client, 40, 100 + MANY))
                back = [str(await client.recv()) for _ in range(60 + MANY - 1)]
                await sending
                return back

    back = asyncio.run(asyncio.wait_for(talk(), 4 * PATIENCE_SECONDS))
    assert got[40:] == expected(40, 100 + MANY)
    assert back == expected(40, 100 + MANY)
    record = served.closed()
    assert (record.close_code, record.violation_count) == (1000, 0)


async def say(peer: ClientConnection, first: int, last: int) -> None:
    for number in range(first, last):
        await peer.send(text(number))


def test_ws_of_node_goes_on_after_an_edit(served: Served) -> None:
    """Both ends are `ws`, with context takeover; what they say is held and edited by a person."""
    with node(str(NODE / "many.mjs"), "serve") as server:
        url = f"ws://127.0.0.1:{served.relay(f'ws://127.0.0.1:{server.line()}')}"
        with node(str(NODE / "many.mjs"), "talk", url, str(MANY)) as client:
            assert (
                client.object_where(lambda told: told["is"] == "ready")["extensions"] == "permessage-deflate"
            )
            use(served, rule_on('payload contains "halt"', "hold"))
            client.say("go")
            # Both on their way to the server; the first comes back and is held once more.
            decide(served, 1, Replacement(Opcode.TEXT, b'{"number": -1, "halt": 3}', 2))
            decide(served, 2, Onward.DROP)
            decide(served, 3, Replacement(Opcode.TEXT, b'{"number": -1}', 3))
            told = client.object_where(lambda told: told["is"] == "done")
            assert told == {"is": "done", "count": MANY, "inOrder": True, "edited": 1}
    record = served.closed()
    assert record.violation_count == 0


def test_chromium_goes_on_after_an_edit(served: Served, page: Page) -> None:
    """The rules come while the connection is open; they edit on the way there and drop on the way back."""
    with node(str(NODE / "many.mjs"), "serve") as server:
        url = f"ws://127.0.0.1:{served.relay(f'ws://127.0.0.1:{server.line()}')}"
        page.goto(f"http://127.0.0.1:{served.port}/")
        page.evaluate(
            """url => new Promise((resolve, reject) => {
                const socket = window.socket = new WebSocket(url);
                socket.onopen = () => socket.send('{"number": -5, "names": ["alpha", "beta"]}');
                socket.onerror = reject;
                socket.onmessage = resolve;
            }).then(() => null)""",
            url,
        )
        edit = rule_on(
            'json("$.number") == 60',
            "replace",
            id=1,
            sender=Role.CLIENT,
            payload='{"number": 61, "edited": 1}',
        )
        drop = rule_on('json("$.number") == 50', "drop", id=2, sender=Role.SERVER)
        use(served, edit, drop)
        got = page.evaluate(
            """count => new Promise(resolve => {
                const got = [], socket = window.socket;
                socket.onmessage = event => {
                    got.push(JSON.parse(event.data).number);
                    if (got.length === count - 1) { socket.close(); resolve(got); }
                };
                for (let number = 0; number < count; number++)
                    socket.send(JSON.stringify({ number, names: ["alpha", "beta"], spare: "x".repeat(number % 90) }));
            })""",
            MANY,
        )
    assert got == [61 if number == 60 else number for number in range(MANY) if number != 50]
    page.close()
    until(lambda: served.host.open_connections == 0, "all is over")
    served.host.recorder.flush()
    record = next(each for each in served.reader.connections() if each.mode is Mode.RELAY)
    assert "permessage-deflate" in record.extensions
    assert record.violation_count == 0


def decide(served: Served, number: int, decision: Decision) -> None:
    """Decide on the held message with that number, once it is held."""

    def those() -> list[HeldMessage]:
        return [each for each in served.host.held.messages if json.loads(each.payload)["halt"] == number]

    served.captured(lambda _: bool(those()), f"halt {number} is held")
    [message] = those()
    assert message.is_compressed
    served.host.decide([message.key], decision)
