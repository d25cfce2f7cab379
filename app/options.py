"""The options of the command line, and what they say."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeVar

from app.terminal.certificate_command import add_certificate_options
from app.terminal.connect_options import add_connect_options, read_connection, requests_in
from app.terminal.proxy_options import add_proxy_options, proxies_in
from app.terminal.rule_options import add_rule_options
from app.terminal.script_command import add_script_options
from app.terminal.standard_streams import safe
from app.terminal.tls_options import add_tls_options, server_tls, with_tls_options
from app.version import program_version
from core.errors import AddressError, UnmaskError
from core.formats.registry import default_formats
from core.net.connect_request import CONNECT_SECONDS
from core.net.host_list import parse_hosts
from core.net.proxy import PROXY_PORT
from core.net.relay import Relay, parse_relay
from core.net.settings import (
    LARGEST_MESSAGE,
    AutoReply,
    EngineSettings,
    Limits,
    ListenAddress,
    parse_address,
    parse_bounds,
    parse_host_name,
    parse_message_size,
    parse_origin,
)
from core.net.sources import Connect, Listen, What, parse_listen
from core.net.upstream import parse_upstream
from core.protocol.head_rewrite import OriginHeader
from core.protocol.violations import Judgement
from core.sizes import UNITS_HELP, parse_size, size_text

_T = TypeVar("_T")
_Secured = TypeVar("_Secured", Listen, Relay)
_FILTER_HELP = (
    "only frames and messages that match, such as “opcode == text and payload contains login”; handshakes and closes "
    "stay"
)
_LONGEST_SECONDS = 3600.0
_HOSTS = {"target": False, "keep": True}
_ORIGINS = {"keep": OriginHeader.KEPT, "target": OriginHeader.TARGET, "remove": OriginHeader.REMOVED}


def sources_in(options: argparse.Namespace) -> tuple[What, ...]:
    """What the command line names as sources, in the order of their kinds. Raises UnmaskError."""
    shown = server_tls(options)

    def secured(what: _Secured) -> _Secured:
        return what if what.tls is None and not options.tls else replace(what, tls=shown)

    relays = [
        replace(
            relay,
            keep_host=_HOSTS[options.relay_host],
            origin=_ORIGINS[options.relay_origin],
            connect_seconds=options.connect_seconds,
        )
        for relay in options.relay
    ]
    connects = map(Connect, requests_in(options))
    listens = options.listen
    if options.tls and not (listens or relays):
        listens = [Listen(ListenAddress())]
    return (*map(secured, listens), *map(secured, relays), *proxies_in(options), *connects)


def engine_settings(options: argparse.Namespace, settings: EngineSettings) -> EngineSettings:
    """`settings` changed as the command line says."""
    if options.auto_reply is not None:
        settings = replace(settings, auto_reply=AutoReply(options.auto_reply))
    if options.tolerant:
        settings = replace(settings, judgement=Judgement.TOLERANT)
    sizes = {"message_bytes": options.max_message, "memory_bytes": options.memory}
    given = {name: size for name, size in sizes.items() if size is not None}
    try:
        settings = replace(settings, limits=replace(settings.limits, **given))
    except ValueError as error:
        raise UnmaskError(str(error)) from None
    for keep in options.keep or ():
        settings = replace(settings, keep=settings.keep.both(keep))
    if options.allow_origin:
        settings = replace(settings, allowed_origins=tuple(dict.fromkeys(options.allow_origin)))
    if options.allow_host:
        hosts = tuple(dict.fromkeys((*settings.extra_hosts, *options.allow_host)))
        settings = replace(settings, extra_hosts=hosts)
    if options.upstream is not None:
        settings = replace(settings, upstream=options.upstream)
    if settings.upstream is not None:
        direct = settings.upstream.exceptions
        for more in options.direct:
            direct = direct.with_hosts(more)
        settings = replace(settings, upstream=replace(settings.upstream, exceptions=direct))
    return with_tls_options(options, settings, os.environ)


class _Parser(argparse.ArgumentParser):
    """Escapes invalid arguments before they are printed on the terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(safe(message))


def main_parser() -> argparse.ArgumentParser:
    """The command line of `unmask`."""
    parser = _Parser(
        prog="unmask",
        usage="unmask [--listen [ADDRESS]] [--relay [ADDRESS=]URL] [--proxy [ADDRESS]] [--connect URL]\n"
        "              [--headless | --json | --quiet] [more options] [CAPTURE]",
        description="See what really goes over a WebSocket: every byte, and what it means. Unmask is the server of "
        "your client, the client of your server, or stands between the two.",
        epilog=f"A SIZE is a number of bytes, or a number with a unit: {UNITS_HELP}. "
        "“unmask export --help” tells how to write a capture in another format, “unmask probe --help” how to check a "
        "peer, “unmask certificate --help” how to get the certificate of Unmask's own authority, "
        "“unmask script --help” how to begin a script.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="CAPTURE", help="a capture to open in the window"
    )
    parser.add_argument("--version", action="version", version=f"unmask {program_version()}")
    _add_sources(parser)
    _add_manners(parser)
    add_proxy_options(parser.add_argument_group("how --proxy behaves"))
    add_connect_options(parser.add_argument_group("how --connect asks"))
    _add_ways(parser)
    _add_output(parser)
    _add_capture(parser)
    _add_limits(parser)
    parser.add_argument(
        "--diagnostics",
        type=Path,
        metavar="FILE",
        help="write figures about Unmask itself to the end of this file, one JSON object a second",
    )
    parser.add_argument(
        "--self-test",
        type=Path,
        metavar="DIR",
        help="check the real window with a real client; screenshots to DIR",
    )
    return parser


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "where traffic comes from",
        "Each may stand several times, and all of them together: everything goes into one capture. An ADDRESS is "
        "HOST:PORT, a port alone or a URL; port 0 picks a free one, which is printed. Where --listen or --relay have "
        "one that begins with wss://, clients come with TLS. Without any of these options Unmask listens on "
        f"{ListenAddress()}.",
    )
    group.add_argument(
        "--listen",
        type=_in_words(parse_listen),
        nargs="?",
        const=Listen(ListenAddress()),
        action="append",
        default=[],
        metavar="ADDRESS",
        help=f"you have a client: be its server (default {ListenAddress()})",
    )
    group.add_argument(
        "--relay",
        type=_in_words(parse_relay),
        action="append",
        default=[],
        metavar="[ADDRESS=]URL",
        help="you have a client and a server: let the client connect to ADDRESS instead (default: a free port of "
        "127.0.0.1), and pass everything on to the ws://, wss://, http:// or https:// URL of the server",
    )
    group.add_argument(
        "--proxy",
        type=_in_words(parse_address),
        nargs="?",
        const=ListenAddress("127.0.0.1", PROXY_PORT),
        action="append",
        default=[],
        metavar="ADDRESS",
        help=f"you have a browser or an app: be its HTTP proxy (default 127.0.0.1:{PROXY_PORT})",
    )
    group.add_argument(
        "--connect",
        type=_in_words(read_connection),
        action="append",
        default=[],
        metavar="URL",
        help="you have a server: be its client. This stays on the terminal, unless --window is there too",
    )


def _add_manners(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how they behave")
    group.add_argument(
        "--relay-host",
        choices=_HOSTS,
        default="target",
        help="what the server of a relay gets as Host: its own name, or what the client said (default %(default)s)",
    )
    group.add_argument(
        "--relay-origin",
        choices=_ORIGINS,
        default="keep",
        help="what it gets as Origin: what the client said, that of a page of its own, or none (default %(default)s)",
    )
    group.add_argument(
        "--connect-seconds",
        type=_in_words(_seconds),
        default=CONNECT_SECONDS,
        metavar="SECONDS",
        help="how long finding a server and connecting to it may take (default %(default)g)",
    )
    group.add_argument(
        "--allow-network",
        "--yes",
        action="store_true",
        help="take in clients of other machines without a question, where an ADDRESS is not this machine's alone; "
        "needed where nobody can be asked",
    )
    group.add_argument(
        "--allow-origin",
        type=_in_words(parse_origin),
        action="append",
        metavar="ORIGIN",
        help="--listen: let only pages of this origin connect, such as https://example.com; may stand several times",
    )
    group.add_argument(
        "--allow-host",
        type=_in_words(parse_host_name),
        action="append",
        metavar="NAME",
        help="--listen: a name that clients on this machine may call us by, beside localhost; may stand several times",
    )
    group.add_argument(
        "--auto-reply",
        choices=[each.value for each in AutoReply],
        help="--listen and --connect: what to answer to each message",
    )
    group.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help="let this Python file decide what becomes of messages; it is loaded again when it is saved",
    )
    group.add_argument(
        "--tolerant",
        action="store_true",
        help="--listen and --connect: record what peers do wrong and carry on, instead of closing",
    )
    add_rule_options(group)


def _add_ways(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("TLS, and the way to servers")
    add_tls_options(group)
    group.add_argument(
        "--upstream",
        type=_in_words(parse_upstream),
        metavar="URL",
        help="go to servers through this proxy: http:// or socks5://, with USER:PASSWORD@ where it asks for that",
    )
    group.add_argument(
        "--direct",
        type=_in_words(parse_hosts),
        action="append",
        default=[],
        metavar="HOSTS",
        help="servers that are reached without the proxy of --upstream, such as localhost,10.0.0.0/8; may stand "
        "several times",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what you see")
    group.add_argument(
        "--window", action="store_true", help="the window, which is the default where there is a display"
    )
    group.add_argument("--headless", action="store_true", help="no window: print what happens")
    group.add_argument("--json", action="store_true", help="no window: print one JSON object a line")
    group.add_argument(
        "--quiet",
        action="store_true",
        help="no window: record, and print only where traffic comes in and where it is recorded",
    )


def _add_capture(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the capture")
    group.add_argument(
        "--capture",
        type=Path,
        metavar="FILE",
        help="record into this new file (default: one that the window offers at its next start); its name is printed "
        "at the end",
    )
    group.add_argument("--filter", metavar="EXPR", help=f"--headless and --json: print {_FILTER_HELP}")
    group.add_argument(
        "--keep",
        type=_in_words(parse_bounds),
        action="append",
        metavar="HOWMUCH",
        help="keep only the last SIZE, such as 2GB, 1000000frames or 24h; what is older is dropped; may stand several "
        "times. A size is what lies on the disk, write-ahead log and all; it may be exceeded by a fifth for moments, "
        "or by three of the largest messages where that is more",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--max-message",
        type=_in_words(parse_message_size),
        metavar="SIZE",
        help=f"largest message, such as 16MiB (default {size_text(Limits().message_bytes)}, "
        f"at most {size_text(LARGEST_MESSAGE)})",
    )
    group.add_argument(
        "--memory",
        type=_in_words(parse_size),
        metavar="SIZE",
        help="what may be held in memory for all peers together, such as 2GiB; at least four largest messages "
        "(default: an eighth of the machine's memory, but not less than 256MiB)",
    )


def export_parser() -> argparse.ArgumentParser:
    """The command line of `unmask export`."""
    formats = default_formats()
    parser = _Parser(
        prog="unmask export",
        description="Write a capture in another format. "
        + " ".join(f"{each.name}: {each.help}" for each in formats),
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the capture")
    parser.add_argument(
        "--format", choices=formats.names(), default=formats.names()[0], help="default: %(default)s"
    )
    parser.add_argument("--filter", metavar="EXPR", help=_FILTER_HELP)
    parser.add_argument(
        "--connection",
        type=_connection_number,
        metavar="NUMBER",
        help="only this connection: its handshake, its frames (with --filter those that match), its close",
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help="where to (default: standard output)"
    )
    return parser


def probe_parser() -> argparse.ArgumentParser:
    """The command line of `unmask probe`."""
    # Imported late, with the engine behind it.
    from app.terminal.probe_command import add_probe_options

    parser = _Parser(
        prog="unmask probe",
        description="Break the rules of RFC 6455, RFC 7692 and RFC 9112 one after the other against a server or a "
        "client, and report how it takes each fault: closed with which code, ignored, hung or crashed.",
        epilog="The exit status is 0 where the RFC lets the peer do all that it did, 3 where it does not, 1 where the "
        "probe could not be done, and 2 where the command line is not understood.",
    )
    add_probe_options(parser)
    return parser


def certificate_parser() -> argparse.ArgumentParser:
    """The command line of `unmask certificate`."""
    parser = _Parser(
        prog="unmask certificate",
        description="The certificate of Unmask's own authority, which clients must trust that come with TLS or through "
        "the proxy. Its key stays where it is. The authority is made if there is none.",
    )
    add_certificate_options(parser)
    return parser


def script_parser() -> argparse.ArgumentParser:
    """The command line of `unmask script`."""
    parser = _Parser(
        prog="unmask script",
        description="Write a script to begin with: a Python file that decides what becomes of messages.",
    )
    add_script_options(parser)
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(f"“{text}” is no time: write a number of seconds up to {_LONGEST_SECONDS:g}.")
    return seconds


def _connection_number(text: str) -> int:
    try:
        number = int(text.removeprefix("#"))
    except ValueError:
        number = 0
    if not 0 < number < 2**63:
        raise argparse.ArgumentTypeError(f"“{text}” is no connection's number: those are 1, 2, 3 and so on.")
    return number


def _in_words(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """`parse`, with its errors in a form that argparse prints unchanged."""

    def parsed(text: str) -> _T:
        try:
            return parse(text)
        except (AddressError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed
