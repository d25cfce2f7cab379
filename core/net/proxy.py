"""A forward proxy, as a person sets it up: where it listens, for whom, and what it does with TLS."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from core.net.connect_request import CONNECT_SECONDS
from core.net.host_list import NO_HOSTS, HostList
from core.net.settings import ListenAddress
from core.protocol.proxy_request import ProxyCredentials

PROXY_PORT = 3128
"""Where proxies usually listen."""
PAGE_HOST = "unmask.local"
"""The name under which a proxy shows its own page to who goes through it."""


class TlsTreatment(Enum):
    """What becomes of TLS inside a tunnel."""

    OPEN = "open"
    """It is opened with a certificate of the local authority."""
    PASS = "pass"
    """It passes untouched."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy. TLS is opened for every host but those of `pass_hosts`."""

    address: ListenAddress = field(default_factory=lambda: ListenAddress("127.0.0.1", PROXY_PORT))
    open_hosts: HostList = NO_HOSTS
    """Hosts whose TLS is opened; empty: all."""
    pass_hosts: HostList = NO_HOSTS
    """Hosts whose TLS passes untouched, even if they are among `open_hosts`."""
    credentials: ProxyCredentials | None = field(default=None, repr=False)
    """What clients must give; None: nothing."""
    allow_metadata: bool = False
    """Whether link-local addresses may be connected to; see `core.net.reach`."""
    connect_seconds: float = CONNECT_SECONDS
    """How long finding a host and connecting to it may take."""
    peek_seconds: float = 2.0
    """How long a client may be silent in a new tunnel before the server is let speak first."""

    def treatment(self, host: str, port: int) -> TlsTreatment:
        """What becomes of TLS to this host."""
        if self.pass_hosts.matches(host, port):
            return TlsTreatment.PASS
        opens = not self.open_hosts or self.open_hosts.matches(host, port)
        return TlsTreatment.OPEN if opens else TlsTreatment.PASS

    def passing(self, hosts: HostList) -> Proxy:
        """The proxy with more hosts whose TLS passes untouched."""
        return replace(self, pass_hosts=self.pass_hosts.with_hosts(hosts))
