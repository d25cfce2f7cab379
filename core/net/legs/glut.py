"""Says once that rules send more to a peer than it reads."""

from __future__ import annotations

from core.net.failures import Failure, FailureKind
from core.net.legs.session import SessionHost
from core.sizes import byte_size


class Glut:
    """One connection's."""

    def __init__(self, host: SessionHost, connection: int) -> None:
        """`connection` is the recorder's handle."""
        self._host = host
        self._connection = connection
        self._most = host.settings.limits.queued_bytes
        self._is_told = False

    def is_there(self, waiting_bytes: int) -> bool:
        """Whether so much waits for the peer that nothing more is sent by rules; the person is told once."""
        if waiting_bytes <= self._most:
            return False
        if not self._is_told:
            self._is_told = True
            number = self._host.recorder.numbering.number(self._connection) or self._connection
            sentence = (
                f"The peer of #{number} does not read what rules send: {byte_size(waiting_bytes)} wait for it, and no "
                "more is sent. Disconnect it, or switch these rules off."
            )
            self._host.tell_failure(Failure(FailureKind.NETWORK, "", sentence))
        return True
