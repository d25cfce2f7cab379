"""Requests that come back: which of our sources a client's bytes have come through before they came in here.

A relay may lead to another relay, also to one of ours. Where such a chain comes to the same source twice, it is a ring,
and no server is at its end. Whether a client is one of our own dialled legs is told by the addresses of both ends of
the connection, so names, translated ports and sources that come and go make no difference.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from core.net.legs.leg import Leg
from core.net.sockets import name_of

_Ends = tuple[str, str]


class Chains:
    """The legs that our sources have dialled. Lives on the loop's thread."""

    def __init__(self) -> None:
        self._dialled: WeakValueDictionary[_Ends, Leg] = WeakValueDictionary()

    def dialled(self, server: Leg, client: Leg, source_id: int) -> None:
        """This source has dialled `server` for `client`."""
        server.passed = self.passed(client) | {source_id}
        self._dialled[name_of(server.local_place), name_of(server.peer_place)] = server

    def passed(self, client: Leg) -> frozenset[int]:
        """Ids of the sources that this client's bytes have passed; empty if it is none of our own legs."""
        server = self._dialled.get((name_of(client.peer_place), name_of(client.local_place)))
        return server.passed if server is not None and server.is_connected else frozenset()
