"""Goes through the options of a pasted command, and keeps the connection that they ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from app.logic.connect_draft import (
    FROM_HANDSHAKE,
    MOST_FOLLOWED,
    Auth,
    AuthKind,
    ConnectDraft,
    Trust,
    take_header,
)
from app.logic.variables import literal
from core.errors import AddressError
from core.net.connect_request import USUAL_OFFER

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://", re.ASCII)
_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)(?P<user>[^/?#@]*)@")
_FEW = 10
"""Redirects that are followed where the line says no number."""


class Reading:
    """A connection as far as it is read, and what of the line has no place in it."""

    def __init__(self, plain: Callable[[str], str] = literal) -> None:
        """`plain` makes a template of a text of the line."""
        self._plain = plain
        self.draft = ConnectDraft(compression="")
        self.told: list[str] = []
        """Sentences about what was left out or changed."""
        self.offers_nothing = False
        """Whether the line says all of the handshake, so that no compression means none."""
        self._headers: list[tuple[str, str]] = []
        self._left: list[str] = []
        self._anew: dict[str, None] = {}
        self._proxy_user: str | None = None
        self._follows = False
        self._most: float = _FEW

    def leave(self, *words: str) -> None:
        """Note words that do not concern the connection."""
        self._left += words

    def tell(self, sentence: str) -> None:
        self.told.append(sentence)

    def change(self, **fields: object) -> None:
        """Set fields of the draft."""
        self.draft = replace(self.draft, **fields)  # type: ignore[arg-type]

    def url(self, text: str) -> None:
        """The place to connect to; further ones are left out."""
        if self.draft.url:
            self.leave(text)
            return
        if text.isdecimal():
            raise AddressError(
                f"“{text}” is no URL to connect to: write one such as ws://127.0.0.1:{text}/path."
            )
        if not (_URL.match(text) or (self._plain(text) == text and text.startswith("{"))):
            text = f"ws://{text}"
        if (user := _USER.match(text)) is not None:
            name, _, password = user["user"].partition(":")
            self.basic(unquote(name), unquote(password))
            text = user["scheme"] + text[user.end() :]
        place, sign, _ = text.partition("#")
        if sign:
            # RFC 3986 section 3.5: it is never sent.
            self.tell("The part of the URL from # on is never sent, and is left out.")
        self.change(url=self._plain(place))

    def header(self, line: str) -> None:
        """A header as `Name: value`; `Name;` is one without a value, and `Name:` one that is not to be sent."""
        if line.startswith("@"):
            self.tell(f"Headers from a file are not read: {line[1:]}.")
            return
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon and name.endswith(";"):
            self._headers.append((literal(name.removesuffix(";")), ""))
        elif not colon:
            self.tell(f"“{line}” is no header, and is left out: it has no colon.")
        elif not value:
            self.tell(f"{name} is left out, as the line asks.")
        else:
            self.set_header(name, value)

    def set_header(self, name: str, value: str) -> None:
        self.offers_nothing |= name.lower().startswith("sec-websocket-") or name.lower() == "upgrade"
        if name.lower() in FROM_HANDSHAKE:
            self._anew[name] = None
            return
        self.draft, is_taken = take_header(self.draft, name, value)
        if not is_taken:
            self._headers.append((literal(name), literal(value)))

    def cookies(self, text: str) -> None:
        if "=" not in text:
            self.tell(f"Cookies from a file are not read: {text}.")
        else:
            self.set_header("Cookie", text)

    def basic(self, user: str, password: str) -> None:
        if self.draft.auth.kind is not AuthKind.NONE:
            self.tell("The line says twice who asks; the first is taken.")
            return
        self.change(auth=Auth(AuthKind.BASIC, self._plain(user), self._plain(password)))

    def user_and_password(self, text: str) -> None:
        user, colon, password = text.partition(":")
        if not colon:
            self.tell("The line has a user and no password: enter it.")
        self.basic(user, password)

    def bearer(self, token: str) -> None:
        self.change(auth=Auth(AuthKind.BEARER, secret=literal(token)))

    def subprotocol(self, text: str) -> None:
        self.draft, _ = take_header(self.draft, "Sec-WebSocket-Protocol", text)

    def proxy(self, text: str, *, scheme: str = "http", port: str = "") -> None:
        url = text if _URL.match(text) else f"{scheme}://{text}"
        if port and not re.search(r":\d+/?$", url):
            url = f"{url.rstrip('/')}:{port}"
        self.change(proxy=literal(url))

    def proxy_user(self, text: str) -> None:
        """User and password for the proxy, which may be named later."""
        self._proxy_user = text

    def trust_any(self, _value: str) -> None:
        self.change(trust=Trust.ANY)

    def follow(self, _value: str) -> None:
        self._follows = True

    def most_redirects(self, text: str) -> None:
        self._most = _number(text, "redirects")

    def connect_seconds(self, text: str) -> None:
        self.change(connect_seconds=_number(text, "seconds"))

    def ping_seconds(self, text: str) -> None:
        self.change(ping_seconds=_number(text, "seconds"))

    def finish(self, *, usual_compression: bool) -> ConnectDraft:
        """The draft, when all is read. Raises AddressError if there is no URL."""
        if not self.draft.url:
            raise AddressError("The line names no URL to connect to: paste the whole line.")
        self._finish_proxy()
        self._finish_redirects()
        if self._anew:
            self.tell(f"Each handshake makes its own {', '.join(self._anew)}.")
        if not self.draft.compression:
            if usual_compression and not self.offers_nothing:
                self.change(compression=USUAL_OFFER)
            elif self.offers_nothing:
                self.tell("No compression is offered, as the line offers none.")
        if self._left:
            self.tell(f"Left out, as it does not concern the connection: {' '.join(self._left)}")
        self.change(headers=tuple(self._headers))
        return self.draft

    def _finish_proxy(self) -> None:
        if self._proxy_user is None:
            return
        scheme, sign, place = self.draft.proxy.partition("://")
        if not sign:
            self.tell("The line has a user for a proxy, but no proxy.")
            return
        user, _, password = self._proxy_user.partition(":")
        named = f"{quote(user, safe='')}:{quote(password, safe='')}"
        self.change(proxy=f"{scheme}://{literal(named)}@{place}")

    def _finish_redirects(self) -> None:
        if not self._follows:
            return
        # curl means by a negative number that there is no limit.
        if not 0 <= self._most <= MOST_FOLLOWED:
            self.tell(f"At most {MOST_FOLLOWED} redirects are followed.")
        self.change(follows=int(min(self._most, MOST_FOLLOWED)) if self._most >= 0 else MOST_FOLLOWED)


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        raise AddressError(f"“{text}” is no number of {what}.")
    return value


@dataclass(frozen=True, slots=True)
class Option:
    """What becomes of an option of a command."""

    act: Callable[[Reading, str], None] | None = None
    """Called with its value, "" if it has none; None: it is left out."""
    has_value: bool = False


def options(*groups: tuple[str, Option]) -> dict[str, Option]:
    """By name; a group names its options with spaces between."""
    return {name: option for names, option in groups for name in names.split()}


def read_options(words: Sequence[str], known: Mapping[str, Option], reading: Reading) -> list[str]:
    """Act on all options; gives the other words. Raises AddressError if the last one lacks its value."""
    others: list[str] = []
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word == "--":
            others += reversed(waiting)
            break
        if word.startswith("--"):
            name, sign, attached = word.partition("=")
            _act(name, attached if sign else None, waiting, known, reading)
        elif word.startswith("-") and word != "-":
            _act_on_letters(word, waiting, known, reading)
        else:
            others.append(word)
    return others


def _act_on_letters(word: str, waiting: list[str], known: Mapping[str, Option], reading: Reading) -> None:
    """Several short options in one word; what stands behind one that takes a value is its value."""
    for place in range(1, len(word)):
        name, rest = f"-{word[place]}", word[place + 1 :]
        option = known.get(name)
        if option is not None and option.has_value:
            _act(name, rest or None, waiting, known, reading)
            return
        _act(name, None, waiting, known, reading)


def _act(
    name: str, value: str | None, waiting: list[str], known: Mapping[str, Option], reading: Reading
) -> None:
    option = known.get(name)
    if option is None:
        reading.leave(name if value is None else f"{name}={value}")
        return
    if option.has_value and value is None:
        if not waiting:
            raise AddressError(f"The line ends after {name}, which lacks its value: paste the whole line.")
        value = waiting.pop()
    if option.act is not None:
        option.act(reading, value or "")
    elif value is None:
        reading.leave(name)
    else:
        reading.leave(name, value)
