"""How records travel through a pipe: a length, a kind, fields as a JSON array, and payloads behind them as they are.

Nothing is trusted of what comes from a script's process: sizes have limits, and every field is checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any, Generic, TypeVar

from core.protocol.frames import Opcode
from core.protocol.outgoing import (
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Cut, Hold, Onward, Replacement, Send, Verdict
from core.scripts.records import (
    LARGEST_PAYLOAD,
    LARGEST_TEXT,
    LONGEST_SECONDS,
    MOST_NOTES,
    MOST_SENDS,
    Ask,
    Begun,
    Decided,
    Forget,
    FromScript,
    Here,
    Knock,
    Load,
    Loaded,
    Meet,
    Sending,
    Told,
    ToScript,
    Unloadable,
    Utterance,
)

LARGEST_RECORD = 4 * LARGEST_PAYLOAD
"""Bytes of one record."""
_HEAD = Struct(">IBI")
"""Length of all that follows the length itself, kind, length of the fields."""
_LENGTH_BYTES = 4
_encoded = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_PLAIN = Verdict()
_PLAIN_FIELDS = [["pass"], 0.0, None, [], None, []]
"""Most decisions change nothing."""

_Record = TypeVar("_Record")
_MOMENTS = {moment.value: moment for moment in Moment}
_ROLES = {0: Role.CLIENT, 1: Role.SERVER}
_DATA = (Opcode.TEXT, Opcode.BINARY)


class WireError(Exception):
    """Bytes that are no record."""


def to_script(record: ToScript) -> bytes:
    """A record for the script's process."""
    match record:
        case Load(path):
            return _packed(1, [path])
        case Meet(connection, number, mode, source, path, peer, subprotocol, headers):
            return _packed(2, [connection, number, mode, source, path, peer, subprotocol, headers])
        case Ask(ticket, connection, moment, sender, head, payload):
            return _packed(3, [ticket, connection, moment.value, int(sender), head], (payload,))
        case Forget(connection):
            return _packed(4, [connection])
        case Knock():
            return _packed(5, [])


def from_script(record: FromScript) -> bytes:
    """A record for Unmask."""
    match record:
        case Begun(redacts):
            return _packed(10, [redacts])
        case Loaded(moments, files):
            return _packed(11, [sorted(each.value for each in moments), files])
        case Unloadable(sentence, line, detail):
            return _packed(12, [sentence, line, detail])
        case Decided(ticket, verdict):
            fields, payloads = _verdict_fields(verdict)
            return _packed(13, [ticket, *fields], payloads)
        case Sending(connection, toward, outgoing):
            sent, payload = _outgoing_fields(outgoing)
            return _packed(14, [connection, int(toward), sent], (payload,))
        case Told(kind, text, line, detail):
            return _packed(15, [int(kind), text, line, detail])
        case Here():
            return _packed(16, [])


class Unpacker(Generic[_Record]):
    """Takes bytes of a pipe in any pieces; gives the records in them."""

    def __init__(self, read: Callable[[int, Any, bytes], _Record]) -> None:
        """`read` makes a record of its kind, its fields and the bytes behind them."""
        self._read = read
        self._came = bytearray()

    @property
    def has_more(self) -> bool:
        """Whether a whole record is there."""
        came = self._came
        length = int.from_bytes(came[:_LENGTH_BYTES], "big")
        return len(came) >= _HEAD.size and len(came) >= _LENGTH_BYTES + length

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self._came += data

    def records(self, most: int) -> Iterator[_Record]:
        """At most so many whole records. Raises WireError; nothing can be read after that."""
        came, start = self._came, 0
        try:
            for _ in range(most):
                if len(came) - start < _HEAD.size:
                    break
                length, kind, fields_length = _HEAD.unpack_from(came, start)
                if not _HEAD.size - _LENGTH_BYTES <= length <= LARGEST_RECORD:
                    raise WireError(f"a record of {length} bytes")
                fields_start, end = start + _HEAD.size, start + _LENGTH_BYTES + length
                if fields_start + fields_length > end:
                    raise WireError(f"a record whose fields have {fields_length} of {length} bytes")
                if len(came) < end:
                    break
                fields_end = fields_start + fields_length
                fields, payload = bytes(came[fields_start:fields_end]), bytes(came[fields_end:end])
                start = end
                yield self._record(kind, fields, payload)
        finally:
            del came[:start]

    def _record(self, kind: int, fields: bytes, payload: bytes) -> _Record:
        try:
            return self._read(kind, json.loads(fields), payload)
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise WireError(f"a record of kind {kind} that cannot be read: {error!r}") from error


def unpacker_of_script() -> Unpacker[FromScript]:
    """Reads what a script's process says."""
    return Unpacker(_read_from_script)


def unpacker_of_unmask() -> Unpacker[ToScript]:
    """Reads what Unmask says."""
    return Unpacker(_read_to_script)


def _packed(kind: int, fields: list[Any], payloads: tuple[bytes, ...] = ()) -> bytes:
    text = _encoded(fields).encode()
    length = _HEAD.size - _LENGTH_BYTES + len(text) + sum(map(len, payloads))
    return b"".join((_HEAD.pack(length, kind, len(text)), text, *payloads))


# To the script.


def _read_to_script(kind: int, fields: Any, payload: bytes) -> ToScript:
    match kind, fields:
        case 1, [str(path)]:
            return Load(path)
        case 2, [connection, number, mode, source, path, peer, subprotocol, [*headers]]:
            pairs = tuple((name, value) for name, value in headers)
            return Meet(connection, number, mode, source, path, peer, subprotocol, pairs)
        case 3, [ticket, connection, moment, sender, head]:
            return Ask(ticket, connection, _MOMENTS[moment], _ROLES[sender], head, payload)
        case 4, [connection]:
            return Forget(connection)
        case 5, []:
            return Knock()
    raise ValueError("no record of Unmask's")


# From the script.


def _read_from_script(kind: int, fields: Any, payload: bytes) -> FromScript:
    match kind, fields:
        case 10, [bool(redacts)]:
            return Begun(redacts)
        case 11, [[*moments], [*files]]:
            return Loaded(frozenset(_MOMENTS[each] for each in moments), tuple(map(_text, files)))
        case 12, [sentence, int(line), detail]:
            return Unloadable(_text(sentence), line, _text(detail))
        case 13, [int(ticket), *rest]:
            return Decided(ticket, _verdict(rest, _Payloads(payload)))
        case 14, [int(connection), int(toward), [*sent]]:
            return Sending(connection, _ROLES[toward], _outgoing(sent, _Payloads(payload)))
        case 15, [int(said), text, int(line), detail]:
            return Told(Utterance(said), _text(text), line, _text(detail))
        case 16, []:
            return Here()
    raise ValueError("no record of a script's")


class _Payloads:
    """What stands behind the fields, piece by piece."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._taken = 0

    def take(self, length: int) -> bytes:
        end = self._taken + length
        if not 0 <= length <= LARGEST_PAYLOAD or end > len(self._payload):
            raise ValueError(f"a payload of {length} bytes")
        piece, self._taken = self._payload[self._taken : end], end
        return piece


def _verdict_fields(verdict: Verdict) -> tuple[list[Any], tuple[bytes, ...]]:
    payloads: list[bytes] = []
    onward: list[Any]
    match verdict.onward:
        case Replacement(opcode, payload):
            onward = ["replace", int(opcode), len(payload)]
            payloads.append(payload)
        case Hold(seconds):
            onward = ["hold", seconds]
        case Onward() as plain:
            onward = [plain.value]
    if verdict.recorded is not None:
        payloads.append(verdict.recorded)
    sends = []
    for send in verdict.sends:
        sent, payload = _outgoing_fields(send.outgoing)
        sends.append([int(send.toward), send.after_seconds, sent])
        payloads.append(payload)
    recorded = None if verdict.recorded is None else len(verdict.recorded)
    cut = None if verdict.cut is None else verdict.cut.value
    return [onward, verdict.delay_seconds, recorded, sends, cut, verdict.notes], tuple(payloads)


def _verdict(fields: list[Any], payloads: _Payloads) -> Verdict:
    if fields == _PLAIN_FIELDS:
        return _PLAIN
    match fields:
        case [[*onward], delay, recorded, [*sends], cut, [*notes]] if (
            len(sends) <= MOST_SENDS and len(notes) <= MOST_NOTES
        ):
            return Verdict(
                _onward(onward, payloads),
                _seconds(delay),
                recorded=None if recorded is None else payloads.take(recorded),
                sends=tuple(_send(each, payloads) for each in sends),
                cut=None if cut is None else Cut(cut),
                notes=tuple(map(_text, notes)),
            )
    raise ValueError("no decision")


def _onward(fields: list[Any], payloads: _Payloads) -> Onward | Hold | Replacement:
    match fields:
        case ["replace", int(opcode), int(length)] if opcode in _DATA:
            return Replacement(Opcode(opcode), payloads.take(length))
        case ["hold", seconds]:
            return Hold(_seconds(seconds))
        case [str(plain)]:
            return Onward(plain)
    raise ValueError("nothing that can become of a message")


def _send(fields: Any, payloads: _Payloads) -> Send:
    match fields:
        case [int(toward), after, [*sent]]:
            return Send(_ROLES[toward], _outgoing(sent, payloads), _seconds(after))
    raise ValueError("nothing that can be sent")


def _outgoing_fields(outgoing: Outgoing) -> tuple[list[Any], bytes]:
    match outgoing:
        case OutgoingMessage(opcode, payload):
            return ["message", int(opcode), len(payload)], payload
        case OutgoingClose(code, reason):
            return ["close", code, reason], b""
        case OutgoingPing(payload):
            return ["ping", len(payload)], payload
        case OutgoingPong(payload):
            return ["pong", len(payload)], payload
    raise ValueError(f"a script sends no {type(outgoing).__name__}")


def _outgoing(fields: list[Any], payloads: _Payloads) -> Outgoing:
    match fields:
        case ["message", int(opcode), int(length)] if opcode in _DATA:
            return OutgoingMessage(Opcode(opcode), payloads.take(length))
        case ["close", int() | None as code, reason]:
            return OutgoingClose(code, _text(reason))
        case ["ping", int(length)]:
            return OutgoingPing(payloads.take(length))
        case ["pong", int(length)]:
            return OutgoingPong(payloads.take(length))
    raise ValueError("nothing that can be sent")


def _seconds(value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= LONGEST_SECONDS:
        raise ValueError(f"{value!r} seconds")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LARGEST_TEXT:
        raise ValueError("no text, or a long one")
    # A lone surrogate has no place in UTF-8, so neither in a capture.
    value.encode()
    return value
