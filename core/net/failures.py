"""Failures that no caller waits for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FailureKind(Enum):
    """What failed."""

    LISTEN = "listen"
    CONNECT = "connect"
    CERTIFICATE_REFUSED = "certificate refused"
    """A client does not take the certificate that Unmask shows it for a host."""
    CAPTURE = "capture"
    """Traffic can't be recorded; reported once, until it can be again."""
    MARK = "mark"
    """A frame of the capture can't be marked."""
    COMMAND = "command"
    """Any other request of a person."""
    NETWORK = "network"
    """The system refused something that nobody asked for directly."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure to show to the person."""

    kind: FailureKind
    subject: str
    """What it was about: a listen address, a URL, the path of a capture; "" if the kind says it all."""
    sentence: str
    """What happened, with which value, and what to do."""
