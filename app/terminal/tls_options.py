"""The options of the command line that concern TLS."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.logic.user_folders import authority_folder
from core.errors import AddressError, UnmaskError
from core.net.host_list import NO_HOSTS, HostList, parse_hosts
from core.net.settings import EngineSettings
from core.net.tls.credentials import PasswordError, read_certificates, read_credentials
from core.net.tls.settings import ClientCertificate, ServerTls, TlsSettings

_EVERY_HOST = "*"


def add_tls_options(group: argparse._ArgumentGroup) -> None:
    """Add what says how TLS is spoken, on both sides."""
    add = group.add_argument
    add(
        "--tls",
        action="store_true",
        help="clients of every --listen and --relay come with TLS, as if each ADDRESS began with wss://",
    )
    add(
        "--certificate",
        "--cert",
        type=Path,
        metavar="FILE",
        help="what clients that come with TLS are shown: PEM or PKCS #12 (default: a certificate that Unmask's own "
        "authority makes for the name that they ask for; “unmask certificate” gives what they must trust then)",
    )
    add("--key", type=Path, metavar="FILE", help="its key, where that is not in the same file")
    add(
        "--ca",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="certificates of authorities to trust beside the system's; may stand several times",
    )
    add(
        "--unverified",
        type=_hosts,
        action="append",
        default=[],
        metavar="HOSTS",
        help="servers whose certificate is not verified, such as localhost,*.test; may stand several times",
    )
    add(
        "--client-certificate",
        "--client-cert",
        type=_client_certificate,
        action="append",
        default=[],
        metavar="[HOSTS=]FILE",
        help="what servers are shown that ask who is there, or these servers alone: PEM with its key, or PKCS #12; may "
        "stand several times",
    )
    add(
        "--key-log",
        type=Path,
        metavar="FILE",
        help="write the keys of all TLS to the end of this file, so that Wireshark reads it (default: the file that "
        "SSLKEYLOGFILE names)",
    )


def server_tls(options: argparse.Namespace) -> ServerTls:
    """What clients that come with TLS are shown. Raises UnmaskError."""
    if options.certificate is None:
        if options.key is not None:
            raise UnmaskError("--key is the key of --certificate: name that too.")
        return ServerTls()
    return ServerTls(options.certificate, options.key, _password(options.certificate, options.key))


def with_tls_options(
    options: argparse.Namespace, settings: EngineSettings, environment: Mapping[str, str]
) -> EngineSettings:
    """`settings` changed as the command line and SSLKEYLOGFILE say. Raises UnmaskError."""
    tls = settings.tls
    for path in options.ca:
        # An authority that can't be read is told now, and not at the first connection.
        read_certificates(path)
    exceptions = tls.exceptions
    for hosts in options.unverified:
        exceptions = exceptions.with_hosts(hosts)
    shown = [
        replace(each, password=_password(each.certificate, each.key)) for each in options.client_certificate
    ]
    named = environment.get("SSLKEYLOGFILE")
    key_log = options.key_log or (Path(named) if named else None) or tls.key_log
    changed = TlsSettings(
        authority_folder=tls.authority_folder or authority_folder(),
        exceptions=exceptions,
        ca_files=tuple(dict.fromkeys((*tls.ca_files, *options.ca))),
        client_certificates=(*shown, *tls.client_certificates),
        key_log=key_log,
    )
    return replace(settings, tls=changed)


def _hosts(text: str) -> HostList:
    try:
        return parse_hosts(text)
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _client_certificate(text: str) -> ClientCertificate:
    hosts, sign, file = text.partition("=")
    if not sign or Path(text).exists():
        return ClientCertificate(_hosts(_EVERY_HOST), Path(text))
    found = _hosts(hosts)
    if found == NO_HOSTS:
        raise argparse.ArgumentTypeError(f"“{text}” names no hosts before the =: leave it out to mean all.")
    return ClientCertificate(found, Path(file))


def _password(certificate: Path, key: Path | None) -> str:
    """The password of a key, asked for where there is one. Raises UnmaskError."""
    try:
        read_credentials(certificate, key)
    except PasswordError:
        if sys.stdin is None or not sys.stdin.isatty() or os.environ.get("TERM") == "dumb":
            raise
        password = getpass.getpass(f"Password of {key or certificate}: ")
        read_credentials(certificate, key, password)
        return password
    return ""
