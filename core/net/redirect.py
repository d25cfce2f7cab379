"""Where a response sends a client instead (RFC 9110 section 15.4), and what goes along to another server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urljoin

from core.errors import AddressError
from core.net.connect_request import ConnectRequest, ServerUrl, parse_url
from core.protocol.headers import quoted
from core.protocol.http11 import ResponseHead

_STATUSES = frozenset((301, 302, 303, 307, 308))
_SCHEMES = {"http": "ws", "https": "wss"}
_HARMLESS = frozenset(
    ("accept", "accept-encoding", "accept-language", "cache-control", "origin", "pragma", "user-agent")
)
"""Headers that also another server gets. Any other may say who asks, whatever its name."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A server that a response names."""

    status: int
    url: ServerUrl


@dataclass(frozen=True, slots=True)
class Following:
    """A request that follows a redirect."""

    request: ConnectRequest
    withheld: tuple[str, ...]
    """Names of headers that the other server does not get."""


def redirect_of(url: ServerUrl, response: ResponseHead) -> Redirect | None:
    """Where `response` to a request for `url` sends; None if nowhere. Raises AddressError if it names no such place."""
    location = response.headers.get("location")
    if response.status not in _STATUSES or location is None:
        return None
    scheme = "https" if url.is_secure else "http"
    try:
        # urljoin knows no ws://; a fragment is never sent (RFC 9110 section 10.2.2).
        joined = urljoin(f"{scheme}://{url.place}{url.target}", location).partition("#")[0]
        name, sign, place = joined.partition("://")
        found = parse_url(_SCHEMES.get(name.lower(), name) + sign + place)
    except (AddressError, ValueError):
        raise AddressError(
            f"The server sends to {quoted(location)}, which is no place to connect to. Check its Location."
        ) from None
    # What the server wrote may have characters that show as others.
    text = f"{found.scheme}://{found.host_header}{found.target}"
    return Redirect(response.status, replace(found, text=text))


def follow(request: ConnectRequest, url: ServerUrl) -> Following:
    """The request for another URL. To another server, or without TLS where it was, goes nothing that says who asks."""
    before = request.url
    headers, subprotocols = request.headers, request.subprotocols
    withheld: list[str] = []
    if (before.host, before.port, before.is_secure) != (
        url.host,
        url.port,
        url.is_secure,
    ):
        headers = tuple(
            (name, value)
            for name, value in headers
            if name.lower() in _HARMLESS and not _has_secret(request, value)
        )
        subprotocols = tuple(each for each in subprotocols if not _has_secret(request, each))
        withheld = [name for name, value in request.headers if (name, value) not in headers]
        if subprotocols != request.subprotocols:
            withheld.append("Sec-WebSocket-Protocol")
    left = request.follows - 1
    following = replace(request, url=url, headers=headers, subprotocols=subprotocols, follows=left)
    return Following(following, tuple(dict.fromkeys(withheld)))


def _has_secret(request: ConnectRequest, text: str) -> bool:
    return any(secret in text for secret in request.secrets)
