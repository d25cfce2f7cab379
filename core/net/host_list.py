"""Lists of hosts as a person writes them: names with wildcards, addresses, networks, and ports where they matter."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from core.errors import AddressError

_PATTERN = re.compile(
    r"(?:\[(?P<literal>[0-9a-f:.]+)\]|(?P<network>[0-9a-f:.]+/[0-9]{1,3})|(?P<name>[a-z0-9._*\-]+)"
    r"|(?P<bare>[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*))(?::(?P<port>[0-9]{1,5}))?"
)
_SEPARATOR = re.compile(r"[\s,;]+")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class HostPattern:
    """Which hosts are meant: `example.com`, `*.example.com`, `*`, `10.0.0.0/8`, `[::1]:8443`.

    A `*` stands for any characters, dots included; `*.example.com` and `.example.com` also mean `example.com` itself.
    """

    text: str
    name: re.Pattern[str] | None
    network: _Network | None
    port: int | None
    """None: every port."""

    def matches(self, host: str, port: int) -> bool:
        """Whether `host`, a name or an address without brackets, is meant."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            try:
                return ipaddress.ip_address(host) in self.network
            except ValueError:
                return False
        return self.name is not None and self.name.fullmatch(host.lower().removesuffix(".")) is not None


@dataclass(frozen=True, slots=True)
class HostList:
    """Some hosts. An empty list matches none."""

    patterns: tuple[HostPattern, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __str__(self) -> str:
        return ", ".join(each.text for each in self.patterns)

    def matches(self, host: str, port: int) -> bool:
        """Whether one of the patterns means the host."""
        return any(each.matches(host, port) for each in self.patterns)

    def with_hosts(self, more: HostList) -> HostList:
        """These and more, each once."""
        return HostList(tuple(dict.fromkeys((*self.patterns, *more.patterns))))


NO_HOSTS = HostList()


def parse_hosts(text: str) -> HostList:
    """Patterns separated by commas or spaces. Raises AddressError."""
    return HostList(tuple(_pattern(word) for word in _SEPARATOR.split(text.strip()) if word))


def _pattern(word: str) -> HostPattern:
    found = _PATTERN.fullmatch(word.lower())
    if found is None:
        raise _not_a_pattern(word)
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port < 65536:
        raise AddressError(f"“{found['port']}” is no port: write a number from 1 to 65535.")
    name, address = found["name"], found["literal"] or found["network"] or found["bare"]
    network: _Network | None = None
    try:
        network = ipaddress.ip_network(address or name, strict=False)
    except ValueError:
        if address:
            raise _not_a_pattern(word) from None
    return HostPattern(word.lower(), None if network else _name(name), network, port)


def _name(pattern: str) -> re.Pattern[str]:
    """An expression for the names that are meant."""
    below = pattern.removeprefix("*") if pattern.startswith("*.") else pattern
    optional = below.startswith(".")
    text = ".*".join(map(re.escape, (below[1:] if optional else below).removesuffix(".").split("*")))
    return re.compile(rf"(?:.*\.)?{text}" if optional else text)


def _not_a_pattern(word: str) -> AddressError:
    return AddressError(
        f"“{word}” names no hosts: write a name such as example.com, *.example.com or an address such as 10.0.0.0/8."
    )
