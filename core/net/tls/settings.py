"""What a person decides about TLS. Plain values; nothing here does I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.net.host_list import NO_HOSTS, HostList


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What Unmask shows to servers that ask who it is."""

    hosts: HostList
    """The servers that it is shown to."""
    certificate: Path
    """PEM or PKCS #12."""
    key: Path | None = None
    """The key of the certificate; None: it stands in the same file."""
    password: str = field(default="", repr=False)
    """Opens the key, or the PKCS #12 file."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Whom to trust, and who Unmask is."""

    authority_folder: Path | None = None
    """A folder of the user's own for the local authority; None: there is none."""
    exceptions: HostList = NO_HOSTS
    """Hosts whose certificate is not verified."""
    ca_files: tuple[Path, ...] = ()
    """Certificates of authorities to trust beside the system's; PEM, DER or PKCS #12."""
    client_certificates: tuple[ClientCertificate, ...] = ()
    """The first whose hosts match is shown."""
    key_log: Path | None = None
    """The file that gets the keys of all streams (as SSLKEYLOGFILE), for Wireshark."""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What a listening source shows to its clients."""

    certificate: Path | None = None
    """Its own certificate, PEM or PKCS #12; None: the local authority vouches for whatever name a client asks for."""
    key: Path | None = None
    """The key of the certificate; None: it stands in the same file."""
    password: str = field(default="", repr=False)
    """Opens the key, or the PKCS #12 file."""
