"""The line of facts above a message, and the choice of the bytes shown for a frame."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication

from app.logic.shown_frame import ShownFrame
from app.logic.text import count_bytes, grouped
from core.capture.records import FrameOutline, MessageInfo
from core.decoders.context import Context
from core.decoders.source import Rest, Source
from core.decoders.visible import visible
from core.protocol.close_codes import describe
from core.protocol.frames import Frame, Opcode, opcode_name

_translate = QCoreApplication.translate


def shown_content(shown: ShownFrame) -> tuple[Source, Context]:
    """The bytes to decode, and their context.

    They are the message that the frame completed, the reason of a close frame, or the frame's own payload.
    """
    context, opcode = shown.context, shown.outline.frame.opcode
    if shown.outline.row.message is None:
        if opcode == Opcode.CLOSE and len(shown.payload) >= 2:
            # RFC 6455 section 5.5.1: the reason is UTF-8 text after the two bytes of the code.
            return Rest(shown.payload, 2), replace(context, opcode=Opcode.TEXT)
        if opcode in (Opcode.PING, Opcode.PONG):
            return shown.payload, replace(context, opcode=Opcode.BINARY)
    return shown.content, context


def describe_message(outline: FrameOutline) -> str:
    """A line such as `text · 1,234 bytes · inflated from 456 bytes (2.7×) · 3 frames · complete`."""
    message = outline.row.message
    return " · ".join(_message_facts(message) if message is not None else _frame_facts(outline))


def _message_facts(message: MessageInfo) -> list[str]:
    facts = [opcode_name(message.opcode), count_bytes(message.length)]
    if message.compressed:
        facts.append(_inflated(message))
    if message.frame_count > 1:
        facts.append(_translate("MessageView", "{0} frames").format(grouped(message.frame_count)))
    facts.append(_translate("MessageView", "complete"))
    return facts


def _inflated(message: MessageInfo) -> str:
    text = _translate("MessageView", "inflated from {0}").format(count_bytes(message.wire_length))
    if not message.wire_length or not message.length:
        return text
    return f"{text} ({message.length / message.wire_length:.1f}×)"


def _frame_facts(outline: FrameOutline) -> list[str]:
    frame, row = outline.frame, outline.row
    facts = [opcode_name(frame.opcode), count_bytes(row.captured_length)]
    if row.truncated:
        facts.append(_translate("MessageView", "of {0} declared").format(count_bytes(frame.declared_length)))
    if frame.opcode == Opcode.CLOSE:
        facts[1:] = [_close(frame.payload)]
    elif not frame.is_control:
        facts.append(_fragment(frame))
    return facts


def _close(payload: bytes) -> str:
    if not payload:
        return _translate("MessageView", "without a code")
    if len(payload) == 1:
        return _translate("MessageView", "half a code, which is one byte too few")
    code = int.from_bytes(payload[:2], "big")
    said = describe(code)
    reason = (
        _translate("MessageView", "reason below") if payload[2:] else _translate("MessageView", "no reason")
    )
    return visible(f"{code} {said.name}: {said.explanation} · {reason}")


def _fragment(frame: Frame) -> str:
    if frame.rsv1:
        return _translate("MessageView", "a compressed piece of a message that is not complete here")
    if frame.fin and frame.opcode in (Opcode.TEXT, Opcode.BINARY):
        return _translate("MessageView", "not a message: see the Frame tab")
    if frame.fin:
        return _translate("MessageView", "the last piece, but there is no message")
    return _translate("MessageView", "a piece of a message that is not complete here")
