"""The router of a relay: everything goes to one target."""

from __future__ import annotations

from core.errors import HeadError
from core.net.fronts.router import Route
from core.net.relay import Relay
from core.protocol.handshake import Answer, refuse
from core.protocol.http11 import RequestHead
from core.protocol.told_head import told_head


class ReverseRouter:
    """Sends each request to the target of a relay."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def route(self, request: RequestHead) -> Route | Answer:
        """The target for all but CONNECT, which asks for a proxy, and URLs that name no server (400)."""
        if request.method == "CONNECT":
            return refuse(501, "This is a relay to one server, no proxy: it can't connect to others.")
        relay = self._relay
        try:
            # Why it is refused must not give its credentials away.
            return Route(relay.target, relay.rewrite(told_head(request)), relay.connect_seconds)
        except HeadError as error:
            return refuse(error.status, str(error))
