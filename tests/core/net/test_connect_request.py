from __future__ import annotations

import pytest

from core.errors import AddressError, CallerError
from core.net.connect_request import ConnectRequest, parse_url
from core.protocol.http11 import parsed_request


@pytest.mark.parametrize(
    ("text", "host", "port", "target", "host_header"),
    [
        ("ws://example.com", "example.com", 80, "/", "example.com"),
        ("  WS://example.com:8080/a/b?c=d  ", "example.com", 8080, "/a/b?c=d", "example.com:8080"),
        ("ws://example.com:80/", "example.com", 80, "/", "example.com"),
        ("ws://example.com:?q", "example.com", 80, "/?q", "example.com"),
        ("ws://[::1]:9/x", "::1", 9, "/x", "[::1]:9"),
        (
            "ws://bücher.example/ü b%20",
            "xn--bcher-kva.example",
            80,
            "/%C3%BC%20b%20",
            "xn--bcher-kva.example",
        ),
    ],
)
def test_a_url_has_these_parts(text: str, host: str, port: int, target: str, host_header: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.target, url.host_header) == (host, port, target, host_header)
    assert url.text == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no URL to connect to"),
        ("127.0.0.1:8080", "is no URL to connect to"),
        ("ftp://example.com/", "“ftp” is no scheme to connect by"),
        ("ws:///path", "is no host"),
        ("ws://user:secret@example.com/", "“[*]{11}@example.com” is no host"),
        ("ws://a b/", "is no host"),
        ("ws://a..b/", "is no host name"),
        ("ws://example.com:0/", "“0” is no port"),
        ("ws://example.com:70000/", "“70000” is no port"),
        ("ws://example.com/#there", "has a fragment"),
    ],
)
def test_what_is_no_url_to_connect_to(text: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "scheme", "place", "host_header", "origin"),
    [
        ("ws://a.example/", "ws", "a.example:80", "a.example", "http://a.example"),
        ("ws://a.example:443/", "ws", "a.example:443", "a.example:443", "http://a.example:443"),
        ("wss://a.example/", "wss", "a.example:443", "a.example", "https://a.example"),
        ("WSS://[::1]:80", "wss", "[::1]:80", "[::1]:80", "https://[::1]:80"),
        ("http://a.example", "ws", "a.example:80", "a.example", "http://a.example"),
        ("https://a.example", "wss", "a.example:443", "a.example", "https://a.example"),
    ],
)
def test_the_scheme_says_whether_tls_stands_between_and_which_port_is_usual(
    text: str, scheme: str, place: str, host_header: str, origin: str
) -> None:
    url = parse_url(text)
    assert (url.scheme, url.place, url.host_header, url.http_origin) == (scheme, place, host_header, origin)
    assert url.is_secure == (scheme == "wss")


URL = parse_url("ws://127.0.0.1:9/")


def test_the_host_that_a_person_names_takes_the_place_of_the_urls() -> None:
    request = ConnectRequest(URL, headers=(("A", "1"), ("host", "elsewhere"), ("B", "2")))
    head = parsed_request(request.head("key"))
    assert head is not None
    assert head.headers.get_all("Host") == ("elsewhere",)
    assert [name for name, _ in head.headers.items if len(name) == 1] == ["A", "B"]


def test_nothing_is_offered_that_is_not_asked_for() -> None:
    head = ConnectRequest(URL, compression="").head("key")
    assert b"Extensions" not in head
    assert b"Protocol" not in head


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": (("Sec-WebSocket-Key", "x"),)}, "follows from the handshake"),
        ({"headers": (("upgrade", "x"),)}, "follows from the handshake"),
        ({"headers": (("A B", "x"),)}, "is no header name"),
        ({"headers": (("A", "x\r\nB: y"),)}, "take the control characters out"),
        ({"subprotocols": ("a b",)}, "a subprotocol is one word"),
        ({"subprotocols": ("a", "a")}, "named once"),
        ({"compression": "permessage-deflate; ="}, "can't be offered: .* cannot be read"),
    ],
)
def test_what_no_request_can_ask(options: dict[str, object], words: str) -> None:
    with pytest.raises(CallerError, match=words):
        ConnectRequest(URL, **options)  # type: ignore[arg-type]
