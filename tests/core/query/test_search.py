"""Searching many payloads at once finds what searching each of them finds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.capture.block_reader import BlockKey, BlockReader
from core.capture.columns import BlockColumns, Region
from core.capture.layout import RECORD, RecordColumn
from core.errors import CaptureError
from core.query.patterns import is_local
from core.query.search import FoldedSearch, LiteralSearch, PatternSearch, RarestSearch, Search, marks


class Payloads(BlockReader):
    """A block in memory, of plain messages."""

    def __init__(self, payloads: list[bytes]) -> None:
        self._payloads = payloads

    def records(self, key: BlockKey) -> bytes:
        assert key.count == len(self._payloads)
        records, offset = [], 0
        for payload in self._payloads:
            size = len(payload)
            records.append(RECORD.pack(0, 1, 1, offset, size, size, 0x81, 0x10, 0, 0, 0, 0, 0, 0, b""))
            offset += size
        return b"".join(records)

    def payloads(self, key: BlockKey) -> bytes:
        assert key.first == 1
        return b"".join(self._payloads)


def found(search: Search, payloads: list[bytes]) -> list[int]:
    columns = BlockColumns(Payloads(payloads), BlockKey(1, len(payloads)))
    return [frame for frame, hit in enumerate(marks(search, columns, Region.CONTENT)) if hit]


_SMALL = st.lists(
    st.binary(max_size=12).map(lambda some: bytes(b"abAB\r\n"[each % 6] for each in some)), max_size=80
)
_EVEN = st.integers(1, 6).flatmap(
    lambda size: st.lists(st.sampled_from(b"abAB").map(lambda byte: bytes([byte]) * size), max_size=80)
)
_NEEDLES = st.sampled_from((b"a", b"ab", b"aab", b"ba", b"abab", b"\n", b"\r\n", b"AB", b"zz"))


@settings(deadline=None, max_examples=300)
@given(payloads=_SMALL | _EVEN, needle=_NEEDLES)
def test_literals(payloads: list[bytes], needle: bytes) -> None:
    assert found(LiteralSearch(needle), payloads) == [i for i, each in enumerate(payloads) if needle in each]


@settings(deadline=None)
@given(payloads=_SMALL, needle=_NEEDLES.map(bytes.lower))
def test_folded(payloads: list[bytes], needle: bytes) -> None:
    expected = [i for i, each in enumerate(payloads) if needle in each.lower()]
    assert found(FoldedSearch(needle), payloads) == expected


_LOCAL = (
    "a",
    "ab|ba",
    "abab|ab",
    "a{2}",
    "a?b",
    "[ab]B",
    "a.b",
    "(?i)abA",
    "(?s)a.b",
    "(ab){1,2}",
    "a{2,3}b?a",
)


@settings(deadline=None, max_examples=300)
@given(payloads=_SMALL, pattern=st.sampled_from(_LOCAL))
def test_patterns(payloads: list[bytes], pattern: str) -> None:
    assert is_local(pattern)
    compiled = re.compile(pattern.encode())
    expected = [i for i, each in enumerate(payloads) if compiled.search(each)]
    assert found(PatternSearch(compiled), payloads) == expected


def test_a_hit_across_frames_is_none() -> None:
    assert found(LiteralSearch(b"needle"), [b"nee", b"dle", b"", b"a needle", b"needl", b"eneedle"]) == [3, 5]


@pytest.mark.parametrize("every", [1, 5, 9, 30, 200])
@pytest.mark.parametrize("size", [9, 300])
@pytest.mark.parametrize("spread", [1, 7], ids=["even", "uneven"])
def test_hits_few_and_many(every: int, size: int, spread: int) -> None:
    payloads = [b"\xff" * (size - number % spread) for number in range(3000)]
    expected = list(range(0, 3000, every))
    for number in expected:
        payloads[number] = b"xx Needle".rjust(size)
    assert found(LiteralSearch(b"Needle"), payloads) == expected
    assert found(FoldedSearch(b"needle"), payloads) == expected
    assert found(PatternSearch(re.compile(b"Nee[a-d]le")), payloads) == expected


def test_few_hits_and_then_many() -> None:
    payloads = [b"x" * 20] * 1000 + [b"a needle"] * 2000
    payloads[:1000:100] = [b"a needle"] * 10
    expected = [*range(0, 1000, 100), *range(1000, 3000)]
    assert found(LiteralSearch(b"needle"), payloads) == expected


@pytest.mark.parametrize("every", [1, 9])
def test_hits_across_frames_of_one_length(every: int) -> None:
    """A hit must not be found where one frame ends and the next begins."""
    payloads = [b"dle....nee" if number % every == 0 else b"needle...." for number in range(3000)]
    assert found(LiteralSearch(b"needle"), payloads) == [each for each in range(3000) if each % every]


def test_a_byte_that_is_rare_in_the_middle_only() -> None:
    payloads = [b"z" * 50_000, b"a" * 20_000, b"ab" * 100, b"z" * 50_000, b"azb", b"z" * 50_000]
    assert found(LiteralSearch(b"zb"), payloads) == [4]
    assert found(LiteralSearch(b"az"), payloads) == [4]


def test_a_forged_block_does_no_harm() -> None:
    class Forged(Payloads):
        def records(self, key: BlockKey) -> bytes:
            whole = bytearray(super().records(key))
            for index in range(key.count):
                start = index * RECORD.size + RecordColumn.PAYLOAD_OFFSET.offset
                whole[start : start + 4] = (2**32 - 1 - index).to_bytes(4, "little")
            return bytes(whole)

    columns = BlockColumns(Forged([b"abc"] * 40), BlockKey(1, 40))
    with pytest.raises(CaptureError, match="payloads lie where there are none"):
        marks(LiteralSearch(b"b"), columns, Region.CONTENT)
    assert not marks(LiteralSearch(b"none"), columns, Region.CONTENT)


@pytest.mark.parametrize("spellings", [(b"a Zebra", b"a zebra"), (b"a zebra", b"a ZEBRA")])
def test_the_first_of_both_spellings_comes_first(spellings: tuple[bytes, bytes]) -> None:
    """In the middle there is neither, so that it is searched by its rare letter."""
    payloads = [spellings[0], b"e" * 2000, spellings[1], b"zebr", b"ZEBR"]
    assert found(FoldedSearch(b"zebra"), payloads) == [0, 2]


def test_a_letter_that_is_rare_in_the_middle_only() -> None:
    payloads = [b"zZ" * 50_000, b"a" * 20_000, b"Z" * 50_000, b"azB", b"z" * 50_000]
    assert found(FoldedSearch(b"zb"), payloads) == [3]


def test_the_rarest_of_several_is_searched() -> None:
    searches = (LiteralSearch(b"common"), LiteralSearch(b"z"), LiteralSearch(b"word"))
    payloads = [b"a common word"] * 1000
    assert found(RarestSearch(searches), [*payloads, b"z"]) == [1000]
    assert found(RarestSearch(searches[::2]), [b"x", *payloads]) == list(range(1, 1001))
