"""What a client speaks inside a tunnel, by its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.protocol.first_bytes import MOST_PEEKED, FirstBytes, judge_first_bytes

HELLO = bytes.fromhex("16030100c2010000be0303")


@pytest.mark.parametrize(
    ("data", "expected", "enough"),
    [
        (HELLO, FirstBytes.TLS, 6),
        (b"GET /chat?a=b HTTP/1.1\r\nHost: h\r\n", FirstBytes.HTTP, 24),
        (b"\r\nGET / HTTP/1.0\n", FirstBytes.HTTP, 17),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FirstBytes.OTHER, 16),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", FirstBytes.OTHER, 30),
        (b"\x16\x03\x01\x00\x05\x02", FirstBytes.OTHER, 6),
        (b"\x16\x04", FirstBytes.OTHER, 2),
        (b"\x00\x01", FirstBytes.OTHER, 1),
        (b"\x04\x01\x00\x50", FirstBytes.OTHER, 1),
        (b"GET\x00", FirstBytes.OTHER, 4),
        (b"A" * 40, FirstBytes.OTHER, 33),
        (b"GET /" + b"a" * MOST_PEEKED, FirstBytes.OTHER, MOST_PEEKED),
        (b"", None, 0),
    ],
)
def test_the_first_bytes_tell(data: bytes, expected: FirstBytes | None, enough: int) -> None:
    """Judged as soon as `enough` bytes are there, and never otherwise with more."""
    for length in (0, 1, enough - 1):
        assert length >= enough or judge_first_bytes(data[: max(length, 0)]) is None
    assert judge_first_bytes(data[:enough]) is expected
    assert judge_first_bytes(data) is expected


@given(st.binary(max_size=40), st.binary(max_size=40))
@example(b"GET / HTTP/1.1\r", b"\n")
@example(HELLO[:5], HELLO[5:])
def test_more_bytes_never_change_what_was_judged(first: bytes, more: bytes) -> None:
    judged = judge_first_bytes(first)
    assert judged is None or judge_first_bytes(first + more) is judged
