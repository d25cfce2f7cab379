"""Certificates for hosts, signed by the local authority, and the contexts that show them."""

from __future__ import annotations

import ipaddress
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.net.tls.authority import Authority, AuthorityStore, key_usage
from core.net.tls.contexts import server_context
from core.net.tls.private_pem import load_chain

MOST_CONTEXTS = 512
"""Each takes some ten KB in OpenSSL, and a few milliseconds to make."""
MOST_LOGGED = 64
BACKDATED = timedelta(days=2)
"""Clocks of other machines may be behind."""
LIFETIME = timedelta(days=42)
"""With what it is backdated. Browsers will demand 47 days at most."""
RENEWED_BEFORE = timedelta(days=7)
_LONGEST_COMMON_NAME = 64
"""RFC 5280 appendix A.1, ub-common-name."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    context: ssl.SSLContext
    fresh_until: datetime


class Leaves:
    """A cache of contexts by host. All leaves share one key, which is never written down."""

    def __init__(
        self,
        store: AuthorityStore,
        key_log: Path | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        most: int = MOST_CONTEXTS,
    ) -> None:
        """`key_log` is the file that gets the keys of all streams."""
        self._store = store
        self._key_log = key_log
        self._now = now
        # Each context has the key log open for itself.
        self._most = most if key_log is None else min(most, MOST_LOGGED)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._signer: Authority | None = None
        self._contexts: OrderedDict[tuple[str, ...], _Leaf] = OrderedDict()

    def context(self, host: str) -> ssl.SSLContext:
        """A context that shows a certificate for `host`, a name in ASCII or an address. Raises CertificateError."""
        authority = self._store.authority()
        if authority is not self._signer:
            self._contexts.clear()
            self._signer = authority
        names = names_for(host)
        found = self._contexts.get(names)
        now = self._now()
        if found is None or now >= found.fresh_until:
            leaf = make_leaf(authority, self._key, names, now)
            found = _Leaf(self._context(leaf, authority), leaf.not_valid_after_utc - RENEWED_BEFORE)
            self._contexts[names] = found
            if len(self._contexts) > self._most:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(names)
        return found.context

    def forget(self) -> None:
        """Sign anew from now on."""
        self._contexts.clear()

    def _context(self, leaf: x509.Certificate, authority: Authority) -> ssl.SSLContext:
        context = server_context(self._key_log)
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        # The authority goes along: some clients look for it in the chain (Chromium, by the digest of its key).
        load_chain(context, leaf.public_bytes(Encoding.PEM) + key + authority.chain_pem)
        return context


def names_for(host: str) -> tuple[str, ...]:
    """What a certificate for `host` names. All hosts next to each other in a deep domain share one."""
    host = host.lower().removesuffix(".")
    if host == "localhost":
        return ("localhost", "*.localhost", "127.0.0.1", "::1")
    labels = host.split(".")
    # No registry has names of three parts but some of countries, below which a wildcard would not count.
    if len(labels) > 3 and len(labels[-1]) > 2 and not _address(host):
        return ("*." + ".".join(labels[1:]),)
    return (host,)


def make_leaf(
    authority: Authority, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], now: datetime
) -> x509.Certificate:
    """A certificate for a server with these names (RFC 5280 section 4.2, RFC 9525)."""
    begins = now - BACKDATED
    common = names[0] if len(names[0]) <= _LONGEST_COMMON_NAME else ""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(min(begins + LIFETIME, authority.ends))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # RFC 5280 section 4.2.1.6: critical where the subject is empty.
        .add_extension(x509.SubjectAlternativeName(list(map(_general_name, names))), critical=not common)
        .add_extension(_authority_identifier(authority), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _authority_identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    """The authority's own subject key identifier, byte for byte (RFC 5280 section 4.2.1.1)."""
    try:
        own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _general_name(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
