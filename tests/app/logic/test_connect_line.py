"""Lines as browsers and people write them, and what they ask for."""

from __future__ import annotations

import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.connect_draft import Auth, AuthKind, ConnectDraft, Trust, request_of
from app.logic.connect_line import read_pasted
from core.errors import AddressError
from core.net.connect_request import USUAL_OFFER

CHROME = r"""curl 'ws://127.0.0.1:8080/chat?room=a%20b' \
  -H 'Upgrade: websocket' \
  -H 'Origin: http://localhost:5173' \
  -H 'Cache-Control: no-cache' \
  -H 'Accept-Language: de,en;q=0.9' \
  -H 'Pragma: no-cache' \
  -b $'session=it\'s\u0021; theme=dark' \
  -H 'Connection: Upgrade' \
  -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64)' \
  -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Protocol: chat, v2' \
  -H 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'"""

CHROME_CMD = (
    'curl ^"ws://127.0.0.1:8080/chat?room=a^%^20b^&x=1^" ^\n'
    '  -H ^"Upgrade: websocket^" ^\n'
    '  -H ^"Origin: http://localhost:5173^" ^\n'
    '  -H ^"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==^" ^\n'
    '  -H ^"X-Says: ^\\^"hi^\\^"^" ^\n'
    "  --insecure"
)

FIREFOX = (
    "curl 'wss://example.com/ws' --compressed -H 'User-Agent: Mozilla/5.0' -H 'Accept: */*' "
    "-H 'Sec-WebSocket-Version: 13' -H 'Origin: https://example.com' "
    "-H 'Sec-WebSocket-Extensions: permessage-deflate' -H 'Sec-WebSocket-Key: AAAA' "
    "-H 'Connection: keep-alive, Upgrade' -H 'Cookie: a=1' -H 'Upgrade: websocket'"
)


def test_what_chrome_copies() -> None:
    pasted = read_pasted(CHROME)
    draft = pasted.draft
    assert draft.url == "ws://127.0.0.1:8080/chat?room=a%20b"
    assert draft.origin == "http://localhost:5173"
    assert draft.cookies == "session=it's!; theme=dark"
    assert draft.subprotocols == ("chat", "v2")
    assert draft.compression == USUAL_OFFER
    assert draft.headers == (
        ("Cache-Control", "no-cache"),
        ("Accept-Language", "de,en;q=0.9"),
        ("Pragma", "no-cache"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    )
    assert pasted.told == (
        "Each handshake makes its own Upgrade, Connection, Sec-WebSocket-Key, Sec-WebSocket-Version.",
    )
    assert b"Cookie: session=it's!; theme=dark\r\n" in request_of(draft).head("key")


def test_what_chrome_copies_for_windows() -> None:
    draft = read_pasted(CHROME_CMD).draft
    assert draft.url == "ws://127.0.0.1:8080/chat?room=a%20b&x=1"
    assert draft.headers == (("X-Says", '"hi"'),)
    assert draft.trust is Trust.ANY


def test_what_firefox_copies() -> None:
    pasted = read_pasted(FIREFOX)
    assert pasted.draft.url == "wss://example.com/ws"
    assert (pasted.draft.cookies, pasted.draft.compression) == ("a=1", "permessage-deflate")
    assert pasted.draft.headers == (
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("User-Agent", "Mozilla/5.0"),
        ("Accept", "*/*"),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ws://a/b", ConnectDraft("ws://a/b")),
        ("a:8080/b", ConnectDraft("ws://a:8080/b")),
        ("ws://{host}/b", ConnectDraft("ws://{host}/b")),
        ("{base}/b", ConnectDraft("{base}/b")),
        ("ws://ann:p%40ss@a/b", ConnectDraft("ws://a/b", auth=Auth(AuthKind.BASIC, "ann", "p@ss"))),
        ("curl http://a/b", ConnectDraft("http://a/b")),
        ("$ curl -u ann:x:y http://a", ConnectDraft("http://a", auth=Auth(AuthKind.BASIC, "ann", "x:y"))),
        ("curl --oauth2-bearer t http://a", ConnectDraft("http://a", auth=Auth(AuthKind.BEARER, secret="t"))),
        (
            "curl -A me -e http://r http://a",
            ConnectDraft("http://a", headers=(("User-Agent", "me"), ("Referer", "http://r"))),
        ),
        ("curl -kx proxy http://a", ConnectDraft("http://a", trust=Trust.ANY, proxy="http://proxy:1080")),
        (
            "curl -U 'u:p@' --socks5-hostname s:9 http://a",
            ConnectDraft("http://a", proxy="socks5h://u:p%40@s:9"),
        ),
        ("curl --max-redirs 3 -L http://a", ConnectDraft("http://a", follows=3)),
        ("curl --connect-timeout 2.5 http://a", ConnectDraft("http://a", connect_seconds=2.5)),
        (
            "curl -HA:b -H 'Empty;' -b c=1 http://a",
            ConnectDraft("http://a", headers=(("A", "b"), ("Empty", "")), cookies="c=1"),
        ),
        ("curl -H 'X: {a}' http://a/{b}", ConnectDraft("http://a/{{b}}", headers=(("X", "{{a}}"),))),
        (
            "wscat -c localhost:1/x -H a:b -s one -s two -o http://o --auth u:p -n",
            ConnectDraft(
                "ws://localhost:1/x",
                headers=(("a", "b"),),
                subprotocols=("one", "two"),
                origin="http://o",
                auth=Auth(AuthKind.BASIC, "u", "p"),
                trust=Trust.ANY,
            ),
        ),
        ("npx wscat --connect ws://a -L --max-redirects 2", ConnectDraft("ws://a", follows=2)),
        (
            "websocat -k -H='a: b' --protocol p --origin http://o --ping-interval 5 - ws://a/",
            ConnectDraft(
                "ws://a/",
                headers=(("a", "b"),),
                subprotocols=("p",),
                origin="http://o",
                trust=Trust.ANY,
                compression="",
                ping_seconds=5.0,
            ),
        ),
    ],
)
def test_a_line_asks_for(line: str, expected: ConnectDraft) -> None:
    assert read_pasted(line).draft == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "curl -d body -s -o out http://a",
            "Left out, as it does not concern the connection: -d body -s -o out",
        ),
        ("curl http://a http://b", "Left out, as it does not concern the connection: http://b"),
        ("curl --never-heard http://a", "--never-heard"),
        ("curl http://a | jq .", "| jq ."),
        ("curl -X POST http://a", "not a POST"),
        ("curl -b jar.txt http://a", "from a file are not read: jar.txt"),
        ("curl -H @file http://a", "from a file are not read: file"),
        ("curl -H 'Accept:' http://a", "Accept is left out"),
        ("curl -H nonsense http://a", "no colon"),
        ("curl --digest -u a:b http://a", "only Basic and Bearer"),
        ("curl -u ann http://a", "no password"),
        ("curl -U u:p http://a", "no proxy"),
        ("curl -L --max-redirs -1 http://a", "At most 20"),
        ("curl http://a#b", "never sent"),
        ("curl -H 'Sec-WebSocket-Key: x' http://a", "own Sec-WebSocket-Key"),
        ("curl -H 'Sec-WebSocket-Key: x' http://a", "No compression is offered"),
        ("wscat -c a --ca file", "--ca file"),
        ("wscat -c a -p 8", "-p 8"),
        ("websocat -v -t ws://a", "-v -t"),
        ("websocat tcp-l:1 ws://a", "tcp-l:1"),
    ],
)
def test_nothing_is_left_out_in_silence(line: str, words: str) -> None:
    assert words in " ".join(read_pasted(line).told)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "neither a URL"),
        ("wget http://a b", "neither a URL"),
        ("8080", "“8080” is no URL to connect to"),
        ("curl -H 'a: b'", "names no URL"),
        ("curl http://a -H", "ends after -H"),
        ("curl 'http://a", "never closed"),
        ("curl --connect-timeout soon http://a", "“soon” is no number"),
        ("curl -L --max-redirs nan http://a", "“nan” is no number"),
    ],
)
def test_what_is_no_line(line: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        read_pasted(line)


HEADER_NAME = st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True)
HEADER_VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(st.lists(st.tuples(HEADER_NAME, HEADER_VALUE), max_size=6), HEADER_VALUE)
def test_each_header_of_a_curl_line_is_sent(headers: list[tuple[str, str]], query: str) -> None:
    query = query.replace("#", "").replace("@", "")
    words = ["curl", f"ws://127.0.0.1/?{query}"]
    for name, value in headers:
        words += ["-H", f"{name}: {value}"]
    request = request_of(read_pasted(shlex.join(words)).draft)
    assert list(request.headers) == headers
    assert request.url.target == f"/?{query}"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for line in (text, f"curl {text}", f"wscat {text}", f"websocat {text}"):
        with suppress(AddressError):
            read_pasted(line)
