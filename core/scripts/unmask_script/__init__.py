"""What a script of Unmask works with.

Define any of these functions in your file, plain or `async`. Unmask calls them:

    def on_open(connection: Connection) -> None: ...      the opening handshake has succeeded
    def on_message(message: Message) -> None: ...         a whole message has come
    def on_frame(frame: Frame) -> None: ...               a frame of any kind has come
    def on_close(connection: Connection) -> None: ...     the connection is over

A message waits until `on_message` has returned, and then goes on unchanged, unless the function has called `drop`,
`replace` or `hold`. If it takes longer than two seconds or raises an exception, the message goes on unchanged.
"""

from __future__ import annotations

import json as _json
from typing import Any, Literal

from core.protocol.frames import FIN as _FIN
from core.protocol.frames import OPCODE as _OPCODE
from core.protocol.frames import opcode_name as _opcode_name
from core.protocol.outgoing import OutgoingClose as _OutgoingClose
from core.protocol.state import Role as _Role
from core.rules.verdict import Hold as _Hold
from core.rules.verdict import Onward as _Onward
from core.rules.verdict import Replacement as _Replacement
from core.scripts.records import Meet as _Meet
from core.scripts.records import Utterance as _Utterance
from core.scripts.turn import Desk as _Desk
from core.scripts.turn import checked_seconds as _checked_seconds
from core.scripts.turn import current as _current
from core.scripts.turn import encoded as _encoded

__all__ = [
    "Connection",
    "Frame",
    "Message",
    "Payload",
    "Side",
    "close",
    "delay",
    "drop",
    "hold",
    "log",
    "note",
    "redact",
    "replace",
    "reply",
    "send",
]

Side = Literal["client", "server"]
"""A side of a connection."""
Payload = str | bytes | bytearray | dict[str, Any] | list[Any] | int | float | bool
"""What can be sent: a `str` as text, bytes as binary, anything else as JSON in a text message."""

_SIDES: dict[_Role, Side] = {_Role.CLIENT: "client", _Role.SERVER: "server"}
_ROLES = {side: role for role, side in _SIDES.items()}
_PEERS = {"listen": (_Role.CLIENT,), "connect": (_Role.SERVER,)}


class Connection:
    """A connection. It is the same object in every call, so it can be the key of a dict."""

    id: int
    """Its number, which stands in the window too."""
    mode: str
    """How Unmask sees it: listen, relay, proxy or connect."""
    source: str
    """The name of the source that it belongs to; "" if it has none."""
    path: str
    """The target of the request, such as `/chat?room=lobby`."""
    peer: str
    """The address of the client, or of the server if Unmask is the client."""
    subprotocol: str
    """What both agreed on; "" if nothing."""
    headers: tuple[tuple[str, str], ...]
    """Names and values of the request's headers, as they came."""
    state: dict[str, Any]
    """Yours: whatever you want to know about this connection later. Empty after a reload."""

    def __init__(self, met: _Meet, desk: _Desk) -> None:
        self.id = met.number
        self.mode = met.mode
        self.source = met.source
        self.path = met.path
        self.peer = met.peer
        self.subprotocol = met.subprotocol
        self.headers = met.headers
        self.state = {}
        self._handle = met.connection
        self._desk = desk
        self._sides = _PEERS.get(met.mode, tuple(_Role))

    def header(self, name: str) -> str | None:
        """The value of the request's first header of this name; None if there is none."""
        wanted = name.lower()
        return next((value for each, value in self.headers if each.lower() == wanted), None)

    def send(self, payload: Payload, to: Side | None = None) -> None:
        """Send a message at once. `to` says whom, where Unmask stands between two."""
        self._desk.send(self._handle, self._side(to), _encoded(payload))

    def close(self, code: int = 1000, reason: str = "", to: Side | None = None) -> None:
        """Start the closing handshake with one side at once; `to` says which, where there are two."""
        self._desk.send(self._handle, self._side(to), _OutgoingClose(code, reason))

    def __repr__(self) -> str:
        return f"<Connection #{self.id} {self.path}>"

    def _side(self, to: Side | None) -> _Role:
        if to is None and len(self._sides) == 1:
            return self._sides[0]
        if to is None:
            raise ValueError(
                'A connection that passes through has two peers: say to="client" or to="server".'
            )
        role = _ROLES.get(to)
        if role is None or role not in self._sides:
            raise ValueError(f"Connection #{self.id} has no {to!r} that something could be sent to.")
        return role


class Message:
    """A whole message, joined from its frames and inflated."""

    connection: Connection
    sender: Side
    """Who sent it."""
    payload: bytes
    is_text: bool
    """Whether it is a text message, not a binary one."""

    def __init__(self, connection: Connection, sender: _Role, payload: bytes, *, is_text: bool) -> None:
        self.connection = connection
        self.sender = _SIDES[sender]
        self.payload = payload
        self.is_text = is_text

    @property
    def text(self) -> str:
        """The payload as text; what is not UTF-8 becomes �."""
        return self.payload.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The payload read as JSON. Raises ValueError if it is none."""
        return _json.loads(self.payload)

    def __repr__(self) -> str:
        return f"<Message of the {self.sender} of #{self.connection.id}: {len(self.payload)} bytes>"


class Frame:
    """One frame."""

    connection: Connection
    sender: Side
    """Who sent it."""
    kind: str
    """Its opcode in words: continuation, text, binary, close, ping, pong, or such as `reserved 0x3`."""
    is_final: bool
    """Whether it ends its message: the FIN bit."""
    payload: bytes
    """Unmasked; compressed data stays compressed."""

    def __init__(self, connection: Connection, sender: _Role, head: int, payload: bytes) -> None:
        self.connection = connection
        self.sender = _SIDES[sender]
        self.kind = _opcode_name(head & _OPCODE)
        self.is_final = head & _FIN != 0
        self.payload = payload

    def __repr__(self) -> str:
        return f"<{self.kind} frame of the {self.sender} of #{self.connection.id}: {len(self.payload)} bytes>"


def reply(payload: Payload, *, after: float = 0.0) -> None:
    """Answer: send a message to whom this one came from, `after` seconds once the function has returned."""
    _current("reply").send_back(_encoded(payload), after)


def send(payload: Payload, *, after: float = 0.0) -> None:
    """Send a message of your own to the side that this one goes to, `after` seconds once the function has
    returned.
    """
    _current("send").send_on(_encoded(payload), after)


def drop() -> None:
    """Let the message go no further. Its row stays and says so."""
    _current("drop").decide("drop", _Onward.DROP)


def replace(payload: Payload) -> None:
    """Let another message go on in place of this one. The capture has both."""
    message = _encoded(payload)
    _current("replace").decide("replace", _Replacement(message.opcode, message.payload))


def delay(seconds: float) -> None:
    """Let the message go on so much later, and what follows it not before it."""
    _current("delay").delay(seconds)


def hold(seconds: float = 300.0) -> None:
    """Let the person decide, in the window's queue of held messages; after `seconds` it goes on unchanged."""
    _current("hold").decide("hold", _Hold(_checked_seconds(seconds)))


def close(code: int = 1000, reason: str = "") -> None:
    """Start the closing handshake with every side, after the message has gone on."""
    _current("close").send_to_all(_OutgoingClose(code, reason))


def redact(payload: str | bytes) -> None:
    """Let the capture have `payload` instead of what came, so that a secret reaches no file. What goes on stays."""
    _current("redact").record(payload.encode() if isinstance(payload, str) else bytes(payload))


def note(text: str) -> None:
    """Write a note on the message's row."""
    _current("note").note(str(text))


def log(*values: object) -> None:
    """Write a line into the script's log."""
    _current("log").desk.tell(_Utterance.LOG, " ".join(map(str, values)))
