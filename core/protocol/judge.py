"""What is wrong with a frame by itself: its header, its payload, and the body of a close frame.

It remembers only what some rules need: the previous masking key, and what was already reported once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from operator import eq

from core.protocol import close_codes
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import (
    FIN,
    LARGEST_CONTROL_PAYLOAD,
    RSV1,
    RSV2,
    RSV3,
    Frame,
    Opcode,
    shortest_length_form,
)
from core.protocol.state import Role
from core.protocol.utf8 import Utf8Check, is_utf8, utf8_violation
from core.protocol.violations import Judgement, Severity, Violation, violation

_ZERO_KEY = bytes(4)
_TEXT_HEAD = FIN | Opcode.TEXT


class Judge:
    """Judges the frames of one sender."""

    __slots__ = ("_masks", "_reuse_noted", "_zero_noted", "compression", "last_key")

    def __init__(self, sender: Role) -> None:
        self._masks = sender is Role.CLIENT
        self.last_key: bytes | None = None
        """Masking key of the previous frame. Code that takes a plain frame without calling `frame` must set it."""
        self._reuse_noted = False
        self._zero_noted = False
        self.compression = False
        """Whether permessage-deflate was negotiated, which gives RSV1 a meaning."""

    def is_plain(self, frame: Frame) -> bool:
        """Whether mask and length of a frame without RSV bits are correct. Cheap."""
        _, key, _, form, length = frame
        if form and (length < 126 or (form == 2 and length < 0x10000)):
            return False
        if key is None:
            return not self._masks
        if not self._masks:
            return False
        if key == self.last_key:
            return self._reuse_noted or key == _ZERO_KEY
        return key != _ZERO_KEY or self._zero_noted

    def is_plain_run(self, run: FrameColumns, limit: int) -> bool:
        """Whether each frame of `run` is a whole message that breaks no rule.

        `limit` is the maximum size of a message in bytes.
        """
        heads, keys, payloads, forms = run
        # NUL never occurs inside a UTF-8 character, so texts joined by NUL are UTF-8 exactly if each of them is.
        if _TEXT_HEAD in heads and not is_utf8(b"\0".join(payloads)):
            return False
        if any(forms):
            lengths = list(map(len, payloads))
            if max(lengths) > limit or forms != list(map(shortest_length_form, lengths)):
                return False
        elif limit < LARGEST_CONTROL_PAYLOAD and max(map(len, payloads)) > limit:
            return False
        if not self._masks:
            return keys.count(None) == len(keys)
        if None in keys or (not self._zero_noted and _ZERO_KEY in keys):
            return False
        return self._reuse_noted or not (
            keys[0] == self.last_key or any(map(eq, keys, islice(keys, 1, None)))
        )

    def frame(self, frame: Frame) -> list[Violation]:
        """Everything wrong with the header, in bit order."""
        found: list[Violation] = []
        self._reserved_bits(frame, found)
        opcode = frame.opcode
        if opcode not in (0, 1, 2, 8, 9, 10):
            # RFC 6455 section 5.2: an unknown opcode fails the connection.
            found.append(violation("opcode-reserved", f"opcode 0x{opcode:X}", 0, 1))
        if frame.is_control:
            if not frame.fin:
                # RFC 6455 section 5.5: control frames must not be fragmented.
                found.append(violation("control-fragmented", "FIN is 0", 0, 1))
            if frame.declared_length > LARGEST_CONTROL_PAYLOAD:
                # RFC 6455 section 5.5: a control frame's payload is at most 125 bytes.
                found.append(violation("control-too-long", f"{frame.declared_length} bytes", 1, 1))
        self._masking(frame, found)
        self._length(frame, found)
        return found

    def _reserved_bits(self, frame: Frame, found: list[Violation]) -> None:
        if frame.head & RSV1:
            if not self.compression:
                # RFC 6455 section 5.2: RSV bits are 0 unless an extension defines them.
                found.append(violation("rsv1-set", "", 0, 1))
            elif frame.is_control:
                # RFC 7692 section 6.1: only data frames are compressed.
                found.append(violation("rsv1-on-control", "", 0, 1))
            elif frame.opcode == Opcode.CONTINUATION:
                # RFC 7692 section 6.1: only the first fragment sets RSV1.
                found.append(violation("rsv1-on-continuation", "", 0, 1))
        if frame.head & RSV2:
            found.append(violation("rsv2-set", "", 0, 1))
        if frame.head & RSV3:
            found.append(violation("rsv3-set", "", 0, 1))

    def _masking(self, frame: Frame, found: list[Violation]) -> None:
        key = frame.masking_key
        if key is None:
            if self._masks:
                # RFC 6455 section 5.1: a server closes the connection on an unmasked frame.
                found.append(violation("mask-missing", "MASK is 0", 1, 1))
            return
        if not self._masks:
            # RFC 6455 section 5.1: a client closes the connection on a masked frame.
            found.append(violation("mask-forbidden", f"masking key {key.hex(' ')}", 1, 1))
        offset = len(frame.header()) - 4
        if key == _ZERO_KEY:
            if not self._zero_noted:
                self._zero_noted = True
                # RFC 6455 section 5.3: the key must be unpredictable. Reported once per connection.
                found.append(violation("masking-key-zero", "", offset, 4))
        elif key == self.last_key and not self._reuse_noted:
            self._reuse_noted = True
            found.append(violation("masking-key-reused", f"masking key {key.hex(' ')}", offset, 4))
        self.last_key = key

    def _length(self, frame: Frame, found: list[Violation]) -> None:
        size = (0, 2, 8)[frame.length_form]
        if frame.declared_length >> 63:
            # RFC 6455 section 5.2: the most significant bit of a 64-bit length must be 0.
            found.append(violation("length-top-bit", f"declared length {frame.declared_length}", 2, 8))
        elif frame.length_form != shortest_length_form(frame.declared_length):
            # RFC 6455 section 5.2: the minimal number of bytes must be used.
            detail = f"{frame.declared_length} in {size * 8} bits"
            found.append(violation("length-not-minimal", detail, 1, 1 + size))

    def close(self, frame: Frame, found: list[Violation]) -> tuple[int, str]:
        """Code and reason of a close frame; broken rules are added to `found`."""
        payload = frame.payload
        start = len(frame.header())
        if not payload:
            return 1005, ""  # RFC 6455 section 7.1.5: no code was received
        if len(payload) == 1:
            # RFC 6455 section 5.5.1: if there is a body, it begins with a two-byte code.
            found.append(violation("close-one-byte", f"byte 0x{payload[0]:02X}", start, 1))
            return 1005, ""
        code = int.from_bytes(payload[:2], "big")
        if not close_codes.is_defined_in_frame(code):
            # RFC 6455 sections 7.4.1 and 7.4.2.
            reserved = close_codes.is_only_reported(code)
            rule = "close-code-forbidden" if reserved else "close-code-unassigned"
            found.append(violation(rule, f"code {code}", start, 2))
        bad = Utf8Check().feed(payload[2:], final=True)
        if bad is not None:
            found.append(utf8_violation("close-reason-not-utf8", frame, bad + 2))
        return code, payload[2:].decode("utf-8", "replace")


def fatal(found: Sequence[Violation], judgement: Judgement) -> Violation | None:
    """The violation that ends the connection: in strict mode the first error, in tolerant mode none."""
    if judgement is Judgement.STRICT:
        for each in found:
            if each.rule.severity is Severity.ERROR:
                return each
    return None
