"""What a front is."""

from __future__ import annotations

from typing import Protocol

from core.protocol.handshake import Answer, ServerPolicy
from core.protocol.http11 import RequestHead


class Front(Protocol):
    """Stands before the opening handshake and answers what is none."""

    def answer(self, request: RequestHead, policy: ServerPolicy) -> Answer | None:
        """The answer to a plain HTTP request. None: it is for the opening handshake, good or bad."""
