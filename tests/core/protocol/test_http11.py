"""Heads as they come over the wire, good and bad, in every kind of piece."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import CallerError, HeadError
from core.protocol.http11 import (
    HeadKind,
    HeadLimits,
    HeadParser,
    RequestHead,
    ResponseHead,
    status_phrase,
    write_request,
    write_response,
)
from core.protocol.violations import Judgement

GOOD = (
    b"GET /chat?a=1 HTTP/1.1\r\n"
    b"Host: example.com\r\n"
    b"X-Twice: one\r\n"
    b'x-twice:\t two, "three, four" \t\r\n'
    b"X-Empty:\r\n"
    b"X-Latin: caf\xe9\r\n"
    b"\r\n"
)


def request(data: bytes, judgement: Judgement = Judgement.STRICT) -> RequestHead:
    head = HeadParser(HeadKind.REQUEST, HeadLimits(), judgement).feed(data)
    assert isinstance(head, RequestHead)
    return head


def response(data: bytes, judgement: Judgement = Judgement.STRICT) -> ResponseHead:
    head = HeadParser(HeadKind.RESPONSE, HeadLimits(), judgement).feed(data)
    assert isinstance(head, ResponseHead)
    return head


def feed_all(parser: HeadParser, data: bytes, size: int) -> None:
    for start in range(0, len(data), size):
        assert parser.feed(data[start : start + size]) is None


def refused(parser: HeadParser, data: bytes, size: int = 65536) -> HeadError:
    with pytest.raises(HeadError) as caught:
        feed_all(parser, data, size)
    return caught.value


def test_a_request_keeps_order_spelling_and_raw_bytes() -> None:
    head = request(GOOD)
    assert (head.method, head.target, head.version) == ("GET", "/chat?a=1", "HTTP/1.1")
    assert head.headers.items == (
        ("Host", "example.com"),
        ("X-Twice", "one"),
        ("x-twice", 'two, "three, four"'),
        ("X-Empty", ""),
        ("X-Latin", "café"),
    )
    assert head.raw == GOOD
    assert head.violations == ()


def test_headers_are_looked_up_without_regard_to_case() -> None:
    headers = request(GOOD).headers
    assert headers.get("HOST") == "example.com"
    assert headers.get("nothing") is None
    assert headers.get_all("X-TWICE") == ("one", 'two, "three, four"')
    assert headers.tokens("x-Twice") == ("one", "two", '"three, four"')
    assert "x-empty" in headers
    assert "x-other" not in headers


def test_spans_point_at_the_lines_in_the_raw_head() -> None:
    head = request(b"\r\n" + GOOD)
    marked = [head.raw[offset : offset + length] for offset, length in head.headers.spans]
    assert marked[:2] == [b"Host: example.com", b"X-Twice: one"]
    for span, text in ((head.method_span, b"GET"), (head.target_span, b"/chat?a=1")):
        assert head.raw[span.offset : span.offset + span.length] == text
    assert head.raw[head.version_span.offset :].startswith(b"HTTP/1.1\r\n")


def test_a_response() -> None:
    head = response(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
    assert (head.status, head.reason, head.version) == (101, "Switching Protocols", "HTTP/1.1")
    assert head.headers.items == (("Upgrade", "websocket"),)


@pytest.mark.parametrize("line", [b"HTTP/1.1 204 ", b"HTTP/1.1 204"])
def test_a_response_may_go_without_a_reason(line: bytes) -> None:
    head = response(line + b"\r\n\r\n")
    assert (head.status, head.reason) == (204, "")


def test_bytes_behind_the_head_are_left_over() -> None:
    parser = HeadParser(HeadKind.REQUEST)
    head = parser.feed(GOOD + b"\x81\x80abcd\r\n\r\n")
    assert head is not None
    assert head.raw == parser.raw == GOOD
    assert parser.leftover == b"\x81\x80abcd\r\n\r\n"
    with pytest.raises(CallerError, match="head is complete"):
        parser.feed(b"more")


def test_an_unfinished_head_is_none_and_its_bytes_are_kept() -> None:
    parser = HeadParser(HeadKind.REQUEST)
    assert parser.feed(GOOD[:-1]) is None
    assert parser.raw == GOOD[:-1]
    assert parser.leftover == b""


def test_empty_lines_before_the_request_line_are_ignored() -> None:
    head = request(b"\r\n\n\r\n" + GOOD)
    assert head.target == "/chat?a=1"
    assert head.violations == ()


BROKEN_FIRST_LINES = [
    b"hello\r\n",
    b"GET /\r\n",
    b"GET / http/1.1\r\n",
    b"GET / HTTP/1.1 \r\n",
    b"GET  HTTP/1.1\r\n",
    b" GET / HTTP/1.1\r\n",
    b"GET / HTTP/11\r\n",
    b"GET\t/ HTTP/1.1\r\n",
    b"HTTP/1.1 200 OK\r\n",
]


@pytest.mark.parametrize("line", BROKEN_FIRST_LINES)
@pytest.mark.parametrize("judgement", Judgement)
def test_a_first_line_that_is_no_request_line(line: bytes, judgement: Judgement) -> None:
    error = refused(HeadParser(HeadKind.REQUEST, HeadLimits(), judgement), line)
    assert (error.status, error.rule) == (400, "head-not-http")


@pytest.mark.parametrize(
    ("rubbish", "offset"),
    [
        (b"\x00", 0),
        (b"\x81\x85\x00\x00\x00\x00hello", 0),
        (b"\rX", 0),
        (b"GET\x00", 3),
        (b"GET /a\x00", 6),
        (b"GET /a\rb", 6),
        (b"GET /a\x7f", 6),
        (b"G\xc3\xa9T", 1),
        (b"(", 0),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_rubbish_fails_before_any_line_ends(rubbish: bytes, offset: int, size: int) -> None:
    parser = HeadParser(HeadKind.REQUEST)
    error = refused(parser, rubbish, size)
    assert (error.status, error.rule) == (400, "head-not-http")
    (broken,) = parser.violations
    assert broken.offset == offset
    assert broken.length >= 1
    assert refused(parser, b"GET / HTTP/1.1\r\n\r\n") is error


@pytest.mark.parametrize("rubbish", [b"X", b"HTTQ", b"\r\nHTTP/1.1 200 OK\r\n", b"\nHTTP/1.1 200 OK\r\n"])
def test_a_response_that_does_not_begin_as_one(rubbish: bytes) -> None:
    assert refused(HeadParser(HeadKind.RESPONSE), rubbish).rule == "head-not-http"


@pytest.mark.parametrize("line", [b"HTTP/1.1 99 Low", b"HTTP/1.1 1000 x", b"HTTP/1.1 abc", b"HTTP/1.1"])
def test_a_first_line_that_is_no_status_line(line: bytes) -> None:
    error = refused(HeadParser(HeadKind.RESPONSE), line + b"\r\n")
    assert (error.status, error.rule) == (400, "head-not-http")


@pytest.mark.parametrize("size", [1, 1000])
def test_tls_is_recognised_at_once(size: int) -> None:
    hello = b"\x16\x03\x01"
    parser = HeadParser(HeadKind.REQUEST)
    error = refused(parser, hello, size)
    assert (error.status, error.rule) == (400, "head-looks-like-tls")
    assert "wss://" in str(error)
    assert parser.raw == hello[: max(2, size)]


def test_a_tls_alert_is_recognised_by_a_client() -> None:
    assert (
        refused(HeadParser(HeadKind.RESPONSE), b"\x15\x03\x03\x00\x02\x02\x0a").rule == "head-looks-like-tls"
    )


def test_0x16_that_is_no_tls() -> None:
    assert refused(HeadParser(HeadKind.REQUEST), b"\x16A").rule == "head-not-http"
    assert refused(HeadParser(HeadKind.REQUEST), b"\x16\r\n").rule == "head-not-http"


def test_a_head_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert HeadParser(HeadKind.REQUEST, HeadLimits(max_bytes=len(GOOD))).feed(GOOD + b"glued") is not None
    parser = HeadParser(HeadKind.REQUEST, HeadLimits(max_bytes=len(GOOD) - 1))
    error = refused(parser, GOOD)
    assert (error.status, error.rule) == (431, "head-too-large")
    assert str(len(GOOD) - 1) in str(error)
    assert parser.raw == GOOD[:-1]


def test_a_head_without_end_stops_at_the_limit() -> None:
    parser = HeadParser(HeadKind.REQUEST, HeadLimits(max_bytes=1000))
    parser.feed(b"GET /" + b"a" * 994)
    assert refused(parser, b"a").status == 431


def test_too_many_header_lines() -> None:
    limits = HeadLimits(max_headers=2)
    head = b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n"
    assert HeadParser(HeadKind.REQUEST, limits).feed(head + b"\r\n") is not None
    parser = HeadParser(HeadKind.REQUEST, limits)
    error = refused(parser, head + b"C: 3\r\n")
    assert (error.status, error.rule) == (431, "head-too-many-headers")
    assert [(one.offset, one.length) for one in parser.violations] == [(len(head), 4)]


HEADER_RULES = [
    ("header-without-colon", b"no colon here", b"no colon here", ()),
    ("header-bad-name", b": v", b":", (("", "v"),)),
    ("header-bad-name", b"A b: v", b"A b", (("A b", "v"),)),
    ("header-bad-name", b"Host : v", b"Host ", (("Host", "v"),)),
    ("header-bad-name", b"N\xe9: v", b"N\xe9", (("Né", "v"),)),
    ("header-bad-value", b"A: x\x00y", b"\x00", (("A", "x y"),)),
    ("header-bad-value", b"A: x\ry", b"\r", (("A", "x y"),)),
    ("header-bad-value", b"A: x\x1by", b"\x1b", (("A", "x\x1by"),)),
    ("header-bad-value", b"A: x\r\n y\x7f", b"\x7f", (("A", "x y\x7f"),)),
]


@pytest.mark.parametrize(("rule", "line", "marked", "items"), HEADER_RULES)
def test_a_bad_header_line(rule: str, line: bytes, marked: bytes, items: tuple[tuple[str, str], ...]) -> None:
    data = b"GET / HTTP/1.1\r\n" + line + b"\r\nB: 2\r\n\r\n"
    parser = HeadParser(HeadKind.REQUEST)
    error = refused(parser, data)
    assert (error.status, error.rule) == (400, rule)
    head = request(data, Judgement.TOLERANT)
    assert head.headers.items == (*items, ("B", "2"))
    for violations in (parser.violations, head.violations):
        (broken,) = [one for one in violations if one.rule.id == rule]
        assert data[broken.offset : broken.offset + broken.length] == marked


def test_space_before_the_first_header() -> None:
    data = b"GET / HTTP/1.1\r\n X: 1\r\nB: 2\r\n\r\n"
    parser = HeadParser(HeadKind.REQUEST)
    assert refused(parser, data).rule == "header-before-first"
    head = request(data, Judgement.TOLERANT)
    assert head.headers.items == (("B", "2"),)
    assert [(one.offset, one.length) for one in head.violations] == [(16, 5)]


@pytest.mark.parametrize("judgement", Judgement)
def test_a_folded_header_is_joined_and_noted(judgement: Judgement) -> None:
    head = request(b"GET / HTTP/1.1\r\nA: one\r\n\t two \r\n \r\nB: 2\r\n\r\n", judgement)
    assert head.headers.items == (("A", "one two"), ("B", "2"))
    assert [one.rule.id for one in head.violations] == ["header-folded", "header-folded"]
    first = head.violations[0]
    assert head.raw[first.offset : first.offset + first.length] == b"\t two "
    span = head.headers.span("A")
    assert head.raw[span.offset : span.offset + span.length] == b"A: one\r\n\t two \r\n "


def test_a_fold_behind_a_line_without_colon_is_dropped_with_it() -> None:
    head = request(b"GET / HTTP/1.1\r\nA: 1\r\nrubbish\r\n more\r\n\r\n", Judgement.TOLERANT)
    assert head.headers.items == (("A", "1"),)


@pytest.mark.parametrize("judgement", Judgement)
def test_bare_line_feeds_are_noted_once(judgement: Judgement) -> None:
    head = request(b"GET / HTTP/1.1\nA: 1\r\n\n", judgement)
    assert head.headers.items == (("A", "1"),)
    (broken,) = head.violations
    assert (broken.rule.id, broken.offset, broken.length) == ("head-bare-lf", 14, 1)
    assert broken.detail == "2 lines"


def test_every_broken_rule_is_named() -> None:
    parser = HeadParser(HeadKind.REQUEST)
    error = refused(parser, b"GET / HTTP/1.1\nrubbish\r\nA b: \x01\r\n\r\n")
    rules = ["head-bare-lf", "header-without-colon", "header-bad-name", "header-bad-value"]
    assert [one.rule.id for one in parser.violations] == rules
    assert error.rule == "header-without-colon"
    assert "has no colon: 'rubbish'; a header name" in str(error)


def test_peer_text_in_a_message_is_escaped_and_shortened() -> None:
    error = refused(HeadParser(HeadKind.REQUEST), b"GET /\x1b[31m" + "\u202e".encode() + b"x" * 300 + b"\r\n")
    assert "\\x1b[31m\\xe2\\x80\\xae" in str(error)
    assert "…' (shortened, 313 in all)" in str(error)
    assert all(character.isprintable() for character in str(error))
    assert len(str(error)) < 300


def test_a_head_byte_by_byte_costs_a_bounded_time_per_byte() -> None:
    def seconds(length: int) -> float:
        parser = HeadParser(HeadKind.REQUEST, HeadLimits(max_bytes=length * 2))
        start = time.process_time()
        parser.feed(b"GET /")
        for _ in range(length):
            parser.feed(b"a")
        return time.process_time() - start

    seconds(1000)
    short, long = (min(seconds(length) for _ in range(3)) for length in (20_000, 160_000))
    assert long < short * 8 * 3


texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
names = st.text("abcXYZ019-_!#$", min_size=1, max_size=12)
values = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
)
header_lists = st.lists(st.tuples(names, values.map(lambda value: value.strip(" \t"))), max_size=8)


@given(names, texts, header_lists)
def test_a_written_request_reads_the_same(method: str, target: str, headers: list[tuple[str, str]]) -> None:
    written = write_request(method, target, headers)
    head = request(written)
    assert (head.method, head.target, head.headers.items) == (method, target, tuple(headers))
    assert head.raw == written
    assert head.violations == ()


@given(st.integers(100, 599), header_lists, st.binary(max_size=40))
def test_a_written_response_reads_the_same(status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    parser = HeadParser(HeadKind.RESPONSE)
    head = parser.feed(write_response(status, headers, body))
    assert isinstance(head, ResponseHead)
    assert (head.status, head.reason) == (status, status_phrase(status))
    assert head.headers.items == tuple(headers)
    assert parser.leftover == body


Outcome = tuple[object, ...]


def outcome(kind: HeadKind, judgement: Judgement, pieces: list[bytes]) -> Outcome:
    parser = HeadParser(kind, HeadLimits(max_bytes=200, max_headers=6), judgement)
    for number, piece in enumerate(pieces):
        try:
            head = parser.feed(piece)
        except HeadError as error:
            return error.status, error.rule, [(one.rule.id, one.offset) for one in parser.violations]
        if head is not None:
            return head, parser.leftover + b"".join(pieces[number + 1 :])
    return (None, parser.raw)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(bounds)]


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"HTTP/1.1 101 x",
        b"A: b",
        b" fold",
        b"bad",
        b"\r",
        b"B\x00: \x01",
        b"",
        b"",
        b"\x16\x03",
    ]
)
WIRE = st.lists(st.tuples(LINES, st.sampled_from([b"\r\n", b"\r\n", b"\n"])), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(
    st.one_of(WIRE, WIRE.map(lambda wire: b"GET /x HTTP/1.1\r\n" + wire), st.binary(max_size=300)),
    st.lists(st.integers(0, 400), max_size=6),
    st.sampled_from(HeadKind),
    st.sampled_from(Judgement),
)
@example(b"GET /\r\r\n", [6], HeadKind.REQUEST, Judgement.STRICT)
@example(b"\n\r\n", [1], HeadKind.RESPONSE, Judgement.STRICT)
def test_any_split_gives_the_same_and_only_head_errors(
    data: bytes, places: list[int], kind: HeadKind, judgement: Judgement
) -> None:
    whole = outcome(kind, judgement, [data])
    assert outcome(kind, judgement, cut(data, places)) == whole
    assert outcome(kind, judgement, [data[index : index + 1] for index in range(len(data))]) == whole


@pytest.mark.parametrize(
    ("name", "value"),
    [("A b", "v"), ("", "v"), ("A:", "v"), ("Ä", "v"), ("A", "x\r\nB: y"), ("A", "x\0"), ("A", "\u4e2d")],
)
def test_a_header_that_cannot_be_written(name: str, value: str) -> None:
    with pytest.raises(CallerError):
        write_response(200, [(name, value)])


@pytest.mark.parametrize(
    ("method", "target"), [("G T", "/"), ("", "/"), ("GET", "/ x"), ("GET", "/é"), ("GET", "")]
)
def test_a_request_line_that_cannot_be_written(method: str, target: str) -> None:
    with pytest.raises(CallerError):
        write_request(method, target, [])


def test_status_phrases() -> None:
    assert status_phrase(426) == "Upgrade Required"
    assert status_phrase(799) == ""
    assert write_response(799, []) == b"HTTP/1.1 799 \r\n\r\n"
