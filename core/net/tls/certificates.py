"""Describes certificates, as they were recorded in DER, and says what is wrong with them."""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

T = TypeVar("T")

DAMAGE = (
    *(ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion),
    *(x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What `cryptography` raises about certificates that are not as they should be."""

MOST_NAMES = 100
"""A certificate may name thousands of hosts; so many are given."""
_LEAST_RSA_BITS = 2048
_DAMAGED = "A part of it cannot be read."
_WEAK_HASHES = frozenset(("md5", "sha1"))


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says, as plain text, and what is wrong with it."""

    der: bytes
    subject: str
    """Whom it is for: its common name, or its whole subject, or the first name of a host; "" if it does not say."""
    issuer: str
    """Who signed it, put like the subject."""
    names: tuple[str, ...]
    """Hosts and addresses that it is for, the first hundred."""
    name_count: int
    begins: datetime | None
    """In UTC, as is `ends`. None where the certificate cannot be read."""
    ends: datetime | None
    key: str
    """Such as `EC P-256` or `RSA 2048`."""
    serial: str
    """Its serial number in hex."""
    is_authority: bool
    """Whether it may sign others."""
    problem: str
    """What is wrong with it, in a sentence; "" if nothing is known to be."""

    @property
    def sha256(self) -> str:
        """Its fingerprint, such as `0A:1B:…`."""
        return sha256(self.der).digest().hex(":").upper()


def split_chain(chain: bytes) -> tuple[bytes, ...]:
    """Certificates that stand one behind the other in DER; a rest that is none is one of them."""
    found, at = [], 0
    while at < len(chain):
        end = _end_of(chain, at)
        found.append(chain[at:end])
        at = end
    return tuple(found)


def describe_chain(chain: bytes, host: str | None, at: datetime) -> tuple[CertificateFacts, ...]:
    """The certificates of a leg, its own first. They are judged by the time `at` (UTC), and the first by `host`, a name
    in ASCII or an address; None: whatever it is called.
    """
    ders = split_chain(chain)
    with warnings.catch_warnings():
        # What others put in their certificates is no concern of whoever runs Unmask.
        warnings.simplefilter("ignore")
        read = [_read(der) for der in ders]
        return tuple(
            _describe(der, read[number], read[number + 1 :], host if number == 0 else None, at)
            for number, der in enumerate(ders)
        )


def _end_of(chain: bytes, at: int) -> int:
    """Where the value that begins there ends (X.690 section 8.1)."""
    if len(chain) - at < 2 or chain[at] != 0x30:
        return len(chain)
    length, begin = chain[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(chain[begin : begin + count], "big")
        begin += count
    return min(begin + length, len(chain))


def _read(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except DAMAGE:
        return None


def _describe(
    der: bytes,
    certificate: x509.Certificate | None,
    others: Sequence[x509.Certificate | None],
    host: str | None,
    at: datetime,
) -> CertificateFacts:
    if certificate is None:
        problem = "What came in its place is no certificate that can be read."
        return CertificateFacts(der, "", "", (), 0, None, None, "", "", False, problem)
    no_names: tuple[str, ...] = ()
    names = _or(lambda: _names(certificate), no_names)
    subject = _or(lambda: _name(certificate.subject), "")
    key, key_problem = _or(lambda: _key(certificate.public_key()), ("unknown", ""))
    checks: tuple[Callable[[], str], ...] = (
        lambda: _time_problem(certificate, at),
        lambda: "" if host is None or _is_for(names, host) else _wrong_host(names, host),
        lambda: _issuer_problem(certificate, others),
        lambda: key_problem,
        lambda: _signature_problem(certificate),
    )
    return CertificateFacts(
        der=der,
        subject=subject or next(iter(names), ""),
        issuer=_or(lambda: _name(certificate.issuer), ""),
        names=names[:MOST_NAMES],
        name_count=len(names),
        begins=_or(lambda: certificate.not_valid_before_utc, None),
        ends=_or(lambda: certificate.not_valid_after_utc, None),
        key=key,
        serial=_or(lambda: f"{certificate.serial_number:X}", ""),
        is_authority=_or(lambda: _may_sign(certificate), False),
        problem=next(filter(None, (_or(check, _DAMAGED) for check in checks)), ""),
    )


def _or(read: Callable[[], T], instead: T) -> T:
    """What is read, or something instead if the certificate is damaged there."""
    try:
        return read()
    except DAMAGE:
        return instead


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    hosts = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return tuple(map(_plain, (*hosts, *map(str, addresses))))


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _plain(str(common[0].value) if common else name.rfc4514_string())


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _key(key: object) -> tuple[str, str]:
    """What it is called, and what is wrong with it."""
    if isinstance(key, rsa.RSAPublicKey):
        weak = f"Its key, RSA of {key.key_size} bits, is too short to be safe."
        return f"RSA {key.key_size}", weak if key.key_size < _LEAST_RSA_BITS else ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}", ""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", ""
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", ""
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}", "Its key is of a kind, DSA, that TLS does not use any more."
    return "unknown", ""


_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def _time_problem(certificate: x509.Certificate, at: datetime) -> str:
    if at < certificate.not_valid_before_utc:
        return f"It was not valid yet: it begins on {certificate.not_valid_before_utc:%Y-%m-%d}."
    if at > certificate.not_valid_after_utc:
        return f"It had expired, on {certificate.not_valid_after_utc:%Y-%m-%d}."
    return ""


def _is_for(names: Sequence[str], host: str) -> bool:
    """Whether a certificate with these names is for a host (RFC 9525 section 6)."""
    host = host.lower().removesuffix(".")
    address = _address(host)
    if address is not None:
        return any(_address(name) == address for name in names)
    _, _, parent = host.partition(".")
    # A wildcard stands for exactly one label, the first (RFC 9525 section 6.3).
    return any(name.lower() in (host, f"*.{parent}") for name in names)


def _wrong_host(names: Sequence[str], host: str) -> str:
    if not names:
        return f"It is for no host at all, and not for {host}: it has no subjectAltName."
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"It is not for {host}, but for {', '.join(names[:3])}{more}."


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _issuer_problem(certificate: x509.Certificate, others: Sequence[x509.Certificate | None]) -> str:
    """What is wrong with who signed it, as far as the chain alone tells."""
    if certificate.issuer == certificate.subject:
        is_authority = _or(lambda: _may_sign(certificate), False)
        return "" if is_authority else "It is self-signed: nobody else vouches for it."
    issuers = [other for other in others if other is not None and other.subject == certificate.issuer]
    if issuers and not any(_signs(issuer, certificate) for issuer in issuers):
        return f"{_or(lambda: _name(certificate.issuer), 'Its issuer')} is in the chain, but did not sign it."
    if others and not issuers:
        return "The certificates behind it in the chain do not vouch for it: its issuer is missing there."
    return ""


def _signs(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*DAMAGE, InvalidSignature):
        return False
    return True


def _signature_problem(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    # A root is trusted for what it is, not for its signature.
    if algorithm is None or algorithm.name not in _WEAK_HASHES or certificate.issuer == certificate.subject:
        return ""
    return f"Its signature uses {algorithm.name.upper()}, which can be forged."


def _may_sign(certificate: x509.Certificate) -> bool:
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
