"""A connection to a server that nobody uses yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_MOST_KEPT = 64 * 1024
"""Bytes of the server from which on no more is read until somebody takes the connection."""


class Reached(asyncio.Protocol):
    """Holds a connection until somebody takes it, and keeps what the server says meanwhile."""

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        """`tell` is called when the server has said something, or has ended the connection."""
        self.tell = tell
        self._transport: asyncio.Transport | None = None
        self._kept = bytearray()
        self._has_ended = False

    @property
    def has_spoken(self) -> bool:
        """Whether the server has said something unasked."""
        return bool(self._kept)

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the connection, or it broke."""
        return self._has_ended or self._transport is None or self._transport.is_closing()

    def hand_to(self, protocol: asyncio.Protocol) -> None:
        """Give the connection to `protocol`, with what was said and the end of the stream."""
        transport, self._transport = self._transport, None
        assert transport is not None, "it is handed on once, while there is a connection"
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if len(self._kept) >= _MOST_KEPT:
            transport.resume_reading()
        if self._kept:
            protocol.data_received(bytes(self._kept))
        if self._has_ended and not protocol.eof_received():
            transport.close()

    def take(self) -> tuple[asyncio.Transport, bytes] | None:
        """The connection, for somebody who makes a protocol of it by himself, and what was said; None if it is over."""
        if self.is_over:
            self.abort()
            return None
        transport, self._transport = self._transport, None
        assert transport is not None
        if len(self._kept) >= _MOST_KEPT:
            transport.resume_reading()
        return transport, bytes(self._kept)

    def abort(self) -> None:
        """Nobody will take it."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._kept += data
        if len(self._kept) >= _MOST_KEPT:
            self._transport.pause_reading()
        self.tell()

    def eof_received(self) -> bool:
        self._has_ended = True
        self.tell()
        return self._transport is not None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self.tell()
