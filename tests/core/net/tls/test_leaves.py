"""Certificates for hosts, and the cache of contexts that show them."""

from __future__ import annotations

import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from core.net.tls.authority import AuthorityStore
from core.net.tls.leaves import LIFETIME, Leaves, make_leaf, names_for
from tests.tools.tls_pair import shake_hands

LONG = "a" * 60 + ".example"
NOW = datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path) -> AuthorityStore:
    return AuthorityStore(tmp_path / "data")


@pytest.fixture
def leaves(store: AuthorityStore) -> Leaves:
    return Leaves(store, None)


def strict_client(store: AuthorityStore) -> ssl.SSLContext:
    """A client as Python 3.13 makes them: it trusts the authority alone, and verifies strictly."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=store.authority().pem.decode())
    return context


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "::1", "10.1.2.3", "fe80::1%eth0", "example.com", "EXAMPLE.com."),
        *(
            "xn--bcher-kva.example",
            "under_score.example",
            LONG,
            "a.b.c.example.com",
            "a.b.co.uk",
            "singlelabel",
        ),
    ],
)
def test_a_strict_client_accepts_it(store: AuthorityStore, leaves: Leaves, host: str) -> None:
    name = host.partition("%")[0].removesuffix(".").lower()
    chain = shake_hands(leaves.context(host), strict_client(store), name)
    assert len(chain) == 2, "the authority goes along"
    leaf = x509.load_der_x509_certificate(chain[0])
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=45)
    assert leaf.not_valid_before_utc < NOW - timedelta(hours=1)


def test_openssl_accepts_it(store: AuthorityStore, tmp_path: Path) -> None:
    authority = store.authority()
    leaf = make_leaf(authority, ec.generate_private_key(ec.SECP256R1()), (LONG,), NOW)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", LONG]
    done = subprocess.run(
        [*command, "-CAfile", tmp_path / "ca.pem", tmp_path / "leaf.pem"], capture_output=True, check=False
    )
    assert done.stdout.decode().strip().endswith("OK"), done.stderr.decode()


def test_what_a_leaf_says(store: AuthorityStore) -> None:
    authority = store.authority()
    leaf = make_leaf(authority, ec.generate_private_key(ec.SECP256R1()), ("example.com",), NOW)
    named = leaf.extensions.get_extension_for_class
    assert leaf.subject.rfc4514_string() == "CN=example.com"
    assert not named(x509.SubjectAlternativeName).critical
    own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert named(x509.AuthorityKeyIdentifier).value.key_identifier == own.digest
    assert [each.dotted_string for each in named(x509.ExtendedKeyUsage).value] == ["1.3.6.1.5.5.7.3.1"]
    again = make_leaf(authority, ec.generate_private_key(ec.SECP256R1()), ("example.com",), NOW)
    assert leaf.serial_number != again.serial_number


def test_a_name_too_long_for_a_common_name_makes_the_other_critical(store: AuthorityStore) -> None:
    leaf = make_leaf(store.authority(), ec.generate_private_key(ec.SECP256R1()), (LONG,), NOW)
    assert list(leaf.subject) == []
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_a_leaf_does_not_outlive_its_authority(store: AuthorityStore) -> None:
    authority = store.authority()
    late = authority.ends - timedelta(days=10)
    leaf = make_leaf(authority, ec.generate_private_key(ec.SECP256R1()), ("a.example",), late)
    assert leaf.not_valid_after_utc == authority.ends


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("localhost", ("localhost", "*.localhost", "127.0.0.1", "::1")),
        ("www.example.com", ("www.example.com",)),
        ("a.b.example.com", ("*.b.example.com",)),
        ("a.b.c.example.com", ("*.b.c.example.com",)),
        # No wildcard may stand right below what a registry hands out.
        ("www.shop.kawasaki.jp", ("www.shop.kawasaki.jp",)),
        ("10.20.30.40", ("10.20.30.40",)),
    ],
)
def test_the_names_of_a_certificate(host: str, names: tuple[str, ...]) -> None:
    assert names_for(host) == names


def test_a_context_is_kept(leaves: Leaves) -> None:
    assert leaves.context("a.example") is leaves.context("A.example.")
    assert leaves.context("a.x.example.com") is leaves.context("b.x.example.com")
    assert leaves.context("a.example") is not leaves.context("b.example")


def test_those_not_used_longest_go_first(store: AuthorityStore) -> None:
    leaves = Leaves(store, None, most=4)
    first, second = leaves.context("a.example"), leaves.context("b.example")
    for number in range(3):
        leaves.context(f"{number}.example")
        leaves.context("a.example")
    assert leaves.context("a.example") is first
    assert leaves.context("b.example") is not second


def test_many_hosts_do_not_slow_it(leaves: Leaves) -> None:
    def seconds(hosts: list[str]) -> float:
        begun = time.process_time()
        for host in hosts:
            leaves.context(host)
        return time.process_time() - begun

    first, *_, last = (seconds([f"{tenth}-{each}.example" for each in range(60)]) for tenth in range(10))
    assert last < 3 * first
    assert seconds(["9-59.example"] * 60) < last / 5


def test_a_leaf_is_renewed_before_it_ends(store: AuthorityStore) -> None:
    now = [NOW]
    leaves = Leaves(store, None, lambda: now[0])
    before = leaves.context("a.example")
    now[0] += LIFETIME / 2
    assert leaves.context("a.example") is before
    now[0] += LIFETIME / 2 - timedelta(days=5)
    assert leaves.context("a.example") is not before


def test_another_authority_signs_anew(store: AuthorityStore, leaves: Leaves) -> None:
    before = leaves.context("a.example")
    store.remove()
    after = leaves.context("a.example")
    assert after is not before
    shake_hands(after, strict_client(store), "a.example")


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a" * 253, "_", "1.2.3", "0x7f.1"])
def test_any_name_that_a_client_may_ask_for_gets_an_answer(leaves: Leaves, host: str) -> None:
    assert leaves.context(host) is leaves.context(host)
