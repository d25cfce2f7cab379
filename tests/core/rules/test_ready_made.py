"""The rules that come with the program: they are read, and do what their help says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import resources
from core.capture.records import Mode
from core.protocol.outgoing import OutgoingClose
from core.rules.hearing import Hearing
from core.rules.rule_file import RuleFile, read_rules, write_rules
from core.rules.verdict import Onward, Verdict
from tests.tools.ruled import COMPILER, NOW_NS, SECOND, about, asked, sent

FOLDER = Path(resources.__file__).parent / "rules"
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")


def ready_made(name: str) -> RuleFile:
    return read_rules((FOLDER / name).read_text("utf-8"), COMPILER)


def served(name: str, path: str = "/chat") -> Hearing:
    return COMPILER.book(ready_made(name).rules).hearing(about(Mode.LISTEN, path=path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_read_and_comes_back(path: Path) -> None:
    file = ready_made(path.name)
    assert file.title
    assert file.help.endswith(".")
    assert read_rules(write_rules(file), COMPILER) == file


def closes(verdict: Verdict | None) -> int | None:
    assert verdict is not None
    [code] = [each.outgoing.code for each in verdict.sends if isinstance(each.outgoing, OutgoingClose)]
    return code


def test_socket_io() -> None:
    hearing = served("socket.io.json", "/socket.io/?EIO=4&transport=websocket")
    [opening] = sent(hearing.opened(NOW_NS))
    assert opening.startswith(b'0{"sid":"')
    assert json.loads(opening[1:])["pingInterval"] == 25000
    assert asked(hearing, '42["too early"]') is None
    [let_in] = sent(asked(hearing, "40"))
    assert json.loads(let_in[2:]).keys() == {"sid"}
    [let_in] = sent(asked(hearing, '40/admin,{"token":"x"}'))
    assert let_in.startswith(b'40/admin,{"sid":"')
    assert sent(asked(hearing, '42["hi",1]')) == [b'42["hi",1]']
    assert sent(asked(hearing, '42/admin,7["hi"]')) == [
        b'43/admin,7[{"ok":true,"count":1}]',
        b'42/admin,["hi"]',
    ]
    assert asked(hearing, "3") is None
    assert sent(hearing.timer(NOW_NS + 25 * SECOND)) == [b"2"]


def test_graphql() -> None:
    hearing = served("graphql-ws.json")
    assert closes(asked(hearing, '{"type":"subscribe","id":"1"}')) == 4401
    assert sent(asked(hearing, '{"type":"connection_init"}')) == [b'{"type":"connection_ack"}']
    assert sent(asked(hearing, '{"type":"ping"}')) == [b'{"type":"pong"}']
    result, complete = map(json.loads, sent(asked(hearing, '{"type":"subscribe","id":"1"}')))
    assert result == {
        "id": "1", "type": "next", "payload": {"data": {"greeting": "Hello from Unmask", "count": 1}},
    }  # fmt: skip
    assert complete == {"id": "1", "type": "complete"}


def test_authentication() -> None:
    hearing = served("authentication.json")
    assert json.loads(sent(hearing.opened(NOW_NS))[0])["type"] == "auth_required"
    assert closes(asked(hearing, "hello")) == 4401
    wrong = asked(hearing, '{"type":"auth","access_token":"x"}')
    assert closes(wrong) == 1008
    assert wrong is not None
    assert wrong.recorded == b'{"type":"auth","access_token":"***"}'
    right = asked(hearing, '{"type":"auth","access_token":"secret"}')
    assert json.loads(sent(right)[0])["type"] == "auth_ok"
    assert sent(asked(hearing, '{"id":3,"type":"ping"}')) == [b'{"id":3,"type":"pong"}']
    assert json.loads(sent(asked(hearing, '{"id":4,"type":"get"}'))[0])["result"] == {"asked": "get"}


def test_heartbeat() -> None:
    hearing = served("heartbeat.json")
    hearing.opened(NOW_NS)
    assert sent(asked(hearing, '[null,"3","phoenix","heartbeat",{}]')) == [
        b'[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]'
    ]
    assert sent(asked(hearing, '["1","2","room:1","say",{"a":[1]}]')) == [
        b'["1","2","room:1","phx_reply",{"status":"ok","response":{"a":[1]}}]'
    ]
    assert json.loads(sent(hearing.timer(NOW_NS + 5 * SECOND))[0])[4]["number"] == 1


def test_a_bad_network() -> None:
    hearing = served("bad-network.json")
    verdicts = [asked(hearing, "x") for _ in range(1000)]
    assert None not in verdicts
    lost = sum(each is not None and each.onward is Onward.DROP for each in verdicts)
    assert 0 < lost < 40
    assert all(
        each is None or each.onward is Onward.DROP or 0.08 <= each.delay_seconds <= 0.2 for each in verdicts
    )
