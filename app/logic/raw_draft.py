"""A raw frame as a person writes it: every field as it stands in its box, and the bytes that come of it. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from app.logic.compose import ComposeKind, payload_of
from core.errors import PayloadError
from core.protocol.deflate import DeflateParameters
from core.protocol.events import FrameSent, Origin, singly
from core.protocol.frames import RSV1, RSV2, RSV3, Frame, FrameDecoder, LengthForm, Opcode
from core.protocol.limits import ConnectionLimits
from core.protocol.outgoing import OutgoingRaw, RawEnd
from core.protocol.raw_frames import Pacing, RawFrame, paced
from core.protocol.sight import Sight
from core.protocol.state import Role
from core.protocol.violations import Violation

LOOKED_AT = 4 * 1024 * 1024
"""Bytes of a draft that are judged while it is written."""


class Form(Enum):
    """What the draft describes. The values are stored in settings."""

    FRAME = "frame"
    BYTES = "bytes"
    """No frame, but the bytes themselves."""


class Masking(Enum):
    """The MASK bit and the key. The values are stored in settings."""

    USUAL = "usual"
    """A fresh key toward a server, and none toward a client."""
    NONE = "none"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class RawDraft:
    """The boxes of the page."""

    form: Form = Form.FRAME
    payload_kind: ComposeKind = ComposeKind.TEXT
    """TEXT, HEX or FILE."""
    text: str = ""
    """The payload, or the bytes, or the path of the file that has them."""
    opcode: int = int(Opcode.TEXT)
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False
    masking: Masking = Masking.USUAL
    key: str = ""
    """The masking key in hex, for KEY."""
    length_form: LengthForm | None = None
    stated_length: str = ""
    """The length that the header states; "" for the true one."""
    cuts: str = ""
    """Offsets at which the bytes are cut, such as `2, 6`."""
    every: int = 0
    """Bytes of a piece; 0 for no more cuts."""
    pause_ms: int = 0
    stop_after: str = ""
    """Bytes that go out; "" for all."""
    end: RawEnd = RawEnd.GO_ON


def raw_frame(draft: RawDraft, sender: Role, fresh_key: bytes) -> RawFrame:
    """The frame that the boxes describe; `fresh_key` masks it where that is usual. Raises PayloadError."""
    key: bytes | None = None
    if draft.masking is Masking.KEY:
        key = payload_of(ComposeKind.HEX, draft.key)
    elif draft.masking is Masking.USUAL and sender is Role.CLIENT:
        key = fresh_key
    flags = ((draft.rsv1, RSV1), (draft.rsv2, RSV2), (draft.rsv3, RSV3))
    return RawFrame(
        draft.opcode,
        payload_of(draft.payload_kind, draft.text),
        draft.fin,
        sum(bit for is_set, bit in flags if is_set),
        key,
        draft.length_form,
        _number(draft.stated_length, "length") if draft.stated_length.strip() else None,
    )


def raw_bytes(draft: RawDraft, sender: Role, fresh_key: bytes) -> bytes:
    """All bytes of the draft, before they are cut. Raises PayloadError."""
    if draft.form is Form.BYTES:
        return payload_of(draft.payload_kind, draft.text)
    return raw_frame(draft, sender, fresh_key).wire()


def outgoing_raw(draft: RawDraft, sender: Role, fresh_key: bytes) -> OutgoingRaw:
    """What goes out, in its pieces. Raises PayloadError."""
    pacing = Pacing(
        _numbers(draft.cuts),
        draft.every,
        draft.pause_ms / 1000,
        _number(draft.stop_after, "number of bytes") if draft.stop_after.strip() else None,
    )
    return paced(raw_bytes(draft, sender, fresh_key), pacing, draft.end)


@dataclass(frozen=True, slots=True)
class Seen:
    """What bytes mean to their receiver, if they come between two frames."""

    frames: tuple[Frame, ...]
    """The frames in them, the last of which may be cut."""
    violations: tuple[Violation, ...]
    behind: int
    """Bytes after the last frame that are none yet."""

    @property
    def first(self) -> Frame | None:
        return self.frames[0] if self.frames else None


def seen(raw: OutgoingRaw, sender: Role, deflate: DeflateParameters | None) -> Seen:
    """What goes out as its receiver sees it, with the rules that it breaks. Only the beginning of much is looked at."""
    data = b"".join(piece.data for piece in raw.pieces)[:LOOKED_AT]
    sight = Sight(sender, ConnectionLimits(), deflate)
    reports = [*sight.feed(data, Origin.COMPOSED), *sight.end(Origin.COMPOSED)]
    frames: list[Frame] = []
    found: list[Violation] = []
    for event in singly(reports):
        if isinstance(event, FrameSent):
            frames.append(event.frame)
            found += event.violations
    used = sum(len(frame.header()) + len(frame.payload) for frame in frames)
    return Seen(tuple(frames), tuple(found), max(0, len(data) - used))


def frame_draft(frame: Frame) -> RawDraft:
    """The boxes for a frame that was seen, bit by bit the same."""
    return RawDraft(
        payload_kind=ComposeKind.HEX,
        text=frame.payload.hex(" "),
        opcode=frame.opcode,
        fin=frame.fin,
        rsv1=frame.rsv1,
        rsv2=frame.rsv2,
        rsv3=frame.rsv3,
        masking=Masking.NONE if frame.masking_key is None else Masking.KEY,
        key="" if frame.masking_key is None else frame.masking_key.hex(" "),
        length_form=LengthForm(frame.length_form),
        stated_length=str(frame.declared_length) if frame.truncated else "",
    )


def fault_draft(raw: OutgoingRaw) -> RawDraft:
    """The boxes for ready bytes: a frame if they are one, else the bytes themselves."""
    data = b"".join(piece.data for piece in raw.pieces)
    decoder = FrameDecoder(len(data))
    frames = decoder.feed(data)
    partial, rest = decoder.take_partial()
    if partial is not None:
        frames.append(partial)
    if len(frames) == 1 and not rest:
        draft = frame_draft(frames[0])
    else:
        draft = RawDraft(Form.BYTES, ComposeKind.HEX, data.hex(" "))
    if len(raw.pieces) > 1:
        first, second = raw.pieces[:2]
        draft = replace(draft, every=len(first.data), pause_ms=round(second.after_seconds * 1000))
    return replace(draft, end=raw.end)


def _number(text: str, what: str) -> int:
    word = text.strip().replace("_", "").replace(" ", "")
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise PayloadError(f"{text.strip()!r} is no {what}; write digits, such as 126.")
    return int(word)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(
        _number(word, "place to cut at") for word in text.replace(";", ",").split(",") if word.strip()
    )
