"""What the clients of one source find: who receives them, and where their requests go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.capture.records import Mode
from core.net.fronts.router import Route, Router, Tunnel
from core.net.legs.between import Between
from core.net.legs.leg import Leg
from core.net.legs.session import Session, SessionHost
from core.net.sockets import name_of
from core.net.sources import SourceTag
from core.protocol.handshake import Answer, refuse
from core.protocol.http11 import RequestHead


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a tunnel."""

    id: int
    """The recorder's handle of its record."""
    client: Leg
    request: RequestHead
    behind: bytes
    """What has come behind its head."""


@dataclass(frozen=True, slots=True)
class Reception:
    """The manners of one relay, one proxy, or the inside of one tunnel."""

    host: SessionHost
    source: SourceTag
    mode: Mode
    router: Router
    admit: Callable[[Between], bool]
    """Asked once the session of a new client has an id: whether there is room for one more."""
    open_tunnel: Callable[[Asked, Tunnel], Session] | None = None
    """Gives the session that has taken over the client by `Leg.hand_over`, under the id of its request. None where
    the router knows no tunnels.
    """

    def route(self, client: Leg, request: RequestHead) -> Route | Tunnel | Answer:
        """Where a request of this client goes, or what it is answered."""
        route = self.router.route(request)
        if isinstance(route, Answer) or self.source.id not in self.host.chains.passed(client):
            return route
        # RFC 5842 section 7.2.
        return refuse(
            508,
            f"The request came back to {name_of(client.local_place)}, which it has passed already: the relays lead "
            "in a ring, and to no server. Give one of them another target.",
        )
