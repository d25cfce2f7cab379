"""Lists of hosts as a person writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AddressError
from core.net.host_list import HostList, parse_hosts


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        (
            "Example.com",
            ["example.com", "EXAMPLE.com."],
            ["www.example.com", "example.com.evil", "xexample.com"],
        ),
        (
            "*.example.com",
            ["a.example.com", "a.b.example.com", "example.com"],
            ["notexample.com", "example.org"],
        ),
        (".example.com", ["a.example.com", "example.com"], ["notexample.com"]),
        ("api-*.example.com", ["api-1.example.com"], ["api.example.com", "x.api-1.example.com"]),
        ("*", ["anything", "::1", "10.0.0.1"], []),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "10.example.com"]),
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["::2"]),
        ("fd00::/8", ["fd12::1"], ["fe80::1"]),
        ("", [], ["a"]),
    ],
)
def test_which_hosts_are_meant(text: str, yes: list[str], no: list[str]) -> None:
    hosts = parse_hosts(text)
    assert [host for host in yes if not hosts.matches(host, 443)] == []
    assert [host for host in no if hosts.matches(host, 443)] == []


def test_a_port_narrows() -> None:
    hosts = parse_hosts("example.com:8443 [::1]:80; 10.0.0.1:1,*:22")
    assert hosts.matches("example.com", 8443)
    assert not hosts.matches("example.com", 443)
    assert hosts.matches("::1", 80)
    assert not hosts.matches("::1", 81)
    assert hosts.matches("10.0.0.1", 1)
    assert hosts.matches("anything", 22)


def test_lists_join_without_doubles_and_are_written_back() -> None:
    hosts = parse_hosts("a, b").with_hosts(parse_hosts("B c"))
    assert str(hosts) == "a, b, c"
    assert parse_hosts(str(hosts)) == hosts
    assert not HostList()


@pytest.mark.parametrize("text", ["http://a", "a/b", "a:0", "a:99999", "[x]", "10.0.0.0/99", "a b/c", "ü"])
def test_what_names_no_hosts_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_hosts(text)


@given(st.text(alphabet="ab*.:/[]0189-, ", max_size=30), st.text(alphabet="ab.:0189-", max_size=20))
def test_whatever_is_written_is_refused_or_read_back(text: str, host: str) -> None:
    try:
        hosts = parse_hosts(text)
    except AddressError:
        return
    again = parse_hosts(str(hosts))
    assert again == hosts
    assert again.matches(host, 443) is hosts.matches(host, 443)
