"""What the layer and those around it tell each other."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from core.capture.legs import Tls
from core.net.tls.failures import TlsFailure

if TYPE_CHECKING:
    from core.net.tls.layer import TlsLayer


class TlsListener(Protocol):
    """Is told what becomes of a layer, on the loop's thread."""

    def tls_began(self, layer: TlsLayer) -> None:
        """There is a connection, and the handshake begins. What is written from now on waits for its end."""

    def tls_secured(self, layer: TlsLayer, tls: Tls) -> None:
        """The handshake is done."""

    def tls_failed(self, layer: TlsLayer, failure: TlsFailure, tls: Tls | None) -> None:
        """The stream will not be secured, or not any longer; it ends. `tls` is what is known all the same."""

    def tls_is_plain(self, layer: TlsLayer, transport: asyncio.Transport, first: bytes) -> bool:
        """The peer does not speak TLS, and this came. True if the listener takes the transport over."""


class StreamEnd(Enum):
    """How a stream ends."""

    IN_ORDER = auto()
    """With close_notify, where it is TLS."""
    TRUNCATED = auto()
    """Without: what came may not be all."""
