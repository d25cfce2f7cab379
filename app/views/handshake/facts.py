"""What the tables of the Handshake tab say: the accept value step by step, what was agreed, each header, each leg."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from app.logic.shown_handshake import ShownHandshake
from app.logic.text import count_bytes, grouped, one_line
from app.look.theme import Theme, ThemeRole
from app.views.parts.fact_table import Fact
from core.capture.legs import LegEnd, LegRecord
from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.decoders.visible import visible
from core.errors import HeadError
from core.protocol.close_codes import describe
from core.protocol.events import ClosedBy
from core.protocol.extensions import parse_extensions
from core.protocol.handshake import accept_steps
from core.protocol.header_meanings import extension_meaning, header_meaning, parameter_meaning
from core.protocol.headers import Headers
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.state import Role
from core.protocol.violations import Judgement

_SHOWN_TRAILING = 256
_LIMITS = HeadLimits(max_bytes=1 << 20, max_headers=4096)

Head = RequestHead | ResponseHead | None


def read_head(raw: bytes, kind: HeadKind) -> RequestHead | ResponseHead | None:
    """The head at the beginning of `raw`; None if it is not a head."""
    try:
        return HeadParser(kind, _LIMITS, Judgement.TOLERANT).feed(raw)
    except HeadError:
        return None


class HandshakeFacts:
    """The sentences about one connection."""

    def __init__(self, theme: Theme, shown: ShownHandshake) -> None:
        self._theme = theme
        self._shown = shown
        self._record = shown.record
        self.request = read_head(shown.raw(shown.request_place), HeadKind.REQUEST)
        self.response = read_head(shown.raw(shown.response_place), HeadKind.RESPONSE)

    def headline(self) -> str:
        """What was asked, and what was answered."""
        record, shown = self._record, self._shown
        asked = _tr("These bytes are no HTTP request")
        if isinstance(self.request, RequestHead):
            asked = f"{self.request.method} {self.request.target}"
        elif not shown.raw(shown.request_place):
            asked = _tr("Nothing was sent")
        if isinstance(self.response, ResponseHead):
            answer = f"{self.response.status} {self.response.reason}"
        else:
            answer = str(record.status) if record.status else _tr("no answer")
        return visible(f"{asked}  →  {answer}")

    def summary(self) -> str:
        """Between whom, what was agreed, and how it ended."""
        record = self._record
        facts = [self._between()]
        if self._shown.raw(self._shown.request_place):
            facts.append(
                _tr("no Origin") if record.origin is None else _tr("origin {0}").format(record.origin)
            )
        if record.state is ConnectionState.REFUSED:
            facts.append(_tr("refused: {0}").format(record.reason or _tr("no reason recorded")))
        elif record.state is ConnectionState.SERVED:
            facts.append(_tr("a plain HTTP request, answered with a page"))
        elif record.state is ConnectionState.EXCHANGED:
            facts.append(_tr("a plain HTTP request, passed on with its answer"))
        elif record.state is ConnectionState.TUNNELLED:
            facts.append(_tr("a tunnel whose bytes passed unread"))
        elif record.status == 101:
            facts.append(_tr("subprotocol {0}").format(record.subprotocol or _tr("none")))
            facts.append(_tr("extensions {0}").format(record.extensions or _tr("none")))
        if rules := self._shown.rules:
            one, many = _tr("rule {0}"), _tr("rules {0}")
            facts.append((one if len(rules) == 1 else many).format(one_line(", ".join(rules))))
        if ending := ending_text(record):
            facts.append(ending)
        return visible(" · ".join(facts))

    def _between(self) -> str:
        client, server = self._shown.leg(Role.CLIENT), self._shown.leg(Role.SERVER)
        if not self._shown.is_relayed or client is None:
            ends = (self._record.peer, self._record.local)
            # Who asks stands first.
            return _tr("{0} to {1}").format(*(reversed(ends) if self._record.mode is Mode.CONNECT else ends))
        place = _tr("no server") if server is None or not server.peer else server.peer
        return _tr("{client} → Unmask at {local} → {server}").format(
            client=client.peer, local=client.local, server=place
        )

    def accept(self) -> tuple[str, Iterable[Fact]]:
        """A mark for the result, and how the accept value follows from the key."""
        key = None if self.request is None else self.request.headers.get("Sec-WebSocket-Key")
        if key is None:
            return "", ()
        steps = accept_steps(key.strip())
        sent = None if self.response is None else self.response.headers.get("Sec-WebSocket-Accept")
        verdict, role = _verdict(steps.accept, sent)
        passed = self._passed_accept(steps.accept, sent)
        mark = "✗" if passed and role is ThemeRole.SUCCESS else verdict[0]
        return mark, (
            Fact((_tr("1  Sec-WebSocket-Key"), visible(key), _key_bytes(key))),
            Fact(
                (
                    _tr("2  Key + GUID"),
                    visible(steps.joined),
                    _tr("The GUID is the same for all. RFC 6455 §1.3"),
                )
            ),
            Fact((_tr("3  SHA-1 of that"), steps.sha1.hex(" "), _tr("20 bytes, as hex."))),
            Fact((_tr("4  Base64 of that"), steps.accept, _tr("What the response must carry."))),
            Fact(
                (_tr("5  Sec-WebSocket-Accept"), visible(sent or "—"), verdict),
                self._theme.color(role),
            ),
            *passed,
        )

    def _passed_accept(self, expected: str, sent: str | None) -> tuple[Fact, ...]:
        """The value that the client got, where that is another one."""
        place = self._shown.passed_response
        head = None if place is None else read_head(self._shown.raw(place), HeadKind.RESPONSE)
        got = sent if head is None else head.headers.get("Sec-WebSocket-Accept")
        if got == sent:
            return ()
        verdict, role = _verdict(expected, got)
        return (
            Fact((_tr("6  As the client got it"), visible(got or "—"), verdict), self._theme.color(role)),
        )

    def chosen(self) -> Iterable[Fact]:
        """What client and server agreed on."""
        record = self._record
        headers: Headers | None = None if self.request is None else self.request.headers
        if record.status != 101:
            return
        offered = () if headers is None else headers.tokens("Sec-WebSocket-Protocol")
        if record.subprotocol:
            meaning = _tr("What the messages mean is up to it. The client offered: {0}").format(
                ", ".join(offered)
            )
            yield Fact((_tr("Subprotocol"), visible(record.subprotocol), visible(meaning)))
        elif offered:
            meaning = _tr("The client offered {0}; the server chose none.").format(", ".join(offered))
            yield Fact((_tr("Subprotocol"), "—", visible(meaning)))
        extensions, _ = parse_extensions((record.extensions,) if record.extensions else ())
        for extension in extensions:
            yield Fact((_tr("Extension"), visible(extension.name), extension_meaning(extension.name)))
            for name, value in extension.params:
                text = name if value is None else f"{name}={value}"
                yield Fact(("", visible(text), visible(parameter_meaning(extension, name, value))))
        if not extensions and headers is not None and headers.get("Sec-WebSocket-Extensions"):
            yield Fact((_tr("Extensions"), "—", _tr("The client offered some; the server took none.")))

    def legs(self) -> Iterable[Fact]:
        """The two legs of a relayed connection beside each other."""
        client, server = self._shown.leg(Role.CLIENT), self._shown.leg(Role.SERVER)
        if not self._shown.is_relayed or client is None:
            return
        legs = (client, server)
        for name, text_of in (
            (_tr("The other end"), lambda leg: leg.peer),
            (_tr("Unmask's end"), lambda leg: leg.local),
            (_tr("Encryption"), _encryption),
            (_tr("How it ended"), _leg_ending),
        ):
            yield Fact((name, *(visible("—" if leg is None else text_of(leg) or "—") for leg in legs)))

    def trailing(self) -> Iterable[Fact]:
        """The bytes after the last frame."""
        for leg in self._shown.legs or ():
            if leg.trailing_length:
                yield _trailing_fact(
                    leg.trailing, leg.trailing_length, leg if self._shown.is_relayed else None
                )


def header_facts(head: Head) -> Iterable[Fact]:
    """Each header with its meaning."""
    items = () if head is None else head.headers.items
    return (Fact((visible(name), visible(value), header_meaning(name))) for name, value in items)


def ending_text(record: ConnectionRecord) -> str:
    """Who ended a WebSocket connection and how; "" while it goes on, and where there was none."""
    if record.state is not ConnectionState.CLOSED:
        return ""
    who = {
        ClosedBy.CLIENT: _tr("the client"),
        ClosedBy.SERVER: _tr("the server"),
        ClosedBy.UNMASK: _tr("Unmask"),
    }.get(record.closed_by)
    if who is None:
        return ""
    if record.vanished:
        return _tr("{who} vanished without a closing handshake").format(who=who)
    if record.close_code is None or record.close_code == 1006:
        return _tr("{who} cut it without a closing handshake").format(who=who)
    text = _tr("{who} closed it with {code} {name}")
    return text.format(who=who, code=record.close_code, name=describe(record.close_code).name)


def _encryption(leg: LegRecord) -> str:
    return _tr("none: plain text") if leg.tls is None else f"{leg.tls.version}, {leg.tls.cipher}"


def _leg_ending(leg: LegRecord) -> str:
    return {
        LegEnd.OPEN: "",
        LegEnd.CLOSED: _tr("in order"),
        LegEnd.VANISHED: _tr("its other end vanished"),
        LegEnd.CUT: _tr("cut by Unmask, because the other one was over"),
    }[leg.ended]


def _key_bytes(key: str) -> str:
    try:
        decoded = base64.b64decode(key.strip(), validate=True)
    except (binascii.Error, ValueError):
        return _tr("Not Base64, though it must be the Base64 of 16 bytes.")
    if len(decoded) != 16:
        return _tr("The Base64 of {0}; it must be 16.").format(count_bytes(len(decoded)))
    return _tr("The Base64 of 16 random bytes: {0}").format(decoded.hex(" "))


def _verdict(expected: str, sent: str | None) -> tuple[str, ThemeRole]:
    if sent is None:
        return _tr("✗ The response carries none."), ThemeRole.WARNING
    if sent.strip() == expected:
        return _tr("✓ The response carries exactly this."), ThemeRole.SUCCESS
    return _tr("✗ The response carries something else."), ThemeRole.ERROR


def _trailing_fact(trailing: bytes, length: int, leg: LegRecord | None) -> Fact:
    shown = trailing[:_SHOWN_TRAILING]
    meaning = _tr("These bytes are no frame.")
    if len(shown) < length:
        meaning += " " + _tr("The first {0} are shown.").format(grouped(len(shown)))
    if leg is not None:
        sent = _tr("The client sent them.") if leg.side is Role.CLIENT else _tr("The server sent them.")
        meaning += " " + sent
    return Fact((grouped(length), shown.hex(" "), meaning))


def _tr(text: str) -> str:
    return QCoreApplication.translate("HandshakeFacts", text)
