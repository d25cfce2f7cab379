"""One call of a function of a script, and what it decides. Runs in the script's process."""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any, Protocol

from core.protocol.frames import Opcode
from core.protocol.outgoing import Outgoing, OutgoingMessage
from core.protocol.state import Role, peer_of
from core.rules.verdict import Hold, Onward, Replacement, Send, Verdict
from core.scripts.records import (
    LARGEST_PAYLOAD,
    LARGEST_TEXT,
    LONGEST_SECONDS,
    MOST_NOTES,
    MOST_SENDS,
    Utterance,
)
from core.sizes import byte_size

_LARGEST_TURN = 2 * LARGEST_PAYLOAD
"""Bytes that one call may decide to send."""


class Desk(Protocol):
    """Passes on what belongs to no message."""

    def send(self, connection: int, toward: Role, outgoing: Outgoing) -> None: ...

    def tell(self, kind: Utterance, text: str) -> None: ...


class Turn:
    """One call of a function, which may go on for a while if it is `async`."""

    def __init__(
        self,
        desk: Desk,
        function: str,
        connection: int = 0,
        sides: tuple[Role, ...] = (),
        sender: Role | None = None,
        *,
        decides: bool = False,
    ) -> None:
        """`sides` are those that something can be sent to; `decides`: a message waits for the answer."""
        self.desk = desk
        self._function = function
        self._connection = connection
        self._sides = sides
        self._sender = sender
        self._decides = decides
        self._is_over = False
        self._size = 0
        self._onward: Onward | Hold | Replacement = Onward.PASS
        self._delay_seconds = 0.0
        self._recorded: bytes | None = None
        self._notes: list[str] = []
        self._sends: list[Send] = []

    def end(self) -> Verdict:
        """What was decided. From now on, what is sent goes at once."""
        self._is_over = True
        return Verdict(
            self._onward,
            self._delay_seconds,
            sends=tuple(self._sends),
            notes=tuple(self._notes),
            recorded=self._recorded,
        )

    def decide(self, verb: str, onward: Onward | Hold | Replacement) -> None:
        self._expect_decision(verb)
        if isinstance(onward, Replacement):
            self._grow(len(onward.payload))
        self._onward = onward

    def delay(self, seconds: float) -> None:
        self._expect_decision("delay")
        self._delay_seconds = checked_seconds(seconds)

    def record(self, payload: bytes) -> None:
        self._expect_decision("redact")
        self._grow(len(payload))
        self._recorded = payload

    def note(self, text: str) -> None:
        self._expect_decision("note")
        if len(self._notes) == MOST_NOTES:
            raise RuntimeError(f"A message has room for {MOST_NOTES} notes.")
        self._notes.append(shown(text))

    def send_back(self, outgoing: Outgoing, after: float) -> None:
        """Send toward the sender of what has come; at the opening toward the only peer."""
        self.send(self._only_side("reply") if self._sender is None else self._sender, outgoing, after)

    def send_on(self, outgoing: Outgoing, after: float) -> None:
        """Send toward the other side than the sender's."""
        if self._sender is None:
            self.send(self._only_side("send"), outgoing, after)
            return
        other = peer_of(self._sender)
        if other not in self._sides:
            raise RuntimeError(
                f"send() goes to the {other.name.lower()}, but that is Unmask itself here: answer with reply()."
            )
        self.send(other, outgoing, after)

    def send_to_all(self, outgoing: Outgoing) -> None:
        for side in self._sides:
            self.send(side, outgoing, 0.0)

    def send(self, toward: Role, outgoing: Outgoing, after: float) -> None:
        if self._is_over and not after:
            self.desk.send(self._connection, toward, outgoing)
            return
        if self._is_over:
            raise RuntimeError(
                f"{self._function} has returned: wait with asyncio.sleep() instead of `after`."
            )
        if len(self._sends) == MOST_SENDS:
            raise RuntimeError(f"One call may send {MOST_SENDS} messages at most.")
        if isinstance(outgoing, OutgoingMessage):
            self._grow(len(outgoing.payload))
        self._sends.append(Send(toward, outgoing, checked_seconds(after)))

    def _only_side(self, verb: str) -> Role:
        if not self._sides:
            raise RuntimeError(f"{verb}() in {self._function} has no connection to send to.")
        if len(self._sides) != 1:
            raise RuntimeError(
                f"{verb}() in {self._function} has two peers to choose from: use connection.send(…, to=…)."
            )
        return self._sides[0]

    def _expect_decision(self, verb: str) -> None:
        if not self._decides:
            raise RuntimeError(
                f"{verb}() decides about a message, and {self._function} has none to decide about: call it in "
                "on_message, or in on_frame for a ping, a pong or a close."
            )
        if self._is_over:
            raise RuntimeError(
                f"{verb}() comes too late: {self._function} has returned, and the message is gone."
            )

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > _LARGEST_TURN:
            raise RuntimeError(f"One call may send {byte_size(_LARGEST_TURN)} at most.")


CURRENT: ContextVar[Turn] = ContextVar("the call that runs")


def current(verb: str) -> Turn:
    """The call that runs. Raises RuntimeError if there is none."""
    turn = CURRENT.get(None)
    if turn is None:
        raise RuntimeError(
            f"{verb}() works in the functions that Unmask calls and in their tasks, not in threads: use print(), or "
            "call connection.send()."
        )
    return turn


def encoded(payload: Any) -> OutgoingMessage:
    """The message for a `str`, for bytes, or for anything that JSON can say. Raises ValueError or TypeError."""
    if isinstance(payload, str):
        opcode, data = Opcode.TEXT, payload.encode()
    elif isinstance(payload, bytes | bytearray | memoryview):
        opcode, data = Opcode.BINARY, bytes(payload)
    else:
        opcode, data = Opcode.TEXT, json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    if len(data) > LARGEST_PAYLOAD:
        raise ValueError(
            f"A message of {byte_size(len(data))} is more than a script may send: at most {byte_size(LARGEST_PAYLOAD)}."
        )
    return OutgoingMessage(opcode, data)


def checked_seconds(seconds: float) -> float:
    """`seconds` if that is a time that something may wait for. Raises ValueError."""
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"{seconds!r} is no time: give seconds from 0 to {LONGEST_SECONDS:g}.")
    return float(seconds)


def shown(text: str) -> str:
    """`text` cut to what an entry may have, and without what UTF-8 cannot hold."""
    whole = text if len(text) <= LARGEST_TEXT else text[: LARGEST_TEXT - 1] + "…"
    return whole.encode("utf-8", "backslashreplace").decode()[:LARGEST_TEXT]
