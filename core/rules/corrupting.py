"""Faults made in a frame on its way."""

from __future__ import annotations

from core.protocol.frames import Frame, apply_mask
from core.rules.verdict import Corruption

_NEVER_IN_UTF8 = 0xFF


def corrupted(frame: Frame, fault: Corruption) -> Frame:
    """The frame with the fault; one without payload has no bit to turn over and no byte to change."""
    payload = frame.payload
    match fault:
        case Corruption.BIT if payload:
            return frame._replace(payload=payload[:-1] + bytes((payload[-1] ^ 1,)))
        case Corruption.UTF8 if payload:
            middle = len(payload) // 2
            return frame._replace(payload=payload[:middle] + bytes((_NEVER_IN_UTF8,)) + payload[middle + 1 :])
        case Corruption.MASK:
            return _masked_wrongly(frame)
        case Corruption.LENGTH:
            return _one_more(frame)
    return frame


def _masked_wrongly(frame: Frame) -> Frame:
    """What a receiver makes of it: RFC 6455 section 5.3 unmasks by the key of the header."""
    key, payload = frame.masking_key, frame.payload
    if key is None:
        # RFC 6455 section 5.1: where no mask is due. The key is what stands in its place: the payload's first bytes.
        begun = payload[:4].ljust(4, b"\0")
        return frame._replace(masking_key=begun, payload=apply_mask(payload[4:], begun))
    other = bytes(byte ^ 0x5A for byte in key)
    return frame._replace(masking_key=other, payload=apply_mask(apply_mask(payload, key), other))


def _one_more(frame: Frame) -> Frame:
    """The header states one byte more, in the shortest length form that can (RFC 6455 section 5.2)."""
    length = frame.declared_length + 1
    form = frame.length_form
    if form == 0 and length > 125:
        form = 1
    elif form == 1 and length > 0xFFFF:
        form = 2
    return frame._replace(declared_length=length, length_form=form)
