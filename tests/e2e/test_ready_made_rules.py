"""The rules that come with Unmask serve clients that others wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import resources
from core.capture.reader import CaptureReader
from core.capture.records import Direction
from core.rules.rule_file import read_rules
from tests.tools.program import Program
from tests.tools.ruled import COMPILER
from tests.tools.served import Served, messages_of

NODE = Path(__file__).parent / "node"
RULES = Path(resources.__file__).parent / "rules"


def told(served: Served, rules: str, script: str, *arguments: str) -> dict[str, Any]:
    """What a client tells at its end that is served by these rules and nothing else."""
    file = read_rules((RULES / rules).read_text("utf-8"), COMPILER)
    served.host.set_rules(COMPILER.book(file.rules))
    program = shutil.which("node")
    assert program is not None, "these tests need Node.js"
    with Program([program, str(NODE / script), *arguments]) as client:
        return client.object_where(lambda each: each["is"] != "open")


def test_socket_io(served: Served) -> None:
    url = f"http://127.0.0.1:{served.port}"
    assert told(served, "socket.io.json", "socket_io_alone.mjs", url) == {
        "is": "done", "values": ["hello", {"number": 1}], "answer": {"ok": True, "count": 1}, "ids": True,
    }  # fmt: skip


def test_graphql_ws(served: Served) -> None:
    assert told(served, "graphql-ws.json", "graphql_ws.mjs", served.url) == {
        "is": "done",
        "results": [{"data": {"greeting": "Hello from Unmask", "count": 1}}],
    }
    assert served.opened().subprotocol == "graphql-transport-ws"


def test_authentication(served: Served) -> None:
    url = f"http://127.0.0.1:{served.port}"
    assert told(served, "authentication.json", "home_assistant.mjs", url, "secret") == {
        "is": "done", "version": "2026.1.0", "answer": {"asked": "get_panels"},
    }  # fmt: skip


def test_a_wrong_token(served: Served) -> None:
    url = f"http://127.0.0.1:{served.port}"
    invalid_auth = 2
    assert told(served, "authentication.json", "home_assistant.mjs", url, "wrong") == {
        "is": "error", "payload": invalid_auth,
    }  # fmt: skip
    served.closed()


def test_tokens_are_not_in_the_capture(served: Served) -> None:
    url = f"http://127.0.0.1:{served.port}"
    told(served, "authentication.json", "home_assistant.mjs", url, "secret")
    served.closed()
    served.captured(
        lambda reader: any(b"***" in each for each in _from_client(reader)), "the token is hidden"
    )
    served.captured(
        lambda reader: not any(b"secret" in each for each in _from_client(reader)), "it is nowhere"
    )


def _from_client(reader: CaptureReader) -> Iterable[bytes]:
    return [each.payload for each in messages_of(reader) if each.direction is Direction.CLIENT_TO_SERVER]


def test_heartbeat(served: Served) -> None:
    assert told(served, "heartbeat.json", "phoenix.mjs", served.url, "2") == {
        "is": "done",
        "answer": {"text": "hello"},
    }
    beats = served.captured(lambda reader: _beats(reader) >= 2, "two heartbeats were answered")
    assert json.loads(messages_of(beats)[1].payload)[3] == "phx_reply"


def _beats(reader: CaptureReader) -> int:
    return sum(b'"heartbeat"' in each for each in _from_client(reader))
