"""Compressed messages that are wrong (RFC 7692 sections 6 to 8)."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from functools import cache

from core.probe.preset import Demand, FrameFault, Offer, Preset, Writer, preset
from core.protocol.frames import RSV1, Opcode
from core.protocol.raw_frames import RawFrame, joined, paced

_BOMB_BLOCK = 1024 * 1024
_BOMB_BLOCKS = 160


def _compression(
    rule: str,
    title: str,
    made: Callable[[Writer], tuple[RawFrame, ...]],
    demand: Demand = Demand.FAIL,
    offer: Offer = Offer.DEFLATE,
) -> Preset:
    return preset(rule, title, FrameFault(lambda by: paced(joined(made(by))), offer=offer), demand)


def _deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    # RFC 7692 section 7.2.1: without the tail 00 00 ff ff.
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _rsv1_on_second(by: Writer) -> tuple[RawFrame, ...]:
    data = _deflated(b"Unmask breaks a rule")
    return (
        by.compressed(Opcode.TEXT, data[:6], fin=False),
        by.frame(Opcode.CONTINUATION, data[6:], rsv=RSV1),
    )


@cache
def _far_back() -> bytes:
    """A message whose end repeats its beginning, further back than 512 bytes."""
    noise = random.Random(7692).randbytes(6000)
    return _deflated(noise + noise)


@cache
def _bomb() -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    # After a full flush nothing refers to what came before, so that the block can be repeated.
    block = compressor.compress(bytes(_BOMB_BLOCK)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return (block * _BOMB_BLOCKS)[:-4]


COMPRESSION = (
    _compression("rsv1-on-continuation", "RSV1 on a continuation", _rsv1_on_second),
    _compression("rsv1-on-control", "a ping with RSV1", lambda by: (by.compressed(Opcode.PING, b"small"),)),
    _compression(
        "deflate-corrupt",
        "a compressed text that does not inflate",
        lambda by: (by.compressed(Opcode.TEXT, b"\xff" * 20),),
    ),
    _compression(
        "deflate-window-exceeded",
        "data that reach back beyond the agreed window",
        lambda by: (by.compressed(Opcode.BINARY, _far_back()),),
        # It may have more memory for the window than was agreed on.
        Demand.CHOOSE,
        offer=Offer.SMALL_WINDOW,
    ),
    _compression(
        "inflates-too-big",
        f"a message that inflates to {_BOMB_BLOCKS} MiB",
        lambda by: (by.compressed(Opcode.BINARY, _bomb()),),
        Demand.CHOOSE,
    ),
)
