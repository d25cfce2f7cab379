from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.capture.ring import Keep
from core.errors import AddressError
from core.net.machine import LEAST_DEFAULT, default_memory_bytes
from core.net.settings import (
    LARGEST_HEAD,
    LARGEST_MESSAGE,
    LEAST_KEPT_BYTES,
    MESSAGES_HELD,
    Limits,
    ListenAddress,
    keep_text,
    parse_address,
    parse_keep,
    parse_message_size,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        (" localhost:0 ", "localhost", 0),
        ("[::1]:65535", "::1", 65535),
        ("[fe80::1%lo]:1", "fe80::1%lo", 1),
        (":8080", "127.0.0.1", 8080),
        ("example.test:00080", "example.test", 80),
        ("9101", "127.0.0.1", 9101),
        ("ws://localhost:9101/x", "localhost", 9101),
        ("WS://127.0.0.1:9101", "127.0.0.1", 9101),
        ("http://127.0.0.1:9101/", "127.0.0.1", 9101),
        ("ws://[::1]:9101/a/b?c=d:1#e", "::1", 9101),
        ("ws://localhost/x:1", "localhost", 80),
        ("ws://[::1]?x", "::1", 80),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_address(text) == ListenAddress(host, port)


@pytest.mark.parametrize(
    "text",
    [
        *("", "808080", "localhost", "::1", "::1:8080", "localhost:", "localhost:http", "localhost:-1"),
        *("localhost:65536", "localhost:999999"),
        *("localhost:٣", "localhost:" + "9" * 5000, "a b:80", "user@h:80", "[::1:80", "::1]:80"),
        *("h/p:80", "h?:80", "h#:80", "localhost:8 0", "ws://", "ws:///x", "ws://localhost:", "ws://u@h:80", "ftp://h:80"),
        *("wss://localhost:9101/", "https://localhost:9101", "//localhost:80", "ws:/h:80"),
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressError, match="“"):
        parse_address(text)


@pytest.mark.parametrize("text", ["wss://localhost:9101/x", "HTTPS://localhost"])
def test_tls_is_refused_with_a_word(text: str) -> None:
    with pytest.raises(AddressError, match=f"“{text}” asks for TLS, which is not to be had here"):
        parse_address(text)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert 0 <= address.port <= 65535
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.1", True), ("127.0.1", True), ("0x7f.1", True), ("2130706433", True), ("0177.0.0.1", True)),
        *(
            ("::ffff:127.0.0.1", True),
            ("0:0::1", True),
            ("::1%lo", True),
            ("LocalHost", True),
            ("localhost.", True),
        ),
        *(("0", False), ("128.1", False), ("127.1.x", False), ("127.é", False), ("notlocalhost", False)),
        *(("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("192.168.0.1", False), ("example.test", False)),
    ],
)
def test_loopback_is_known(*, host: str, loopback: bool) -> None:
    assert ListenAddress(host, 1).is_loopback is loopback


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("", Keep()),
        ("2GB", Keep(bytes=2 * 10**9)),
        ("2 GiB", Keep(bytes=2**31)),
        ("1.5gb", Keep(bytes=1_500_000_000)),
        ("500M", Keep(bytes=500 * 2**20)),
        ("1000000frames", Keep(frames=1_000_000)),
        ("1 frame", Keep(frames=1)),
        ("24h", Keep(seconds=86_400)),
        ("90 S", Keep(seconds=90)),
        ("10min", Keep(seconds=600)),
        ("7d", Keep(seconds=604_800)),
        (" 2G , 24h,5 frames ", Keep(2**31, 5, 86_400)),
        ("1h, 2h", Keep(seconds=7200)),
    ],
)
def test_how_much_to_keep(text: str, keep: Keep) -> None:
    assert parse_keep(text) == keep
    assert parse_keep(keep_text(keep)) == keep


@pytest.mark.parametrize(
    "text", ["all", "0 frames", "-1h", "1y", "2GB 24h", "frames", "0h", "९ frames", ",", "24h,2GB,,"]
)
def test_what_does_not_say_how_much_to_keep(text: str) -> None:
    with pytest.raises(ValueError, match="does not say how much to keep: write a size such as 2GB"):
        parse_keep(text)


def test_a_ring_that_would_hold_next_to_nothing() -> None:
    with pytest.raises(ValueError, match="“100K” is too little to keep: give at least 1MB"):
        parse_keep("100K")


@given(
    st.builds(
        Keep,
        st.none() | st.integers(LEAST_KEPT_BYTES, 999_999_999_999),
        st.none() | st.integers(1, 999_999_999_999),
        st.none() | st.integers(1, 999_999),
    )
)
def test_how_much_to_keep_is_written_as_it_is_read(keep: Keep) -> None:
    assert parse_keep(keep_text(keep)) == keep


@pytest.mark.parametrize(
    "text", ["", "2GB", "2GiB", "500MB, 1000000 frames, 24h", "90min", "7d", "2d", "45s", "1h"]
)
def test_how_much_to_keep_in_words(text: str) -> None:
    assert keep_text(parse_keep(text)) == text


def test_limits_that_no_capture_or_memory_can_hold_are_refused() -> None:
    memory = MESSAGES_HELD * LARGEST_MESSAGE
    assert Limits(message_bytes=LARGEST_MESSAGE, head_bytes=LARGEST_HEAD, memory_bytes=memory)
    with pytest.raises(
        ValueError, match="The largest message cannot be 471859201B: a capture holds 450MiB at most"
    ):
        Limits(message_bytes=LARGEST_MESSAGE + 1, memory_bytes=2 * memory)
    with pytest.raises(
        ValueError, match="The largest request head cannot be 32MiB: a capture holds 16MiB at most"
    ):
        Limits(head_bytes=2 * LARGEST_HEAD)
    with pytest.raises(ValueError, match="give at least 1800MiB, or make the largest message smaller"):
        Limits(message_bytes=LARGEST_MESSAGE, memory_bytes=memory - 1)


def test_the_size_of_a_message() -> None:
    assert parse_message_size("450 MiB") == LARGEST_MESSAGE
    for text in ("2G", "451MiB"):
        with pytest.raises(ValueError, match="a capture holds 450MiB at most"):
            parse_message_size(text)


def test_by_default_peers_have_a_share_of_the_memory() -> None:
    assert Limits().memory_bytes == default_memory_bytes() >= LEAST_DEFAULT
    assert default_memory_bytes() % (1024 * 1024) == 0
