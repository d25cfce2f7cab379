"""What a proxy does with TLS, by its two lists."""

from __future__ import annotations

from core.net.host_list import parse_hosts
from core.net.proxy import Proxy, TlsTreatment
from core.protocol.proxy_request import ProxyCredentials


def test_everything_is_opened_unless_it_is_to_pass() -> None:
    proxy = Proxy(pass_hosts=parse_hosts("*.bank.example"))
    assert proxy.treatment("a.example", 443) is TlsTreatment.OPEN
    assert proxy.treatment("www.bank.example", 443) is TlsTreatment.PASS


def test_a_list_of_hosts_to_open_lets_all_others_pass() -> None:
    proxy = Proxy(open_hosts=parse_hosts("*.mine.example"), pass_hosts=parse_hosts("pinned.mine.example"))
    assert proxy.treatment("api.mine.example", 443) is TlsTreatment.OPEN
    assert proxy.treatment("pinned.mine.example", 443) is TlsTreatment.PASS
    assert proxy.treatment("a.example", 443) is TlsTreatment.PASS


def test_a_host_is_added_to_those_that_pass() -> None:
    proxy = Proxy().passing(parse_hosts("a.example"))
    assert proxy.treatment("a.example", 443) is TlsTreatment.PASS
    assert proxy.treatment("b.example", 443) is TlsTreatment.OPEN


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Proxy(credentials=ProxyCredentials("ann", "secret")))
