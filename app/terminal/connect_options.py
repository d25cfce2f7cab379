"""The options of the command line that concern connections to a server, and the requests that they ask for."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.logic.connect_draft import Auth, AuthKind, ConnectDraft, Trust, request_of
from app.logic.connect_line import Pasted, read_pasted
from app.logic.secret_store import system_secrets
from app.logic.variables import Variable, check_name, fill, names_in
from app.terminal.message_output import BinaryForm
from app.terminal.standard_streams import say, warn
from core.capture.records import Mode
from core.capture.session_files import default_folder
from core.errors import CallerError, UnmaskError
from core.net.connect_request import CONNECT_SECONDS, HANDSHAKE_SECONDS, ConnectRequest, parse_url
from core.net.sources import Source

USUAL_FOLLOWED = 10
LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Talk:
    """How a client is told what to send."""

    is_typed: bool
    """A person types on a terminal; else another program writes to the standard input."""
    history: Path
    """Remembers what was typed."""
    linger_seconds: float
    """How long the server must be silent after the end of the input before the connection is closed."""
    binary: BinaryForm | None = None
    """How binary messages are written where the standard output has received messages alone, as another program reads
    it; None: it has all that happens.
    """


def talk_of(options: argparse.Namespace, sources: Sequence[Source]) -> Talk | None:
    """How the one connection that is asked for is talked on; None if nothing is read from the standard input."""
    if options.headless or options.quiet or len(sources) != 1 or sources[0].mode is not Mode.CONNECT:
        return None
    if sys.stdin is None or sys.stdout is None:
        return None
    is_typed = not options.json and sys.stdin.isatty() and sys.stdout.isatty()
    history = default_folder().parent / "connect-history.jsonl"
    binary = None if options.json or sys.stdout.isatty() else BinaryForm(options.binary)
    return Talk(is_typed and os.environ.get("TERM") != "dumb", history, options.linger, binary)


def add_connect_options(group: argparse._ArgumentGroup) -> None:
    """Add what says how `--connect` connects. Each holds for all of them."""
    add = group.add_argument
    add(
        "--curl",
        type=_line,
        action="append",
        default=[],
        metavar="LINE",
        help="connect as this line of curl would (“Copy as cURL” in a browser); also a line of wscat or websocat",
    )
    add(
        "--header",
        "-H",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="--connect: a header of the request; may stand several times",
    )
    add("--cookie", metavar="A=1;B=2", help="--connect: cookies of the request")
    add("--basic", metavar="USER:PASSWORD", help="--connect: who asks, in the way of Basic")
    add("--bearer", metavar="TOKEN", help="--connect: who asks, by a token")
    add("--origin", metavar="ORIGIN", help="--connect: the page that a browser would name (default: none)")
    add(
        "--subprotocol",
        action="append",
        default=[],
        metavar="NAME",
        help="--connect: a subprotocol to offer; may stand several times, the best first",
    )
    add("--no-compression", action="store_true", help="--connect: offer no permessage-deflate")
    add(
        "--insecure",
        "-k",
        action="store_true",
        help="--connect: take any certificate; anybody in between can read and change everything then",
    )
    add(
        "--ping",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="--connect: ping the server so often, and show how long its answer takes",
    )
    add(
        "--follow",
        type=_count,
        nargs="?",
        const=USUAL_FOLLOWED,
        default=0,
        metavar="COUNT",
        help=f"--connect: follow redirects (at most {USUAL_FOLLOWED}, or COUNT); credentials go to no other server",
    )
    add(
        "--reconnect", action="store_true", help="--connect: connect again after a loss, after growing pauses"
    )
    add(
        "--answer-seconds",
        type=_seconds,
        default=HANDSHAKE_SECONDS,
        metavar="SECONDS",
        help="--connect: how long the answer to the request may take (default %(default)g)",
    )
    add(
        "--variable",
        type=_variable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what {NAME} stands for in the URL and the options above",
    )
    add(
        "--secret",
        type=_secret,
        action="append",
        default=[],
        metavar="NAME",
        help="what {NAME} stands for is secret, and masked in the capture: it comes from the environment variable of "
        "this name, from the system's keyring, or asked for",
    )
    add(
        "--linger",
        type=_seconds,
        default=LINGER_SECONDS,
        metavar="SECONDS",
        help="--connect: once all of the standard input is sent, how long the server must be silent before the "
        "connection is closed (default %(default)g)",
    )
    add(
        "--binary",
        choices=[each.value for each in BinaryForm],
        default=BinaryForm.HEX.value,
        help="--connect: how binary messages are written where the standard output is no terminal, and so has received "
        "messages alone: a line of hex digits, or raw bytes (default %(default)s)",
    )


def read_connection(text: str) -> Pasted:
    """A URL or a line. Raises AddressError, also for a URL that none can have, whatever its variables are."""
    pasted = read_pasted(text)
    if not names_in((pasted.draft.url,)):
        parse_url(fill(pasted.draft.url, {}).text)
    return pasted


def requests_in(options: argparse.Namespace) -> tuple[ConnectRequest, ...]:
    """The connections that the command line asks for. Raises UnmaskError."""
    pasted: list[Pasted] = [*options.connect, *options.curl]
    for each in pasted:
        for sentence in each.told:
            warn(sentence)
    drafts = [_changed(each.draft, options) for each in pasted]
    variables = _variables(drafts, options)
    return tuple(request_of(draft, variables) for draft in drafts)


def _changed(draft: ConnectDraft, options: argparse.Namespace) -> ConnectDraft:
    """`draft` with what the options say beside."""
    headers = [*draft.headers]
    for line in options.header:
        name, colon, value = line.partition(":")
        if not colon:
            raise CallerError(f"“{line}” is no header: write NAME:VALUE.")
        headers.append((name.strip(), value.strip()))
    draft = replace(draft, headers=tuple(headers))
    if options.cookie:
        draft = replace(draft, cookies="; ".join(filter(None, (draft.cookies, options.cookie))))
    if options.basic is not None:
        user, _, password = options.basic.partition(":")
        draft = replace(draft, auth=Auth(AuthKind.BASIC, user, password))
    if options.bearer is not None:
        draft = replace(draft, auth=Auth(AuthKind.BEARER, secret=options.bearer))
    if options.origin is not None:
        draft = replace(draft, origin=options.origin)
    if options.no_compression:
        draft = replace(draft, compression="")
    if options.follow:
        draft = replace(draft, follows=options.follow)
    if options.connect_seconds != CONNECT_SECONDS:
        draft = replace(draft, connect_seconds=options.connect_seconds)
    if options.ping:
        draft = replace(draft, ping_seconds=options.ping)
    trust = Trust.ANY if options.insecure else draft.trust
    return replace(
        draft,
        subprotocols=(*draft.subprotocols, *options.subprotocol),
        trust=trust,
        reconnects=options.reconnect,
        handshake_seconds=options.answer_seconds,
    )


def _variables(drafts: Sequence[ConnectDraft], options: argparse.Namespace) -> dict[str, Variable]:
    known = {each.name: each for each in options.variable}
    named = names_in(text for draft in drafts for text in draft.texts)
    for name in options.secret:
        if name in named:
            known[name] = Variable(name, _secret_value(name), is_secret=True)
    return known


def _secret_value(name: str) -> str:
    value = os.environ.get(name, "") or system_secrets().get(name)
    if value or sys.stdin is None or not sys.stdin.isatty():
        return value
    try:
        return getpass.getpass(f"{name}: ")
    except (EOFError, OSError):
        say("")
        return ""


def _line(text: str) -> Pasted:
    try:
        return read_connection(text)
    except UnmaskError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _variable(text: str) -> Variable:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"“{text}” is no variable: write NAME=VALUE.")
    return Variable(_name(name), value)


def _secret(text: str) -> str:
    return _name(text)


def _name(text: str) -> str:
    try:
        return check_name(text)
    except UnmaskError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"“{text}” is no time: write seconds, from 0 to 3600.")
    return seconds


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 20:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of redirects: write 0 to 20.")
    return int(text)
