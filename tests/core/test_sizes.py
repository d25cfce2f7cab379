"""Sizes as they are written and read."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sizes import SIZE_UNITS, byte_size, multiplied, parse_size, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("1", 1), ("65536", 65_536), ("12B", 12), (" 12 b ", 12)),
        *(("100KB", 100_000), ("100kB", 100_000), ("100kb", 100_000), ("2MB", 2_000_000), ("3GB", 3 * 10**9)),
        *(("100KiB", 102_400), ("64kib", 65_536), ("1MiB", 2**20), ("2GiB", 2**31), ("1TB", 10**12), ("1TiB", 2**40)),
        *(("64K", 65_536), ("16m", 2**24), ("1G", 2**30), ("1T", 2**40)),
        *(("1.5MB", 1_500_000), ("0.5KiB", 512), ("12.4 KB", 12_400), ("3\u202fMB", 3_000_000)),
    ],
)  # fmt: skip
def test_what_is_a_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.0001KB",
        "-1",
        "+1",
        "M",
        "1  M",
        "1e3",
        "5ib",
        "1KK",
        "1kbit",
        "٣",
        "1 000",
        "1.",
        ".5",
        "9" * 5000,
    ],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size: write a number with a unit, such as 16MiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(1, "1B"), (1000, "1KB"), (1024, "1KiB"), (1001, "1001B"), (64 * 2**20, "64MiB"), (2 * 10**9, "2GB")],
)
def test_an_exact_size_in_words(size: int, text: str) -> None:
    assert size_text(size) == text


@given(st.integers(1, 10**15 - 1))
def test_an_exact_size_is_read_as_it_is_written(size: int) -> None:
    assert parse_size(size_text(size)) == size


@given(st.integers(1, 10**12))
def test_a_rounded_size_is_read_as_about_what_it_was(size: int) -> None:
    assert abs(parse_size(byte_size(size)) - size) <= max(size * 0.051, 1)


@given(st.decimals(-(10**14), 10**14, places=5), st.sampled_from([*SIZE_UNITS.values()]))
def test_a_number_times_a_unit_is_exact(number: object, unit: int) -> None:
    assert multiplied(f"{number:f}", unit) == int(Fraction(f"{number:f}") * unit)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (123_456, "123 KB"), (12_345_678, "12.3 MB")],
)
def test_a_rounded_size(count: int, shown: str) -> None:
    assert byte_size(count) == shown
