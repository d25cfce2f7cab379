"""What the rules have made of a message or a handshake so far, while one rule after the other is asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from core.protocol.frames import Opcode
from core.protocol.outgoing import Outgoing
from core.protocol.state import Role, peer_of
from core.query.fields import Subject
from core.rules.occasion import Match, Occasion
from core.rules.subjects import changed
from core.rules.template import Template
from core.rules.template_values import FillingError
from core.rules.verdict import (
    CannedAnswer,
    Corruption,
    Cut,
    HandshakeVerdict,
    Hold,
    Onward,
    Replacement,
    Send,
    Verdict,
)

MOST_SENDS = 1000
"""Messages that the rules send because of one."""
MOST_FILLED = 16 * 1024 * 1024
"""Bytes of a filled template."""


class Doing:
    """What deeds of both kinds share."""

    def __init__(self, occasion: Occasion, sides: tuple[Role, ...]) -> None:
        self.occasion = occasion
        """Set anew for each rule that applies."""
        self.rule = ""
        """The name of the rule that applies."""
        self.sides = sides
        """Sides that something can be sent to."""
        self.delay_seconds = 0.0
        self.stops = False
        """No later rule is asked."""
        self.hits: list[int] = []
        self.notes: list[str] = []

    @property
    def dice(self) -> random.Random:
        return self.occasion.dice

    @property
    def subject(self) -> Subject:
        return self.occasion.subject

    def filled(self, template: Template, match: Match | None = None) -> bytes | None:
        """The template filled; None if that is impossible, which a note then tells."""
        occasion = self.occasion if match is None else replace(self.occasion, match=match)
        try:
            data = template.fill(occasion)
        except FillingError as error:
            self.note(str(error))
            return None
        if len(data) > MOST_FILLED:
            self.note(f"The filled template has {len(data):,} bytes; at most {MOST_FILLED:,} are sent.")
            return None
        return data

    def text(self, template: Template) -> str | None:
        """The filled template as text."""
        data = self.filled(template)
        return None if data is None else data.decode("utf-8", "replace")

    def note(self, sentence: str) -> None:
        """Say what the rule did not do, and why."""
        self.notes.append(f"Rule “{self.rule}”: {sentence}")


class Deed(Doing):
    """What becomes of one message, frame or moment."""

    def __init__(self, occasion: Occasion, sides: tuple[Role, ...], sender: Role | None) -> None:
        super().__init__(occasion, sides)
        self.sender = sender
        """Who sent the message; None where nobody did."""
        self.is_dropped = False
        self.replacement: Replacement | None = None
        self.hold: Hold | None = None
        self.bytes_per_second: float | None = None
        self.copies = 1
        self.behind = 0
        self.corruption: Corruption | None = None
        self.sends: list[Send] = []
        self.cut: Cut | None = None
        self.redactions: list[Callable[[bytes], bytes]] = []
        """What hides secrets, in the message as it came and in what went on."""
        self._arrived = self.payload

    @property
    def payload(self) -> bytes:
        """The message's bytes as they are by now."""
        record = self.subject.record
        return record.frame.payload if record.message_payload is None else record.message_payload

    @property
    def opcode(self) -> Opcode:
        """TEXT or BINARY: what the message is."""
        row = self.subject.record.row
        opcode = row.opcode if row.message is None else row.message.opcode
        return Opcode.BINARY if opcode == Opcode.BINARY else Opcode.TEXT

    def replace(self, payload: bytes, opcode: Opcode | None = None) -> None:
        """Another payload goes on. Later rules see it. One that is the same changes nothing."""
        opcode = self.opcode if opcode is None else opcode
        if payload == self.payload and opcode is self.opcode:
            return
        self.replacement = Replacement(opcode, payload)
        self.occasion = replace(self.occasion, subject=changed(self.subject, opcode, payload))

    def send(self, toward: Role | None, outgoing: Outgoing, after_seconds: float = 0.0) -> None:
        """Send something besides. None: to whoever is not the sender, or to the only side there is."""
        if toward is None:
            away = None if self.sender is None else peer_of(self.sender)
            toward = away if away is not None or not self.sides else self.sides[0]
        if toward is None or toward not in self.sides:
            side = "that" if toward is None else f"the {toward.name.lower()}’s"
            self.note(f"There is nobody on {side} side to send to.")
        elif len(self.sends) >= MOST_SENDS:
            self.note(f"At most {MOST_SENDS:,} messages are sent because of one.")
        else:
            self.sends.append(Send(toward, outgoing, after_seconds))

    def verdict(self) -> Verdict:
        """What all rules together have decided."""
        replacement = self.replacement
        if replacement is not None:
            replacement = replace(replacement, recorded=self._redacted(replacement.payload))
        onward: Onward | Hold | Replacement = replacement or Onward.PASS
        if self.hold is not None:
            onward = replace(self.hold, instead=replacement)
        if self.is_dropped:
            onward = Onward.DROP
        return Verdict(
            onward, self.delay_seconds, self.bytes_per_second, self.copies, self.behind, self.corruption,
            tuple(self.sends), self.cut, tuple(self.notes), self._redacted(self._arrived), tuple(self.hits),
        )  # fmt: skip

    def _redacted(self, payload: bytes) -> bytes | None:
        """The payload as it is recorded; None: as it is."""
        hidden = payload
        for redact in self.redactions:
            hidden = redact(hidden)
        return None if hidden == payload else hidden


class HandshakeDeed(Doing):
    """What becomes of one request or response."""

    def __init__(self, occasion: Occasion, sides: tuple[Role, ...]) -> None:
        super().__init__(occasion, sides)
        self.removed: list[str] = []
        self.added: list[tuple[str, str]] = []
        self.subprotocol: str | None = None
        self.drops_extensions = False
        self.answer: CannedAnswer | None = None
        self.is_silent = False
        self.breaks_accept = False
        self.recorded_without: list[str] = []
        self.hold: Hold | None = None

    def verdict(self) -> HandshakeVerdict:
        """What all rules together have decided."""
        return HandshakeVerdict(
            tuple(self.removed), tuple(self.added), self.subprotocol, self.drops_extensions, self.answer,
            self.is_silent, self.breaks_accept, self.delay_seconds, tuple(self.recorded_without), tuple(self.hits),
            tuple(self.notes), self.hold,
        )  # fmt: skip
