"""Certificates with their keys, and authorities, that a person gives as files: PEM, DER or PKCS #12."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from core.errors import CertificateError
from core.net.tls.certificates import DAMAGE

_MOST_BYTES = 4 * 1024 * 1024
_PEM = b"-----BEGIN "


class PasswordError(CertificateError):
    """A key is encrypted, and its password is missing or another one."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and the key that belongs to it."""

    certificate: x509.Certificate
    key: PrivateKeyTypes
    others: tuple[x509.Certificate, ...] = ()
    """Certificates between this one and its authority."""

    @property
    def pem(self) -> bytes:
        """All of it, the certificate and its key first."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = (self.certificate, *self.others)
        first, *others = (each.public_bytes(Encoding.PEM) for each in chain)
        return b"".join((first, key, *others))


def read_credentials(certificate: Path, key: Path | None = None, password: str = "") -> Credentials:
    """A certificate in PEM or PKCS #12, and its key from the same file or another. Raises CertificateError."""
    content = _read(certificate)
    secret = password.encode() or None
    if _PEM not in content:
        return _from_p12(content, certificate, secret)
    try:
        chain = x509.load_pem_x509_certificates(content)
    except DAMAGE as error:
        raise CertificateError(
            f"{certificate} holds no certificate that can be read ({error}). Give it as PEM or PKCS #12."
        ) from error
    place = key or certificate
    found = _key(_read(place) if key else content, place, secret)
    for at, each in enumerate(chain):
        if each.public_key() == found.public_key():
            return Credentials(each, found, tuple(chain[:at] + chain[at + 1 :]))
    raise CertificateError(
        f"The key in {place} does not belong to the certificate in {certificate}: give its own."
    )


def read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a file, in PEM, DER or PKCS #12. Raises CertificateError."""
    content = _read(path)
    try:
        if _PEM in content:
            return tuple(x509.load_pem_x509_certificates(content))
        try:
            return (x509.load_der_x509_certificate(content),)
        except DAMAGE:
            held = pkcs12.load_pkcs12(content, None)
            others = tuple(each.certificate for each in held.additional_certs)
            return others if held.cert is None else (held.cert.certificate, *others)
    except DAMAGE as error:
        raise CertificateError(
            f"{path} holds no certificate that can be read. Give one in PEM or DER."
        ) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CertificateError(
            f"{path} cannot be read ({error.strerror}). Check its name and rights."
        ) from error
    if len(content) > _MOST_BYTES:
        raise CertificateError(f"{path} is too large to hold a certificate or a key. Choose another file.")
    return content


def _from_p12(content: bytes, path: Path, secret: bytes | None) -> Credentials:
    try:
        held = pkcs12.load_pkcs12(content, secret)
    except DAMAGE as error:
        what = "its password is another one, or it is" if secret else "it needs a password, or is"
        raise PasswordError(f"{path} cannot be read: {what} neither PEM nor PKCS #12.") from error
    if held.cert is None or held.key is None:
        raise CertificateError(f"{path} holds no certificate with its key. Export it anew, with the key.")
    others = tuple(each.certificate for each in held.additional_certs)
    return Credentials(held.cert.certificate, held.key, others)


def _key(content: bytes, path: Path, secret: bytes | None) -> PrivateKeyTypes:
    begin = content.find(_PEM + b"PRIVATE KEY")
    for kind in (b"ENCRYPTED PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"):
        if begin < 0:
            begin = content.find(_PEM + kind)
    if begin < 0:
        raise CertificateError(
            f"There is no key in {path}. Name the file that holds the certificate's key, in PEM."
        )
    try:
        return load_pem_private_key(content[begin:], secret)
    except TypeError as error:
        # One that is needed is missing, or one was given that is not.
        if secret is None:
            raise PasswordError(f"The key in {path} is encrypted: give its password.") from error
        raise CertificateError(f"The key in {path} is not encrypted: leave the password out.") from error
    except DAMAGE as error:
        if secret:
            sentence = f"The key in {path} cannot be read: the password is another one, or it is damaged."
            raise PasswordError(sentence) from error
        sentence = f"The key in {path} cannot be read: it is damaged, or of an unknown kind."
        raise CertificateError(sentence) from error
