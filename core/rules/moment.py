"""When a rule is asked."""

from __future__ import annotations

from enum import Enum


class Moment(Enum):
    """What has just happened on a connection."""

    # Moments are looked up for every message; an enum's own hash is computed in Python.
    __hash__ = object.__hash__

    REQUEST = "request"
    """A client has asked for a connection."""
    RESPONSE = "response"
    """A server has answered, or Unmask is about to."""
    OPEN = "open"
    """The opening handshake has succeeded."""
    MESSAGE = "message"
    """A whole message has come, joined and inflated."""
    FRAME = "frame"
    """A frame of any kind has come."""
    CLOSE = "close"
    """The connection is over."""
    TIMER = "timer"
    """So many seconds have passed since the connection opened, or since the last time."""
