"""What a client asks of a proxy, and what the capture may know of it."""

from __future__ import annotations

import pytest

from core.errors import HeadError
from core.protocol.http11 import HeadKind, HeadParser, RequestHead
from core.protocol.proxy_request import (
    Authority,
    ProxyCredentials,
    RequestForm,
    absolute_target,
    connect_authority,
    form_of,
)


def parsed(line: str, *headers: str) -> RequestHead:
    raw = "\r\n".join((f"{line} HTTP/1.1", "Host: h", *headers, "", "")).encode("latin-1")
    head = HeadParser(HeadKind.REQUEST).feed(raw)
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("GET /a", RequestForm.ORIGIN),
        ("OPTIONS *", RequestForm.ORIGIN),
        ("GET http://h/", RequestForm.ABSOLUTE),
        ("GET ftp://h/", RequestForm.ABSOLUTE),
        ("CONNECT h:1", RequestForm.AUTHORITY),
        ("CONNECT /", RequestForm.AUTHORITY),
    ],
)
def test_the_form_of_a_request(line: str, form: RequestForm) -> None:
    assert form_of(parsed(line)) is form


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("Example.com:443", Authority("example.com", 443)),
        ("[::1]:80", Authority("::1", 80)),
        ("h:0", None),
        ("h:65536", None),
        ("h:", None),
        ("h", None),
        ("user@h:1", None),
        ("http://h:1", None),
    ],
)
def test_where_a_tunnel_leads(target: str, expected: Authority | None) -> None:
    request = parsed(f"CONNECT {target}")
    if expected is not None:
        assert connect_authority(request) == expected
        return
    with pytest.raises(HeadError, match="HOST:PORT") as caught:
        connect_authority(request)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("line", "secure", "authority", "host", "path"),
    [
        ("GET http://Example.com", False, "example.com:80", "Example.com", "/"),
        ("GET http://h:81/a?b", False, "h:81", "h:81", "/a?b"),
        ("GET http://h?b", False, "h:80", "h", "/?b"),
        ("OPTIONS http://h", False, "h:80", "h", "*"),
        ("GET https://[::1]/", True, "[::1]:443", "[::1]", "/"),
        ("GET WS://h:/x", False, "h:80", "h:", "/x"),
    ],
)
def test_the_parts_of_an_absolute_target(
    line: str, secure: bool, authority: str, host: str, path: str
) -> None:
    target = absolute_target(parsed(line))
    found = (target.is_secure, str(target.authority), target.host_header, target.origin_form)
    assert found == (secure, authority, host, path)


@pytest.mark.parametrize(
    "target", ["http://", "http:///x", "http://u:p@h/", "http://h:99999/", "ftp://h/", "http://h/#x"]
)
def test_a_bad_absolute_target_is_refused(target: str) -> None:
    with pytest.raises(HeadError):
        absolute_target(parsed(f"GET {target}"))


def test_credentials_are_compared_whole() -> None:
    ann = ProxyCredentials("ann", "pä:ss")
    assert ann.are_given(parsed("GET /", f"Proxy-Authorization: {ann.basic}"))
    assert ann.are_given(parsed("GET /", f"proxy-authorization: bAsIc  {ann.basic[6:]}"))
    for value in ("Basic", "Basic !", f"Bearer {ann.basic[6:]}", ProxyCredentials("ann", "").basic, "\xff"):
        assert not ann.are_given(parsed("GET /", f"Proxy-Authorization: {value}"))
    assert not ann.are_given(parsed("GET /"))
