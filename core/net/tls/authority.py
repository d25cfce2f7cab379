"""The local authority, which vouches for the hosts that Unmask speaks for. It exists on this machine alone."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from core.errors import CertificateError
from core.net.tls.certificates import DAMAGE
from core.net.tls.credentials import Credentials
from core.net.tls.private_pem import write_private

LIFETIME = timedelta(days=3652)
BACKDATED = timedelta(days=2)
"""Clocks of other machines may be behind."""
RENEWED_BEFORE = timedelta(days=180)
"""How long before its end an authority is renewed, so that there is time to trust the new certificate."""

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that may sign others, and its key."""

    certificate: x509.Certificate
    key: SigningKey = field(repr=False)
    others: tuple[x509.Certificate, ...] = ()
    """Certificates between this one and one that is trusted."""

    @property
    def name(self) -> str:
        """What systems show it as."""
        common = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(common[0].value) if common else self.certificate.subject.rfc4514_string()

    @property
    def ends(self) -> datetime:
        """When its certificate ends, in UTC."""
        return self.certificate.not_valid_after_utc

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        """Its certificate, and those between it and one that is trusted."""
        return b"".join((self.pem, *(each.public_bytes(Encoding.PEM) for each in self.others)))

    @property
    def der(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def p12(self) -> bytes:
        """Its certificate alone, as a trust store that Java reads too, without a password."""
        entry = pkcs12.PKCS12Certificate(self.certificate, self.name.encode())
        return pkcs12.serialize_java_truststore([entry], NoEncryption())

    @property
    def sha256(self) -> bytes:
        """The digest of its certificate."""
        return sha256(self.der).digest()

    @property
    def spki_sha256(self) -> str:
        """The digest of its public key in base64, as Chromium's --ignore-certificate-errors-spki-list wants it."""
        spki = self.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(sha256(spki).digest()).decode("ascii")


class AuthorityStore:
    """Keeps the authority in a folder of the user's own. Any thread."""

    def __init__(self, folder: Path | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Nothing is read or written before the authority is needed. Without a folder there can be none."""
        self._folder = folder
        self._now = now
        self._lock = threading.RLock()
        self._authority: Authority | None = None
        self._seen: tuple[int, int] | None = None
        """What told the file from others when it was read. Other processes may replace it."""

    @property
    def path(self) -> Path:
        """The file with certificate and key, which only the owner can read. Raises CertificateError."""
        if self._folder is None:
            raise CertificateError(
                "There is no folder to keep the local authority in. Name a certificate to use."
            )
        return self._folder / "authority.pem"

    def existing(self) -> Authority | None:
        """The authority, if there is one. Raises CertificateError."""
        with self._lock:
            path = self.path
            try:
                seen = _seen(path)
                if self._authority is None or seen != self._seen:
                    self._authority, self._seen = _parse(path.read_bytes(), path), seen
            except FileNotFoundError:
                self._authority = None
            except OSError as error:
                raise CertificateError(
                    f"The authority cannot be read from {path} ({error.strerror}). Check the file's rights."
                ) from error
            return self._authority

    def authority(self) -> Authority:
        """The authority, made now if there is none, renewed if it ends soon. Raises CertificateError."""
        with self._lock:
            found = self.existing()
            if found is None:
                return self._keep(_made(ec.generate_private_key(ec.SECP256R1()), _new_name(), self._now()))
            if found.ends - self._now() < RENEWED_BEFORE and _is_own(found):
                # With the same key and name: where the old certificate is trusted, new leaves are until it ends.
                return self._keep(_made(found.key, found.certificate.subject, self._now()))
            return found

    def replace(self, authority: Authority) -> None:
        """Use this authority from now on; what the old one signed is no longer shown. Raises CertificateError."""
        with self._lock:
            self._keep(authority)

    def remove(self) -> None:
        """Delete the authority with its key; another one is made when one is needed. Raises CertificateError."""
        with self._lock:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise CertificateError(
                    f"The authority cannot be removed from {self.path} ({error.strerror}). Check the folder's rights."
                ) from error
            self._authority = None

    def _keep(self, authority: Authority) -> Authority:
        key = authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            write_private(self.path, authority.chain_pem + key)
            self._seen = _seen(self.path)
        except OSError as error:
            raise CertificateError(
                f"The authority cannot be written to {self.path} ({error.strerror or error}). Check the folder's "
                "rights and whether the disk is full."
            ) from error
        self._authority = authority
        return authority


def _seen(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _parse(content: bytes, path: Path) -> Authority:
    try:
        certificate, *others = x509.load_pem_x509_certificates(content)
        key = load_pem_private_key(content, None)
    except DAMAGE as error:
        raise CertificateError(
            f"{path} holds no authority that can be read. Remove it: a new one is made then."
        ) from error
    if not isinstance(key, SigningKey) or key.public_key() != certificate.public_key():
        raise CertificateError(
            f"The key in {path} does not belong to the certificate there. Remove it: a new authority is made then."
        )
    return Authority(certificate, key, tuple(others))


def authority_from(credentials: Credentials, now: datetime | None = None) -> Authority:
    """A person's own authority, once it is known to be able to sign for hosts. Raises CertificateError."""
    certificate, key = credentials.certificate, credentials.key
    what = f"The certificate “{certificate.subject.rfc4514_string()}”"
    now = now or datetime.now(UTC)
    if not _may_sign(certificate):
        raise CertificateError(
            f"{what} is not one of an authority: it may not sign others. Give the authority's own certificate."
        )
    if now > certificate.not_valid_after_utc:
        raise CertificateError(
            f"{what} has expired, on {certificate.not_valid_after_utc:%Y-%m-%d}. Give a newer one."
        )
    if now < certificate.not_valid_before_utc:
        raise CertificateError(
            f"{what} is not valid yet: it begins on {certificate.not_valid_before_utc:%Y-%m-%d}. Check this machine's "
            "clock."
        )
    if not isinstance(key, SigningKey):
        raise CertificateError(
            f"{what} has a key of a kind that browsers do not accept. Give one with RSA or EC."
        )
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _LEAST_RSA_BITS:
        raise CertificateError(
            f"{what} has an RSA key of {key.key_size} bits, which clients refuse. Give one of at least "
            f"{_LEAST_RSA_BITS} bits."
        )
    return Authority(certificate, key, credentials.others)


def _may_sign(certificate: x509.Certificate) -> bool:
    """Whether a certificate is one of an authority (RFC 5280 sections 4.2.1.3 and 4.2.1.9)."""
    try:
        extensions = certificate.extensions
        is_authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        try:
            usage = extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            return is_authority
        return is_authority and usage.key_cert_sign
    except DAMAGE:
        return False


_LEAST_RSA_BITS = 2048
_ORGANIZATION = "Unmask"


def _new_name() -> x509.Name:
    # No two have the same name: systems that know one would take the other for it.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Unmask authority {token_hex(4)}"),
        ]
    )


def _is_own(authority: Authority) -> bool:
    """Whether Unmask made it."""
    names = authority.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return [each.value for each in names] == [_ORGANIZATION]


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """What a key is for (RFC 5280 section 4.2.1.3): to sign certificates, or to sign handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _made(key: SigningKey, name: x509.Name, now: datetime) -> Authority:
    """An authority that signs for itself (RFC 5280 section 4.2)."""
    begins = now - BACKDATED
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)
