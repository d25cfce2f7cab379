"""The local authority: made, kept, renewed, replaced and removed."""

from __future__ import annotations

import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from core.errors import CertificateError
from core.net.tls.authority import Authority, AuthorityStore

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> AuthorityStore:
    return AuthorityStore(tmp_path / "data", lambda: NOW)


def extension(authority: Authority, kind: type[x509.ExtensionType]) -> x509.Extension[x509.ExtensionType]:
    return authority.certificate.extensions.get_extension_for_class(kind)


def test_nothing_is_written_before_it_is_needed(store: AuthorityStore, tmp_path: Path) -> None:
    assert store.existing() is None
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_can_read_it(store: AuthorityStore) -> None:
    store.authority()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert [each.name for each in store.path.parent.iterdir()] == ["authority.pem"]


def test_it_may_sign_others_for_ten_years(store: AuthorityStore) -> None:
    authority = store.authority()
    certificate = authority.certificate
    assert certificate.not_valid_before_utc < NOW - timedelta(hours=25)
    assert timedelta(days=3640) < authority.ends - NOW < timedelta(days=3653)
    constraints = extension(authority, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=None)
    usage = extension(authority, x509.KeyUsage)
    assert usage.critical
    assert isinstance(usage.value, x509.KeyUsage)
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert not extension(authority, x509.SubjectKeyIdentifier).critical
    assert authority.name.startswith("Unmask authority ")


def test_it_is_the_same_the_next_time(store: AuthorityStore) -> None:
    made = store.authority()
    assert store.authority() is made
    assert AuthorityStore(store.path.parent, lambda: NOW).authority().der == made.der


def test_another_process_may_replace_it(store: AuthorityStore) -> None:
    made = store.authority()
    other = AuthorityStore(store.path.parent, lambda: NOW)
    other.remove()
    remade = other.authority()
    assert remade.der != made.der
    assert remade.name != made.name
    assert store.authority().der == remade.der


def test_threads_make_one_together(store: AuthorityStore) -> None:
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(store.authority().der)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_it_is_renewed_before_it_ends_with_the_same_key_and_name(store: AuthorityStore) -> None:
    made = store.authority()
    later = AuthorityStore(store.path.parent, lambda: made.ends - timedelta(days=30))
    renewed = later.authority()
    assert renewed.ends > made.ends + timedelta(days=3000)
    assert renewed.certificate.subject == made.certificate.subject
    assert renewed.spki_sha256 == made.spki_sha256
    assert renewed.der != made.der
    assert later.authority() is renewed


def test_its_public_forms_hold_no_key(store: AuthorityStore) -> None:
    authority = store.authority()
    assert b"PRIVATE" not in authority.pem
    assert x509.load_der_x509_certificate(authority.der) == authority.certificate
    held = pkcs12.load_pkcs12(authority.p12, None)
    assert held.key is None
    assert [each.certificate for each in held.additional_certs] == [authority.certificate]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.pem.decode())


def test_the_key_is_in_no_text_of_it(store: AuthorityStore) -> None:
    assert "PRIVATE" not in repr(store.authority())


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\n", b"\xff" * 100])
def test_a_damaged_file_is_told_and_can_be_removed(store: AuthorityStore, content: bytes) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    with pytest.raises(CertificateError, match=r"holds no authority that can be read\. Remove it"):
        store.authority()
    store.remove()
    store.authority()


def test_a_key_of_another_certificate_is_told(store: AuthorityStore) -> None:
    first = store.authority().pem
    store.remove()
    store.authority()
    content = store.path.read_bytes()
    store.path.write_bytes(first + content[content.index(b"-----BEGIN PRIVATE") :])
    with pytest.raises(CertificateError, match="does not belong to the certificate"):
        store.authority()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file in its place")
    with pytest.raises(CertificateError, match=r"The authority cannot be (read|written)"):
        AuthorityStore(tmp_path / "data").authority()


def test_without_a_folder_there_is_none() -> None:
    with pytest.raises(CertificateError, match="no folder to keep the local authority in"):
        AuthorityStore(None).authority()
