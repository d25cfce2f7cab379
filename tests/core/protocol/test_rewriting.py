"""Frames in place of others: when everything after them has to be compressed anew, and that it can be read."""

from __future__ import annotations

import pytest

from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import Origin
from core.protocol.frames import FrameDecoder, Opcode
from core.protocol.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing
from core.protocol.rewriting import Rewriting
from core.protocol.state import Role

TEXT = OutgoingMessage(Opcode.TEXT, b"hello hello hello")


def test_without_compression_nothing_has_to_be_made_anew() -> None:
    rewriting = Rewriting(Role.CLIENT, None)
    rewriting.note_change(is_compressed=False)
    [sent] = rewriting.write(TEXT, Origin.EDITED)
    assert sent.frame.masked
    assert FrameDecoder(100).feed(b"".join(rewriting.take())) == [sent.frame]
    assert not rewriting.differs


@pytest.mark.parametrize("sender", Role)
@pytest.mark.parametrize("forgets", [True, False])
def test_a_context_that_differs_is_known(sender: Role, *, forgets: bool) -> None:
    parameters = DeflateParameters(
        server_no_context_takeover=forgets and sender is Role.SERVER,
        client_no_context_takeover=forgets and sender is Role.CLIENT,
    )
    plain = Rewriting(sender, parameters)
    plain.note_change(is_compressed=False)
    plain.write(OutgoingMessage(Opcode.TEXT, b"plain", compression=Compression.NEVER), Origin.RULE)
    plain.write(OutgoingPing(b"?"), Origin.RULE)
    assert not plain.differs
    dropped, edited = Rewriting(sender, parameters), Rewriting(sender, parameters)
    dropped.note_change(is_compressed=True)
    edited.write(TEXT, Origin.RULE)
    assert (dropped.differs, edited.differs) == (not forgets, not forgets)


def test_its_first_message_refers_to_nothing_before() -> None:
    """The receiver's window is full of what came before."""
    parameters = DeflateParameters(client_max_window_bits=9)
    earlier, reader = Deflater(parameters, Role.CLIENT), Inflater(parameters, Role.SERVER)
    for _ in range(5):
        assert reader.inflate(earlier.compress(TEXT.payload), 1000) == TEXT.payload
    rewriting = Rewriting(Role.CLIENT, parameters)
    for _ in range(5):
        [sent] = rewriting.write(TEXT, Origin.EDITED)
        assert reader.inflate(sent.frame.payload, 1000) == TEXT.payload


def test_fragments_and_close_frames() -> None:
    rewriting = Rewriting(Role.SERVER, None)
    sent = rewriting.write(OutgoingMessage(Opcode.TEXT, b"abcd", 3), Origin.EDITED)
    assert [each.frame.fin for each in sent] == [False, False, True]
    [close] = rewriting.write(OutgoingClose(4000, "bye"), Origin.COMPOSED)
    assert close.frame.payload == b"\x0f\xa0bye"
