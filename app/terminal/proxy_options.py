"""The options of the command line that concern proxies, and the proxies that they ask for."""

from __future__ import annotations

import argparse
import os

from core.errors import AddressError, UnmaskError
from core.net.host_list import NO_HOSTS, HostList, parse_hosts
from core.net.proxy import PAGE_HOST, Proxy
from core.protocol.proxy_request import ProxyCredentials

PAGE_URL = f"http://{PAGE_HOST}/"
PASSWORD_VARIABLE = "UNMASK_PROXY_PASSWORD"


def add_proxy_options(group: argparse._ArgumentGroup) -> None:
    """Add what says how `--proxy` behaves. Each holds for all of them."""
    add = group.add_argument
    add(
        "--open-tls",
        type=_hosts,
        action="append",
        default=[],
        metavar="HOSTS",
        help="--proxy: open the TLS of these hosts alone, such as *.example.com,localhost (default: all); may stand "
        "several times",
    )
    add(
        "--pass-tls",
        type=_hosts,
        action="append",
        default=[],
        metavar="HOSTS",
        help="--proxy: let the TLS of these hosts pass untouched; may stand several times",
    )
    add(
        "--proxy-user",
        metavar="USER:PASSWORD",
        help=f"--proxy: what clients must give; without :PASSWORD that is in the environment variable "
        f"{PASSWORD_VARIABLE}",
    )
    add(
        "--allow-metadata",
        action="store_true",
        help="--proxy: let clients reach link-local addresses, at which clouds give secrets to their machines",
    )
    add(
        "--open-browser",
        nargs="?",
        const=PAGE_URL,
        metavar="URL",
        help="open an installed Chromium, Chrome, Edge or Brave that goes through the first --proxy and trusts "
        "Unmask's authority, with a profile of its own that is removed afterwards",
    )


def proxies_in(options: argparse.Namespace) -> list[Proxy]:
    """The proxies that the command line asks for. Raises UnmaskError."""
    if not options.proxy:
        if options.open_browser is not None:
            raise UnmaskError("There is no proxy for a browser to go through: add --proxy to --open-browser.")
        return []
    credentials = None if options.proxy_user is None else _credentials(options.proxy_user)
    return [
        Proxy(
            address,
            open_hosts=_all(options.open_tls),
            pass_hosts=_all(options.pass_tls),
            credentials=credentials,
            allow_metadata=options.allow_metadata,
            connect_seconds=options.connect_seconds,
        )
        for address in options.proxy
    ]


def _credentials(text: str) -> ProxyCredentials:
    user, colon, password = text.partition(":")
    password = password if colon else os.environ.get(PASSWORD_VARIABLE, "")
    if not user or not password:
        raise UnmaskError(
            f"--proxy-user wants a user and a password: write USER:PASSWORD, or set {PASSWORD_VARIABLE}."
        )
    return ProxyCredentials(user, password)


def _all(lists: list[HostList]) -> HostList:
    hosts = NO_HOSTS
    for each in lists:
        hosts = hosts.with_hosts(each)
    return hosts


def _hosts(text: str) -> HostList:
    try:
        return parse_hosts(text)
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
