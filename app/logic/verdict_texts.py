"""What rules would make of a message, in words. No Qt here."""

from __future__ import annotations

from collections.abc import Iterator

from app.logic.text import count_bytes, counted, cut
from core.decoders.visible import visible
from core.protocol.frames import Opcode
from core.protocol.outgoing import (
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)
from core.protocol.state import Role
from core.rules.verdict import Cut, HandshakeVerdict, Hold, Onward, Replacement, Send, Verdict

SHOWN_BYTES = 4096
"""Bytes of a payload that are shown."""
_SHOWN_SENDS = 20
_SIDES = {Role.CLIENT: "the client", Role.SERVER: "the server"}


def verdict_text(verdict: Verdict | HandshakeVerdict | None) -> str:
    """The verdict in lines; None is no rule's verdict."""
    if verdict is None:
        return "It goes on unchanged: the rule does not apply to it."
    if isinstance(verdict, HandshakeVerdict):
        return "\n".join(_handshake_lines(verdict)) or "It goes on unchanged."
    return "\n".join(_lines(verdict))


def payload_text(opcode: int, payload: bytes) -> str:
    """A payload to be read: text as it is, binary as hex digits."""
    shown = payload[:SHOWN_BYTES]
    text = shown.decode("utf-8", "backslashreplace") if opcode == Opcode.TEXT else shown.hex(" ")
    more = len(payload) - len(shown)
    return visible(text) + (f"\n… and {count_bytes(more)} more" if more else "")


def _lines(verdict: Verdict) -> Iterator[str]:
    onward = verdict.onward
    if isinstance(onward, Replacement):
        yield from _message("Goes on as", onward.opcode, onward.payload)
    elif isinstance(onward, Hold):
        yield f"Is held for you, {onward.seconds:g} seconds at most."
    elif onward is Onward.DROP:
        yield "Is dropped."
    else:
        yield "Goes on unchanged."
    if verdict.delay_seconds:
        yield f"Goes on {verdict.delay_seconds:g} s later."
    if verdict.bytes_per_second is not None:
        yield f"Goes on at {verdict.bytes_per_second:g} bytes a second."
    if verdict.copies > 1:
        yield f"Goes on {verdict.copies} times."
    if verdict.behind:
        yield f"Goes on after {counted(verdict.behind, '1 later one', '{count} later ones')}."
    if verdict.corruption is not None:
        yield f"Is corrupted: {verdict.corruption.value}."
    for send in verdict.sends[:_SHOWN_SENDS]:
        yield from _send(send)
    if len(verdict.sends) > _SHOWN_SENDS:
        yield f"… and {len(verdict.sends) - _SHOWN_SENDS} messages more"
    if verdict.cut is not None:
        yield "Cuts the connection." if verdict.cut is Cut.RESET else "Ends the stream toward its receiver."
    for note in verdict.notes:
        yield f"Note: {cut(visible(note), 500)}"
    if verdict.recorded is not None:
        yield from _message("Is recorded as", Opcode.TEXT, verdict.recorded)


def _handshake_lines(verdict: HandshakeVerdict) -> Iterator[str]:
    if verdict.delay_seconds:
        yield f"Goes on {verdict.delay_seconds:g} s later."
    if verdict.is_silent:
        yield "Is never answered."
    if verdict.answer is not None:
        answer = verdict.answer
        yield f"Is answered with {answer.status}, {count_bytes(len(answer.body))} of body."
        yield from (f"  {visible(name)}: {visible(value)}" for name, value in answer.headers)
    yield from (f"Without the header {visible(name)}." for name in verdict.removed)
    yield from (f"With the header {visible(name)}: {visible(value)}" for name, value in verdict.added)
    if verdict.subprotocol is not None:
        yield (
            f"With the subprotocol {visible(verdict.subprotocol)}."
            if verdict.subprotocol
            else "Without a subprotocol."
        )
    if verdict.drops_extensions:
        yield "Without extensions."
    if verdict.breaks_accept:
        yield "With a wrong Sec-WebSocket-Accept."
    yield from (f"The value of {visible(name)} is not recorded." for name in verdict.recorded_without)
    yield from (f"Note: {cut(visible(note), 500)}" for note in verdict.notes)


def _send(send: Send) -> Iterator[str]:
    to = f"To {_SIDES[send.toward]}"
    if send.after_seconds:
        to += f", after {send.after_seconds:g} s"
    yield from _outgoing(to, send.outgoing)


def _outgoing(to: str, outgoing: Outgoing) -> Iterator[str]:
    match outgoing:
        case OutgoingMessage(opcode=opcode, payload=payload):
            yield from _message(f"{to} goes", opcode, payload)
        case OutgoingPing(payload=payload):
            yield from _message(f"{to} goes a ping with", Opcode.BINARY, payload)
        case OutgoingPong(payload=payload):
            yield from _message(f"{to} goes a pong with", Opcode.BINARY, payload)
        case OutgoingClose(code=code, reason=reason):
            yield f"{to} goes a close{'' if code is None else f' {code}'} {visible(reason)}".rstrip()


def _message(words: str, opcode: int, payload: bytes) -> Iterator[str]:
    kind = "text" if opcode == Opcode.TEXT else "binary"
    yield f"{words} {kind}, {count_bytes(len(payload))}:"
    yield payload_text(opcode, payload)
