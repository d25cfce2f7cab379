"""Contexts of OpenSSL, set up alike."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

import truststore

from core.errors import CertificateError
from core.net.tls.private_pem import OWNER_ONLY

_ALPN = ("http/1.1",)
"""WebSocket runs on HTTP/1.1 (RFC 6455); who may choose might choose HTTP/2."""


def server_context(key_log: Path | None) -> ssl.SSLContext:
    """For Unmask as a server; it has no certificate yet. Raises CertificateError about the key log."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_up(context, key_log)
    return context


def client_context(key_log: Path | None) -> ssl.SSLContext:
    """For Unmask as a client that trusts whom the system trusts. Raises CertificateError about the key log."""
    context = _system_context()
    _set_up(context, key_log)
    # An authority that is trusted here need not be a root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def trusting_context(key_log: Path | None) -> ssl.SSLContext:
    """For Unmask as a client that verifies nothing. Raises CertificateError about the key log."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_up(context, key_log)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def can_resume(context: ssl.SSLContext) -> bool:
    """Whether a client's sessions can be resumed: then no certificates come, and the system's own code, where that
    verifies, wants some each time.
    """
    # truststore lets `isinstance` say otherwise.
    return type(context) is ssl.SSLContext


def _system_context() -> ssl.SSLContext:
    """Trusts whom the system trusts."""
    system: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform in ("darwin", "win32"):
        # The system's own code verifies.
        return system
    # Elsewhere truststore knows where the authorities stand, but reads the file anew for each connection: some 40 ms.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_default_verify_paths()
    if not context.get_ca_certs():
        system.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
        found = system.get_ca_certs(binary_form=True)
        if found:
            context.load_verify_locations(cadata=b"".join(found))
    return context


def _set_up(context: ssl.SSLContext, key_log: Path | None) -> None:
    # RFC 8996: earlier versions are not to be used.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # It would let a peer make us work for nothing.
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_ALPN)
    if key_log is None:
        return
    try:
        # Who reads it can read the traffic.
        os.close(os.open(key_log, os.O_CREAT | os.O_WRONLY, OWNER_ONLY))
        context.keylog_filename = str(key_log)
    except OSError as error:
        raise CertificateError(
            f"The key log cannot be written to {key_log} ({error.strerror or error}). Choose another file, or switch "
            "it off."
        ) from error
