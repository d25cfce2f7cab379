"""Templates: a text is refused with the place of its mistake, or is filled."""

from __future__ import annotations

import json
import random

from core.capture.records import Mode
from core.errors import TemplateError
from core.protocol.events import Completes, FrameReceived
from core.protocol.frames import Opcode, make_frame
from core.protocol.state import Role
from core.query.language import default_language
from core.rules.occasion import Occasion
from core.rules.subjects import live_connection, received
from core.rules.template import Template, TemplateLanguage
from core.rules.template_values import FillingError
from tests.fuzz.script import Script

_LANGUAGE = TemplateLanguage(default_language())
_ABOUT = live_connection(
    1, Mode.RELAY, path="/chat", request=b"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n"
)
_PAYLOADS = (
    b"",
    b"hello",
    b'{"id":7,"a":[1,"x"]}',
    b"\xff\x00",
    b'{"id":"\\ud800"}',
    b'"\\"',
    b"1e999",
    b"[" * 2000,
)


def run(data: bytes) -> None:
    """First byte: the message that has come, and whether the template is a value of JSON. The rest is the template."""
    script = Script(data)
    choice = script.byte()
    text = script.rest().decode("utf-8", "replace")
    is_json = bool(choice & 0x80)
    try:
        template = _LANGUAGE.read(text, is_json=is_json)
    except TemplateError as error:
        _check_refusal(error, text)
        return
    filled = _filled(template, _PAYLOADS[choice % len(_PAYLOADS)])
    if is_json and filled is not None:
        json.loads(filled)
    if template.is_fixed and not is_json and "{{" not in text:
        assert filled == text.encode()
    # A template is a value of JSON, also as a text of JSON.
    quoted = _LANGUAGE.read(_LANGUAGE.quoted(text, bare=False), is_json=True)
    again = _filled(quoted, _PAYLOADS[choice % len(_PAYLOADS)])
    assert again is None or isinstance(json.loads(again), str)


def _check_refusal(error: TemplateError, text: str) -> None:
    assert error.text == text
    assert 0 <= error.start <= error.end <= len(text)
    assert error.pointed()


def _filled(template: Template, payload: bytes) -> bytes | None:
    event = FrameReceived(make_frame(Opcode.TEXT, payload), (), Completes.ITSELF)
    subject = received(event, Role.CLIENT, 1_700_000_000_000_000_000, _ABOUT)
    try:
        return template.fill(Occasion(subject, 1, subject.start_ns, random.Random(1), lambda _: None))
    except FillingError:
        return None
