"""The sources that a person has set up, as they are remembered between runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.logic.connect_draft import ConnectDraft, Trust, request_of
from app.logic.saved_connections import read_draft, written_draft
from app.logic.variables import Variable
from core.capture.records import Mode
from core.errors import UnmaskError
from core.net.connect_request import parse_url
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.relay import Relay
from core.net.settings import ListenAddress, parse_address
from core.net.sources import Connect, Listen, Source, What
from core.net.tls.settings import ServerTls
from core.protocol.head_rewrite import OriginHeader
from core.protocol.proxy_request import ProxyCredentials

MOST_SOURCES = 200

Wish = Listen | Relay | Proxy | ConnectDraft
"""What a person wants of a source."""


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source that can be started."""

    id: int
    """From 1; the same as long as it is known."""
    name: str
    wish: Wish
    was_on: bool = False
    """Whether it was running when the program ended."""

    @property
    def kind(self) -> Mode:
        return kind_of(self.wish)

    @property
    def address(self) -> ListenAddress | None:
        """Where it is to listen; None if it does not."""
        return None if isinstance(self.wish, ConnectDraft) else self.wish.address

    @property
    def is_secure(self) -> bool:
        """Whether its clients come over TLS."""
        return isinstance(self.wish, (Listen, Relay)) and self.wish.tls is not None

    @property
    def target(self) -> str:
        """The URL that it connects to; "" if it has none of its own."""
        if isinstance(self.wish, Relay):
            return self.wish.target.text
        return self.wish.url if isinstance(self.wish, ConnectDraft) else ""

    def source(self, variables: Mapping[str, Variable]) -> Source:
        """What the engine is to start. `variables` are those that a connection names. Raises UnmaskError."""
        wish = self.wish
        return Source(
            self.id,
            self.name,
            Connect(request_of(wish, variables)) if isinstance(wish, ConnectDraft) else wish,
        )


def kind_of(wish: Wish) -> Mode:
    """The kind of a wish."""
    return {Listen: Mode.LISTEN, Relay: Mode.RELAY, Proxy: Mode.PROXY, ConnectDraft: Mode.CONNECT}[type(wish)]


def wish_of(what: What) -> Wish:
    """A wish for that, without what may be secret in a request: its headers, and a proxy of its own."""
    if not isinstance(what, Connect):
        return what
    request = what.request
    return ConnectDraft(
        url=request.shown_url,
        subprotocols=tuple(map(request.masked, request.subprotocols)),
        compression=request.compression,
        trust=Trust.ANY if request.accepts_any_certificate else Trust.VERIFIED,
        connect_seconds=request.connect_seconds,
        handshake_seconds=request.handshake_seconds,
        follows=request.follows,
        reconnects=request.reconnect is not None,
        ping_seconds=request.ping_seconds,
    )


def next_id(known: Sequence[KnownSource]) -> int:
    """An id that no other source has."""
    return max((each.id for each in known), default=0) + 1


# As text.

_Values = Mapping[str, Any]


def write_sources(known: Sequence[KnownSource]) -> str:
    """All of them as one text, which `read_sources` reads."""
    rows = [
        {"id": each.id, "name": each.name, "on": each.was_on, "kind": each.kind.name, **_values(each.wish)}
        for each in known[:MOST_SOURCES]
    ]
    return json.dumps(rows, ensure_ascii=True)


def read_sources(text: str) -> tuple[KnownSource, ...]:
    """What `write_sources` wrote. What cannot be understood is left out."""
    try:
        rows = json.loads(text or "[]")
    except ValueError:
        return ()
    found: dict[int, KnownSource] = {}
    for row in rows[:MOST_SOURCES] if isinstance(rows, list) else ():
        source = _read(row) if isinstance(row, dict) else None
        if source is not None and source.id not in found:
            found[source.id] = source
    return tuple(found.values())


def _read(row: _Values) -> KnownSource | None:
    try:
        wish = _READERS[row["kind"]](row)
        number, name = row["id"], row["name"]
        if not (isinstance(number, int) and number > 0 and isinstance(name, str) and name):
            return None
        return KnownSource(number, name, wish, row.get("on") is True)
    except (UnmaskError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _values(wish: Wish) -> dict[str, object]:
    if isinstance(wish, ConnectDraft):
        return written_draft(wish)
    values: dict[str, object] = {"address": str(wish.address)}
    if isinstance(wish, (Listen, Relay)) and wish.tls is not None:
        tls = wish.tls
        values["tls"] = [_path_text(tls.certificate), _path_text(tls.key), tls.password]
    if isinstance(wish, Relay):
        values |= {
            "target": wish.target.text,
            "keep_host": wish.keep_host,
            "origin": wish.origin.value,
            "seconds": wish.connect_seconds,
        }
    elif isinstance(wish, Proxy):
        values |= {
            "open": str(wish.open_hosts),
            "pass": str(wish.pass_hosts),
            "metadata": wish.allow_metadata,
        }
        if wish.credentials is not None:
            values |= {"user": wish.credentials.username, "password": wish.credentials.password}
    return values


def _path_text(path: Path | None) -> str:
    return "" if path is None else str(path)


def _tls(row: _Values) -> ServerTls | None:
    if "tls" not in row:
        return None
    certificate, key, password = row["tls"]
    return ServerTls(Path(certificate) if certificate else None, Path(key) if key else None, str(password))


def _read_listen(row: _Values) -> Listen:
    return Listen(parse_address(row["address"]), _tls(row))


def _read_relay(row: _Values) -> Relay:
    relay = Relay(parse_address(row["address"]), parse_url(row["target"]))
    return replace(
        relay,
        tls=_tls(row),
        keep_host=row.get("keep_host") is True,
        origin=OriginHeader(row.get("origin", OriginHeader.KEPT.value)),
        connect_seconds=float(row.get("seconds", relay.connect_seconds)),
    )


def _read_proxy(row: _Values) -> Proxy:
    user = row.get("user")
    return Proxy(
        parse_address(row["address"]),
        open_hosts=parse_hosts(row.get("open", "")),
        pass_hosts=parse_hosts(row.get("pass", "")),
        credentials=ProxyCredentials(str(user), str(row.get("password", ""))) if user else None,
        allow_metadata=row.get("metadata") is True,
    )


def _read_connect(row: _Values) -> ConnectDraft:
    draft = read_draft(row)
    if not draft.url:
        raise ValueError("a connection without a URL")
    return draft


_READERS: dict[str, Callable[[_Values], Wish]] = {
    Mode.LISTEN.name: _read_listen,
    Mode.RELAY.name: _read_relay,
    Mode.PROXY.name: _read_proxy,
    Mode.CONNECT.name: _read_connect,
}
