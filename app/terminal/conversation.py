"""What a person or a program says to the server of one source, and whether it can be said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.net.host import EngineHost, SendResult
from core.net.sources import Source, SourceState, SourceStatus
from core.protocol.outgoing import Outgoing, OutgoingClose, Target
from core.protocol.state import Role

_LOOK_SECONDS = 0.05
_OVER = (SourceState.STOPPED, SourceState.FAILED)


class Conversation:
    """Sends to the newest connection of a source. `changed` and `sent` are called on the engine's thread."""

    def __init__(self, host: EngineHost, source: Source, remark: Callable[[str], None]) -> None:
        """`remark` is told in a sentence what could not be sent."""
        self._host = host
        self._source = source
        self._remark = remark
        self._news = threading.Condition()
        self._status = SourceStatus(source.id, SourceState.STARTING)
        self._waited_for: int | None = None
        self._result: SendResult | None = None
        self._heard = time.monotonic()
        self.was_open = False
        """Whether there was ever a connection."""
        self.changed_look: Callable[[], None] = lambda: None
        """Called after each change of the state."""

    @property
    def status(self) -> SourceStatus:
        return self._status

    @property
    def is_open(self) -> bool:
        return self._status.state is SourceState.RUNNING

    @property
    def is_over(self) -> bool:
        return self._status.state in _OVER

    @property
    def silent_seconds(self) -> float:
        """Time since anything happened."""
        return time.monotonic() - self._heard

    # Called on the engine's thread.

    def changed(self, status: SourceStatus) -> None:
        with self._news:
            self._status = status
            self.was_open |= self.is_open
            self._news.notify_all()
        self.changed_look()

    def heard(self) -> None:
        self._heard = time.monotonic()

    def sent(self, result: SendResult) -> None:
        with self._news:
            if result.request_id == self._waited_for:
                self._result = result
                self._news.notify_all()
                return
        if result.error is not None:
            self._remark(result.error)

    # Called on any other thread.

    def say(self, outgoing: Outgoing) -> None:
        """Send it; a failure is remarked."""
        self._host.send(self._target, outgoing)

    def deliver(self, outgoing: Outgoing, is_wanted: Callable[[], bool]) -> bool:
        """Send it as soon as there is a connection and the server reads; False if that never comes."""
        while self._await(lambda: self.is_open or self.is_over, is_wanted) and self.is_open:
            with self._news:
                self._result = None
                self._waited_for = self._host.send(self._target, outgoing)
            if not self._await(lambda: self._result is not None, is_wanted):
                return False
            result = self._result
            if result is None or result.error is None:
                return True
            # The server does not read, or has just gone.
            time.sleep(_LOOK_SECONDS)
        return False

    def close(self, is_wanted: Callable[[], bool], seconds: float) -> None:
        """Close the connection, and wait until it is over, at most for `seconds`."""
        if self.is_open:
            self.deliver(OutgoingClose(), is_wanted)
        else:
            self._host.stop_source(self._source.id)
        until = time.monotonic() + seconds
        self._await(lambda: self.is_over, lambda: is_wanted() and time.monotonic() < until)

    def reconnect(self) -> None:
        """Connect again at once."""
        self._host.start_source(self._source)

    @property
    def _target(self) -> Target:
        client = self._status.client
        return Target(0 if client is None else client.connection, Role.SERVER)

    def _await(self, holds: Callable[[], bool], is_wanted: Callable[[], bool]) -> bool:
        with self._news:
            while not holds():
                if not is_wanted():
                    return False
                self._news.wait(_LOOK_SECONDS)
        return True
