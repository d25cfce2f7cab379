"""A proxy of Unmask that runs, and clients and servers for it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from websockets.exceptions import ConnectionClosedError
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as listen

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.settings import EngineSettings, ListenAddress
from core.net.tls.authority import AuthorityStore
from core.net.tls.settings import TlsSettings
from tests.tools.certificates import server_context
from tests.tools.raw_peer import RawPeer
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS

ANYWHERE = ListenAddress("127.0.0.1", 0)


def proxy_settings(folder: Path) -> EngineSettings:
    """With an authority of its own in `folder`, and with trust in the servers of this machine."""
    tls = TlsSettings(
        authority_folder=folder / "tls", exceptions=parse_hosts("127.0.0.1, localhost, *.example")
    )
    return EngineSettings(tls=tls)


class Proxied:
    """An engine with one proxy."""

    def __init__(self, served: Served, folder: Path, proxy: Proxy) -> None:
        self.served = served
        self._store = AuthorityStore(folder / "tls")
        status = served.start(proxy)
        self.source_id = status.id
        self.place = status.addresses[0]
        """Such as `127.0.0.1:3128`."""
        self.port = int(self.place.rpartition(":")[2])
        self.url = f"http://{self.place}"
        self.ca_file = folder / "unmask-ca.pem"
        """The certificate of its authority."""
        self.ca_file.write_bytes(self._store.authority().pem)

    @property
    def spki(self) -> str:
        """The digest of the authority's key, as Chromium wants it."""
        return self._store.authority().spki_sha256

    def trusting(self) -> ssl.SSLContext:
        """The context of a client that trusts the authority, and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca_file)
        return context

    def ask(self, target: str, behind: bytes = b"") -> RawPeer:
        """A client that has asked for a tunnel, and has said `behind` in the same breath."""
        peer = RawPeer(self.port)
        peer.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + behind)
        return peer

    def tunnel(self, target: str) -> RawPeer:
        """A client whose tunnel stands."""
        peer = self.ask(target)
        assert peer.head().startswith(b"HTTP/1.1 200 ")
        return peer

    def records(self, count: int) -> list[ConnectionRecord]:
        """All connections, once there are so many and they are over."""

        def are_over(reader: CaptureReader) -> bool:
            found = reader.connections()
            return len(found) == count and all(each.closed_ns is not None for each in found)

        return self.served.captured(are_over, f"{count} connections are over").connections()


@contextmanager
def proxied(folder: Path, proxy: Proxy | None = None) -> Iterator[Proxied]:
    """A proxy on a free port, whose files are in `folder`."""
    with Served(folder / "a.unmask", proxy_settings(folder)) as served:
        yield Proxied(served, folder, proxy or Proxy(ANYWHERE))


def _echo(connection: ServerConnection) -> None:
    # Clients may leave without a word.
    with suppress(ConnectionClosedError):
        for message in connection:
            connection.send(message)


@contextmanager
def echoing(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a WebSocket server that answers each message with itself, behind TLS if there is a context."""
    with listen(_echo, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield int(server.socket.getsockname()[1])
        finally:
            server.shutdown()
            thread.join(PATIENCE_SECONDS)


@contextmanager
def secured_echo(*names: str) -> Iterator[int]:
    """The port of such a server behind TLS, with a certificate for these names."""
    with echoing(server_context(*names)) as port:
        yield port


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
