"""TLS from the command line, seen from outside; and the certificate that clients must trust."""

from __future__ import annotations

import signal
import ssl
import stat
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12
from websockets.sync.client import connect as library_connect
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as listen

from app.options import engine_settings, main_parser, sources_in
from core.errors import UnmaskError
from core.net.relay import Relay
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Listen
from core.net.tls.settings import ServerTls
from tests.tools.certificates import authority, ca_file, client_context, leaf_files, server_context
from tests.tools.program import Program, command_of_unmask, port_in, run_unmask
from tests.tools.waiting import PATIENCE_SECONDS


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str | None]:
    """An environment whose user has nothing yet."""
    return {"XDG_DATA_HOME": str(tmp_path / "data"), "SSLKEYLOGFILE": None}


def settings_of(*words: str | Path) -> EngineSettings:
    return engine_settings(main_parser().parse_args(list(map(str, words))), EngineSettings())


def test_the_certificate_is_the_same_in_all_forms(tmp_path: Path, home: dict[str, str | None]) -> None:
    printed = run_unmask("certificate", changes=home)
    assert printed.returncode == 0
    certificate = x509.load_pem_x509_certificate(printed.stdout.encode())
    assert "PRIVATE" not in printed.stdout
    der, p12 = tmp_path / "ca.der", tmp_path / "ca.p12"
    wrote = run_unmask("certificate", "--der", der, changes=home)
    assert "wrote the certificate of Unmask authority " in wrote.stderr
    assert x509.load_der_x509_certificate(der.read_bytes()) == certificate
    run_unmask("certificate", "--p12", p12, changes=home)
    held = pkcs12.load_pkcs12(p12.read_bytes(), None)
    assert held.key is None
    assert held.additional_certs[0].certificate == certificate
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = b64encode(sha256(spki).digest()).decode()
    assert run_unmask("certificate", "--spki", changes=home).stdout == f"{digest}\n"
    [kept] = (tmp_path / "data").rglob("authority.pem")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, home: dict[str, str | None]) -> None:
    done = run_unmask("certificate", tmp_path / "none" / "ca.pem", changes=home)
    assert done.returncode == 1
    assert "cannot be written (No such file or directory)" in done.stderr


def test_clients_come_over_tls(tmp_path: Path, home: dict[str, str | None]) -> None:
    trusted = ssl.create_default_context(cadata=run_unmask("certificate", changes=home).stdout)
    key_log = tmp_path / "keys.log"
    options = ("--headless", "--tls", "--auto-reply", "echo", "--key-log", key_log)
    command = command_of_unmask(*options, "--listen", "127.0.0.1:0", "--capture", tmp_path / "a.unmask")
    with Program(command, changes=home) as program:
        port = port_in(program.line())
        with library_connect(f"wss://localhost:{port}/", ssl=trusted) as client:
            client.send("hello")
            assert client.recv(PATIENCE_SECONDS) == "hello"
        program.line_with("hello")
        assert program.end(signal.SIGINT) == 0
    assert stat.S_IMODE(key_log.stat().st_mode) == 0o600
    assert "CLIENT_TRAFFIC_SECRET_0" in key_log.read_text()


@contextmanager
def echoing(context: ssl.SSLContext) -> Iterator[str]:
    """The URL of a server behind TLS."""

    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with listen(echo, "127.0.0.1", 0, ssl=context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"wss://127.0.0.1:{server.socket.getsockname()[1]}/"
        finally:
            server.shutdown()
            thread.join(PATIENCE_SECONDS)


@pytest.mark.parametrize("way", ["ca", "unverified"])
def test_a_relay_speaks_tls_on_both_sides(tmp_path: Path, home: dict[str, str | None], way: str) -> None:
    certificate, key = leaf_files(tmp_path, "127.0.0.1")
    trust = ("--ca", ca_file(tmp_path)) if way == "ca" else ("--unverified", "127.0.0.0/8")
    with echoing(server_context()) as url:
        shown = ("--tls", "--cert", certificate, "--key", key)
        command = command_of_unmask(
            *("--headless", "--relay", url, *shown, *trust), "--capture", tmp_path / "a.unmask"
        )
        with Program(command, changes=home) as program:
            port = port_in(program.line())
            with library_connect(f"wss://127.0.0.1:{port}/", ssl=client_context()) as client:
                client.send("through")
                assert client.recv(PATIENCE_SECONDS) == "through"
            program.line_with("through")
            assert program.end(signal.SIGINT) == 0


def test_what_the_options_mean(tmp_path: Path) -> None:
    def sources(*words: str | Path) -> tuple[object, ...]:
        return sources_in(main_parser().parse_args(list(map(str, words))))

    certificate, key = leaf_files(tmp_path, "a.example")
    assert sources("--tls") == (Listen(ListenAddress(), ServerTls()),)
    assert sources("--listen", "wss://127.0.0.1:9/") == (Listen(ListenAddress("127.0.0.1", 9), ServerTls()),)
    assert sources("--listen", "wss://127.0.0.1:9", "--cert", certificate, "--key", key) == (
        Listen(ListenAddress("127.0.0.1", 9), ServerTls(certificate, key)),
    )
    [relay] = sources("--tls", "--relay", "wss://a.example/")
    assert isinstance(relay, Relay)
    assert relay.tls == ServerTls()
    with pytest.raises(UnmaskError, match="name that too"):
        sources("--key", key)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    tls = settings_of("--client-cert", f"*.example.com={both}", "--client-cert", both).tls
    assert [str(each.hosts) for each in tls.client_certificates] == ["*.example.com", "*"]
    tls = settings_of("--unverified", "a.example", "--unverified", "b.example:8443").tls
    assert str(tls.exceptions) == "a.example, b.example:8443"
    assert tls.authority_folder is not None


def test_the_key_log_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "env.log"))
    assert settings_of().tls.key_log == tmp_path / "env.log"
    assert settings_of("--key-log", tmp_path / "own.log").tls.key_log == tmp_path / "own.log"
    monkeypatch.setenv("SSLKEYLOGFILE", "")
    assert settings_of().tls.key_log is None


def test_what_cannot_be_used_is_told_before_anything_starts(
    tmp_path: Path, home: dict[str, str | None]
) -> None:
    for words, sentence in (
        (("--ca", tmp_path / "none.pem"), "none.pem cannot be read (No such file or directory)"),
        (("--tls", "--cert", ca_file(tmp_path)), "There is no key in"),
        (("--unverified", "a b c/d"), "names no hosts"),
    ):
        done = run_unmask("--headless", "--listen", "127.0.0.1:0", *words, changes=home)
        assert done.returncode != 0
        assert sentence in done.stderr
    assert authority().cert_pem.bytes()
