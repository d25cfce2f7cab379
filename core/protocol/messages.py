"""Joins fragments to messages, and checks UTF-8 as it arrives (RFC 6455 sections 5.4, 5.6 and 8.1)."""

from __future__ import annotations

from core.errors import InflateError
from core.protocol.deflate import Inflater
from core.protocol.events import Completes, Message
from core.protocol.frames import Frame, Opcode
from core.protocol.limits import Overlong
from core.protocol.steps import Steps
from core.protocol.utf8 import Utf8Check, utf8_violation
from core.protocol.violations import Judgement, Violation, violation


class Fragments:
    """An unfinished fragmented message (RFC 6455 section 5.4)."""

    __slots__ = ("_joined", "compressed", "frame_count", "opcode", "skipped", "utf8")

    def __init__(self, opcode: int, *, compressed: bool) -> None:
        self.opcode = opcode
        self.compressed = compressed
        self.frame_count = 0
        self.skipped = False
        """Whether the message exceeds the limit; its frames then pass and none is kept."""
        # Compressed text can be checked only after it is inflated.
        self.utf8 = Utf8Check() if opcode == Opcode.TEXT and not compressed else None
        self._joined = bytearray()

    def add(self, frame: Frame) -> None:
        self.frame_count += 1
        self._joined += frame.payload

    def skip(self) -> None:
        self.skipped = True
        self._joined.clear()

    @property
    def wire_length(self) -> int:
        """Sum of the payload lengths of the frames so far."""
        return len(self._joined)

    def joined_with(self, last: Frame) -> bytes:
        """All payloads joined; still compressed if the message is."""
        if not self.frame_count:
            return last.payload
        self._joined += last.payload
        return bytes(self._joined)


class Assembler:
    """Joins data frames to messages, and finds the rules that a frame breaks by its place in the sequence."""

    __slots__ = ("_context_lost", "_fragments", "_judgement", "_limit", "_overlong", "inflater")

    def __init__(self, limit: int, judgement: Judgement, overlong: Overlong = Overlong.ENDS) -> None:
        """`limit` is the maximum size of a message in bytes."""
        self._limit = limit
        self._judgement = judgement
        self._overlong = overlong
        self._context_lost = False
        """Whether a compressed message was not inflated, to which later ones may refer."""
        self._fragments: Fragments | None = None
        self.inflater: Inflater | None = None
        """Set if permessage-deflate was negotiated."""

    @property
    def idle(self) -> bool:
        """Whether no fragmented message is unfinished."""
        return self._fragments is None

    @property
    def held_bytes(self) -> int:
        """Bytes of the unfinished message, and the inflater's state."""
        held = 0 if self._fragments is None else self._fragments.wire_length
        return held if self.inflater is None else held + self.inflater.held_bytes

    def drop(self) -> None:
        """Forget the unfinished message."""
        self._fragments = None

    def adding(self, frame: Frame, found: list[Violation]) -> Steps[Message | Completes | None]:
        """Add a data frame to its message; the result is the message if it is complete now."""
        fragments = self._place(frame, found)
        if fragments is None or fragments.skipped:
            return None
        length = fragments.wire_length + len(frame.payload)
        if length > self._limit:
            found.append(over_limit(length, self._limit, self._overlong))
            self._skip(fragments)
            return None
        if fragments.utf8 is not None:
            bad = yield from fragments.utf8.feeding(frame.payload, final=frame.fin)
            if bad is not None:
                found.append(utf8_violation("text-not-utf8", frame, bad))
                fragments.utf8 = None
        if frame.fin:
            return (yield from self._completing(fragments, frame, found))
        fragments.add(frame)
        return None

    def pass_by(self, frame: Frame, found: list[Violation]) -> None:
        """Note a data frame that is not held completely: its message is not assembled."""
        fragments = self._place(frame, found)
        if fragments is not None and not fragments.skipped:
            self._skip(fragments)

    def _place(self, frame: Frame, found: list[Violation]) -> Fragments | None:
        """The message that a data frame belongs to; None if the frame is out of sequence."""
        opcode = frame.opcode
        if opcode == Opcode.CONTINUATION:
            if self._fragments is None:
                # RFC 6455 section 5.4: a continuation must continue something.
                found.append(violation("continuation-without-start", "", 0, 1))
                return None
        elif opcode in (Opcode.TEXT, Opcode.BINARY):
            if self._fragments is not None:
                # RFC 6455 section 5.4: fragments of two messages must not be interleaved.
                detail = f"the message before it has no last frame, after {self._fragments.frame_count}"
                found.append(violation("data-inside-message", detail, 0, 1))
                if self._judgement is Judgement.STRICT:
                    return None
                self._lose(self._fragments)
            self._fragments = Fragments(opcode, compressed=frame.rsv1 and self.inflater is not None)
        else:
            return None
        fragments = self._fragments
        if frame.fin:
            self._fragments = None
        return fragments

    def _skip(self, fragments: Fragments) -> None:
        fragments.skip()
        self._lose(fragments)

    def _lose(self, fragments: Fragments) -> None:
        """Give up a message without inflating it; later ones must not be inflated from older data instead."""
        if fragments.compressed and self.inflater is not None:
            self._lose_context(self.inflater)

    def _lose_context(self, inflater: Inflater) -> None:
        # An endpoint's peer sees the connection fail; a peer that is only observed did nothing wrong.
        self._context_lost = self._overlong is Overlong.READ_PAST and inflater.keeps_context
        inflater.reset()

    def _completing(
        self, fragments: Fragments, last: Frame, found: list[Violation]
    ) -> Steps[Message | Completes | None]:
        count = fragments.frame_count + 1
        payload = fragments.joined_with(last)
        if not fragments.compressed:
            if count == 1:
                return Completes.ITSELF
            return Message(fragments.opcode, payload, False, count, len(payload))
        inflater = self.inflater
        assert inflater is not None
        if self._context_lost:
            found.append(violation("not-inflated", f"{len(payload)} bytes, compressed"))
            return None
        wire_length = len(payload)
        try:
            payload = yield from inflater.inflating(payload, self._limit)
        except InflateError as error:
            if error.rule == "inflates-too-big" and self._overlong is Overlong.READ_PAST:
                found.append(violation("not-held", f"it inflates past the limit of {self._limit} bytes"))
                self._lose_context(inflater)
            else:
                found.append(violation(error.rule, str(error), len(last.header()), len(last.payload)))
                inflater.reset()
            return None
        if fragments.opcode == Opcode.TEXT:
            bad = yield from Utf8Check().feeding(payload, final=True)
            if bad is not None:
                found.append(violation("text-not-utf8", f"byte {bad} of the inflated message"))
        return Message(fragments.opcode, payload, True, count, wire_length)


def over_limit(length: int, limit: int, overlong: Overlong) -> Violation:
    """The violation of a message or frame whose `length` in bytes exceeds the limit."""
    rule = "message-too-big" if overlong is Overlong.ENDS else "not-held"
    return violation(rule, f"{length} bytes, the limit is {limit}", 1, 1)
