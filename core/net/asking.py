"""Asks another proxy for a tunnel to a server, over a connection to it that was just made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from core.net.upstream import UpstreamFailure, UpstreamProblem, UpstreamProxy
from core.protocol.proxy_request import Authority
from core.protocol.upstream_handshake import UpstreamError, UpstreamFault, UpstreamHandshake

_PROBLEMS = {
    UpstreamFault.CREDENTIALS: UpstreamProblem.CREDENTIALS,
    UpstreamFault.REFUSED: UpstreamProblem.REFUSED,
    UpstreamFault.TARGET: UpstreamProblem.TARGET,
    UpstreamFault.PROTOCOL: UpstreamProblem.PROTOCOL,
}
_ADVICE = {
    UpstreamFault.CREDENTIALS: "Write them before the proxy's host, as USER:PASSWORD@.",
    UpstreamFault.REFUSED: "Check what it allows, or go there without it.",
    UpstreamFault.TARGET: "Check host and port.",
    UpstreamFault.PROTOCOL: "Check its address, and whether it is http:// or socks5://.",
}


class Asking(asyncio.Protocol):
    """One conversation with a proxy; ends with one call of `opened` or `failed`."""

    def __init__(
        self,
        upstream: UpstreamProxy,
        target: Authority,
        opened: Callable[[asyncio.Transport, bytes], None],
        failed: Callable[[UpstreamFailure], None],
    ) -> None:
        """`opened` gets the tunnel, and what has come through it already. It takes over the transport at once."""
        self._upstream = upstream
        self._target = target
        self._opened = opened
        self._failed = failed
        self._transport: asyncio.Transport | None = None
        self._handshake: UpstreamHandshake | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        try:
            self._handshake = self._upstream.handshake(self._target)
        except ValueError as error:
            self._fail(UpstreamProblem.PROTOCOL, f"{self._upstream} can't be asked: {error}")
        else:
            self._transport.write(self._handshake.begin())

    def data_received(self, data: bytes) -> None:
        if self._handshake is None or self._transport is None:
            return
        try:
            said = self._handshake.feed(data)
        except UpstreamError as error:
            sentence = f"The proxy {self._upstream} {error}. {_ADVICE[error.fault]}"
            self._fail(_PROBLEMS[error.fault], sentence)
            return
        if said is None:
            transport, self._transport = self._transport, None
            self._opened(transport, self._handshake.leftover)
        elif said:
            self._transport.write(said)

    def eof_received(self) -> bool:
        self._break_off()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._break_off()

    def stop(self) -> None:
        """Give up, unless the tunnel stands."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def _break_off(self) -> None:
        self._fail(
            UpstreamProblem.PROTOCOL,
            f"The proxy {self._upstream} ended the connection before it opened a way to {self._target}. Check its "
            "address, and whether it is http:// or socks5://.",
        )

    def _fail(self, problem: UpstreamProblem, sentence: str) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
            self._failed(UpstreamFailure(problem, sentence))
