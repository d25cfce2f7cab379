"""Servers that are trusted, and those that are not: each kind of failure with a real certificate."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import truststore
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from core.capture.legs import LegChange, Tls
from core.errors import CertificateError, ConnectError
from core.net.connect_request import parse_url
from core.net.dial import Outbound, dial
from core.net.host_list import parse_hosts
from core.net.loop import new_event_loop, wall_clock
from core.net.tls.contexts import can_resume, client_context, trusting_context
from core.net.tls.failures import TlsEnd, TlsError, TlsFailureKind
from core.net.tls.settings import ClientCertificate, TlsSettings
from core.net.tls.trust import Trust
from core.net.turns import Turns
from tests.tools.certificates import authority, ca_file, context_of, leaf_files, server_context
from tests.tools.waiting import PATIENCE_SECONDS

Kind = TlsFailureKind
Test = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def run() -> Callable[[Test], None]:
    def on_loop(test: Test) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await test()

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(bounded())

    return on_loop


class Client(asyncio.Protocol):
    """What is connected; a server that has said something is left."""

    def __init__(self) -> None:
        self.received = asyncio.Event()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        self.received.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@dataclass
class Host:
    """Lends its loop to whoever dials."""

    def __post_init__(self) -> None:
        self.loop, self.clock = asyncio.get_running_loop(), wall_clock()
        self.turns = Turns(self.loop, self.clock)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """The port of a server that greets who gets through the handshake. It runs on a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_greet, args=(listening, context))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(thread.join, PATIENCE_SECONDS)


def _greet(listening: socket.socket, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            with client, contextlib.suppress(OSError):
                client.settimeout(PATIENCE_SECONDS)
                if context is not None:
                    client = context.wrap_socket(client, server_side=True)
                with client:
                    client.sendall(b"hello")
                    client.recv(100)


async def reach(trust: Trust, port: int, host: str = "127.0.0.1", seconds: float = 10) -> tuple[Client, Tls]:
    """Connect; the client, and what was agreed on."""
    client, changes = Client(), list[LegChange]()
    url = parse_url(f"wss://{host}:{port}/")
    await dial(Host(), lambda: client, url, Outbound(trust), seconds, changes.append)
    assert changes[0].connected_ns is not None
    assert changes[1].secured_ns is not None
    assert changes[1].tls is not None
    return client, changes[1].tls


async def refusal(context: ssl.SSLContext | None, settings: TlsSettings) -> tuple[TlsError, Tls | None]:
    """Why a server is not connected to, and what is known of it."""
    changes = list[LegChange]()
    async with serving(context) as port:
        url = parse_url(f"wss://127.0.0.1:{port}/")
        with pytest.raises(TlsError) as raised:
            await dial(Host(), Client, url, Outbound(Trust(settings)), 10, changes.append)
        return raised.value, changes[-1].tls


@pytest.fixture
def trusting(tmp_path: Path) -> TlsSettings:
    return TlsSettings(ca_files=(ca_file(tmp_path),))


async def leave(client: Client) -> None:
    assert isinstance(client.transport, asyncio.Transport)
    client.transport.abort()
    await client.lost


def issued(*names: str, **options: Any) -> ssl.SSLContext:
    leaf = authority().issue_cert(*names, **options)
    return context_of(leaf.private_key_and_cert_chain_pem.bytes())


def self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=9))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return context_of(pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def without_its_issuer(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server that leaves out the certificate between its own and the authority, as many are set up."""
    root = trustme.CA()
    middle = root.create_child_ca()
    leaf = middle.issue_cert("127.0.0.1")
    made = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    issuer = load_pem_private_key(middle.private_key_pem.bytes(), None)
    where = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://ca.example/ca.der")
    )
    builder = x509.CertificateBuilder(
        made.issuer,
        made.subject,
        made.public_key(),
        made.serial_number,
        made.not_valid_before_utc,
        made.not_valid_after_utc,
        list(made.extensions),
    ).add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    signed = builder.sign(issuer, hashes.SHA256())  # type: ignore[arg-type]
    context = context_of(leaf.private_key_pem.bytes(), signed.public_bytes(Encoding.PEM))
    return context, ca_file(tmp_path, root)


def test_an_authority_of_ones_own_is_trusted(run: Callable[[Test], None], trusting: TlsSettings) -> None:
    async def test() -> None:
        async with serving(issued("127.0.0.1")) as port:
            client, tls = await reach(Trust(trusting), port)
            assert (tls.version, len(tls.chain) > 100) == ("TLSv1.3", True)
            await leave(client)

    run(test)


@pytest.mark.parametrize(
    ("days", "names", "kind", "said"),
    [
        ((-9, -1), ["127.0.0.1"], Kind.EXPIRED, "A certificate of 127.0.0.1:PORT has expired"),
        ((1, 9), ["127.0.0.1"], Kind.NOT_YET_VALID, "The certificate of 127.0.0.1:PORT is not valid yet"),
        ((-1, 9), ["a.example"], Kind.WRONG_HOST, "The certificate of 127.0.0.1:PORT is for another name"),
    ],
)
def test_a_certificate_that_does_not_count(
    run: Callable[[Test], None],
    trusting: TlsSettings,
    days: tuple[int, int],
    names: list[str],
    kind: TlsFailureKind,
    said: str,
) -> None:
    async def test() -> None:
        begins, ends = (datetime.now(UTC) + timedelta(days=each) for each in days)
        error, tls = await refusal(issued(*names, not_before=begins, not_after=ends), trusting)
        assert error.failure.kind is kind
        assert error.failure.kind.is_distrust
        words = said.replace("PORT", str(error).partition("127.0.0.1:")[2].partition(" ")[0])
        assert str(error).startswith(words)
        assert tls is not None
        assert tls.chain[:1] == b"\x30"

    run(test)


def test_nobody_vouches_for_it(run: Callable[[Test], None], tmp_path: Path) -> None:
    async def test() -> None:
        error, _ = await refusal(issued("127.0.0.1"), TlsSettings())
        assert error.failure.kind is Kind.UNKNOWN_ISSUER
        error, _ = await refusal(self_signed(), TlsSettings())
        assert error.failure.kind is Kind.SELF_SIGNED
        context, root = without_its_issuer(tmp_path)
        error, _ = await refusal(context, TlsSettings(ca_files=(root,)))
        assert error.failure.kind is Kind.INCOMPLETE_CHAIN
        assert "does not send the certificates between its own and a trusted authority" in str(error)

    run(test)


def test_a_server_that_is_exempt_is_not_verified(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with serving(self_signed()) as port:
            client, tls = await reach(Trust(TlsSettings(exceptions=parse_hosts("127.0.0.0/8"))), port)
            assert tls.chain[:1] == b"\x30"
            await leave(client)
            with pytest.raises(TlsError):
                await reach(Trust(TlsSettings(exceptions=parse_hosts(f"127.0.0.1:{port + 1}"))), port)

    run(test)


def test_no_version_in_common(run: Callable[[Test], None], trusting: TlsSettings) -> None:
    async def test() -> None:
        context = issued("127.0.0.1")
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        error, _ = await refusal(context, trusting)
        assert error.failure.kind is Kind.NO_COMMON_VERSION

    run(test)


def test_a_server_that_speaks_no_tls(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        error, tls = await refusal(None, TlsSettings())
        assert error.failure.kind is Kind.NOT_TLS
        assert "is no TLS. Check the port, or use ws://" in str(error)
        assert tls is None

    run(test)


def test_a_server_that_is_silent(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            with pytest.raises(TlsError, match="was not complete after") as raised:
                await reach(Trust(TlsSettings()), port, seconds=0.3)
            assert raised.value.failure.kind is Kind.TIMED_OUT
            assert isinstance(raised.value, ConnectError)

    run(test)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate(
    run: Callable[[Test], None], tmp_path: Path, version: ssl.TLSVersion
) -> None:
    async def test() -> None:
        context = server_context("127.0.0.1")
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = context.maximum_version = version
        authority().configure_trust(context)
        trusted = (ca_file(tmp_path),)
        async with serving(context) as port:
            if version is ssl.TLSVersion.TLSv1_2:
                with pytest.raises(TlsError) as raised:
                    await reach(Trust(TlsSettings(ca_files=trusted)), port)
                failure = raised.value.failure
                assert failure.kind in (Kind.CERTIFICATE_REFUSED, Kind.REFUSED)
            else:
                # RFC 8446 section 4.4.2.4: the server says so when the client is done already.
                client, _ = await reach(Trust(TlsSettings(ca_files=trusted)), port)
                reason = await client.lost
                assert isinstance(reason, TlsEnd)
                assert reason.failure.kind is Kind.CERTIFICATE_REFUSED
            certificate, key = leaf_files(tmp_path, "me@example.com")
            shown = ClientCertificate(parse_hosts("127.0.0.1"), certificate, key)
            trust = Trust(TlsSettings(ca_files=trusted, client_certificates=(shown,)))
            client, _ = await reach(trust, port)
            await client.received.wait()
            await leave(client)

    run(test)


def test_a_certificate_is_shown_only_to_its_hosts(tmp_path: Path) -> None:
    certificate, key = leaf_files(tmp_path, "me@example.com")
    shown = ClientCertificate(parse_hosts("*.example.com"), certificate, key)
    trust = Trust(TlsSettings(client_certificates=(shown,)))
    assert trust._manner("a.example.com", 443).shown is shown
    assert trust._manner("example.org", 443).shown is None


def test_what_cannot_be_read_is_told(run: Callable[[Test], None], tmp_path: Path) -> None:
    async def test() -> None:
        with pytest.raises(CertificateError, match=r"none\.pem cannot be read"):
            await reach(Trust(TlsSettings(ca_files=(tmp_path / "none.pem",))), 9)

    run(test)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(
    run: Callable[[Test], None], trusting: TlsSettings, version: ssl.TLSVersion
) -> None:
    async def test() -> None:
        context = issued("127.0.0.1")
        context.minimum_version = context.maximum_version = version
        async with serving(context) as port:
            trust = Trust(trusting)
            for is_resumed in (False, True, True):
                client, tls = await reach(trust, port)
                await client.received.wait()
                assert tls.resumed is is_resumed
                assert tls.chain[:1] == b"\x30"
                await leave(client)
            client, tls = await reach(Trust(trusting), port)
            assert not tls.resumed
            await leave(client)

    run(test)


def test_the_keys_are_logged_for_their_owner_alone(
    run: Callable[[Test], None], trusting: TlsSettings, tmp_path: Path
) -> None:
    async def test() -> None:
        key_log = tmp_path / "keys.log"
        logging = TlsSettings(ca_files=trusting.ca_files, key_log=key_log)
        async with serving(issued("127.0.0.1")) as port:
            client, _ = await reach(Trust(logging), port)
            await leave(client)
        assert key_log.stat().st_mode & 0o777 == 0o600
        assert "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in key_log.read_text()
        with pytest.raises(CertificateError, match="The key log cannot be written to"):
            await reach(Trust(TlsSettings(key_log=tmp_path / "none" / "keys.log")), 9)

    run(test)


def test_the_systems_authorities_are_read_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Callable[[Test], None]
) -> None:
    async def test() -> None:
        # Where OpenSSL looks on Fedora and others is a file, here one that holds the authority of the tests.
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file(tmp_path)))
        async with serving(issued("127.0.0.1")) as port:
            trust = Trust(TlsSettings())
            client, _ = await reach(trust, port)
            await leave(client)
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
            client, _ = await reach(trust, port)
            await leave(client)

    run(test)


def test_a_name_that_no_certificate_can_have(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with serving(self_signed()) as port:
            outbound = Outbound(Trust(TlsSettings()), server_name="a" * 64 + ".example")
            url = parse_url(f"wss://127.0.0.1:{port}/")
            with pytest.raises(TlsError, match=r"No certificate can be for a+\.example:[0-9]+ "):
                await dial(Host(), Client, url, outbound, 10, lambda _change: None)

    run(test)


def test_contexts_made_at_the_same_time_are_one(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        trust = Trust(TlsSettings())
        openings = await asyncio.gather(*(trust.opening("a.example", 443) for _ in range(5)))
        assert len({id(each._context) for each in openings}) == 1

    run(test)


def test_where_the_system_verifies_nothing_is_resumed() -> None:
    assert can_resume(client_context(None)) == (sys.platform not in ("darwin", "win32"))
    assert can_resume(trusting_context(None))
    assert not can_resume(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
