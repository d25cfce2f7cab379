"""A connection to make, as a person writes it, with variables such as {host}; and the request that it asks for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from app.logic.variables import Filled, Variable, Wire, as_is, fill, literal
from core.errors import AddressError, CallerError
from core.net.connect_request import (
    CONNECT_SECONDS,
    HANDSHAKE_SECONDS,
    USUAL_OFFER,
    ConnectRequest,
    Reconnect,
    ServerUrl,
    in_url,
    parse_url,
)
from core.net.upstream import parse_upstream
from core.protocol.handshake_rules import EXTENSIONS_HEADER, KEY_HEADER, PROTOCOL_HEADER, VERSION_HEADER
from core.protocol.http11 import RequestHead

MOST_FOLLOWED = 20
"""Redirects that can be asked to be followed."""
SHORTEST_PING = 0.1
LONGEST_TIME = 3600.0
"""Seconds."""

FROM_HANDSHAKE = frozenset(("upgrade", "connection", KEY_HEADER.lower(), VERSION_HEADER.lower()))
"""Headers that each handshake makes anew."""


class AuthKind(Enum):
    """How the client says who it is. The values are stored."""

    NONE = "none"
    BASIC = "basic"
    """User and password (RFC 7617)."""
    BEARER = "bearer"
    """A token (RFC 6750)."""


@dataclass(frozen=True, slots=True)
class Auth:
    """What goes into Authorization."""

    kind: AuthKind = AuthKind.NONE
    user: str = ""
    secret: str = ""
    """The password or the token."""


NO_AUTH = Auth()


class Trust(Enum):
    """Which certificates of the server are accepted. The values are stored."""

    VERIFIED = "verified"
    """Those that this system, or the person's own authorities, vouch for."""
    ANY = "any"
    """All, so that anybody in between can read and change everything."""


@dataclass(frozen=True, slots=True)
class ConnectDraft:
    """What a person wants of a connection, before its variables are filled in."""

    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values, in order."""
    cookies: str = ""
    """Such as `a=1; b=2`."""
    auth: Auth = NO_AUTH
    origin: str = ""
    subprotocols: tuple[str, ...] = ()
    """Best first."""
    compression: str = USUAL_OFFER
    """The extensions to offer; "" for none."""
    proxy: str = ""
    """URL of a proxy on the way, such as `http://127.0.0.1:3128` or `socks5://127.0.0.1:1080`; "": none of its own."""
    trust: Trust = Trust.VERIFIED
    connect_seconds: float = CONNECT_SECONDS
    handshake_seconds: float = HANDSHAKE_SECONDS
    follows: int = 0
    """Redirects that are followed."""
    reconnects: bool = False
    """Whether to connect again after a loss."""
    ping_seconds: float = 0.0
    """Time between pings; 0 sends none."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts in which variables are filled in."""
        pairs = [part for header in self.headers for part in header]
        auth = (self.auth.user, self.auth.secret)
        return (
            self.url,
            *pairs,
            self.cookies,
            *auth,
            self.origin,
            *self.subprotocols,
            self.compression,
            self.proxy,
        )


def request_of(draft: ConnectDraft, variables: Mapping[str, Variable] | None = None) -> ConnectRequest:
    """The request that `draft` asks for, with its variables filled in.

    Raises AddressError for a bad URL, and CallerError for anything else that no request can have.
    """
    filler = _Filler(variables or {})
    url = _url(draft, filler)
    headers = [(filler.text(name), filler.text(value)) for name, value in draft.headers]
    if draft.origin:
        headers.insert(0, ("Origin", filler.text(draft.origin)))
    if draft.cookies:
        headers.append(("Cookie", filler.text(draft.cookies)))
    if draft.auth.kind is not AuthKind.NONE:
        headers.append(("Authorization", _credentials(draft.auth, filler)))
    _check_numbers(draft)
    _check_twice(headers)
    return ConnectRequest(
        url,
        headers=tuple(headers),
        subprotocols=tuple(filler.text(each) for each in draft.subprotocols),
        compression=filler.text(draft.compression),
        connect_seconds=draft.connect_seconds,
        handshake_seconds=draft.handshake_seconds,
        follows=draft.follows,
        reconnect=Reconnect() if draft.reconnects else None,
        ping_seconds=draft.ping_seconds,
        secrets=filler.secrets,
        upstream=parse_upstream(filler.text(draft.proxy)) if draft.proxy else None,
        accepts_any_certificate=draft.trust is Trust.ANY,
    )


class _Filler:
    """Fills variables in, and collects how secret ones look in the request."""

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._variables = variables
        self._secrets: dict[str, None] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The longest first, so that none hides a part of another."""
        return tuple(sorted(self._secrets, key=len, reverse=True))

    def text(self, template: str, wire: Wire = as_is) -> str:
        return self.filled(template, wire).text

    def filled(self, template: str, wire: Wire = as_is) -> Filled:
        filled = fill(template, self._variables, wire)
        self.hide(filled.secrets)
        return filled

    def hide(self, secrets: tuple[str, ...]) -> None:
        self._secrets.update(dict.fromkeys(secrets))


def _url(draft: ConnectDraft, filler: _Filler) -> ServerUrl:
    filled = filler.filled(draft.url.strip(), in_url)
    # What is wrong is said without the secrets.
    shown = parse_url(filled.masked)
    if not filled.secrets:
        return shown
    try:
        url = parse_url(filled.text)
    except AddressError:
        raise AddressError(
            f"“{shown.text}” is no URL any more with its secret in place: check the value."
        ) from None
    if url.place != shown.place:
        raise AddressError("A secret can't be part of the host: names of hosts are sent and recorded openly.")
    return replace(url, text=shown.text)


def _credentials(auth: Auth, filler: _Filler) -> str:
    if auth.kind is AuthKind.BEARER:
        return f"Bearer {filler.text(auth.secret)}"
    user, password = filler.filled(auth.user), filler.filled(auth.secret)
    if ":" in user.text:
        # RFC 7617 section 2.
        raise CallerError(
            "The user of Basic may not contain a colon: it ends there. Check user and password."
        )
    coded = base64.b64encode(f"{user.text}:{password.text}".encode()).decode("ascii")
    if user.secrets or password.secrets:
        filler.hide((coded,))
    return f"Basic {coded}"


def _check_numbers(draft: ConnectDraft) -> None:
    for name, seconds, least in (
        ("connect", draft.connect_seconds, 0.0),
        ("answer", draft.handshake_seconds, 0.0),
    ):
        if not least < seconds <= LONGEST_TIME:
            raise CallerError(
                f"{seconds:g} s is no time to {name}: give more than 0 and at most {LONGEST_TIME:g}."
            )
    if draft.ping_seconds and not SHORTEST_PING <= draft.ping_seconds <= LONGEST_TIME:
        raise CallerError(
            f"A ping each {draft.ping_seconds:g} s can't be: give {SHORTEST_PING:g} to {LONGEST_TIME:g}, or 0 for none."
        )
    if not 0 <= draft.follows <= MOST_FOLLOWED:
        raise CallerError(f"{draft.follows} redirects can't be followed: give 0 to {MOST_FOLLOWED}.")


def _check_twice(headers: list[tuple[str, str]]) -> None:
    """Raise CallerError for a header that the draft says in two places."""
    names = [name.lower() for name, _ in headers]
    for name in ("origin", "cookie", "authorization"):
        if names.count(name) > 1:
            raise CallerError(
                f"{name.capitalize()} stands both among the headers and in its own field: keep one of them."
            )


def parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Headers, one in a line. Raises CallerError."""
    headers = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise CallerError(f"“{line}” is no header: write Name: value.")
        headers.append((name.strip(), value.strip()))
    return tuple(headers)


def draft_of(scheme: str, request: RequestHead) -> ConnectDraft:
    """A draft that repeats a recorded request, to the place that its Host names. `scheme` is ws or wss."""
    headers: list[tuple[str, str]] = []
    draft = ConnectDraft(compression="")
    host = request.headers.get("host") or ""
    for name, value in request.headers.items:
        draft, is_taken = take_header(draft, name, value)
        if not is_taken and name.lower() != "host":
            headers.append((name, literal(value)))
    target = request.target if request.target.startswith("/") else "/" + request.target.partition("://")[2]
    return replace(draft, url=literal(f"{scheme}://{host}{target}"), headers=tuple(headers))


def take_header(draft: ConnectDraft, name: str, value: str) -> tuple[ConnectDraft, bool]:
    """Put a header into the field that is meant for it; False if there is none, or it is taken."""
    text = literal(value)
    match name.lower():
        case known if known in FROM_HANDSHAKE:
            return draft, True
        case "origin" if not draft.origin and value:
            return replace(draft, origin=text), True
        case "cookie" if value:
            # RFC 6265 section 5.4: a client sends one line.
            joined = f"{draft.cookies}; {text}" if draft.cookies else text
            return replace(draft, cookies=joined), True
        case "authorization" if draft.auth.kind is AuthKind.NONE:
            auth = _auth_in(value)
            return (draft, False) if auth is None else (replace(draft, auth=auth), True)
        case known if known == PROTOCOL_HEADER.lower():
            offered = tuple(literal(each.strip()) for each in value.split(",") if each.strip())
            return replace(draft, subprotocols=(*draft.subprotocols, *offered)), True
        case known if known == EXTENSIONS_HEADER.lower():
            joined = f"{draft.compression}, {text}" if draft.compression else text
            return replace(draft, compression=joined), True
    return draft, False


def _auth_in(value: str) -> Auth | None:
    """The credentials of an Authorization header; None if it has others, or would look different again."""
    scheme, _, rest = value.partition(" ")
    if scheme == "Bearer" and rest:
        return Auth(AuthKind.BEARER, secret=literal(rest))
    if scheme == "Basic":
        try:
            user, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:
            return None
        again = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        if colon and again == rest:
            return Auth(AuthKind.BASIC, literal(user), literal(password))
    return None
