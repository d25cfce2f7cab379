"""What Unmask and the process of a script tell each other, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from core.protocol.outgoing import Outgoing
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Verdict

LARGEST_PAYLOAD = 64 * 1024 * 1024
"""Bytes of a message that a script sends, or gets to see."""
MOST_SENDS = 1000
"""Messages that a script may send from one call of a function."""
MOST_NOTES = 100
LONGEST_SECONDS = 3600.0
"""How long a script may delay or hold a message."""
LARGEST_TEXT = 16 * 1024
"""Characters of one entry of a script's log, of a note, and of a traceback."""


# From Unmask to the script.


@dataclass(frozen=True, slots=True)
class Load:
    """The first record: which file to run."""

    path: str


@dataclass(frozen=True, slots=True)
class Meet:
    """A connection that the script has not heard of yet."""

    connection: int
    """Its handle, by which the other records name it."""
    number: int
    """Its number in the capture."""
    mode: str
    source: str
    path: str
    peer: str
    subprotocol: str
    headers: tuple[tuple[str, str], ...]
    """Those of the request."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Something has happened; the script answers with `Decided`."""

    ticket: int
    connection: int
    moment: Moment
    sender: Role
    head: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Forget:
    """A connection is over."""

    connection: int


@dataclass(frozen=True, slots=True)
class Knock:
    """Whether it is there; it answers with `Here` as soon as no function of the script is in its way."""


ToScript = Load | Meet | Ask | Forget | Knock


# From the script to Unmask.


class Utterance(IntEnum):
    """What an entry of a script's log is."""

    LOG = 0
    """What the script told `log`."""
    PRINT = 1
    """What it printed."""
    ERROR = 2
    """An exception that none of its functions caught."""
    NEWS = 3
    """Unmask tells what becomes of the script."""
    TROUBLE = 4
    """Unmask tells that the script is not in order."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The file is about to run."""

    redacts: bool
    """It says what the capture has of a message."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The file has run; what it has defined."""

    moments: frozenset[Moment]
    """Those for which it has a function."""
    files: tuple[str, ...]
    """Modules of its own that it has imported."""


@dataclass(frozen=True, slots=True)
class Unloadable:
    """The file could not be run."""

    sentence: str
    line: int
    """Where, from 1; 0 if that is not known."""
    detail: str
    """The traceback."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to an `Ask`."""

    ticket: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Sending:
    """Something to send at once, which belongs to no message."""

    connection: int
    toward: Role
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Told:
    """An entry for the script's log."""

    kind: Utterance
    text: str
    line: int
    """Where in the script, from 1; 0 if that is not known."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Here:
    """The answer to a `Knock`."""


FromScript = Begun | Loaded | Unloadable | Decided | Sending | Told | Here
