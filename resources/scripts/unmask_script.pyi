"""What a script of Unmask works with.

Define any of these functions in your file, plain or `async`. Unmask calls them:

    def on_open(connection: Connection) -> None: ...      the opening handshake has succeeded
    def on_message(message: Message) -> None: ...         a whole message has come
    def on_frame(frame: Frame) -> None: ...               a frame of any kind has come
    def on_close(connection: Connection) -> None: ...     the connection is over

A message waits until `on_message` has returned, and then goes on unchanged, unless the function has called `drop`,
`replace` or `hold`. If it takes longer than two seconds or raises an exception, the message goes on unchanged.
"""

from typing import Any, Literal

Side = Literal["client", "server"]
"""A side of a connection."""
Payload = str | bytes | bytearray | dict[str, Any] | list[Any] | int | float | bool
"""What can be sent: a `str` as text, bytes as binary, anything else as JSON in a text message."""

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
    def header(self, name: str) -> str | None:
        """The value of the request's first header of this name; None if there is none."""
    def send(self, payload: Payload, to: Side | None = None) -> None:
        """Send a message at once. `to` says whom, where Unmask stands between two."""
    def close(self, code: int = 1000, reason: str = "", to: Side | None = None) -> None:
        """Start the closing handshake with one side at once; `to` says which, where there are two."""

class Message:
    """A whole message, joined from its frames and inflated."""

    connection: Connection
    sender: Side
    """Who sent it."""
    payload: bytes
    is_text: bool
    """Whether it is a text message, not a binary one."""
    @property
    def text(self) -> str:
        """The payload as text; what is not UTF-8 becomes �."""
    @property
    def json(self) -> Any:
        """The payload read as JSON. Raises ValueError if it is none."""

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

def reply(payload: Payload, *, after: float = 0.0) -> None:
    """Answer: send a message to whom this one came from, `after` seconds once the function has returned."""

def send(payload: Payload, *, after: float = 0.0) -> None:
    """Send a message of your own to the side that this one goes to, `after` seconds once the function has
    returned.
    """

def drop() -> None:
    """Let the message go no further. Its row stays and says so."""

def replace(payload: Payload) -> None:
    """Let another message go on in place of this one. The capture has both."""

def delay(seconds: float) -> None:
    """Let the message go on so much later, and what follows it not before it."""

def hold(seconds: float = 300.0) -> None:
    """Let the person decide, in the window's queue of held messages; after `seconds` it goes on unchanged."""

def close(code: int = 1000, reason: str = "") -> None:
    """Start the closing handshake with every side, after the message has gone on."""

def redact(payload: str | bytes) -> None:
    """Let the capture have `payload` instead of what came, so that a secret reaches no file. What goes on stays."""

def note(text: str) -> None:
    """Write a note on the message's row."""

def log(*values: object) -> None:
    """Write a line into the script's log."""
