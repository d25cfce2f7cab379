from __future__ import annotations

import pytest

from core.errors import AddressError
from core.net.connect_request import ConnectRequest, parse_url
from core.net.redirect import follow, redirect_of
from core.protocol.http11 import HeadKind, HeadParser, ResponseHead, write_response

URL = parse_url("ws://127.0.0.1:9/a/b?c")


def response(status: int, *headers: tuple[str, str]) -> ResponseHead:
    head = HeadParser(HeadKind.RESPONSE).feed(write_response(status, headers))
    assert isinstance(head, ResponseHead)
    return head


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x", "ws://127.0.0.1:9/x"),
        ("x?y", "ws://127.0.0.1:9/a/x?y"),
        ("//example.com/x", "ws://example.com/x"),
        ("http://example.com:1/", "ws://example.com:1/"),
        ("ws://example.com/x#part", "ws://example.com/x"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_where_a_response_sends(status: int, location: str, expected: str) -> None:
    found = redirect_of(URL, response(status, ("Location", location)))
    assert found is not None
    wanted = parse_url(expected)
    assert found.status == status
    assert (found.url.place, found.url.target) == (wanted.place, wanted.target)


def test_what_is_shown_of_a_place_has_no_odd_characters() -> None:
    location = "/\u202egnp.\x9b31m\u00fc".encode().decode("latin-1")
    found = redirect_of(URL, response(302, ("Location", location)))
    assert found is not None
    assert found.url.text.isascii()
    assert found.url.text.isprintable()


def test_other_responses_send_nowhere() -> None:
    assert redirect_of(URL, response(300, ("Location", "/x"))) is None
    assert redirect_of(URL, response(302)) is None
    assert redirect_of(URL, response(200, ("Location", "/x"))) is None


@pytest.mark.parametrize("location", ["ftp://a/", "http://a:0/", "http://[", "http://a:b/", "//a b/"])
def test_what_is_no_place_is_told(location: str) -> None:
    with pytest.raises(AddressError, match="no place to connect to"):
        redirect_of(URL, response(302, ("Location", location)))


REQUEST = ConnectRequest(
    URL,
    headers=(
        ("User-Agent", "me"),
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "a=1"),
        ("X-Api-Key", "k"),
        ("Origin", "http://s3cret"),
    ),
    subprotocols=("chat", "bearer.s3cret"),
    follows=2,
    secrets=("s3cret",),
)


def test_to_the_same_server_all_goes_along() -> None:
    following = follow(REQUEST, parse_url("ws://127.0.0.1:9/x"))
    assert following.request.headers == REQUEST.headers
    assert following.request.subprotocols == REQUEST.subprotocols
    assert following.request.follows == 1
    assert following.withheld == ()


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8/", "ws://127.0.0.2:9/", "ws://localhost:9/"])
def test_to_another_one_nothing_that_says_who_asks(url: str) -> None:
    following = follow(REQUEST, parse_url(url))
    assert following.request.headers == (("User-Agent", "me"),)
    assert following.request.subprotocols == ("chat",)
    assert following.withheld == (
        "Authorization",
        "Cookie",
        "X-Api-Key",
        "Origin",
        "Sec-WebSocket-Protocol",
    )


def test_a_secret_in_the_place_is_not_shown() -> None:
    following = follow(REQUEST, parse_url("ws://127.0.0.1:9/?t=s3cret"))
    assert following.request.url.target == "/?t=s3cret"
    assert following.request.shown_url == "ws://127.0.0.1:9/?t=******"
