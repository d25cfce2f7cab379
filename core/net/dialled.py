"""The connection of a source that connects to a server."""

from __future__ import annotations

from collections.abc import Callable

from core.errors import CallerError
from core.net.legs.connecting import Connecting
from core.net.outgoing import OutgoingClose
from core.protocol.events import Origin
from core.protocol.state import Role


class Dialled:
    """A server that was reached."""

    def __init__(self, session: Connecting, is_over: Callable[[], bool]) -> None:
        self._session = session
        self._is_over = is_over

    @property
    def addresses(self) -> tuple[str, ...]:
        return ()

    @property
    def is_over(self) -> bool:
        return self._is_over()

    def stop(self) -> None:
        """Close the connection."""
        if self.is_over:
            return
        try:
            self._session.send(OutgoingClose(), Role.SERVER, Origin.AUTOMATIC)
        except CallerError:
            self._session.disconnect()
