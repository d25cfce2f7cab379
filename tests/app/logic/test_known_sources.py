from __future__ import annotations

from pathlib import Path

import pytest

from app.logic.connect_draft import Auth, AuthKind, ConnectDraft, Trust
from app.logic.known_sources import KnownSource, read_sources, write_sources
from app.settings import Settings
from core.net.connect_request import parse_url
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.net.sources import Listen
from core.net.tls.settings import ServerTls
from core.protocol.head_rewrite import OriginHeader
from core.protocol.proxy_request import ProxyCredentials

HERE = ListenAddress("127.0.0.1", 9000)
KNOWN = (
    KnownSource(1, "plain, with a comma", Listen(HERE), was_on=True),
    KnownSource(2, "secure", Listen(HERE, ServerTls(Path("/a.pem"), Path("/b.pem"), "pass"))),
    KnownSource(
        4,
        "relay",
        Relay(HERE, parse_url("wss://a.test/b"), True, OriginHeader.REMOVED, tls=ServerTls()),
        was_on=True,
    ),
    KnownSource(
        5,
        "proxy",
        Proxy(
            HERE, parse_hosts("*.a.test, b.test:8443"), parse_hosts("c.test"), ProxyCredentials("u", "p:w")
        ),
    ),
    KnownSource(
        6,
        "connect",
        ConnectDraft(
            "ws://{host}/",
            headers=(("X-A", "1, 2"),),
            auth=Auth(AuthKind.BASIC, "u", "secret"),
            trust=Trust.ANY,
            follows=3,
        ),
    ),
)


def test_sources_are_read_as_they_were_written(tmp_path: Path) -> None:
    settings = Settings.at(tmp_path / "settings.ini")
    assert settings.sources == ()
    settings.sources = KNOWN
    settings.sync()
    assert Settings.at(tmp_path / "settings.ini").sources == KNOWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{}",
        "[1, null, []]",
        '[{"id": 1, "name": "a", "kind": "LISTEN"}]',
        '[{"id": 1, "name": "a", "kind": "LISTEN", "address": "no address"}]',
        '[{"id": 0, "name": "a", "kind": "LISTEN", "address": "127.0.0.1:1"}]',
        '[{"id": 1, "name": "", "kind": "LISTEN", "address": "127.0.0.1:1"}]',
        '[{"id": 1, "name": "a", "kind": "LISTEN", "address": "127.0.0.1:1", "tls": 7}]',
        '[{"id": 1, "name": "a", "kind": "CONNECT"}]',
    ],
)
def test_what_cannot_be_understood_is_left_out(text: str) -> None:
    good = write_sources(KNOWN[:1])
    assert read_sources(text) == ()
    if text.startswith("[") and text != "[1, null, []]":
        assert read_sources(f"{text[:-1]}, {good[1:]}") == KNOWN[:1]


def test_an_id_stands_once() -> None:
    assert [each.name for each in read_sources(write_sources((KNOWN[0], KNOWN[0], KNOWN[1])))] == [
        KNOWN[0].name,
        KNOWN[1].name,
    ]
