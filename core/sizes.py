"""Sizes in bytes as a person writes and reads them; every field, option, filter and display uses the same units.

A unit with B alone is a power of 1000 (SI), one with iB a power of 1024 (IEC 80000-13). A letter alone is a power of
1024, as in GNU's tools.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

SIZE_UNITS: Mapping[str, int] = MappingProxyType({
    "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40,
})  # fmt: skip
"""Bytes of each unit in its usual spelling. Case does not matter: `kB` is `KB`."""

UNITS_HELP = (
    "B; KB, MB, GB, TB (powers of 1000); KiB, MiB, GiB, TiB, or K, M, G, T for short (powers of 1024); capital or "
    "small letters"
)

_BYTES = {name.lower(): factor for name, factor in SIZE_UNITS.items()}
UNIT_SPACE = r"[ \u00a0\u202f]"
"""Pattern of what may stand between a number and its unit: a space, or one that does not break."""

_SIZE = re.compile(
    rf"([0-9]{{1,15}}(?:\.[0-9]{{1,9}})?){UNIT_SPACE}?([a-z]{{1,3}})?", re.IGNORECASE | re.ASCII
)
_SPOKEN = tuple(sorted((each for each in SIZE_UNITS.items() if len(each[0]) > 1), key=lambda each: -each[1]))


def unit_bytes(name: str) -> int | None:
    """Bytes of a unit in upper or lower case; None if there is no such unit."""
    return _BYTES.get(name.lower())


def multiplied(number: str, unit: int) -> int:
    """A decimal number such as `-1.5` times `unit`, computed exactly and truncated."""
    whole, _, part = number.partition(".")
    rest: int = int(part or 0) * unit // 10 ** len(part)
    return int(whole) * unit + (-rest if number.startswith("-") else rest)


def parse_size(text: str) -> int:
    """`65536`, `64 KiB`, `1.5MB` or `1G` in bytes, at least 1; raises ValueError for anything else."""
    found = _SIZE.fullmatch(text.strip())
    unit = None if found is None else unit_bytes(found[2] or "B")
    size = 0 if found is None or unit is None else multiplied(found[1], unit)
    if not size:
        raise ValueError(f"“{text}” is no size: write a number with a unit, such as 16MiB ({UNITS_HELP}).")
    return size


def size_text(size: int) -> str:
    """`64MiB`, `64KB` or `1001B`: exact, in the unit that gives the smallest number; `parse_size` reads it."""
    unit, factor = next((each for each in _SPOKEN if size % each[1] == 0), ("B", 1))
    return f"{size // factor}{unit}"


def byte_size(count: int) -> str:
    """`812 B`, `12.4 KB` or `3.0 MB`: rounded, in powers of 1000."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("KB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
    raise AssertionError("unreachable")
