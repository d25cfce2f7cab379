"""Frames as a person builds them, right or wrong, and the pieces and pauses in which their bytes go out.

Source: RFC 6455 section 5.2 (base framing), whose rules everything here may break.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from core.errors import PayloadError
from core.protocol.frames import LARGEST_LENGTH, OPCODE, RSV, Frame, LengthForm, shortest_length_form
from core.protocol.outgoing import OutgoingRaw, Piece, RawEnd

MOST_PIECES = 10_000
LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_SENDING_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame in which each field of the header is free. Raises PayloadError for what no header can state."""

    opcode: int
    payload: bytes = field(default=b"", repr=False)
    """Unmasked."""
    fin: bool = True
    rsv: int = 0
    """Any of RSV1, RSV2, RSV3 joined with `|`."""
    masking_key: bytes | None = None
    """Four bytes; None leaves the MASK bit 0."""
    length_form: LengthForm | None = None
    """None: the shortest that can state the length."""
    stated_length: int | None = None
    """The length that the header states; None: the payload's own."""

    def __post_init__(self) -> None:
        if not 0 <= self.opcode <= OPCODE:
            raise PayloadError(f"{self.opcode} is no opcode: four bits hold 0 to 15.")
        if self.rsv & ~RSV:
            raise PayloadError(f"0x{self.rsv:02X} has more than the three reserved bits.")
        if self.masking_key is not None and len(self.masking_key) != 4:
            raise PayloadError(f"A masking key has 4 bytes and this has {len(self.masking_key)}.")
        most = LARGEST_LENGTH[self.form]
        if not 0 <= self.length <= most:
            raise PayloadError(
                f"This form of the length states 0 to {most} and not {self.length}; choose a longer form."
            )

    @property
    def length(self) -> int:
        """The length that the header states."""
        return len(self.payload) if self.stated_length is None else self.stated_length

    @property
    def form(self) -> LengthForm:
        """The form of the length in the header."""
        return shortest_length_form(self.length) if self.length_form is None else self.length_form

    @property
    def frame(self) -> Frame:
        """The frame as its header says: a payload beyond the stated length is no part of it."""
        head = (0x80 if self.fin else 0) | self.rsv | self.opcode
        return Frame(head, self.masking_key, self.payload[: self.length], int(self.form), self.length)

    def wire(self) -> bytes:
        """All bytes, those of a payload beyond the stated length included, which are masked too."""
        whole = self.frame._replace(payload=self.payload)
        return whole.header() + whole.masked_payload()


@dataclass(frozen=True, slots=True)
class Pacing:
    """How bytes are cut, and when the pieces go out."""

    cuts: tuple[int, ...] = ()
    """Offsets at which they are cut."""
    every: int = 0
    """Bytes of a piece at most; 0 cuts nowhere else."""
    pause_seconds: float = 0.0
    """The pause between two pieces."""
    stop_after: int | None = None
    """So many bytes go out, and the rest never does."""


AT_ONCE = Pacing()


def paced(data: bytes, pacing: Pacing = AT_ONCE, end: RawEnd = RawEnd.GO_ON) -> OutgoingRaw:
    """`data` in the pieces and pauses of `pacing`. Raises PayloadError if that takes too many pieces or too long."""
    if not 0 <= pacing.pause_seconds <= LONGEST_PAUSE_SECONDS:
        raise PayloadError(
            f"A pause lasts 0 to {LONGEST_PAUSE_SECONDS:g} seconds and not {pacing.pause_seconds:g}."
        )
    sent = data if pacing.stop_after is None else data[: max(0, pacing.stop_after)]
    places = _places(len(sent), pacing)
    count = len(places) + 1
    if count > MOST_PIECES:
        raise PayloadError(
            f"{len(sent)} bytes in pieces of {pacing.every} would be {count} pieces, and {MOST_PIECES} are the "
            "most; make them larger."
        )
    lasts = (count - 1) * pacing.pause_seconds
    if lasts > LONGEST_SENDING_SECONDS:
        raise PayloadError(f"{count} pieces would take {lasts / 3600:.0f} hours; 24 are the most.")
    bounds = (0, *places, len(sent))
    pieces = [
        Piece(sent[start:stop], pacing.pause_seconds if start else 0.0) for start, stop in pairwise(bounds)
    ]
    return OutgoingRaw(tuple(pieces), end)


def joined(frames: Iterable[RawFrame]) -> bytes:
    """The bytes of several frames, one after the other."""
    return b"".join(frame.wire() for frame in frames)


def _places(length: int, pacing: Pacing) -> list[int]:
    """The offsets inside of `length` bytes at which they are cut, in order."""
    places = {cut for cut in pacing.cuts if 0 < cut < length}
    if pacing.every > 0 and length // pacing.every < 10 * MOST_PIECES:
        places.update(range(pacing.every, length, pacing.every))
    elif pacing.every > 0:
        raise PayloadError(
            f"{length} bytes in pieces of {pacing.every} would be too many pieces; make them larger."
        )
    return sorted(places)
