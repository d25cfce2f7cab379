"""An authority of a person's own in place of the local one: taken, or refused with a sentence."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from core.errors import CertificateError
from core.net.tls.authority import AuthorityStore, authority_from
from core.net.tls.credentials import Credentials, PasswordError, read_certificates, read_credentials
from core.net.tls.leaves import Leaves
from tests.tools.tls_pair import shake_hands

NOW = datetime.now(UTC)
EC = ec.generate_private_key(ec.SECP256R1())


def credentials(
    key: CertificateIssuerPrivateKeyTypes = EC,
    begins: datetime = NOW - timedelta(days=1),
    ends: datetime = NOW + timedelta(days=99),
    *,
    ca: bool = True,
    signs: bool = True,
) -> Credentials:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corp CA")])
    usage = [True, False, False, False, False, signs, False, False, False]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(*usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Credentials(builder.sign(key, digest), key)


@pytest.mark.parametrize("key", [EC, rsa.generate_private_key(65537, 2048)])
def test_it_signs_from_then_on(tmp_path: Path, key: CertificateIssuerPrivateKeyTypes) -> None:
    store = AuthorityStore(tmp_path / "data")
    leaves = Leaves(store, None)
    leaves.context("a.example")
    store.replace(authority_from(credentials(key)))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.load_verify_locations(cadata=store.authority().pem.decode())
    shake_hands(leaves.context("a.example"), client, "a.example")
    assert AuthorityStore(tmp_path / "data").authority().name == "Corp CA"


def test_one_below_a_root_sends_what_is_between(tmp_path: Path) -> None:
    root = trustme.CA()
    middle = root.create_child_ca()
    file = tmp_path / "middle.pem"
    file.write_bytes(middle.cert_pem.bytes() + root.cert_pem.bytes() + middle.private_key_pem.bytes())
    store = AuthorityStore(tmp_path / "data")
    store.replace(authority_from(read_credentials(file)))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    root.configure_trust(client)
    shake_hands(Leaves(store, None).context("a.example"), client, "a.example")
    assert len(AuthorityStore(tmp_path / "data").authority().others) == 1


def test_it_is_not_renewed(tmp_path: Path) -> None:
    store = AuthorityStore(tmp_path / "data")
    ending = authority_from(credentials(ends=NOW + timedelta(days=2)))
    store.replace(ending)
    assert AuthorityStore(tmp_path / "data").authority().ends == ending.ends


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (credentials(ca=False, signs=False), "is not one of an authority: it may not sign others"),
        (credentials(signs=False), "is not one of an authority: it may not sign others"),
        (credentials(ends=NOW - timedelta(hours=1)), "has expired, on "),
        (credentials(begins=NOW + timedelta(hours=1)), "is not valid yet: it begins on "),
        (credentials(rsa.generate_private_key(65537, 1024)), "has an RSA key of 1024 bits"),
        (
            credentials(ed25519.Ed25519PrivateKey.generate()),
            "has a key of a kind that browsers do not accept",
        ),
    ],
)
def test_what_cannot_sign_for_hosts_is_refused(given: Credentials, sentence: str) -> None:
    with pytest.raises(CertificateError, match=rf"The certificate “CN=Corp CA” {sentence}"):
        authority_from(given)


def pem_files(folder: Path, password: str = "") -> tuple[Path, Path]:
    own = credentials()
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    certificate, key = folder / "ca.pem", folder / "ca.key"
    certificate.write_bytes(own.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return certificate, key


@pytest.mark.parametrize("password", ["", "secret"])
def test_it_is_read_from_pem_and_from_pkcs12(tmp_path: Path, password: str) -> None:
    certificate, key = pem_files(tmp_path, password)
    both, p12 = tmp_path / "both.pem", tmp_path / "ca.p12"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    own = credentials()
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    p12.write_bytes(pkcs12.serialize_key_and_certificates(b"ca", EC, own.certificate, None, encryption))
    for found in (
        read_credentials(certificate, key, password),
        read_credentials(both, None, password),
        read_credentials(p12, None, password),
    ):
        assert authority_from(found).name == "Corp CA"


def test_the_traditional_form_of_a_key_is_read(tmp_path: Path) -> None:
    certificate, key = pem_files(tmp_path)
    key.write_bytes(EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    assert read_credentials(certificate, key).key.public_key() == EC.public_key()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    certificate, key = pem_files(tmp_path)
    (tmp_path / "other").mkdir()
    _, encrypted = pem_files(tmp_path / "other", "secret")
    other = tmp_path / "other.key"
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00" * 50)
    large = tmp_path / "large"
    large.write_bytes(b"\x00" * (5 * 1024 * 1024))
    damaged = tmp_path / "damaged.key"
    damaged.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    for arguments, sentence in (
        ((tmp_path / "none",), "cannot be read (No such file or directory)"),
        ((certificate,), "There is no key in"),
        ((certificate, other), "does not belong to the certificate"),
        ((certificate, encrypted), "is encrypted: give its password"),
        ((certificate, encrypted, "wrong"), "the password is another one, or it is damaged"),
        ((certificate, key, "needless"), "is not encrypted: leave the password out"),
        ((certificate, damaged), "it is damaged, or of an unknown kind"),
        ((garbage,), "it needs a password, or is neither PEM nor PKCS #12"),
        ((large,), "is too large to hold a certificate"),
    ):
        with pytest.raises(CertificateError) as raised:
            read_credentials(*arguments)
        assert sentence in str(raised.value)
        assert isinstance(raised.value, PasswordError) == ("password" in sentence and "leave" not in sentence)


def test_certificates_are_read_in_any_form(tmp_path: Path) -> None:
    certificate, _ = pem_files(tmp_path)
    own = x509.load_pem_x509_certificate(certificate.read_bytes())
    der, p12 = tmp_path / "ca.der", tmp_path / "ca.p12"
    der.write_bytes(own.public_bytes(Encoding.DER))
    entry = pkcs12.PKCS12Certificate(own, b"ca")
    p12.write_bytes(pkcs12.serialize_java_truststore([entry], NoEncryption()))
    for path in (certificate, der, p12):
        assert read_certificates(path) == (own,)
    (tmp_path / "garbage").write_bytes(b"garbage")
    with pytest.raises(CertificateError, match="holds no certificate that can be read"):
        read_certificates(tmp_path / "garbage")
