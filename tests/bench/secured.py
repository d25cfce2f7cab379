"""TLS for what is measured: all processes use it where the environment says where its certificate stands."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

_VARIABLE = "UNMASK_BENCH_TLS"


@contextmanager
def tls_environment() -> Iterator[dict[str, str]]:
    """The present environment, with a certificate that is gone afterwards. Its key is EC P-256, as those of Unmask."""
    with TemporaryDirectory(prefix="unmask-bench-") as folder:
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        leaf = authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))
        leaf.private_key_and_cert_chain_pem.write_to_path(str(Path(folder) / "leaf.pem"))
        yield {**os.environ, _VARIABLE: folder}


def authority_file() -> Path | None:
    """The certificate of the authority to trust; None: everything is plain."""
    folder = os.environ.get(_VARIABLE)
    return None if folder is None else Path(folder) / "ca.pem"


def leaf_file() -> Path | None:
    """The certificate to show, and its key; None: everything is plain."""
    folder = os.environ.get(_VARIABLE)
    return None if folder is None else Path(folder) / "leaf.pem"


def server_context() -> ssl.SSLContext | None:
    """For a server; None: it is plain."""
    leaf = leaf_file()
    if leaf is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    return context


def client_context() -> ssl.SSLContext | None:
    """For a client; None: it is plain."""
    authority = authority_file()
    if authority is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    return context
