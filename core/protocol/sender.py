"""What goes out: messages cut into frames, compressed, masked, and written in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain, repeat

from core.protocol.deflate import Deflater
from core.protocol.events import Completes, Event, FrameSent, Message, Origin
from core.protocol.frames import FIN, RSV1, Frame, Opcode, new_masking_key, shortest_length_form
from core.protocol.state import Role

_ITSELF = Completes.ITSELF
_new_sent: Callable[[type[FrameSent], Iterable[object]], FrameSent] = tuple.__new__
_new_frame: Callable[[type[Frame], Iterable[object]], Frame] = tuple.__new__


@cache
def _short_header(head: int, length: int) -> bytes:
    """The whole header of an unmasked frame of less than 126 bytes; at most 256 × 126 of them."""
    return bytes((head, length))


class Sender:
    """Turns what is to be said into bytes, and tells of every frame. Knows no states; `Connection` does."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._out: list[bytes] = []
        self.deflater: Deflater | None = None
        """Set where permessage-deflate was negotiated."""

    def write(self, data: bytes) -> None:
        """Bytes that are no frame: a head."""
        self._out.append(data)

    def take(self) -> bytes:
        """All bytes since the last call."""
        if not self._out:
            return b""
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return data

    def message(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> list[Event]:
        """A whole message, in `fragments` frames of about the same size; compressed if negotiated and `compress`."""
        if self.deflater is not None and compress:
            data, rsv = self.deflater.compress(payload), RSV1  # RFC 7692 section 6.1
        else:
            data, rsv = payload, 0
        if fragments == 1:
            whole = _ITSELF if not rsv else Message(opcode, payload, True, 1, len(data))
            return self._frames([FIN | rsv | opcode], [data], [whole], origin)
        # RFC 6455 section 5.4: the opcode stands on the first frame, FIN on the last.
        size = max(1, -(-len(data) // fragments))
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        pieces += [b""] * (fragments - len(pieces))
        heads = [opcode | rsv, *[int(Opcode.CONTINUATION)] * (fragments - 2), FIN | Opcode.CONTINUATION]
        message = Message(opcode, payload, rsv != 0, fragments, len(data))
        return self._frames(heads, pieces, [*[None] * (fragments - 1), message], origin)

    def messages(self, opcodes: Sequence[int], payloads: Sequence[bytes], *, origin: Origin) -> list[Event]:
        """Many messages, each as one frame: `message` for many at once."""
        if self.deflater is not None:
            events: list[Event] = []
            for opcode, payload in zip(opcodes, payloads, strict=True):
                events += self.message(opcode, payload, origin=origin)
            return events
        return self._frames([FIN | opcode for opcode in opcodes], payloads, repeat(_ITSELF), origin)

    def control(self, opcode: Opcode, payload: bytes, *, origin: Origin) -> list[Event]:
        """A control frame."""
        return self._frames([FIN | opcode], [payload], [None], origin)

    def _frames(
        self,
        heads: Sequence[int],
        payloads: Sequence[bytes],
        completes: Iterable[Message | Completes | None],
        origin: Origin,
    ) -> list[Event]:
        """The one way by which frames go out: first bytes, payloads, and what each frame completes, by columns.

        A frame that goes out alone takes the short way, `_frame`.
        """
        if len(heads) == 1:
            return [self._frame(heads[0], payloads[0], next(iter(completes)), origin)]
        lengths = list(map(len, payloads))
        if self._role is Role.CLIENT:
            # RFC 6455 section 5.3: a client masks each frame with a fresh key.
            keys: Iterable[bytes | None] = [new_masking_key() for _ in heads]
        else:
            keys = repeat(None)  # RFC 6455 section 5.1: a server must not mask.
        longest = max(lengths, default=0)
        forms: Iterable[int] = repeat(0) if longest < 126 else map(shortest_length_form, lengths)
        frames = list(
            map(_new_frame, repeat(Frame), zip(heads, keys, payloads, forms, lengths, strict=False))
        )
        if self._role is Role.CLIENT:
            self._out += [frame.wire() for frame in frames]
        elif longest < 126:
            headers = map(_short_header, heads, lengths)
            self._out += chain.from_iterable(zip(headers, payloads, strict=True))
        else:
            for frame in frames:
                self._out.append(frame.header())
                self._out.append(frame.payload)
        return list(map(_new_sent, repeat(FrameSent), zip(frames, repeat(origin), completes, strict=False)))

    def _frame(
        self, head: int, payload: bytes, completes: Message | Completes | None, origin: Origin
    ) -> FrameSent:
        """`_frames` for one."""
        length = len(payload)
        form = 0 if length < 126 else int(shortest_length_form(length))
        key = new_masking_key() if self._role is Role.CLIENT else None
        frame = Frame(head, key, payload, form, length)
        if key is None and form == 0:
            self._out.append(bytes((head, length)) + payload)
        else:
            self._out.append(frame.header())
            self._out.append(frame.masked_payload())
        return FrameSent(frame, origin, completes)
