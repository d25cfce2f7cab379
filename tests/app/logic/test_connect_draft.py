from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.connect_draft import Auth, AuthKind, ConnectDraft, draft_of, request_of
from app.logic.variables import Variable
from core.errors import AddressError, CallerError
from core.net.connect_request import ConnectRequest, Reconnect, parse_url
from core.protocol.http11 import parsed_request

VARIABLES = {
    "host": Variable("host", "127.0.0.1:9"),
    "user": Variable("user", "ann"),
    "token": Variable("token", "s3cret/token", is_secret=True),
}
DRAFT = ConnectDraft(
    url="ws://{host}/a?t={token}",
    headers=(("X-One", "1"), ("X-Key", "k={token}")),
    cookies="a=1; b={token}",
    auth=Auth(AuthKind.BASIC, "{user}", "{token}"),
    origin="http://{host}",
    subprotocols=("chat", "bearer.{user}"),
    follows=3,
    reconnects=True,
    ping_seconds=5,
)
BASIC = "YW5uOnMzY3JldC90b2tlbg=="


def test_a_draft_asks_for_all_it_says() -> None:
    request = request_of(DRAFT, VARIABLES)
    head = parsed_request(request.head("key"))
    assert head is not None
    assert head.target == "/a?t=s3cret/token"
    headers = head.headers
    assert headers.get("Host") == "127.0.0.1:9"
    assert headers.get("Origin") == "http://127.0.0.1:9"
    assert headers.get("X-Key") == "k=s3cret/token"
    assert headers.get("Cookie") == "a=1; b=s3cret/token"
    assert headers.get("Authorization") == f"Basic {BASIC}"
    assert headers.get("Sec-WebSocket-Protocol") == "chat, bearer.ann"
    assert (request.follows, request.reconnect, request.ping_seconds) == (3, Reconnect(), 5)


def test_secrets_are_known_in_each_form_and_never_told() -> None:
    request = request_of(DRAFT, VARIABLES)
    assert request.secrets == (BASIC, "s3cret/token")
    assert request.url.text == "ws://127.0.0.1:9/a?t=************"


def test_a_bearer_is_one_line() -> None:
    draft = ConnectDraft("ws://a", auth=Auth(AuthKind.BEARER, secret="{token}"))
    assert request_of(draft, VARIABLES).headers == (("Authorization", "Bearer s3cret/token"),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": ""}, "is no URL"),
        ({"url": "ws://{nobody}/"}, "There is no variable"),
        ({"url": "ws://{token}/"}, "can't be part of the host"),
        ({"headers": (("Origin", "x"),)}, "keep one of them"),
        ({"headers": (("cookie", "x"),)}, "keep one of them"),
        ({"headers": (("a b", "x"),)}, "is no header name"),
        ({"auth": Auth(AuthKind.BASIC, "a:b", "c")}, "may not contain a colon"),
        ({"connect_seconds": 0.0}, "0 s is no time to connect"),
        ({"handshake_seconds": 1e9}, "is no time to answer"),
        ({"connect_seconds": float("nan")}, "is no time"),
        ({"ping_seconds": 0.001}, "can't be"),
        ({"follows": 99}, "99 redirects"),
    ],
)
def test_what_no_draft_can_ask(changes: dict[str, object], words: str) -> None:
    with pytest.raises((AddressError, CallerError), match=words) as caught:
        request_of(replace(DRAFT, **changes), VARIABLES)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)


def test_a_secret_that_spoils_the_url_is_not_told() -> None:
    variables = {"token": Variable("token", "s3cret#", is_secret=True)}
    with pytest.raises(AddressError) as caught:
        request_of(ConnectDraft("ws://a/{token}"), variables)
    assert "s3cret" not in str(caught.value)


VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
HEADER = st.tuples(st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True), VALUE)


@given(
    headers=st.lists(HEADER, max_size=4),
    authorization=st.one_of(
        st.just(""), VALUE, st.sampled_from(["Basic YTpi", "Basic !", "Bearer t", "Basic YQ=="])
    ),
    subprotocols=st.lists(st.from_regex(r"[a-z.]{1,8}", fullmatch=True), max_size=3, unique=True),
    compression=st.sampled_from(["", "permessage-deflate", "permessage-deflate; client_max_window_bits"]),
    query=VALUE,
)
def test_a_recorded_handshake_is_repeated(
    headers: list[tuple[str, str]], authorization: str, subprotocols: list[str], compression: str, query: str
) -> None:
    if authorization:
        headers = [*headers, ("Authorization", authorization)]
    headers = [*headers, ("Cookie", "a={b}; c"), ("Origin", "http://o")]
    url = parse_url(f"ws://127.0.0.1:9/{{x}}?{query.replace('#', '')}")
    first = ConnectRequest(url, tuple(headers), tuple(subprotocols), compression)
    recorded = parsed_request(first.head("key"))
    assert recorded is not None
    again = parsed_request(request_of(draft_of("ws", recorded)).head("key"))
    assert again is not None
    assert again.target == recorded.target
    assert sorted(again.headers.items) == sorted(recorded.headers.items)
