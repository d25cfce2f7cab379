"""Bytes that are correct, and that not every peer takes for it (RFC 6455 sections 5.4 and 5.5)."""

from __future__ import annotations

from collections.abc import Callable

from core.probe.preset import Demand, FrameFault, Preset, Writer
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingRaw
from core.protocol.raw_frames import Pacing, joined, paced


def _unusual(id_: str, title: str, made: Callable[[Writer], OutgoingRaw]) -> Preset:
    return Preset(id_, title, FrameFault(made), Demand.GO_ON, None)


def _bytewise(by: Writer) -> OutgoingRaw:
    return paced(by.frame(Opcode.TEXT, b"drop by drop").wire(), Pacing(every=1, pause_seconds=0.01))


def _between_fragments(by: Writer) -> OutgoingRaw:
    begun = by.frame(Opcode.TEXT, b"a ping comes ", fin=False)
    ended = by.frame(Opcode.CONTINUATION, b"between")
    return paced(joined((begun, by.frame(Opcode.PING, b"between"), ended)))


def _empty_fragments(by: Writer) -> OutgoingRaw:
    empty = [by.frame(Opcode.CONTINUATION, b"", fin=False) for _ in range(3)]
    return paced(joined((by.frame(Opcode.TEXT, b"", fin=False), *empty, by.frame(Opcode.CONTINUATION, b""))))


def _unasked_pong(by: Writer) -> OutgoingRaw:
    return paced(joined((by.frame(Opcode.PONG, b"nobody asked"), by.frame(Opcode.PING, bytes(125)))))


UNUSUAL = (
    _unusual("correct-byte-by-byte", "a text byte by byte", _bytewise),
    _unusual("correct-ping-between", "a ping between two fragments", _between_fragments),
    _unusual("correct-empty-fragments", "a text of five empty fragments", _empty_fragments),
    _unusual("correct-unasked-pong", "a pong that it has not asked for", _unasked_pong),
)
