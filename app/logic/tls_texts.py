"""The person's decisions about TLS and about proxies on the way, as texts to be stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from core.errors import UnmaskError
from core.net.host_list import NO_HOSTS, HostList, parse_hosts
from core.net.tls.settings import ClientCertificate
from core.net.upstream import UpstreamProxy, parse_upstream

MOST_FILES = 100


def write_client_certificates(certificates: Sequence[ClientCertificate]) -> str:
    """One text, which `read_client_certificates` reads."""
    rows = [
        [str(each.hosts), str(each.certificate), str(each.key or ""), each.password]
        for each in certificates[:MOST_FILES]
    ]
    return json.dumps(rows, ensure_ascii=True)


def read_client_certificates(text: str) -> tuple[ClientCertificate, ...]:
    """What `write_client_certificates` wrote. What cannot be understood is left out."""
    try:
        rows = json.loads(text or "[]")
    except ValueError:
        return ()
    found = []
    for row in rows[:MOST_FILES] if isinstance(rows, list) else ():
        with suppress(UnmaskError, ValueError, TypeError):
            hosts, certificate, key, password = map(str, row)
            found.append(
                ClientCertificate(parse_hosts(hosts), Path(certificate), Path(key) if key else None, password)
            )
    return tuple(found)


def read_hosts(text: str) -> HostList:
    """Hosts as `str` of a list wrote them; none if that cannot be read."""
    try:
        return parse_hosts(text)
    except UnmaskError:
        return NO_HOSTS


def upstream_text(upstream: UpstreamProxy | None) -> str:
    """The URL of a proxy with its credentials; "" for none."""
    if upstream is None:
        return ""
    given = upstream.credentials
    user = "" if given is None else f"{quote(given.username, safe='')}:{quote(given.password, safe='')}@"
    return f"{upstream.kind.value}://{user}{upstream.place}"


def read_upstream(text: str, exceptions: str) -> UpstreamProxy | None:
    """What `upstream_text` wrote; None for none, and for what cannot be read."""
    if not text:
        return None
    try:
        return parse_upstream(text, read_hosts(exceptions))
    except UnmaskError:
        return None
