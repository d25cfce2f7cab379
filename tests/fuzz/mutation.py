"""Mutations of a corpus by dice: no coverage to guide them, but the same ones everywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_INTERESTING = (
    0x00,
    0x01,
    0x7D,
    0x7E,
    0x7F,
    0x80,
    0x81,
    0x82,
    0x88,
    0x89,
    0xC1,
    0xFE,
    0xFF,
    0x0A,
    0x0D,
    0x20,
    0x3A,
)


def mutations(corpus: Sequence[bytes], seed: int, most: int) -> Iterator[bytes]:
    """Endless, each of at most `most` bytes."""
    dice = random.Random(seed)
    while True:
        data = bytearray(dice.choice(corpus))
        for _ in range(dice.choice((1, 1, 2, 3, 6))):
            _mutate(data, corpus, dice)
        yield bytes(data[:most])


def _mutate(data: bytearray, corpus: Sequence[bytes], dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    width = dice.choice((1, 1, 2, 4, 16, 64))
    match dice.randrange(7):
        case 0 if at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        case 1 if at < len(data):
            data[at] = dice.choice(_INTERESTING)
        case 2:
            del data[at : at + width]
        case 3:
            data[at:at] = dice.randbytes(width)
        case 4:
            data[at:at] = data[at : at + width]
        case 5:
            other = dice.choice(corpus)
            data[at:] = other[dice.randrange(len(other) + 1) :]
        case _:
            data[at : at + width] = bytes(dice.choice(_INTERESTING) for _ in range(width))
