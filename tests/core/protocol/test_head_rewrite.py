"""Only what was asked for is changed in a head that goes on."""

from __future__ import annotations

import pytest

from core.protocol.head_rewrite import HeadRewrite, OriginHeader, rewrite
from core.protocol.http11 import parsed_request

HEAD = (
    b"GET /chat?a=b HTTP/1.1\r\nhOST:  localhost:9001 \r\nX-Odd:\tkept  \r\n"
    b"Origin: http://localhost:9001\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
)


def rewritten(wanted: HeadRewrite, head: bytes = HEAD) -> bytes:
    request = parsed_request(head)
    assert request is not None
    return rewrite(request, wanted)


def test_nothing_wanted_changes_nothing() -> None:
    assert rewritten(HeadRewrite()) == HEAD


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        (HeadRewrite(host="example.com"), b"hOST:  localhost:9001 \r\n", b"Host: example.com\r\n"),
        (HeadRewrite(base_path="/api"), b"/chat?a=b", b"/api/chat?a=b"),
        (HeadRewrite(origin=OriginHeader.REMOVED), b"Origin: http://localhost:9001\r\n", b""),
        (
            HeadRewrite(origin=OriginHeader.TARGET, target_origin="http://example.com"),
            b"Origin: http://localhost:9001",
            b"Origin: http://example.com",
        ),
    ],
)
def test_one_line_changes(wanted: HeadRewrite, before: bytes, after: bytes) -> None:
    assert HEAD.count(before) == 1
    assert rewritten(wanted) == HEAD.replace(before, after)


def test_a_line_that_is_missing_comes_last_and_doubles_go() -> None:
    bare = b"GET / HTTP/1.1\nA: b\n\n"
    assert rewritten(HeadRewrite(host="h"), bare) == b"GET / HTTP/1.1\nA: b\nHost: h\r\n\n"
    twice = b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: b\r\n\r\n"
    assert rewritten(HeadRewrite(host="h"), twice) == b"GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"


def test_an_origin_is_not_made_up() -> None:
    wanted = HeadRewrite(origin=OriginHeader.TARGET, target_origin="http://example.com")
    assert rewritten(wanted, b"GET / HTTP/1.1\r\n\r\n") == b"GET / HTTP/1.1\r\n\r\n"


def test_a_whole_url_keeps_its_path() -> None:
    head = b"GET http://a/b HTTP/1.1\r\n\r\n"
    assert rewritten(HeadRewrite(base_path="/api"), head) == head
