"""Frames with a wrong header, in a wrong place, or with a wrong payload (RFC 6455 sections 5, 7.4 and 8.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.probe.preset import Demand, FrameFault, Preset, Tail, Writer, preset
from core.protocol.frames import RSV1, RSV2, RSV3, LengthForm, Opcode
from core.protocol.outgoing import OutgoingRaw, RawEnd
from core.protocol.raw_frames import Pacing, RawFrame, joined, paced
from core.protocol.state import Role

_BOTH = (Role.CLIENT, Role.SERVER)
_CLIENT = (Role.CLIENT,)
_SERVER = (Role.SERVER,)
_CHOOSE = Demand.CHOOSE
_TEXT = Opcode.TEXT
_SAYING = b"Unmask breaks a rule"
_KEY = bytes.fromhex("37fa213d")
_ENORMOUS = 1 << 62


def _frames(
    rule: str,
    title: str,
    made: Callable[[Writer], tuple[RawFrame, ...]],
    demand: Demand = Demand.FAIL,
    *,
    senders: tuple[Role, ...] = _BOTH,
    tail: Tail = Tail.WHOLE,
    suffix: str = "",
) -> Preset:
    fault = FrameFault(lambda writer: paced(joined(made(writer))), senders, tail=tail)
    return preset(rule, title, fault, demand, suffix=suffix)


def _close(rule: str, title: str, payload: bytes, demand: Demand = Demand.FAIL) -> Preset:
    return _frames(rule, title, lambda by: (by.frame(Opcode.CLOSE, payload),), demand, tail=Tail.CLOSE)


def _long_form(by: Writer) -> tuple[RawFrame, ...]:
    return (replace(by.frame(_TEXT, _SAYING), length_form=LengthForm.SIXTEEN_BIT),)


def _stating(length: int) -> Callable[[Writer], tuple[RawFrame, ...]]:
    """A frame whose header promises so many bytes, of which few come."""
    return lambda by: (
        replace(by.frame(_TEXT, _SAYING), length_form=LengthForm.SIXTY_FOUR_BIT, stated_length=length),
    )


def _key(*keys: bytes | None) -> Callable[[Writer], tuple[RawFrame, ...]]:
    """Frames with these masking keys, one each."""
    return lambda by: tuple(replace(by.frame(_TEXT, _SAYING), masking_key=key) for key in keys)


def _cut(by: Writer) -> OutgoingRaw:
    wire = by.frame(_TEXT, _SAYING).wire()
    return paced(wire, Pacing(stop_after=len(wire) // 2 + 3), RawEnd.HALF_CLOSE)


def _interrupted(by: Writer) -> tuple[RawFrame, ...]:
    return (by.frame(_TEXT, b"begun", fin=False), by.frame(_TEXT, b"another"))


def _after_close(by: Writer) -> tuple[RawFrame, ...]:
    return (by.frame(Opcode.CLOSE, (1000).to_bytes(2, "big")), by.frame(_TEXT, b"one more thing"))


def _late_fault(by: Writer) -> tuple[RawFrame, ...]:
    """UTF-8 that becomes wrong in the second fragment."""
    return (
        by.frame(_TEXT, "κόσμε".encode(), fin=False),
        by.frame(Opcode.CONTINUATION, b"\xed\xa0\x80", fin=False),
        by.frame(Opcode.CONTINUATION, b"edited"),
    )


FRAMES = (
    _frames("rsv1-set", "a text with RSV1", lambda by: (by.frame(_TEXT, _SAYING, rsv=RSV1),)),
    _frames("rsv2-set", "a text with RSV2", lambda by: (by.frame(_TEXT, _SAYING, rsv=RSV2),)),
    _frames("rsv3-set", "a text with RSV3", lambda by: (by.frame(_TEXT, _SAYING, rsv=RSV3),)),
    _frames("opcode-reserved", "the reserved opcode 0x3", lambda by: (by.frame(0x3, _SAYING),)),
    _frames(
        "opcode-reserved",
        "the reserved control opcode 0xB",
        lambda by: (by.frame(0xB, _SAYING),),
        suffix="-control",
    ),
    _frames("mask-missing", "a frame without a mask", _key(None), senders=_CLIENT),
    _frames("mask-forbidden", "a frame with a mask", _key(_KEY), senders=_SERVER),
    _frames("length-not-minimal", "20 bytes whose length takes 16 bits", _long_form, _CHOOSE),
    _frames("length-top-bit", "a length of 2⁶³ bytes", _stating(1 << 63), tail=Tail.OPEN),
    _frames(
        "message-too-big",
        "a header that promises 2⁶² bytes",
        _stating(_ENORMOUS),
        Demand.WAIT,
        tail=Tail.OPEN,
    ),
    _frames("control-too-long", "a ping of 126 bytes", lambda by: (by.frame(Opcode.PING, bytes(126)),)),
    _frames(
        "control-fragmented", "a ping without FIN", lambda by: (by.frame(Opcode.PING, b"half", fin=False),)
    ),
    _frames("masking-key-zero", "a masking key of zeros", _key(bytes(4)), _CHOOSE, senders=_CLIENT),
    _frames(
        "masking-key-reused", "two frames with one masking key", _key(_KEY, _KEY), _CHOOSE, senders=_CLIENT
    ),
    preset(
        "frame-truncated",
        "half a frame, and then the end of the stream",
        FrameFault(_cut, tail=Tail.OPEN),
        _CHOOSE,
    ),
    _frames(
        "continuation-without-start",
        "a continuation of nothing",
        lambda by: (by.frame(Opcode.CONTINUATION, b"lost"),),
    ),
    _frames("data-inside-message", "a text inside of another message", _interrupted),
    _frames("frame-after-close", "a text behind a close frame", _after_close, _CHOOSE, tail=Tail.CLOSE),
    _frames("text-not-utf8", "a text with the byte 0xFF", lambda by: (by.frame(_TEXT, b"caf\xff"),)),
    _frames("text-not-utf8", "a fragmented text with half a surrogate pair", _late_fault, suffix="-late"),
    _close("close-one-byte", "a close frame of one byte", b"\x03"),
    _close("close-code-forbidden", "the close code 1005", (1005).to_bytes(2, "big")),
    _close("close-code-unassigned", "the close code 2999", (2999).to_bytes(2, "big"), _CHOOSE),
    _close(
        "close-reason-not-utf8", "a close reason that is no UTF-8", (1000).to_bytes(2, "big") + b"\xff\xfe"
    ),
)
