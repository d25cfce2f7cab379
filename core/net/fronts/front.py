"""The interface of a front."""

from __future__ import annotations

from typing import Protocol

from core.protocol.handshake import Answer, ServerPolicy
from core.protocol.http11 import RequestHead


class Front(Protocol):
    """Comes before the opening handshake, and answers requests that are none."""

    def answer(self, request: RequestHead, policy: ServerPolicy) -> Answer | None:
        """The answer to a plain HTTP request; None if the request is an opening handshake, good or bad."""
