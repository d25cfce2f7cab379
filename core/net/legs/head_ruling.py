"""Asks the rules about the heads of one opening handshake."""

from __future__ import annotations

from core.capture.records import ConnectionRecord
from core.net.legs.session import SessionHost
from core.protocol.events import HeadRuled
from core.protocol.http11 import HeadKind
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import HandshakeVerdict

_MOMENTS = {HeadKind.REQUEST: Moment.REQUEST, HeadKind.RESPONSE: Moment.RESPONSE}


class HeadRuling:
    """One connection's. What it has heard goes on with its messages."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self.hearing: Hearing | None = None
        """What rules have made of the connection so far."""

    def ask(self, kind: HeadKind, about: ConnectionRecord) -> HandshakeVerdict | None:
        """What becomes of a head, which `about` has; None: it passes."""
        rules, moment = self._host.ruling.rules, _MOMENTS[kind]
        if rules is None or not rules.by_moment[moment]:
            return None
        if self.hearing is None:
            self.hearing = rules.hearing(about)
        asked = self.hearing.request if moment is Moment.REQUEST else self.hearing.response
        return asked(about, self._host.clock())

    def told(self, kind: HeadKind, verdict: HandshakeVerdict) -> HeadRuled:
        """What the capture gets to know of that."""
        held_ns = int(verdict.delay_seconds * 1e9) or None
        rules = () if self.hearing is None else self.hearing.names(verdict.hits)
        return HeadRuled(kind, rules, held_ns)
