"""What a probe needs of the engine and the capture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.capture.records import ConnectionRecord, FrameRow
from core.net.connect_request import ConnectRequest
from core.protocol.handshake import Answer, ServerPolicy
from core.protocol.http11 import RequestHead
from core.protocol.outgoing import Outgoing

Answers = Callable[[RequestHead, ServerPolicy], Answer]
"""Answers an opening handshake."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the capture says of the connection under probe."""

    record: ConnectionRecord
    was_reached: bool
    """Whether there was a TCP connection."""
    rows: tuple[FrameRow, ...]
    """Its frames since the look before."""


class ProbePort(Protocol):
    """One connection at a time. Nothing here waits."""

    def dial(self, request: ConnectRequest) -> None:
        """Connect to a server."""

    def await_client(self, answers: Answers) -> None:
        """Answer the next client in this way."""

    def look(self) -> Look | None:
        """How the connection is doing; None as long as there is none."""

    def send(self, outgoing: Outgoing) -> None:
        """Send to the peer, if it is still there."""

    def cut(self) -> None:
        """Cut the connection, if there is one."""
