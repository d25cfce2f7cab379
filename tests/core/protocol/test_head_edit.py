"""Only the headers that a rule names are changed in a head that goes on, and hidden in one that is recorded."""

from __future__ import annotations

import pytest

from core.protocol.head_edit import HeadEdit, edited, without_values
from core.protocol.http11 import HeadKind, HeadParser, ResponseHead, parsed_request

HEAD = b"GET /chat HTTP/1.1\r\nhOST:  a \r\nCookie: a=b;\r\n c=d\r\nX: 1\r\nCookie: e\r\nUpgrade: websocket\r\n\r\n"


def changed(edit: HeadEdit, head: bytes = HEAD) -> bytes:
    request = parsed_request(head)
    assert request is not None
    return edited(request, edit)


def hidden(*names: str, head: bytes = HEAD) -> bytes:
    request = parsed_request(head)
    assert request is not None
    return without_values(request, names)


def test_nothing_wanted_changes_nothing() -> None:
    assert changed(HeadEdit()) == HEAD
    assert changed(HeadEdit(removed=("No-Such",))) == HEAD
    assert hidden() == hidden("No-Such") == HEAD


def test_a_header_is_left_out_with_all_its_lines() -> None:
    assert changed(HeadEdit(removed=("cookie", "COOKIE"))) == (
        b"GET /chat HTTP/1.1\r\nhOST:  a \r\nX: 1\r\nUpgrade: websocket\r\n\r\n"
    )


def test_another_value_stands_where_the_first_stood() -> None:
    edit = HeadEdit(removed=("Cookie", "Host"), added=(("Cookie", "new"), ("cookie", "more"), ("Host", "b")))
    assert changed(edit) == (
        b"GET /chat HTTP/1.1\r\nHost: b\r\nCookie: new\r\ncookie: more\r\nX: 1\r\nUpgrade: websocket\r\n\r\n"
    )


def test_others_come_last() -> None:
    edit = HeadEdit(removed=("Missing",), added=(("X", "2"), ("Missing", "here")))
    assert changed(edit) == HEAD[:-2] + b"X: 2\r\nMissing: here\r\n\r\n"
    bare = b"GET / HTTP/1.1\nA: b\n\n"
    assert changed(HeadEdit(added=(("C", "d"),)), bare) == b"GET / HTTP/1.1\nA: b\nC: d\r\n\n"
    assert changed(HeadEdit(removed=("A",)), bare) == b"GET / HTTP/1.1\n\n"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("X", "a\r\nInjected: b", b"X: a??Injected: b\r\n"),
        ("X", "\0\x7f\t你é", b"X: ??\t?\xe9\r\n"),
        ("", "a", b""),
        ("no token", "a", b""),
        ("X\r\nY", "a", b""),
    ],
)
def test_nothing_slips_in(name: str, value: str, line: bytes) -> None:
    assert changed(HeadEdit(added=((name, value),))) == HEAD[:-2] + line + b"\r\n"


def test_a_response_as_well() -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: right\r\n\r\n"
    head = HeadParser(HeadKind.RESPONSE).feed(raw)
    assert isinstance(head, ResponseHead)
    edit = HeadEdit(("sec-websocket-accept",), (("Sec-WebSocket-Accept", "wrong"),))
    assert edited(head, edit) == raw.replace(b"right", b"wrong")
    assert without_values(head, ["Sec-WebSocket-Accept"]) == raw.replace(b"right", b"*****")


def test_values_are_hidden_without_moving_anything() -> None:
    assert hidden("Cookie") == HEAD.replace(b"a=b;", b"****").replace(b"c=d", b"***").replace(b": e", b": *")
    assert hidden("host") == HEAD.replace(b"  a ", b"  * ")
