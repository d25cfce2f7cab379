"""What can go wrong with TLS, as values and in sentences."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from enum import Enum, auto

from core.errors import ConnectError


class TlsFailureKind(Enum):
    """Why a stream is not secured, or no longer."""

    EXPIRED = auto()
    NOT_YET_VALID = auto()
    WRONG_HOST = auto()
    SELF_SIGNED = auto()
    """The certificate vouches for itself, and nobody trusts it."""
    UNKNOWN_ISSUER = auto()
    """The chain ends at an authority that is not trusted."""
    INCOMPLETE_CHAIN = auto()
    """The server sent its own certificate alone, and its issuer is not known here."""
    NOT_TRUSTED = auto()
    """Any other reason for which a certificate does not count."""
    CERTIFICATE_REFUSED = auto()
    """The other end refuses our certificate, or misses one."""
    REFUSED = auto()
    """The other end refuses the handshake for any other reason."""
    NO_COMMON_VERSION = auto()
    NO_CERTIFICATE = auto()
    """There is none that could be shown to the client."""
    NOT_TLS = auto()
    """What came is no TLS at all."""
    TIMED_OUT = auto()
    VANISHED = auto()
    """The connection ended in the middle of the handshake."""
    BROKEN = auto()
    """What came breaks the rules of TLS."""

    @property
    def is_distrust(self) -> bool:
        """Whether an exception for the host would let the connection be made."""
        return self in _DISTRUST


_DISTRUST = frozenset(
    (
        TlsFailureKind.EXPIRED,
        TlsFailureKind.NOT_YET_VALID,
        TlsFailureKind.WRONG_HOST,
        TlsFailureKind.SELF_SIGNED,
        TlsFailureKind.UNKNOWN_ISSUER,
        TlsFailureKind.INCOMPLETE_CHAIN,
        TlsFailureKind.NOT_TRUSTED,
    )
)


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """Why a stream is not secured, or no longer."""

    kind: TlsFailureKind
    sentence: str
    """What happened, and what to do."""
    detail: str = ""
    """OpenSSL's own word, or the name of the alert (RFC 8446 section 6) such as `unknown_ca`."""


class TlsError(ConnectError):
    """A server was reached, but TLS could not be agreed on with it."""

    def __init__(self, failure: TlsFailure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


class TlsEnd(ConnectionError):
    """Why a secured stream broke off."""

    def __init__(self, failure: TlsFailure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


_CODES = {
    9: TlsFailureKind.NOT_YET_VALID,
    10: TlsFailureKind.EXPIRED,
    18: TlsFailureKind.SELF_SIGNED,
    19: TlsFailureKind.UNKNOWN_ISSUER,
    20: TlsFailureKind.UNKNOWN_ISSUER,
    21: TlsFailureKind.INCOMPLETE_CHAIN,
    62: TlsFailureKind.WRONG_HOST,
    64: TlsFailureKind.WRONG_HOST,
}
"""By OpenSSL's X509_V_ERR_..."""

_SAID = {
    TlsFailureKind.NOT_YET_VALID: "the certificate of {peer} is not valid yet",
    TlsFailureKind.EXPIRED: "a certificate of {peer} has expired",
    TlsFailureKind.SELF_SIGNED: "the certificate of {peer} is self-signed",
    TlsFailureKind.UNKNOWN_ISSUER: "the certificate of {peer} comes from an authority that is not trusted here",
    TlsFailureKind.INCOMPLETE_CHAIN: "{peer} does not send the certificates between its own and a trusted authority",
    TlsFailureKind.WRONG_HOST: "the certificate of {peer} is for another name",
    TlsFailureKind.NOT_TRUSTED: "the certificate of {peer} does not count",
}
_ADVICE = {
    TlsFailureKind.NOT_YET_VALID: "Check this machine's clock, or make an exception for the host.",
    TlsFailureKind.EXPIRED: "Renew it, check this machine's clock, or make an exception for the host.",
    TlsFailureKind.SELF_SIGNED: "Add it as a trusted authority, or make an exception for the host.",
    TlsFailureKind.UNKNOWN_ISSUER: "Add the authority's certificate, or make an exception for the host.",
    TlsFailureKind.INCOMPLETE_CHAIN: "Let the server send them, add them here, or make an exception for the host.",
    TlsFailureKind.WRONG_HOST: "Connect by a name that it has, or make an exception for the host.",
    TlsFailureKind.NOT_TRUSTED: "Make an exception for the host to connect all the same.",
}

_ALERT = re.compile(r"(?:TLSV1|TLSV13|SSLV3)_ALERT_(?P<name>[A-Z_]+)|TLSV1_(?P<extension>[A-Z_]+)")
_ABOUT_OURS = frozenset(
    (
        *("bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired"),
        *("certificate_unknown", "unknown_ca", "certificate_required", "access_denied"),
        "bad_certificate_status_response",
    )
)
"""Alerts by which a peer says that it does not take our certificate (RFC 8446 section 6.2)."""
_NOT_TLS = frozenset(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL"))
_VERSIONS = frozenset(
    ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW", "VERSION_TOO_HIGH")
)


def failure_of(error: ssl.SSLError, peer: str) -> TlsFailure:
    """Explain what OpenSSL raised about `peer`, which is a place such as `example.com:443` or `The client`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return distrust(error, peer)
    reason = error.reason or ""
    alert = _ALERT.fullmatch(reason)
    if alert is not None:
        return _alert(str(alert["name"] or alert["extension"]).lower(), peer)
    if reason in _NOT_TLS:
        sentence = f"What {peer} says is no TLS. Check the port, or use ws:// where it speaks without TLS."
        return TlsFailure(TlsFailureKind.NOT_TLS, sentence, reason)
    if reason in _VERSIONS:
        return _no_version(peer, reason)
    if isinstance(error, ssl.SSLEOFError):
        return vanished(peer)
    text = reason.replace("_", " ").lower() or str(error)
    return TlsFailure(TlsFailureKind.BROKEN, f"TLS with {peer} failed: {text}.", reason)


def distrust(error: ssl.SSLCertVerificationError, peer: str, *, is_cut_short: bool = False) -> TlsFailure:
    """Why the certificates of `peer` do not count; `is_cut_short` tells that it has left some out."""
    # Where truststore verifies, there is no code.
    kind = _CODES.get(getattr(error, "verify_code", 0), TlsFailureKind.NOT_TRUSTED)
    if kind in (TlsFailureKind.UNKNOWN_ISSUER, TlsFailureKind.INCOMPLETE_CHAIN):
        kind = TlsFailureKind.INCOMPLETE_CHAIN if is_cut_short else TlsFailureKind.UNKNOWN_ISSUER
    message = str(getattr(error, "verify_message", "") or error)
    said = _SAID[kind].format(peer=peer)
    return TlsFailure(kind, f"{_first_up(said)} ({message}). {_ADVICE[kind]}", message)


def vanished(peer: str) -> TlsFailure:
    """The stream ended before it was secured."""
    return TlsFailure(
        TlsFailureKind.VANISHED,
        f"{_first_up(peer)} ended the connection in the middle of the TLS handshake, without a reason.",
    )


def timed_out(peer: str, seconds: float) -> TlsFailure:
    """The handshake took too long; `seconds` may be what connecting has left."""
    shown = round(seconds, 1) or round(seconds, 3)
    return TlsFailure(
        TlsFailureKind.TIMED_OUT,
        f"The TLS handshake with {peer} was not complete after {shown:g} s. Check whether it speaks TLS at all.",
    )


def _alert(name: str, peer: str) -> TlsFailure:
    subject = _first_up(peer)
    if name in _ABOUT_OURS:
        sentence = f"{subject} refuses the certificate that Unmask shows, or wants one (alert {name})."
        return TlsFailure(TlsFailureKind.CERTIFICATE_REFUSED, sentence, name)
    if name == "protocol_version":
        return _no_version(peer, name)
    return TlsFailure(TlsFailureKind.REFUSED, f"{subject} refuses the TLS handshake (alert {name}).", name)


def _no_version(peer: str, detail: str) -> TlsFailure:
    sentence = f"Unmask and {peer} have no version of TLS in common. Unmask speaks TLS 1.2 and 1.3."
    return TlsFailure(TlsFailureKind.NO_COMMON_VERSION, sentence, detail)


def _first_up(text: str) -> str:
    """With a capital where it begins with an article."""
    return text[:1].upper() + text[1:] if text.startswith(("a ", "the ")) else text
