"""How far the exchange of one request and its response has come."""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    ASKING = auto()
    """The request's head is not complete."""
    REACHING = auto()
    """The server is being dialled."""
    WAITING = auto()
    """The server has not answered."""
    ANSWERING = auto()
    """The body of the response passes."""
    IDLE = auto()
    """The exchange is over, and the next request may come."""
    ENDING = auto()
    """Nothing passes any more."""
