"""What the command line means."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.logic.user_folders import authority_folder
from app.options import engine_settings, main_parser, sources_in
from core.errors import AddressError, UnmaskError
from core.net.connect_request import parse_url
from core.net.proxy import Proxy, TlsTreatment
from core.net.relay import Relay, parse_relay
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Connect, Listen, What, named
from core.net.tls.settings import ServerTls
from core.protocol.head_rewrite import OriginHeader
from core.protocol.proxy_request import ProxyCredentials
from tests.tools.certificates import leaf_files

FREE = ListenAddress("127.0.0.1", 0)


def sources(*words: str) -> tuple[What, ...]:
    return sources_in(main_parser().parse_args(words))


def test_each_kind_stands_as_often_as_wanted() -> None:
    found = sources(
        *("--listen", "--listen", "9001", "--relay", "ws://a.test/x", "--relay", "9002=wss://b.test"),
        *("--proxy", "--proxy", "9003", "--connect", "ws://c.test", "--connect", "wss://d.test/"),
    )
    assert [type(each) for each in found] == [Listen, Listen, Relay, Relay, Proxy, Proxy, Connect, Connect]
    assert [str(each.address) for each in found if not isinstance(each, Connect)] == [
        *("127.0.0.1:8080", "127.0.0.1:9001", "127.0.0.1:0", "127.0.0.1:9002"),
        *("127.0.0.1:3128", "127.0.0.1:9003"),
    ]
    assert [each.name for each in named(found)] == [
        *("listen", "listen 2", "a.test", "b.test", "proxy", "proxy 2", "c.test", "d.test"),
    ]
    assert [each.id for each in named(found)] == list(range(1, 9))
    assert sources() == ()


def test_manners_are_those_of_all_relays() -> None:
    words = ("--relay-host", "keep", "--relay-origin", "remove", "--connect-seconds", "2.5")
    [relay, connect] = sources("--relay", "ws://a.test", *words, "--connect", "ws://b.test")
    assert isinstance(relay, Relay)
    assert (relay.keep_host, relay.origin, relay.connect_seconds) == (True, OriginHeader.REMOVED, 2.5)
    assert isinstance(connect, Connect)
    assert connect.request.connect_seconds == 2.5


def test_clients_with_tls_are_shown_the_certificate(tmp_path: Path) -> None:
    certificate, key = leaf_files(tmp_path, "localhost")
    words = ("--certificate", str(certificate), "--key", str(key))
    found = sources(
        "--listen", "wss://:8443", "--listen", "8080", "--relay", "https://h:1=ws://a.test", *words
    )
    tls = ServerTls(certificate, key)
    assert found == (
        Listen(ListenAddress("127.0.0.1", 8443), tls),
        Listen(ListenAddress("127.0.0.1", 8080)),
        Relay(ListenAddress("h", 1), parse_url("ws://a.test"), tls=tls),
    )
    assert [each.scheme for each in named(found)] == ["wss", "ws", "wss"]


@pytest.mark.parametrize(
    ("text", "address", "target"),
    [
        ("ws://h:1/?a=b", FREE, "ws://h:1/?a=b"),
        ("ws://h:1/x=ws://y", FREE, "ws://h:1/x=ws://y"),
        ("8081=ws://h/?a=b", ListenAddress("127.0.0.1", 8081), "ws://h/?a=b"),
        ("ws://localhost:8081/=ws://h", ListenAddress("localhost", 8081), "ws://h"),
        ("[::1]:0=http://h", ListenAddress("::1", 0), "http://h"),
    ],
)
def test_where_a_relay_listens_stands_before_its_target(
    text: str, address: ListenAddress, target: str
) -> None:
    assert parse_relay(text) == Relay(address, parse_url(target))


@pytest.mark.parametrize("text", ["8081=", "=ws://h", "8081", "x=y=ws://h"])
def test_what_is_no_relay_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_relay(text)


def test_tls_and_the_way_to_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "of the environment"))
    words = ("--unverified", "localhost,*.test", "--unverified", "b.example")
    settings = engine_settings(
        main_parser().parse_args((*words, "--upstream", "socks5://127.0.0.1:1080")), EngineSettings()
    )
    assert settings.tls.exceptions.matches("x.test", 443)
    assert settings.tls.exceptions.matches("b.example", 443)
    assert not settings.tls.exceptions.matches("c.example", 443)
    assert settings.tls.key_log == tmp_path / "of the environment"
    assert settings.tls.authority_folder is not None
    assert settings.upstream is not None
    given = engine_settings(main_parser().parse_args(("--key-log", "keys")), EngineSettings())
    assert (given.tls.key_log, given.upstream) == (Path("keys"), None)


def test_manners_are_those_of_all_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--open-tls", "*.test", "--open-tls", "a.example", "--pass-tls", "b.test", "--allow-metadata")
    found = sources("--proxy", "0", *words, "--proxy-user", "me:it", "--proxy", "9001")
    assert [type(each) for each in found] == [Proxy, Proxy]
    for each in found:
        assert isinstance(each, Proxy)
        treated = [each.treatment(host, 443) for host in ("x.test", "a.example", "b.test", "c.example")]
        assert treated == [TlsTreatment.OPEN, TlsTreatment.OPEN, TlsTreatment.PASS, TlsTreatment.PASS]
        assert (each.credentials, each.allow_metadata) == (ProxyCredentials("me", "it"), True)
    with pytest.raises(UnmaskError, match="set UNMASK_PROXY_PASSWORD"):
        sources("--proxy", "--proxy-user", "me")
    monkeypatch.setenv("UNMASK_PROXY_PASSWORD", "hidden")
    [proxy] = sources("--proxy", "--proxy-user", "me")
    assert isinstance(proxy, Proxy)
    assert proxy.credentials == ProxyCredentials("me", "hidden")


def test_some_servers_are_reached_without_the_other_proxy() -> None:
    words = ("--upstream", "socks5://127.0.0.1", "--direct", "localhost", "--direct", "10.0.0.0/8, *.test")
    upstream = engine_settings(main_parser().parse_args(words), EngineSettings()).upstream
    assert upstream is not None
    assert [upstream.serves(host, 80) for host in ("localhost", "10.1.1.1", "a.test", "a.example")] == [
        *(False, False, False, True),
    ]


def test_window_and_console_share_one_authority() -> None:
    settings = engine_settings(main_parser().parse_args([]), EngineSettings())
    assert settings.tls.authority_folder == authority_folder()
