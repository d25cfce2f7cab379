"""A TLS handshake in memory, between a server's context and a client's."""

from __future__ import annotations

import ssl

from core.net.tls.openings import peer_chain


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> tuple[bytes, ...]:
    """The certificates, in DER, that the client gets. Raises what OpenSSL raises on the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=host)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    ends = [here, there]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
    return peer_chain(here)
