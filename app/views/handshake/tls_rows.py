"""What the Handshake tab says of TLS on a leg: what was agreed on, and each certificate."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from app.logic.tls_facts import CertificateFacts, certificates_of
from app.look.theme import Theme, ThemeRole
from app.views.parts.fact_table import Fact
from core.capture.legs import LegRecord, Tls
from core.decoders.visible import visible
from core.protocol.state import Role

_NAMES = 6
"""Hosts of a certificate that are listed."""


def tls_rows(theme: Theme, leg: LegRecord | None) -> Iterable[Fact]:
    """The rows of one leg; none where nobody asked for TLS."""
    if leg is None:
        return
    if leg.tls_problem and (leg.tls is None or leg.side is Role.CLIENT):
        yield Fact((_tr("Failed"), "✗", visible(leg.tls_problem)), theme.color(ThemeRole.ERROR))
    if leg.tls is None:
        return
    yield from _agreed(leg.tls)
    certificates = certificates_of(leg)
    if leg.side is Role.SERVER:
        yield _verdict(theme, leg, certificates)
    for number, facts in enumerate(certificates, 1):
        yield _certificate(theme, number, facts)


def _agreed(tls: Tls) -> Iterable[Fact]:
    if tls.version:
        yield Fact((_tr("Version"), visible(tls.version), _tr("Agreed on by both ends.")))
        yield Fact((_tr("Cipher"), visible(tls.cipher), _tr("How the bytes are encrypted.")))
    yield Fact(
        (
            _tr("Server name"),
            visible(tls.sni or "—"),
            _tr("The host that was asked for, in the clear (SNI, RFC 6066 §3).")
            if tls.sni
            else _tr("No host was asked for by name."),
        )
    )
    yield Fact(
        (
            _tr("Protocol"),
            visible(tls.alpn or "—"),
            _tr("What is spoken inside, agreed on by ALPN (RFC 7301).")
            if tls.alpn
            else _tr("None was agreed on by ALPN."),
        )
    )
    yield Fact((_tr("Session"), _tr("resumed") if tls.resumed else _tr("new"), _session(tls)))


def _session(tls: Tls) -> str:
    if tls.resumed:
        return _tr("An earlier session was continued, so the certificates were not shown again.")
    return _tr("A full handshake.")


def _verdict(theme: Theme, leg: LegRecord, certificates: tuple[CertificateFacts, ...]) -> Fact:
    if leg.tls_problem:
        words = _tr("✗ not trusted") if leg.secured_ns is None else _tr("not verified")
        return Fact((_tr("Trust"), words, visible(leg.tls_problem)), theme.color(ThemeRole.ERROR))
    if any(facts.problem for facts in certificates):
        # It was let through, by an exception.
        text = _tr("Nobody vouches for it; it was let through by an exception.")
        return Fact((_tr("Trust"), _tr("not verified"), text), theme.color(ThemeRole.WARNING))
    text = _tr("Nothing is known to be wrong with it.")
    return Fact((_tr("Trust"), _tr("✓ in order"), text), theme.color(ThemeRole.SUCCESS))


def _certificate(theme: Theme, number: int, facts: CertificateFacts) -> Fact:
    lines = [_tr("SHA-256 {0}").format(facts.sha256)]
    if facts.begins is not None and facts.ends is not None:
        span = f"{facts.begins:%Y-%m-%d} – {facts.ends:%Y-%m-%d}"
        lines = [_tr("issued by {0}").format(facts.issuer or "—"), f"{span} · {facts.key}", *lines]
    name = facts.subject or "—"
    return Fact(
        (f"{number}  {visible(name)}", visible("\n".join(lines)), _meaning(facts)),
        theme.color(ThemeRole.ERROR if facts.problem else ThemeRole.SUCCESS),
    )


def _meaning(facts: CertificateFacts) -> str:
    if facts.problem:
        return visible(f"✗ {facts.problem}")
    if not facts.names:
        return _tr("An authority: it vouches for the one before.") if facts.is_authority else ""
    listed = ", ".join(facts.names[:_NAMES])
    if facts.name_count > _NAMES:
        text = _tr("For {names} and {count} more.")
        return visible(text.format(names=listed, count=facts.name_count - min(_NAMES, len(facts.names))))
    return visible(_tr("For {names}.").format(names=listed))


def _tr(text: str) -> str:
    return QCoreApplication.translate("TlsRows", text)
