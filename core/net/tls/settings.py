"""What a person decides about TLS. Plain values; nothing here does I/O."""

from __future__ import annotations

from dataclasses import dataclass

from core.net.host_list import NO_HOSTS, HostList


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """Whom to trust beside the authorities that the system trusts."""

    exceptions: HostList = NO_HOSTS
    """Hosts whose certificate is not verified."""
