"""What is known of the certificates of a leg."""

from __future__ import annotations

from datetime import UTC, datetime

from core.capture.legs import LegRecord
from core.net.tls.certificates import CertificateFacts as CertificateFacts
from core.net.tls.certificates import describe_chain


def certificates_of(leg: LegRecord) -> tuple[CertificateFacts, ...]:
    """The certificates of the other end, its own first, judged by the time at which they were shown."""
    if leg.tls is None or not leg.tls.chain:
        return ()
    shown_ns = leg.secured_ns or leg.connected_ns or leg.opened_ns
    host = leg.tls.sni or leg.peer.rpartition(":")[0].strip("[]")
    return describe_chain(leg.tls.chain, host or None, datetime.fromtimestamp(shown_ns / 1e9, UTC))
