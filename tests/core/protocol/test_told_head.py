"""What of a request head may be told, and that nothing else of it changes."""

from __future__ import annotations

import random

import pytest

from core.errors import HeadError
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead
from core.protocol.told_head import last_line, told_behind, told_head, without_credentials
from core.protocol.violations import Judgement

SECRET = b"c2VjcmV0"
_PIECES = (
    *(
        b"GET",
        b"CONNECT",
        b"proxy-authorization",
        b"Proxy-Authorization",
        b"Basic",
        b"Host",
        SECRET,
        b"http",
        b"x",
    ),
    *(
        b" ",
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n",
        b"\r\n ",
        b"\0",
        b":",
        b":",
        b"//",
        b"/",
        b"@",
        b",",
        b"?",
    ),
    *(
        b" HTTP/1.1\r\n",
        b"\r\nProxy-Authorization: ",
        b"GET http://",
        b"\r\n\r\n",
        b"[",
        b"\xe9",
        b"#",
        b"80",
    ),
)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("Basic YW5u", "Basic ****"),
        ("basic   YW5u  ", "basic   ****  "),
        ("Basic YW5u\r\n  more\r\n\tx", "Basic ****\r\n  ****\r\n\t*"),
        ("opaque thing", "****** *****"),
        ("", ""),
    ],
)
def test_credentials_are_masked_where_they_stand(value: str, masked: str) -> None:
    head = "GET http://h/ HTTP/1.1\r\nA: Basic YW5u\r\nproxy-AUTHORIZATION:{}\r\nB: Basic YW5u\r\n\r\n"
    assert without_credentials(head.format(value).encode()) == head.format(masked).encode()
    cut = head.format(value).encode()[: -len("B: Basic YW5u\r\n\r\n") - 3]
    assert without_credentials(cut) == head.format(masked).encode()[: len(cut)]


@pytest.mark.parametrize(
    "lines",
    [
        b"Proxy-Authorization:\r\n S",
        b"Proxy-Authorization: Basic\r\n S",
        b" Proxy-Authorization: Basic S",
        b"PROXY-authorization : Basic S",
        b"Proxy-Authorization: Basic\rS",
        b"Proxy-Authorization\0: S",
        b"Proxy-Authorization Basic S",
        b"Proxy-Authorization\r\n : S",
        b"Proxy-Authorization: x\r\nProxy-Authorization: S",
        # Base64 that a client broke after 76 characters.
        b"Proxy-Authorization: Basic eA\nS",
        b"A: b\rProxy-Authorization: Basic S",
        b"A: b\0Proxy-Authorization Basic S",
        b"\xef\xbb\xbfProxy-Authorization: S",
        b"Host: ann:S@h",
    ],
)
def test_credentials_are_masked_however_they_are_written(lines: bytes) -> None:
    raw = b"GET / HTTP/1.1\r\nA: b\r\n" + lines.replace(b"S", SECRET) + b"\r\nB: c\r\n\r\n"
    masked = without_credentials(raw)
    assert SECRET not in masked
    assert len(masked) == len(raw)
    assert masked.endswith(b"\r\nB: c\r\n\r\n")


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("GET http://ann:pw@h/a@b", "GET http://***:**@h/a@b"),
        ("GET http://ann@h/", "GET http://***@h/"),
        ("GET http://a@b:c@h/", "GET http://***:*@h/"),
        ("GET http://ann:p/w@h/", "GET http://***:***@h/"),
        ("CONNECT ann:pw@h:443", "CONNECT ***:**@h:443"),
        ("connect http://ann:p/w@h:443", "connect ****:*****:***@h:443"),
        ("GET ann:pw@h", "GET ***:**@h"),
        ("\r\n GET\thttp://ann:pw@h/", "\r\n GET\thttp://***:**@h/"),
        ("GEThttp://ann:pw@h/", "GEThttp://***:**@h/"),
    ],
)
def test_credentials_in_the_target_are_masked(line: str, masked: str) -> None:
    rest = " HTTP/1.1\r\nFrom: ann@h\r\n\r\n"
    assert without_credentials((line + rest).encode()) == (masked + rest).encode()
    assert without_credentials(line.encode()) == masked.encode()


@pytest.mark.parametrize(
    "head",
    [
        "GET http://[::1]:80/a:c@b HTTP/1.1\r\nConnection: Proxy-Authorization, Upgrade",
        "GET http://h:80/a:c@b HTTP/1.1\r\nVary: proxy-authorization\r\nHost: h:1",
        "GET //a:c@b?proxy-authorization:x HTTP/1.1\r\nX-Proxy-Authorization: x\r\nProxy-Authorization2: x",
        "PROXY-AUTHORIZATION /a HTTP/1.1\r\nProxy-Authorization:\r\nHost: h",
        "OPTIONS * HTTP/1.1\r\nProxy-Authorization: Basic\r\nAuthorization: Basic eA==",
        "GET / HTTP/1.1\r\nProxy-Authorization\r\nHost: h",
    ],
)
def test_nothing_else_is_masked(head: str) -> None:
    raw = f"{head}\r\n\r\n".encode()
    assert without_credentials(raw) == raw


def _read(raw: bytes) -> tuple[RequestHead | None, int, list[tuple[int, bytes]]]:
    """The head, the status of its refusal, and the places of what ends a line, with what it is."""
    parser = HeadParser(HeadKind.REQUEST, HeadLimits(400, 20), Judgement.TOLERANT)
    status, head = 0, None
    try:
        head = parser.feed(raw)
    except HeadError as error:
        status = error.status
    assert head is None or isinstance(head, RequestHead)
    return head, status, [(at, raw[at : at + 1]) for at, byte in enumerate(raw) if byte <= 0x20]


def test_a_masked_head_is_read_as_the_head_is() -> None:
    dice = random.Random(9110)
    begins = (b"GET / HTTP/1.1\r\n", b"GET http://", b"CONNECT ", b"")
    masked = 0
    for _ in range(8_000):
        raw = dice.choice(begins) + b"".join(dice.choices(_PIECES, k=dice.randint(1, 16))) + b"\r\n\r\n"
        told = without_credentials(raw)
        assert without_credentials(told) == told
        head, status, ends = _read(raw)
        assert _read(told)[1:] == (status, ends), raw
        assert (_read(told)[0] is None) == (head is None), raw
        if head is not None:
            known = told_head(head)
            assert (known.method, known.version) == (head.method, head.version), raw
            assert known.headers.spans == head.headers.spans, raw
            masked += known is not head
    assert masked > 200


@pytest.mark.parametrize(
    ("head", "behind", "told"),
    [
        ("", "", ""),
        ("", "joe@x", "joe@x"),
        ("GET / HTTP/1.1\r\nX: joe", "@x\r\n", "@x\r\n"),
        ("", "ann@example.com says hello", "ann@example.com says hello"),
        (
            "",
            "GET http://a:b@c/ HTTP/1.1\r\nHost: a:b@c\r\n\r\n",
            "GET http://*:*@c/ HTTP/1.1\r\nHost: *:*@c\r\n\r\n",
        ),
        ("", "body\n\nCONNECT a:b@c HTTP/1.1\r\n", "body\n\nCONNECT *:*@c HTTP/1.1\r\n"),
        ("", "x\r\nProxy-Authorization: Basic ab\r\n\r\ncd", "x\r\nProxy-Authorization: Basic **\r\n\r\ncd"),
        ("GET / HTTP/1.1\r\nProxy-Author", "ization: Basic ab\r\n", "ization: Basic **\r\n"),
        ("GET / HTTP/1.1\r\nProxy-Authorization: Basic **", "cd\r\nX: y\r\n", "**\r\nX: y\r\n"),
        ("GET http://a:b", "c@d/ HTTP/1.1\r\n", "*@d/ HTTP/1.1\r\n"),
    ],
)
def test_what_comes_behind_a_refused_head(head: str, behind: str, told: str) -> None:
    assert told_behind(last_line(head.encode()), behind.encode()) == told.encode()


def test_frames_behind_a_refused_head_stay_as_they_came() -> None:
    behind = random.Random(1).randbytes(100_000) + b"\r\n\r\n"
    assert told_behind(b"", behind) == behind
