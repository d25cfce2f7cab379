"""Keys and certificates in PEM: files that only their owner reads, and their way into OpenSSL."""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import CertificateError

OWNER_ONLY = 0o600
FOLDER_MODE = 0o700


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, in a folder of the same kind. Raises OSError."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.parent.chmod(FOLDER_MODE)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(OWNER_ONLY)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_chain(context: ssl.SSLContext, pem: bytes) -> None:
    """Let a context show the certificates of `pem`, its own and the key first.

    OpenSSL takes files only. Where the system has none in memory, a temporary one is there for that moment.
    Raises CertificateError.
    """
    try:
        with _as_file(pem) as path:
            context.load_cert_chain(path)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or str(error)
        raise CertificateError(
            f"The certificate can't be used for TLS ({reason}). Use another one."
        ) from error


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A file with this content, which nobody else can read."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("chain", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    # mkstemp lets nobody but the owner read it.
    descriptor, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)
