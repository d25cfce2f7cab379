"""What is told of certificates, good ones, bad ones and garbage."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.net.tls.certificates import MOST_NAMES, CertificateFacts, describe_chain, split_chain
from tests.tools.certificates import authority

NOW = datetime(2026, 11, 28, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def make(
    *names: str,
    subject: str = "leaf",
    issuer: str = "root",
    key: CertificateIssuerPrivateKeyTypes = KEY,
    signer: CertificateIssuerPrivateKeyTypes = KEY,
    begins: datetime = NOW - timedelta(days=1),
    ends: datetime = NOW + timedelta(days=30),
    ca: bool = False,
) -> bytes:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])

    def general(name: str) -> x509.GeneralName:
        is_address = name.replace(".", "").isdigit()
        return x509.IPAddress(ipaddress.ip_address(name)) if is_address else x509.DNSName(name)

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(list(map(general, names))), critical=False
        )
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, digest).public_bytes(Encoding.DER)


ROOT = make(subject="root", ca=True)
GOOD = make("a.example") + ROOT


def first(chain: bytes, host: str | None = None, at: datetime = NOW) -> CertificateFacts:
    return describe_chain(chain, host, at)[0]


def test_what_a_good_certificate_says() -> None:
    leaf, root = describe_chain(make("a.example", "10.0.0.1") + ROOT, "a.example", NOW)
    assert (leaf.subject, leaf.issuer, leaf.names) == ("leaf", "root", ("a.example", "10.0.0.1"))
    assert (leaf.key, leaf.serial, leaf.is_authority, leaf.problem) == ("EC P-256", "ABC", False, "")
    assert (leaf.begins, leaf.ends) == (NOW - timedelta(days=1), NOW + timedelta(days=30))
    assert len(leaf.sha256.split(":")) == 32
    assert (root.subject, root.is_authority, root.problem) == ("root", True, "")


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        (make("a.example", ends=NOW - timedelta(hours=1)), "It had expired, on 2026-11-27."),
        (make("a.example", begins=NOW + timedelta(days=1)), "It was not valid yet: it begins on 2026-11-29."),
        (make("b.example"), "It is not for a.example, but for b.example."),
        (
            make(*(f"{each}.example" for each in "bcdef")),
            "It is not for a.example, but for b.example, c.example, d.example and 2 more.",
        ),
        (make(), "It is for no host at all, and not for a.example: it has no subjectAltName."),
        (make("a.example", issuer="leaf"), "It is self-signed: nobody else vouches for it."),
        (make("*.a.example"), "It is not for a.example, but for *.a.example."),
        (make("*.example"), ""),
        (make("A.EXAMPLE"), ""),
    ],
)
def test_what_is_wrong_is_said(certificate: bytes, problem: str) -> None:
    assert first(certificate, "a.example").problem == problem


def test_it_is_judged_by_the_time_of_the_connection() -> None:
    certificate = make("a.example", ends=NOW + timedelta(days=1))
    assert first(certificate, at=NOW).problem == ""
    assert "expired" in first(certificate, at=NOW + timedelta(days=2)).problem


def test_addresses_are_compared_as_addresses() -> None:
    assert first(make("10.0.0.1"), "10.0.0.1").problem == ""
    assert "but for 10.0.0.1" in first(make("10.0.0.1"), "10.0.0.2").problem


def test_a_chain_that_does_not_hold_together() -> None:
    stranger = make(subject="other", ca=True)
    assert "its issuer is missing there" in first(make("a.example") + stranger).problem
    impostor = make(subject="root", key=ec.generate_private_key(ec.SECP256R1()), ca=True)
    assert first(make("a.example") + impostor).problem == "root is in the chain, but did not sign it."
    assert first(make("a.example")).problem == ""


def test_keys_have_names() -> None:
    small = rsa.generate_private_key(65537, 1024)
    facts = first(make("a.example", key=small))
    assert (facts.key, facts.problem) == (
        "RSA 1024",
        "Its key, RSA of 1024 bits, is too short to be safe.",
    )
    assert first(make("a.example", key=ed25519.Ed25519PrivateKey.generate())).key == "Ed25519"


def test_without_a_subject_it_goes_by_its_first_host() -> None:
    assert first(make("a.example", subject="")).subject == "a.example"


def test_names_are_bounded() -> None:
    facts = first(make(*(f"{each}.example" for each in range(300))))
    assert (len(facts.names), facts.name_count) == (MOST_NAMES, 300)


def test_control_characters_do_not_get_out() -> None:
    assert first(make("a.example", subject="a\x1b[31m\nb\u202e")).subject == "a�[31m�b�"


def test_a_certificate_of_another_maker() -> None:
    leaf = authority().issue_cert("b.example")
    der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
    assert "not for c.example" in first(der, "c.example", datetime.now(UTC)).problem


@given(st.data())
def test_any_bytes_are_told_as_what_they_are(data: st.DataObject) -> None:
    good = GOOD
    # A signature has one byte more or less.
    at = min(data.draw(st.integers(0, 700)), len(good) - 1)
    garbled = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.just(good[:at]),
            st.binary(min_size=1, max_size=3).map(lambda new: good[:at] + new + good[at + len(new) :]),
        )
    )
    chain = describe_chain(garbled, "a.example", NOW)
    assert b"".join(each.der for each in chain) == garbled
    assert split_chain(garbled) == tuple(each.der for each in chain)
