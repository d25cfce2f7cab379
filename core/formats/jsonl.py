"""JSON Lines: one object per line for each handshake, frame, message and close. `--json` prints them too.

Every object has `event`, `connection` and `time` (ISO 8601, UTC, nanoseconds). `payload` is text or Base64, as
`encoding` says; raw heads are text in Latin-1, so that each character is one byte of the wire. Lines are UTF-8; control
and format characters, line and paragraph separators and lone surrogates are escaped.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Iterator

from core.capture.follow import Close, Entry, Handshake
from core.capture.gaps import Gap
from core.capture.legs import Leg
from core.capture.records import ConnectionRecord, ConnectionState, FrameRecord, MessageInfo
from core.decoders.visible import json_text
from core.protocol.frames import Frame, Opcode, opcode_name
from core.protocol.violations import Violation

Value = object
Line = dict[str, Value]


class JsonLines:
    """Writes one JSON object per line."""

    name = "jsonl"
    title = "JSON Lines"
    ending = ".jsonl"
    help = "One JSON object a line: handshake, frame, message, gap and close events with all their fields."

    def export(self, story: Iterable[Entry]) -> Iterator[bytes]:
        """The entries line by line."""
        for entry in story:
            for line in lines_of(entry):
                yield line.encode() + b"\n"


def lines_of(entry: Entry) -> Iterator[str]:
    """The lines of one entry; a frame that completed a message has two."""
    if isinstance(entry, Handshake):
        yield _dump(_handshake(entry))
    elif isinstance(entry, Close):
        yield _dump(_close(entry))
    elif isinstance(entry, Gap):
        yield _dump(_gap(entry))
    else:
        yield _dump(_frame(entry))
        if entry.row.message is not None and entry.message_payload is not None:
            yield _dump(_message(entry, entry.row.message, entry.message_payload))


def frame_line(record: FrameRecord) -> str:
    """The line of a single frame, for example for the clipboard."""
    return _dump(_frame(record))


def listening_line(addresses: tuple[str, ...], relays_to: str | None = None) -> str:
    """The first line of `--json`, and that of each relay. `relays_to` is the URL of a relay's target."""
    return _dump(
        {
            "event": "listening",
            "addresses": list(addresses),
            "urls": [f"ws://{each}/" for each in addresses],
            "relays_to": relays_to,
        }
    )


def error_line(sentence: str) -> str:
    """The line for something that could not be done."""
    return _dump({"event": "error", "message": sentence})


def iso_time(time_ns: int) -> str:
    """`2026-01-31T12:00:00.123456789Z`."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def _iso_time_if(time_ns: int | None) -> str | None:
    return None if time_ns is None else iso_time(time_ns)


def _dump(line: Line) -> str:
    # Text stays as it was written, so that it can be searched; nothing a peer sent can act on the terminal or break the
    # line.
    return json_text(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def _handshake(entry: Handshake) -> Line:
    record = entry.connection
    return {
        "event": "handshake",
        "connection": record.id,
        "time": iso_time(record.opened_ns),
        "mode": record.mode.name.lower(),
        "outcome": _outcome(record),
        "peer": record.peer,
        "local": record.local,
        "path": record.path,
        "origin": record.origin,
        "status": record.status,
        "reason": record.reason if record.status != 101 else "",
        "subprotocol": record.subprotocol,
        "extensions": record.extensions,
        "request": record.request.decode("latin-1"),
        "response": record.response.decode("latin-1"),
        "violations": [
            {"head": None if each.head is None else each.head.name.lower(), **_violation(each.violation)}
            for each in entry.problems
        ],
    }


def _outcome(record: ConnectionRecord) -> str:
    if record.status == 101:
        return "accepted"
    return "served" if record.state is ConnectionState.SERVED else "refused"


def _frame(record: FrameRecord) -> Line:
    row, frame = record.row, record.frame
    line: Line = {
        "event": "frame",
        "connection": row.connection,
        "frame": row.id,
        "number": row.number,
        "time": iso_time(row.time_ns),
        "direction": row.direction.name.lower(),
        "origin": row.origin.name.lower(),
        "fin": frame.fin,
        "rsv1": frame.rsv1,
        "rsv2": frame.rsv2,
        "rsv3": frame.rsv3,
        "opcode": frame.opcode,
        "opcode_name": opcode_name(frame.opcode),
        "masked": frame.masked,
        "masking_key": None if frame.masking_key is None else frame.masking_key.hex(),
        "length_bits": (7, 16, 64)[frame.length_form],
        "payload_length": frame.declared_length,
        "captured_length": len(frame.payload),
    }
    if frame.opcode == Opcode.CLOSE and len(frame.payload) >= 2:
        line["close_code"] = int.from_bytes(frame.payload[:2], "big")
        line["close_reason"] = frame.payload[2:].decode("utf-8", "replace")
    line |= _payload(frame.payload, as_text=_is_plain_text(frame))
    line["violations"] = _violations(record.violations)
    line["marked"], line["note"] = record.note is not None, record.note
    return line


def _message(record: FrameRecord, message: MessageInfo, payload: bytes) -> Line:
    return {
        "event": "message",
        "connection": record.row.connection,
        "frame": record.row.id,
        "time": iso_time(record.row.time_ns),
        "direction": record.row.direction.name.lower(),
        "origin": record.row.origin.name.lower(),
        "type": opcode_name(message.opcode),
        "frames": message.frame_count,
        "compressed": message.compressed,
        "length": message.length,
        "wire_length": message.wire_length,
        **_payload(payload, as_text=message.opcode == Opcode.TEXT),
    }


def _gap(gap: Gap) -> Line:
    return {
        "event": "gap",
        "time": iso_time(gap.last_ns),
        "from": iso_time(gap.first_ns),
        "to": iso_time(gap.last_ns),
        "frames": gap.frames,
        "reason": gap.reason.name.lower(),
        "before_frame": gap.before,
    }


def _close(entry: Close) -> Line:
    record = entry.connection
    return {
        "event": "close",
        "connection": record.id,
        "time": iso_time(record.closed_ns or 0),
        "state": record.state.name.lower(),
        "code": record.close_code,
        "reason": record.reason,
        "closed_by": record.closed_by.name.lower(),
        "vanished": record.vanished,
        "frames": record.frame_count,
        "bytes_client_to_server": record.bytes_in,
        "bytes_server_to_client": record.bytes_out,
        "trailing": base64.b64encode(record.trailing).decode(),
        "trailing_length": record.trailing_length,
        "legs": [_leg(leg) for leg in entry.legs],
    }


def _leg(leg: Leg) -> Line:
    tls = leg.tls
    return {
        "side": leg.side.name.lower(),
        "peer": leg.peer,
        "local": leg.local,
        "opened": iso_time(leg.opened_ns),
        "connected": _iso_time_if(leg.connected_ns),
        "secured": _iso_time_if(leg.secured_ns),
        "answered": _iso_time_if(leg.answered_ns),
        "first_message": _iso_time_if(leg.first_message_ns),
        "closed": _iso_time_if(leg.closed_ns),
        "ended": leg.ended.name.lower(),
        "trailing": base64.b64encode(leg.trailing).decode(),
        "trailing_length": leg.trailing_length,
        "tls_version": None if tls is None else tls.version,
        "tls_cipher": None if tls is None else tls.cipher,
        "alpn": None if tls is None else tls.alpn,
        "sni": None if tls is None else tls.sni,
        "resumed": tls is not None and tls.resumed,
        "certificates": "" if tls is None else base64.b64encode(tls.chain).decode(),
    }


def _is_plain_text(frame: Frame) -> bool:
    return frame.opcode == Opcode.TEXT and not frame.rsv1


def _payload(payload: bytes, *, as_text: bool) -> Line:
    if as_text:
        try:
            return {"encoding": "text", "payload": payload.decode()}
        except UnicodeDecodeError:
            pass
    return {"encoding": "base64", "payload": base64.b64encode(payload).decode()}


def _violations(found: tuple[Violation, ...]) -> list[Line]:
    return [_violation(each) for each in found]


def _violation(found: Violation) -> Line:
    return {
        "rule": found.rule.id,
        "severity": found.rule.severity.name.lower(),
        "section": found.rule.section,
        "sentence": found.rule.sentence,
        "detail": found.detail,
        "offset": found.offset,
        "length": found.length,
    }
