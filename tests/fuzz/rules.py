"""Files of rules: one is refused with a line, or is kept as it was meant and asked about messages."""

from __future__ import annotations

import random

from core.capture.records import Mode
from core.protocol.events import Completes, FrameReceived
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Opcode, make_frame
from core.protocol.state import Role
from core.query.language import default_language
from core.rules.book import RuleCompiler
from core.rules.faults import RuleFileError
from core.rules.rule_file import RuleFile, read_rules, write_rules
from core.rules.subjects import live_connection

_COMPILER = RuleCompiler(default_language())
_NOW_NS = 1_700_000_000_000_000_000
_PAYLOADS = (b"", b"hello", b'{"type":"ping","id":7}', b'["a",{"b":null}]', b"\xff\x00", b'{"id":"\\u0041"}')
_ABOUT = live_connection(
    1, Mode.RELAY, path="/chat", request=b"GET /chat HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\n\r\n"
)


def run(data: bytes) -> None:
    """All of it is the file."""
    text = data.decode("utf-8", "replace")
    try:
        file = read_rules(text, _COMPILER)
    except RuleFileError as error:
        _check_refusal(error, text)
        return
    again = read_rules(write_rules(file), _COMPILER)
    assert again == file, (file, again)
    _ask(file)


def _check_refusal(error: RuleFileError, text: str) -> None:
    assert 1 <= error.line <= len(text.splitlines()) + 1
    assert error.column >= 1
    assert f"Line {error.line}, " in str(error)


def _ask(file: RuleFile) -> None:
    hearing = _COMPILER.book(file.rules).hearing(_ABOUT, dice=random.Random(1))
    hearing.request(_ABOUT, _NOW_NS)
    hearing.response(_ABOUT, _NOW_NS)
    hearing.opened(_NOW_NS)
    wait = hearing.wait_seconds(_NOW_NS)
    if wait is not None:
        hearing.timer(_NOW_NS + int(wait * 10**9) + 1)
    for sender in Role:
        events = [FrameReceived(make_frame(Opcode.TEXT, each), (), Completes.ITSELF) for each in _PAYLOADS]
        run = FrameColumns(
            [0x81] * len(events),
            [None] * len(events),
            [*_PAYLOADS],
            [each.frame.length_form for each in events],
        )
        is_echo = hearing.echoes(sender)
        kept = hearing.sift(run, sender) or ()
        for index, event in enumerate(events):
            verdict = hearing.message(event, sender, _NOW_NS)
            assert verdict is None or index in kept or is_echo
            hearing.frame(event, sender, _NOW_NS)
    hearing.closed(_NOW_NS, 1000, "done")
