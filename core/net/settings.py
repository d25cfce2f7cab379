"""Settings of the engine: addresses, limits and behaviour. Plain values; nothing here does I/O."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from enum import Enum

from core.capture.ring import KEEP_ALL, Keep
from core.errors import AddressError
from core.net.machine import default_memory_bytes
from core.net.tls.settings import TlsSettings
from core.net.upstream import UpstreamProxy
from core.protocol.headers import place_text
from core.protocol.violations import Judgement
from core.sizes import parse_size, size_text

KIB = 1024
MIB = 1024 * KIB
DEFAULT_PORT = 8080
LARGEST_MESSAGE = 450 * MIB
"""A capture may hold a fragmented message twice in one value, which SQLite limits to 1,000,000,000 bytes."""
LARGEST_HEAD = 16 * MIB
"""A capture holds a connection's heads in one row, and reads rows of up to 64 MiB."""
MESSAGES_HELD = 4
"""Number of largest messages that must fit into memory."""


class AutoReply(Enum):
    """What happens to a message automatically."""

    NONE = "none"
    ECHO = "echo"
    """The message is sent back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on what a peer can make us do. Sizes in bytes."""

    head_bytes: int = 64 * KIB
    header_count: int = 128
    message_bytes: int = 64 * MIB
    """Largest message after inflating, and largest frame."""
    connections: int = 4096
    handshake_seconds: float = 10.0
    close_seconds: float = 5.0
    """Time to wait for the peer's close frame, and then for the end of its stream."""
    queued_bytes: int = 16 * MIB
    """Bytes waiting for a peer that does not read; above this, sending is refused."""
    held_messages: int = 10_000
    """Messages of one direction that may wait; from then on its sender is not read."""
    held_bytes: int = 16 * MIB
    """Their bytes."""
    trailing_bytes: int = MIB
    """Bytes kept of what follows the last frame."""
    memory_bytes: int = field(default_factory=default_memory_bytes)
    """Memory held for all peers together; see `core.net.budget`."""

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence for inconsistent limits."""
        _check_size("largest message", self.message_bytes, LARGEST_MESSAGE)
        _check_size("largest request head", self.head_bytes, LARGEST_HEAD)
        least = MESSAGES_HELD * self.message_bytes
        if self.memory_bytes < least:
            raise ValueError(
                f"{size_text(self.memory_bytes)} of memory for all peers is too little where a message may have "
                f"{size_text(self.message_bytes)}: give at least {size_text(least)}, or make the largest message "
                "smaller."
            )


def parse_message_size(text: str) -> int:
    """A size for the largest message; raises ValueError for anything else."""
    size = parse_size(text)
    _check_size("largest message", size, LARGEST_MESSAGE)
    return size


def _check_size(what: str, size: int, most: int) -> None:
    if size > most:
        raise ValueError(
            f"The {what} cannot be {size_text(size)}: a capture holds {size_text(most)} at most. Make it smaller."
        )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine behaves; applies to connections made after it was set."""

    limits: Limits = field(default_factory=Limits)
    judgement: Judgement = Judgement.STRICT
    auto_reply: AutoReply = AutoReply.NONE
    compression: bool = True
    """Whether permessage-deflate is accepted if a client offers it."""
    allowed_origins: tuple[str, ...] | None = None
    """Origins whose pages may connect, as `parse_origin` gives them; None means all. A request without Origin always
    may.
    """
    check_host: bool = True
    """Whether clients on loopback must use a loopback name as Host (RFC 6455 section 10.2, against DNS rebinding)."""
    extra_hosts: tuple[str, ...] = ()
    """Further names allowed in Host, as `parse_host_name` gives them."""
    tls: TlsSettings = field(default_factory=TlsSettings)
    """Whom to trust, and who Unmask is."""
    upstream: UpstreamProxy | None = None
    """The proxy through which servers are reached."""
    keep: Keep = KEEP_ALL
    """How many of the newest frames the capture keeps."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. Port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return place_text(self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; the only name known for that is localhost."""
        return self.host.lower().removesuffix(".") == "localhost" or is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a numeric address is this machine's own, in any spelling such as `::1` or `127.1`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_short_loopback(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def is_address(host: str) -> bool:
    """Whether it is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_short_loopback(host: str) -> bool:
    """Whether it is an IPv4 address in 127.0.0.0/8 in a form that only `inet_aton` reads."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)).is_loopback
    except (OSError, UnicodeEncodeError):
        return False


_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*)://(?P<place>[^/?#]*)(?:[/?#].*)?", re.IGNORECASE | re.DOTALL
)


def parse_address(text: str) -> ListenAddress:
    """Parse a listen address as a person writes or pastes it; raises AddressError.

    `127.0.0.1:8080`, `[::1]:8080` and `localhost:0` are complete; `:8080` and `8080` are on 127.0.0.1. A ws:// or
    http:// URL stands for its host and port, whatever its path.
    """
    place = text.strip()
    if (url := _URL.fullmatch(place)) is not None:
        place = _place_in(url, text)
    host, colon, port_text = place.rpartition(":")
    if (not colon and not re.fullmatch("[0-9]+", place)) or (
        ":" in host and not (host.startswith("[") and host.endswith("]"))
    ):
        raise AddressError(f"“{text}” is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080.")
    if not re.fullmatch("[0-9]{1,5}", port_text) or int(port_text) > 65535:
        raise AddressError(f"“{port_text}” is no port: write a number from 0 to 65535 (0 picks a free one).")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    host = host or "127.0.0.1"
    if any(char.isspace() or char in "/@?#[]" for char in host):
        raise AddressError(f"“{host}” is no host: write an IP address or a host name.")
    return ListenAddress(host, int(port_text))


def _place_in(url: re.Match[str], text: str) -> str:
    """HOST:PORT of a URL; raises AddressError if Unmask cannot serve it."""
    scheme, place = url["scheme"].lower(), url["place"]
    if scheme in ("wss", "https"):
        raise AddressError(f"“{text}” asks for TLS, which is not to be had here: write it with ws://.")
    if scheme not in ("ws", "http"):
        raise AddressError(f"“{scheme}” is no scheme to listen for: write HOST:PORT, or a URL with ws://.")
    if not place:
        raise AddressError(f"“{text}” names no host: write one, such as ws://127.0.0.1:8080.")
    if not re.search(":[0-9]*$", place):
        # RFC 6455 section 3: the port is optional.
        return f"{place}:{_PORTS[scheme]}"
    return place


_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.\-]*://[^\s/?#@]+")
_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
_HOST_NAME = re.compile(r"[a-z0-9._\-]+|\[[0-9a-f:.]+\]")


def parse_origin(text: str) -> str:
    """`https://example.com` as browsers write it, in lower case without a default port; or `null`. AddressError."""
    origin = text.strip().lower().rstrip("/")
    if _ORIGIN.fullmatch(origin) is None:
        raise AddressError(
            f"“{text}” is no origin: write SCHEME://HOST[:PORT], such as https://example.com, or null."
        )
    scheme, _, rest = origin.partition("://")
    # RFC 6454 section 6.2: the scheme's default port is left out.
    port = _PORTS.get(scheme)
    return origin.removesuffix(f":{port}") if rest and port else origin


def parse_host_name(text: str) -> str:
    """A name or address that a Host header may have, in lower case without a port. Raises AddressError."""
    name = text.strip().lower()
    if _HOST_NAME.fullmatch(name) is None:
        raise AddressError(f"“{text}” is no host name: write one without a port, such as unmask.test.")
    return name


_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_FRAMES = re.compile(r"(?P<count>[0-9]{1,12}) ?frames?", re.IGNORECASE)
_DURATION = re.compile(r"(?P<count>[0-9]{1,6}) ?(?P<unit>s|min|h|d)", re.IGNORECASE)
LEAST_KEPT_BYTES = 10**6
"""A smaller ring would hold little but its own tables."""


def parse_keep(text: str) -> Keep:
    """Parse bounds as `parse_bounds` does; "" keeps everything."""
    return parse_bounds(text) if text.strip() else KEEP_ALL


def parse_bounds(text: str) -> Keep:
    """Bounds separated by commas, such as `2GB`, `1000000 frames` or `2GB, 24h`. Raises ValueError."""
    keep = KEEP_ALL
    for part in text.split(","):
        keep = keep.both(_bound(part.strip()))
    return keep


def keep_text(keep: Keep) -> str:
    """`keep` in the form that `parse_keep` reads."""
    parts = [] if keep.bytes is None else [size_text(keep.bytes)]
    if keep.frames is not None:
        parts.append(f"{keep.frames} frames")
    if keep.seconds is not None:
        units = [name for name in _SECONDS if keep.seconds % _SECONDS[name] == 0]
        # A single day is shown in hours.
        unit = units[-1] if keep.seconds != _SECONDS["d"] else "h"
        parts.append(f"{keep.seconds // _SECONDS[unit]}{unit}")
    return ", ".join(parts)


def _bound(text: str) -> Keep:
    if (frames := _FRAMES.fullmatch(text)) is not None and int(frames["count"]):
        return Keep(frames=int(frames["count"]))
    if (span := _DURATION.fullmatch(text)) is not None and int(span["count"]):
        return Keep(seconds=int(span["count"]) * _SECONDS[span["unit"].lower()])
    try:
        size = parse_size(text)
    except ValueError:
        raise ValueError(
            f"“{text}” does not say how much to keep: write a size such as 2GB or 2GiB, a number of frames such as "
            "1000000frames, or a time such as 24h."
        ) from None
    if size < LEAST_KEPT_BYTES:
        raise ValueError(f"“{text}” is too little to keep: give at least {size_text(LEAST_KEPT_BYTES)}.")
    return Keep(bytes=size)
