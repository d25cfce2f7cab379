"""Authorities and certificates for tests, and the contexts of servers and clients that use them."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

import trustme

from core.net.tls.private_pem import load_chain


@cache
def authority() -> trustme.CA:
    """One that nobody trusts unless told to."""
    return trustme.CA()


def server_context(*names: str, issuer: trustme.CA | None = None) -> ssl.SSLContext:
    """For a server with a certificate for these names and addresses; by default those of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = (issuer or authority()).issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
    leaf.configure_cert(context)
    return context


def client_context(trusted: trustme.CA | None = None) -> ssl.SSLContext:
    """For a client that trusts this authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    (trusted or authority()).configure_trust(context)
    return context


def ca_file(folder: Path, of: trustme.CA | None = None) -> Path:
    """The authority's certificate in a file, as PEM."""
    path = folder / "authority.pem"
    (of or authority()).cert_pem.write_to_path(str(path))
    return path


def context_of(*pems: bytes) -> ssl.SSLContext:
    """For a server that shows these certificates, its own first; its key is among them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_chain(context, b"".join(pems))
    return context


def leaf_files(folder: Path, *names: str, issuer: trustme.CA | None = None) -> tuple[Path, Path]:
    """A certificate for these names, with what is between it and its authority, and its key; both as PEM."""
    leaf = (issuer or authority()).issue_cert(*names)
    certificate, key = folder / "leaf.pem", folder / "leaf.key"
    certificate.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate, key
