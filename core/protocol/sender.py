"""Outgoing traffic: messages are cut into frames, compressed, masked and written in one place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain, groupby, repeat

from core.errors import PayloadError
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import Completes, Event, FrameSent, Message, Origin, Report, RunSent, singly
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import (
    FIN,
    LARGEST_CONTROL_PAYLOAD,
    RSV1,
    Frame,
    Opcode,
    encode_header,
    new_masking_key,
    shortest_length_form,
)
from core.protocol.limits import ConnectionLimits
from core.protocol.sight import Sight
from core.protocol.state import Role
from core.protocol.steps import Steps, finish

_ITSELF = Completes.ITSELF
_APART_BYTES = 16 * 1024
"""Payloads of this size and larger are not copied after their header."""

_DEFLATED_AT_ONCE = 64
"""Messages compressed in one step."""


@cache
def _short_header(head: int, length: int) -> bytes:
    """The complete header of an unmasked frame of less than 126 bytes; there are at most 256 × 126."""
    return bytes((head, length))


def check_control_payload(payload: bytes) -> bytes:
    """`payload` if a control frame can carry it (RFC 6455 section 5.5), else PayloadError."""
    if len(payload) > LARGEST_CONTROL_PAYLOAD:
        raise PayloadError(
            f"A ping or pong carries at most {LARGEST_CONTROL_PAYLOAD} bytes and this has {len(payload)}; shorten it."
        )
    return payload


class Sender:
    """Turns messages into bytes, and reports every frame. It knows no states; `Endpoint` does."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._out: list[bytes] = []
        self.deflater: Deflater | None = None
        """Set if permessage-deflate was negotiated."""
        self.busy = False
        """Whether `deflating` is unfinished; no other message may be sent until it is."""
        self._sight: Sight | None = None
        """Reads what goes out, from the first raw bytes on."""
        self._behind: list[tuple[bytes, Origin]] = []
        """What waits for the end of the raw bytes that are under way."""
        self._is_raw = False
        """Whether raw bytes are under way."""

    @property
    def held_bytes(self) -> int:
        """Bytes that the compressor holds between messages, that wait behind raw bytes, and of an unfinished frame."""
        held = 0 if self.deflater is None else self.deflater.held_bytes
        if self._sight is not None:
            held += self._sight.held_bytes + sum(len(data) for data, _ in self._behind)
        return held

    @property
    def has_closed(self) -> bool:
        """Whether raw bytes had a close frame in them."""
        return self._sight is not None and self._sight.has_closed

    def write(self, data: bytes) -> None:
        """Write bytes outside of frames: a head."""
        self._out.append(data)

    def take(self) -> list[bytes]:
        """All bytes since the last call; small pieces are joined, large payloads stand alone and uncopied."""
        out, self._out = self._out, []
        if len(out) < 2:
            return out
        if max(map(len, out)) < _APART_BYTES:
            return [b"".join(out)]
        pieces: list[bytes] = []
        for is_large, run in groupby(out, lambda piece: len(piece) >= _APART_BYTES):
            part = list(run)
            pieces += part if is_large else [b"".join(part)]
        return pieces

    # Raw bytes.

    def begin_raw(self, limits: ConnectionLimits, deflate: DeflateParameters | None) -> None:
        """From here on until `end_raw`, all else waits."""
        if self._sight is None:
            self._sight = Sight(self._role, limits, deflate)
        if deflate is not None:
            # Refers to nothing that went out before: raw messages stand in the receiver's window and not in ours.
            self.deflater = Deflater(deflate, self._role)
        self._is_raw = True

    def raw(self, data: bytes, origin: Origin) -> list[Report]:
        """Write bytes as they are; gives the frames that they complete."""
        assert self._sight is not None, "begin_raw comes first"
        self._out.append(data)
        return self._sight.feed(data, origin)

    def end_raw(self) -> list[Report]:
        """Write what had to wait; gives the frames in it."""
        self._is_raw = False
        waiting, self._behind = self._behind, []
        told: list[Report] = []
        for data, origin in waiting:
            assert self._sight is not None
            self._out.append(data)
            told += self._sight.feed(data, origin)
        return told

    def end(self) -> list[Report]:
        """Nothing more goes out; gives what is left of a frame."""
        self._behind.clear()
        sight, self._sight = self._sight, None
        return [] if sight is None else sight.end(Origin.COMPOSED)

    def _seen(self, since: int, origin: Origin) -> list[Event]:
        """What the pieces written from `since` on mean; while raw bytes are under way, they wait instead."""
        assert self._sight is not None
        written = b"".join(self._out[since:])
        if self._is_raw:
            del self._out[since:]
            self._behind.append((written, origin))
            return []
        return singly(self._sight.feed(written, origin))

    # Messages and control frames.

    def message(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> list[Event]:
        """Send a whole message in `fragments` frames of similar size; compressed if negotiated and `compress`."""
        return finish(self.composing(opcode, payload, origin=origin, fragments=fragments, compress=compress))

    def composing(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> Steps[list[Event]]:
        """`message` in steps. No other message may be sent until they are done."""
        if self.deflater is not None and compress:
            # RFC 7692 section 6.1.
            data, rsv = (yield from self.deflater.compressing(payload)), RSV1
        else:
            data, rsv = payload, 0
        if fragments == 1:
            whole = _ITSELF if not rsv else Message(opcode, payload, True, 1, len(data))
            return self._frames([FIN | rsv | opcode], [data], [whole], origin)
        # RFC 6455 section 5.4: the first frame has the opcode, the last one FIN.
        size = max(1, -(-len(data) // fragments))
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        pieces += [b""] * (fragments - len(pieces))
        heads = [opcode | rsv, *[int(Opcode.CONTINUATION)] * (fragments - 2), FIN | Opcode.CONTINUATION]
        message = Message(opcode, payload, rsv != 0, fragments, len(data))
        return self._frames(heads, pieces, [*[None] * (fragments - 1), message], origin)

    def messages(self, opcodes: Sequence[int], payloads: list[bytes], *, origin: Origin) -> Sequence[Report]:
        """Send many messages with one frame each: `message` for many at once."""
        if len(payloads) == 1 and self.deflater is None:
            return self._frame(FIN | opcodes[0], payloads[0], _ITSELF, origin)
        if self.deflater is not None:
            return finish(self.deflating(opcodes, payloads, origin=origin))
        if self._role is Role.CLIENT or self._sight is not None or not payloads:
            rows = zip(opcodes, payloads, strict=True)
            return [
                e for opcode, payload in rows for e in self._frame(FIN | opcode, payload, _ITSELF, origin)
            ]
        heads = [FIN | opcode for opcode in opcodes]
        lengths = list(map(len, payloads))
        forms = [0] * len(heads)
        if max(lengths) < 126:
            headers = map(_short_header, heads, lengths)
        else:
            forms = list(map(int, map(shortest_length_form, lengths)))
            headers = map(encode_header, heads, repeat(None), lengths, forms)
        self._out += chain.from_iterable(zip(headers, payloads, strict=True))
        return [RunSent(FrameColumns(heads, [None] * len(heads), payloads, forms), origin)]

    def deflating(
        self, opcodes: Sequence[int], payloads: list[bytes], *, origin: Origin
    ) -> Steps[Sequence[Report]]:
        """`messages` with compression, in steps."""
        assert self.deflater is not None
        self.busy = True
        events: list[Event] = []
        for number, (opcode, payload) in enumerate(zip(opcodes, payloads, strict=True), 1):
            if number % _DEFLATED_AT_ONCE == 0:
                yield
            data = yield from self.deflater.compressing(payload)
            whole = Message(opcode, payload, True, 1, len(data))
            events += self._frame(FIN | RSV1 | opcode, data, whole, origin)
        self.busy = False
        return events

    def control(self, opcode: Opcode, payload: bytes, *, origin: Origin) -> list[Event]:
        """Send a control frame."""
        return self._frame(FIN | opcode, payload, None, origin)

    def _frames(
        self,
        heads: Sequence[int],
        payloads: Sequence[bytes],
        completes: Sequence[Message | Completes | None],
        origin: Origin,
    ) -> list[Event]:
        """First bytes, payloads, and what each frame completes."""
        rows = zip(heads, payloads, completes, strict=True)
        return [event for row in rows for event in self._frame(*row, origin)]

    def _frame(
        self, head: int, payload: bytes, completes: Message | Completes | None, origin: Origin
    ) -> list[Event]:
        """Write one frame; all single frames pass here."""
        since = len(self._out)
        length = len(payload)
        form = 0 if length < 126 else int(shortest_length_form(length))
        key = new_masking_key() if self._role is Role.CLIENT else None
        frame = Frame(head, key, payload, form, length)
        if key is None and form == 0:
            self._out.append(bytes((head, length)) + payload)
        else:
            self._out.append(frame.header())
            self._out.append(frame.masked_payload())
        if self._sight is not None:
            return self._seen(since, origin)
        return [FrameSent(frame, origin, completes)]
