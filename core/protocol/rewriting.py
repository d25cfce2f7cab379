"""Makes the frames that go on in place of others, or between them, toward one receiver.

What passes untouched is not made here: it goes on as it came, as long as its receiver can read it so. With context
takeover (RFC 7692 section 7.1.1) a compressed message may refer to those before it. So as soon as the receiver lacks
a compressed message, or gets another one, every compressed message is compressed anew. That may begin at any time,
because an own compressor refers to nothing that it has not sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.protocol.close_codes import closing_payload
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import Event, FrameSent, Origin, Report, singly
from core.protocol.frames import Opcode
from core.protocol.limits import ConnectionLimits
from core.protocol.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing, Written
from core.protocol.sender import Sender, check_control_payload
from core.protocol.state import Role
from core.protocol.steps import Steps, finish


class Rewriting:
    """One direction. `sender` is the side in whose place Unmask speaks."""

    def __init__(self, sender: Role, deflate: DeflateParameters | None) -> None:
        """`deflate` is what client and server have agreed on."""
        self._sender = Sender(sender)
        self._keeps_context = False
        self._deflate = deflate
        self.has_closed = False
        """Whether raw bytes had a close frame in them."""
        if deflate is not None:
            self._sender.deflater = Deflater(deflate, sender)
            is_client = sender is Role.CLIENT
            self._keeps_context = not (
                deflate.client_no_context_takeover if is_client else deflate.server_no_context_takeover
            )
        self.differs = False
        """Whether the receiver's context is no longer that of the sender."""

    @property
    def held_bytes(self) -> int:
        """Bytes that the compressor holds between messages."""
        return self._sender.held_bytes

    def note_change(self, *, is_compressed: bool) -> None:
        """A message does not reach the receiver as it came and in its turn."""
        if is_compressed and self._keeps_context:
            self.differs = True

    def write(self, outgoing: Written, origin: Origin) -> Sequence[FrameSent]:
        """Make the frames of it; `take` gives their bytes."""
        return finish(self.writing(outgoing, origin))

    def writing(self, outgoing: Written, origin: Origin) -> Steps[Sequence[FrameSent]]:
        """`write` in steps. No other message may be written until they are done."""
        sender = self._sender
        events: list[Event]
        if isinstance(outgoing, OutgoingMessage):
            compress = outgoing.compression is Compression.AS_NEGOTIATED
            self.note_change(is_compressed=compress and sender.deflater is not None)
            events = yield from sender.composing(
                outgoing.opcode,
                outgoing.payload,
                origin=origin,
                fragments=max(1, outgoing.fragments),
                compress=compress,
            )
        elif isinstance(outgoing, OutgoingClose):
            payload = closing_payload(outgoing.code, outgoing.reason)
            events = sender.control(Opcode.CLOSE, payload, origin=origin)
        else:
            opcode = Opcode.PING if isinstance(outgoing, OutgoingPing) else Opcode.PONG
            events = sender.control(opcode, check_control_payload(outgoing.payload), origin=origin)
        return _frames_in(events)

    def begin_raw(self) -> None:
        """From here on until `end_raw`, nothing but raw bytes may be written."""
        if self._deflate is not None:
            # Later messages of the sender may not refer to what it does not know of.
            self.note_change(is_compressed=True)
        self._sender.begin_raw(ConnectionLimits(), self._deflate)

    def raw(self, data: bytes, origin: Origin) -> Sequence[FrameSent]:
        """Write bytes as they are; gives the frames that they complete."""
        return _frames_in(self._sender.raw(data, origin))

    def end_raw(self) -> Sequence[FrameSent]:
        """What is left of a frame: what passes next is taken for the rest of it."""
        self.has_closed = self._sender.has_closed
        return _frames_in([*self._sender.end_raw(), *self._sender.end()])

    def take(self) -> list[bytes]:
        """The bytes of all frames since the last call."""
        return self._sender.take()


def _frames_in(reports: Sequence[Report]) -> list[FrameSent]:
    return [event for event in singly(reports) if isinstance(event, FrameSent)]
