"""Another proxy, as a person writes it."""

from __future__ import annotations

import pytest

from core.errors import AddressError
from core.net.host_list import parse_hosts
from core.net.upstream import UpstreamKind, parse_upstream
from core.protocol.proxy_request import Authority, ProxyCredentials


def test_a_proxy_is_read_with_its_password() -> None:
    proxy = parse_upstream("socks5h://ann:p%40ss@[::1]:9050", parse_hosts("localhost, 10.0.0.0/8"))
    assert (proxy.kind, proxy.place) == (UpstreamKind.SOCKS5, Authority("::1", 9050))
    assert proxy.credentials == ProxyCredentials("ann", "p@ss")
    assert "p@ss" not in repr(proxy) + str(proxy) + repr(proxy.credentials)
    assert str(proxy) == "socks5://[::1]:9050"
    assert proxy.serves("example.com", 443)
    assert not proxy.serves("10.1.1.1", 443)


@pytest.mark.parametrize(
    ("text", "place"),
    [("http://h", "h:3128"), ("HTTP://h:80/", "h:80"), ("socks5://h", "h:1080")],
)
def test_ports_have_defaults(text: str, place: str) -> None:
    assert str(parse_upstream(text).place) == place


@pytest.mark.parametrize(
    "text", ["", "h:80", "https://h", "ftp://ann:secret@h", "http://h:0", "http://h/path"]
)
def test_what_is_no_proxy_is_refused_without_the_password(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_upstream(text)
    assert "secret" not in str(caught.value)
