"""A running proxy: what its clients get, by what the person wants of it now."""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence

from core.capture.records import Mode
from core.errors import CertificateError
from core.net.connect_request import ServerUrl
from core.net.failures import Failure, FailureKind
from core.net.fronts.certificate_guide import GuidePlaces
from core.net.fronts.certificate_page import PublicCertificate, certificate_page
from core.net.fronts.forward import ForwardRouter, InsideRouter, server_url
from core.net.fronts.router import Router, Tunnel
from core.net.legs.between import Between
from core.net.legs.exchange import Exchange
from core.net.legs.leg import Leg
from core.net.legs.reception import Asked, Reception
from core.net.legs.session import Session, SessionHost
from core.net.legs.tunnel import Tunnelled
from core.net.proxy import Proxy
from core.net.reach import Reach
from core.net.settings import is_loopback
from core.net.sockets import SocketAddress
from core.net.sources import SourceTag
from core.net.tls.openings import Opening
from core.net.tls.server import ServerOpening
from core.net.tls.services import TlsServices
from core.protocol.handshake import Answer, refuse
from core.protocol.proxy_request import Authority

_NOBODY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for examples (RFC 5737, RFC 3849). Nothing is sent there."""
_TOLD_NS = 60 * 10**9
_MOST_TOLD = 1000


class Proxying:
    """What a proxy does with its clients. Lives on the loop's thread."""

    def __init__(
        self,
        host: SessionHost,
        proxy: Proxy,
        tls: TlsServices,
        admit: Callable[[Between], bool],
        own: Callable[[], Sequence[SocketAddress]],
    ) -> None:
        """`own` gives the addresses on which the proxy listens."""
        self.proxy = proxy
        """May be replaced at any time; applies to what clients ask from then on."""
        self._host = host
        self._tls = tls
        self._admit = admit
        self._own = own
        self._told: OrderedDict[str, int] = OrderedDict()
        """When it was told last that a client refuses the certificate for a host."""

    def new_leg(self, tag: SourceTag) -> Leg:
        """The leg of a client that comes in, with its session."""

        def open_tunnel(asked: Asked, wanted: Tunnel) -> Session:
            target = server_url(Authority(wanted.host, wanted.port), is_secure=False)
            tunnelled = Tunnelled(reception, self, asked, target)
            tunnelled.begin()
            return tunnelled

        reception = Reception(self._host, tag, Mode.PROXY, ForwardRouter(self), self._admit, open_tunnel)
        return Exchange(reception).client

    @property
    def allowed(self) -> Reach:
        """Which addresses may be connected to."""
        return Reach(self._own, self.proxy.allow_metadata)

    def opening(self, host: str) -> Opening:
        """Our side of a handshake with a client that means this host."""
        return ServerOpening(self._tls.leaf_for(host))

    def tell_refused(self, name: str, sentence: str) -> None:
        """Tell the person that a client does not take the certificate for this host, but not each time."""
        now = self._host.clock()
        if now - self._told.get(name, -_TOLD_NS) >= _TOLD_NS:
            self._told[name] = now
            self._told.move_to_end(name)
            if len(self._told) > _MOST_TOLD:
                self._told.popitem(last=False)
            self._host.tell_failure(Failure(FailureKind.CERTIFICATE_REFUSED, name, sentence))

    def router_inside(self, target: ServerUrl, server_name: str | None) -> Router:
        """The router of the requests inside of a tunnel to this server, for which TLS names it so."""
        return InsideRouter(self, target, server_name)

    @property
    def own_names(self) -> tuple[str, ...] | None:
        """Names beside those of loopback by which clients may call the proxy itself; None: any."""
        is_local = all(is_loopback(str(place[0])) for _, place in self._own())
        return () if is_local else None

    def page(self, method: str, path: str) -> Answer:
        """The proxy's own page."""
        try:
            authority = self._tls.store.authority()
        except CertificateError as error:
            return refuse(503, str(error))
        certificate = PublicCertificate(
            authority.pem, authority.der, authority.p12, f"{authority.ends:%Y-%m-%d}"
        )
        return certificate_page(method, path, certificate, self._places(authority.name))

    def _places(self, authority: str) -> GuidePlaces:
        family, place = next(iter(self._own()), (socket.AF_INET, ("127.0.0.1", self.proxy.address.port)))
        host, port = str(place[0]), place[1]
        assert isinstance(port, int), "it is a place of the internet"
        if host in ("0.0.0.0", "::"):
            host = _outward_address(family) or host
        has_credentials = self.proxy.credentials is not None
        return GuidePlaces(host, port, authority, has_credentials=has_credentials)


def _outward_address(family: socket.AddressFamily) -> str:
    """The address by which others would reach this machine; "" if there is none."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            # Sends nothing: it only chooses a way.
            sock.connect((_NOBODY[family], 9))
            return str(sock.getsockname()[0])
    except OSError:
        return ""
