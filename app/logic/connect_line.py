"""Reads what people paste to connect: a URL, a `curl` command as browsers copy it, or a line of wscat or websocat."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.logic.connect_draft import ConnectDraft
from app.logic.pasted_options import Option, Reading, options, read_options
from app.logic.shell_words import split_line
from app.logic.variables import as_is
from core.errors import AddressError

_ONE_WORD = re.compile(r"\S+")
_RUNNERS = ("npx", "sudo", "exec", "time")


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a pasted text asks for."""

    draft: ConnectDraft
    told: tuple[str, ...] = ()
    """Sentences about what of the text was left out or changed."""


def read_pasted(text: str) -> Pasted:
    """The connection that `text` asks for. Raises AddressError if it is nothing that is known."""
    stripped = text.strip()
    if _ONE_WORD.fullmatch(stripped):
        return _url(stripped)
    words = split_line(stripped)
    if words[:1] == ["$"]:
        words = words[1:]
    while words and words[0] in _RUNNERS:
        words = words[1:]
    command = PurePosixPath(words[0].replace("\\", "/")).name.lower() if words else ""
    read = _COMMANDS.get(command.removesuffix(".exe"))
    if read is None:
        raise AddressError(
            "This is neither a URL nor a line of curl, wscat or websocat: paste one of these, "
            "such as ws://127.0.0.1:8080/path."
        )
    return read(words[1:])


def _url(text: str) -> Pasted:
    """A URL, in which variables stay such. User and password in it become the credentials."""
    reading = Reading(as_is)
    reading.url(text)
    return Pasted(reading.finish(usual_compression=True), tuple(reading.told))


_LEFT_WITH_VALUE = Option(has_value=True)


def _nothing(_reading: Reading, _value: str) -> None:
    """What the option asks is so anyway."""


def _takes(act: Callable[[Reading, str], None]) -> Option:
    return Option(act, has_value=True)


def _method(reading: Reading, value: str) -> None:
    if value.upper() != "GET":
        reading.tell(f"A handshake is a GET, not a {value}.")


def _compressed(reading: Reading, _value: str) -> None:
    # What curl sends then; browsers that copy a line say their own Accept-Encoding by this word.
    reading.set_header("Accept-Encoding", "gzip, deflate, br, zstd")


def _referer(reading: Reading, value: str) -> None:
    address, sign, rest = value.partition(";auto")
    if sign:
        reading.leave(sign + rest)
    if address:
        reading.set_header("Referer", address)


def _other_auth(reading: Reading, _value: str) -> None:
    reading.tell(
        "Of the ways to say who asks only Basic and Bearer are known; the line asks for another one."
    )


_BODY = "-d --data --data-raw --data-binary --data-ascii --data-urlencode --json -F --form -T --upload-file"
_CURL = options(
    ("-H --header", _takes(Reading.header)),
    ("-b --cookie", _takes(Reading.cookies)),
    ("-A --user-agent", _takes(lambda reading, value: reading.set_header("User-Agent", value))),
    ("-e --referer", _takes(_referer)),
    ("-u --user", _takes(Reading.user_and_password)),
    ("--oauth2-bearer", _takes(Reading.bearer)),
    ("-k --insecure", Option(Reading.trust_any)),
    ("-x --proxy", _takes(lambda reading, value: reading.proxy(value, port="1080"))),
    ("--socks5", _takes(lambda reading, value: reading.proxy(value, scheme="socks5", port="1080"))),
    ("--socks5-hostname", _takes(lambda reading, value: reading.proxy(value, scheme="socks5h", port="1080"))),
    ("-L --location --location-trusted", Option(Reading.follow)),
    ("--connect-timeout", _takes(Reading.connect_seconds)),
    ("--url", _takes(Reading.url)),
    ("-U --proxy-user", _takes(Reading.proxy_user)),
    ("--max-redirs", _takes(Reading.most_redirects)),
    ("-X --request", _takes(_method)),
    ("--compressed", Option(_compressed)),
    ("-G --get --http1.1 --basic", Option(_nothing)),
    ("--anyauth --digest --ntlm --negotiate --aws-sigv4", Option(_other_auth)),
    (_BODY, _LEFT_WITH_VALUE),
    (
        "-o --output -m --max-time -w --write-out -D --dump-header -c --cookie-jar -K --config",
        _LEFT_WITH_VALUE,
    ),
    ("--retry --retry-delay --retry-max-time --limit-rate --max-filesize --keepalive-time", _LEFT_WITH_VALUE),
    ("--resolve --connect-to --interface --dns-servers --local-port --unix-socket", _LEFT_WITH_VALUE),
    ("-E --cert --cert-type --key --key-type --pass --cacert --capath --ciphers --tls-max", _LEFT_WITH_VALUE),
    ("--tls13-ciphers --curves --pinnedpubkey --proxy-header --noproxy --socks4 --socks4a", _LEFT_WITH_VALUE),
    ("--trace --trace-ascii --stderr -r --range -C --continue-at -z --time-cond -Y -y -t", _LEFT_WITH_VALUE),
)


def _curl(words: list[str]) -> Pasted:
    reading = Reading()
    for word in read_options(words, _CURL, reading):
        reading.url(word)
    return Pasted(reading.finish(usual_compression=True), tuple(reading.told))


_WSCAT = options(
    ("-c --connect", _takes(Reading.url)),
    ("-H --header", _takes(Reading.header)),
    ("-s --subprotocol", _takes(Reading.subprotocol)),
    ("-o --origin", _takes(lambda reading, value: reading.set_header("Origin", value))),
    ("--auth", _takes(Reading.user_and_password)),
    ("--host", _takes(lambda reading, value: reading.set_header("Host", value))),
    ("-n --no-check", Option(Reading.trust_any)),
    ("--proxy", _takes(Reading.proxy)),
    ("-L --location", Option(Reading.follow)),
    ("--max-redirects", _takes(Reading.most_redirects)),
    ("-p --protocol -l --listen --ca --cert --key --passphrase -w --wait -x --execute", _LEFT_WITH_VALUE),
)

_WEBSOCAT = options(
    ("-H --header", _takes(lambda reading, value: reading.header(value.removeprefix("=")))),
    ("--protocol", _takes(Reading.subprotocol)),
    ("--origin", _takes(lambda reading, value: reading.set_header("Origin", value))),
    ("--basic-auth", _takes(Reading.user_and_password)),
    ("-k --insecure", Option(Reading.trust_any)),
    ("--socks5", _takes(lambda reading, value: reading.proxy(value, scheme="socks5"))),
    ("--ping-interval", _takes(Reading.ping_seconds)),
    ("-B --buffer-size --ping-timeout --close-status-code --close-reason --exec-args", _LEFT_WITH_VALUE),
    ("--header-to-env --max-messages --max-messages-rev --queue-len --restrict-uri", _LEFT_WITH_VALUE),
    ("--server-header --server-protocol --set-environment --tls-domain --ws-c-uri", _LEFT_WITH_VALUE),
    ("--pkcs12-der --pkcs12-passwd --client-pkcs12-der --client-pkcs12-passwd", _LEFT_WITH_VALUE),
)


def _wscat(words: list[str]) -> Pasted:
    reading = Reading()
    for word in read_options(words, _WSCAT, reading):
        reading.url(word)
    return Pasted(reading.finish(usual_compression=True), tuple(reading.told))


def _websocat(words: list[str]) -> Pasted:
    reading = Reading()
    for word in read_options(words, _WEBSOCAT, reading):
        if "://" in word or (":" not in word and word not in ("-", "stdio")):
            reading.url(word.removeprefix("autoreconnect:").removeprefix("exec:"))
        elif word != "-":
            reading.leave(word)
    # It offers no extension.
    reading.offers_nothing = True
    return Pasted(reading.finish(usual_compression=False), tuple(reading.told))


_COMMANDS: dict[str, Callable[[list[str]], Pasted]] = {
    "curl": _curl,
    "wscat": _wscat,
    "websocat": _websocat,
}
