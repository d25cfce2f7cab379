"""Everything Unmask raises, as one tree.

    UnmaskError
    ├── PeerError            the other side of a connection broke a rule; never our user's fault
    │   ├── HeadError            a request or response head that cannot be answered normally
    │   ├── BodyError            the body of an HTTP message whose end cannot be found
    │   ├── UpstreamError        another proxy that opens no tunnel (core.protocol.upstream_handshake)
    │   └── InflateError         compressed data that does not inflate, or inflates past the limit
    ├── CallerError          the code or the person using Unmask asked for something that cannot be done
    │   ├── NotOpenError         sending on a connection that is not OPEN
    │   ├── PayloadError         a payload, close code or reason that no conforming frame can carry
    │   ├── UnderWayError        bytes are being sent piece by piece, and others would come between
    │   ├── PeerNotReadingError  the peer reads nothing and our queue for it is full
    │   ├── TargetError          a side that a connection does not have
    │   ├── NoRoomError          one more than may be at a time
    │   ├── NotHeldError         a decision on a message that is held no more
    │   ├── AddressError         text that is no address to listen on, and no URL to connect to
    │   ├── TextError            a line in a small language that cannot be understood; knows at which character
    │   │   ├── FilterError          a filter
    │   │   └── TemplateError        a template
    │   ├── RuleError            a rule that cannot be carried out; knows which part of it is wrong (core.rules.faults)
    │   ├── RuleFileError        a file of rules that cannot be used; knows at which line (core.rules.faults)
    │   └── CancelledError       the person took back what was under way
    └── EnvironmentFailure   the machine said no
        ├── ListenError          no permission, address not on this machine
        │   └── PortInUseError       something listens there already
        ├── CertificateError     a certificate or a key that cannot be read, written or used
        ├── ConnectError         a server that can't be reached: refused, not found
        │   ├── SilentError          it does not answer within the time for it
        │   ├── TlsError             TLS could not be agreed on with it (core.net.tls.failures)
        │   ├── UpstreamFailure      not through another proxy (core.net.upstream)
        │   ├── RefusedAddress       a proxy must not go there (core.net.reach)
        │   └── StoppedError         connecting was stopped
        ├── ExportError          the file that a capture is exported to cannot be written
        └── CaptureError         the capture file cannot be created, opened, read or written
            └── SearchError          a search of it took too long, or its process ended

Each message says what happened, with which value, and what to do.
"""

from __future__ import annotations

import unicodedata


class UnmaskError(Exception):
    """Base of every error that Unmask raises on purpose."""


class PeerError(UnmaskError):
    """The peer broke a rule."""


class HeadError(PeerError):
    """A head that gets the HTTP error `status`. `rule` names the violation."""

    def __init__(self, status: int, message: str, rule: str) -> None:
        super().__init__(message)
        self.status = status
        self.rule = rule


class BodyError(PeerError):
    """The body of an HTTP message is cut, or is not framed as its head says."""


class InflateError(PeerError):
    """Compressed data that does not inflate. `rule` names the violation."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


class CallerError(UnmaskError):
    """The caller asked for something that cannot be done."""


class NotOpenError(CallerError):
    """The connection is not OPEN."""


class PayloadError(CallerError):
    """No conforming frame can carry this payload, close code or reason."""


class UnderWayError(CallerError):
    """Bytes are still being sent piece by piece, and no others may come between."""


class PeerNotReadingError(CallerError):
    """The peer does not read and the bytes queued for it are at their limit."""


class TargetError(CallerError):
    """The connection has nobody on that side."""


class NoRoomError(CallerError):
    """There are as many already as may be at a time."""


class NotHeldError(CallerError):
    """Nothing of what was decided on is held."""


class AddressError(CallerError):
    """The text is no address to listen on, and no URL to connect to."""


class TextError(CallerError):
    """The line `text` cannot be understood, because of its characters `start`..`end`."""

    def __init__(self, message: str, text: str, start: int, end: int) -> None:
        super().__init__(message)
        self.text = text
        self.start = start
        self.end = end

    def pointed(self) -> str:
        """Two lines: the text, and below it a caret where it goes wrong."""
        line = "".join(each if each.isprintable() else " " for each in self.text)
        carets = "^" * max(1, _columns(line[self.start : self.end]))
        return f"{line}\n{' ' * _columns(line[: self.start])}{carets}"


class FilterError(TextError):
    """The text is no filter."""


class TemplateError(TextError):
    """The text is no template."""


def _columns(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


class CancelledError(CallerError):
    """The work was cancelled."""


class EnvironmentFailure(UnmaskError):
    """The machine refused."""


class ListenError(EnvironmentFailure):
    """The address could not be bound."""


class CertificateError(EnvironmentFailure):
    """A certificate or a key could not be read, written or used."""


class PortInUseError(ListenError):
    """Something listens there already."""


class ConnectError(EnvironmentFailure):
    """The server could not be reached."""


class SilentError(ConnectError):
    """The server did not answer within the time for it."""


class StoppedError(ConnectError):
    """Connecting was stopped before there was an answer."""


class ExportError(EnvironmentFailure):
    """The file that a capture is exported to could not be written."""


class CaptureError(EnvironmentFailure):
    """The capture file could not be created, opened, read or written."""


class SearchError(CaptureError):
    """A search of the capture took too long, or ended before it was done."""
