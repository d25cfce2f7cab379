"""JSON Lines: one object per line for each handshake, frame, message and close, and for each plain HTTP exchange and
tunnel. `--json` prints them too.

Every object has `event`, `connection` and `time` (ISO 8601, UTC, nanoseconds). `payload` is text or Base64, as
`encoding` says; raw heads are text in Latin-1, so that each character is one byte of the wire. Lines are UTF-8; control
and format characters, line and paragraph separators and lone surrogates are escaped.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.capture.follow import Close, Decision, Entry, Handshake, Passage
from core.capture.gaps import Gap
from core.capture.legs import LegRecord
from core.capture.records import (
    ConnectionRecord,
    ConnectionState,
    FrameRecord,
    MessageInfo,
    Problem,
    SourceLabel,
    Totals,
)
from core.decoders.visible import json_text
from core.protocol.frames import Frame, Opcode, opcode_name
from core.protocol.handling import DecidedBy, Handling
from core.protocol.violations import Violation

JsonObject = dict[str, object]


class JsonLines:
    """Writes one JSON object per line."""

    name = "jsonl"
    title = "JSON Lines"
    ending = ".jsonl"
    help = (
        "One JSON object a line: handshake, frame, message, decision, gap, exchange, tunnel and close events."
    )

    def export(self, story: Iterable[Entry]) -> Iterator[bytes]:
        """The entries line by line."""
        told = JsonStory()
        for entry in story:
            for line in told.lines_of(entry):
                yield line.encode() + b"\n"


class JsonStory:
    """Writes the entries of one story, in its order."""

    def __init__(self) -> None:
        self._sources: dict[int, str | None] = {}
        """Names of the sources of connections that are not over, as far as they were told."""

    def lines_of(self, entry: Entry) -> Iterator[str]:
        """The lines of one entry; a frame that completed a message has two."""
        if isinstance(entry, Handshake):
            self._sources[entry.connection.id] = _source(entry.connection)
            yield _dump(_handshake(entry))
        elif isinstance(entry, Close):
            self._sources.pop(entry.connection.id, None)
            yield _dump(_close(entry))
        elif isinstance(entry, Passage):
            yield _dump(_passage(entry))
        elif isinstance(entry, Gap):
            yield _dump(_gap(entry))
        elif isinstance(entry, Decision):
            yield _dump(_decision(entry, self._sources.get(entry.row.connection)))
        else:
            source = self._sources.get(entry.row.connection)
            yield frame_line(entry, source)
            if entry.row.message is not None and entry.message_payload is not None:
                yield _dump(_message(entry, source, entry.row.message, entry.message_payload))


def frame_line(record: FrameRecord, source: str | None) -> str:
    """The line of a single frame, for example for the clipboard. `source` is the name of its connection's source."""
    return _dump(_frame(record, source))


def listening_line(source: SourceLabel, addresses: tuple[str, ...], scheme: str) -> str:
    """The line for each source that listens, of `--json`. Clients connect by URLs of that scheme."""
    return _dump(
        {
            "event": "listening",
            "source": source.name,
            "mode": source.mode.name.lower(),
            "addresses": list(addresses),
            "urls": [f"{scheme}://{each}/" for each in addresses],
            "relays_to": source.target or None,
        }
    )


def connected_line(source: SourceLabel) -> str:
    """The line for a source that has reached its server, of `--json`."""
    return _dump({"event": "connected", "source": source.name, "url": source.target})


def error_line(sentence: str, source: str | None = None) -> str:
    """The line for something that could not be done, by the source of this name if one is named."""
    return _dump({"event": "error", "source": source, "message": sentence})


def note_line(sentence: str, source: str) -> str:
    """The line for what the source of this name does on its own, of `--json`."""
    return _dump({"event": "note", "source": source, "message": sentence})


def recording_line(path: Path) -> str:
    """The first line of `--quiet --json`."""
    return _dump({"event": "recording", "path": str(path)})


def recorded_line(path: Path, totals: Totals) -> str:
    """The last line of `--json`."""
    return _dump(
        {
            "event": "recorded",
            "path": str(path),
            "connections": totals.connections,
            "frames": totals.frames,
            "bytes": totals.bytes,
        }
    )


def iso_time(time_ns: int) -> str:
    """`2026-01-31T12:00:00.123456789Z`."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def _iso_time_if(time_ns: int | None) -> str | None:
    return None if time_ns is None else iso_time(time_ns)


def _dump(line: JsonObject) -> str:
    # Text stays as it was written, so that it can be searched; nothing a peer sent can act on the terminal or break the
    # line.
    return json_text(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def _handshake(entry: Handshake) -> JsonObject:
    record = entry.connection
    return {
        "event": "handshake",
        **_beginning(record),
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
        "passed_request": entry.passed_request.decode("latin-1"),
        "passed_response": entry.passed_response.decode("latin-1"),
        "rules": list(entry.rules),
        "secrets_masked": record.is_masked,
        "legs": [_leg_begun(leg) for leg in entry.legs],
        "violations": _problems(entry.problems),
    }


def _beginning(record: ConnectionRecord) -> JsonObject:
    return {
        "connection": record.id,
        "source": _source(record),
        "time": iso_time(record.opened_ns),
        "mode": record.mode.name.lower(),
    }


def _source(record: ConnectionRecord) -> str | None:
    return None if record.source is None else record.source.name


def _problems(problems: Iterable[Problem]) -> list[JsonObject]:
    return [
        {"head": None if each.head is None else each.head.name.lower(), **_violation(each.violation)}
        for each in problems
    ]


def _passage(entry: Passage) -> JsonObject:
    record = entry.connection
    is_exchange = record.state is ConnectionState.EXCHANGED
    line: JsonObject = {"event": "exchange" if is_exchange else "tunnel", **_beginning(record)}
    line |= {"closed": _iso_time_if(record.closed_ns), "peer": record.peer, "local": record.local}
    if is_exchange:
        line |= {
            "method": record.request.partition(b" ")[0].decode("latin-1"),
            "path": record.path,
            "status": record.status,
            "request": record.request.decode("latin-1"),
            "response": record.response.decode("latin-1"),
        }
    else:
        line["target"] = record.path
    return line | {
        "reason": record.reason,
        "closed_by": record.closed_by.name.lower(),
        "vanished": record.vanished,
        "bytes_client_to_server": record.bytes_in,
        "bytes_server_to_client": record.bytes_out,
        "legs": [_leg(leg) for leg in entry.legs],
        "violations": _problems(entry.problems),
    }


def _outcome(record: ConnectionRecord) -> str:
    if record.status == 101:
        return "accepted"
    return "served" if record.state is ConnectionState.SERVED else "refused"


def _frame(record: FrameRecord, source: str | None) -> JsonObject:
    row, frame = record.row, record.frame
    line: JsonObject = {
        "event": "frame",
        "connection": row.connection,
        "source": source,
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
        **_handling(row.handling),
        "cause": row.cause,
    }
    if frame.opcode == Opcode.CLOSE and len(frame.payload) >= 2:
        line["close_code"] = int.from_bytes(frame.payload[:2], "big")
        line["close_reason"] = frame.payload[2:].decode("utf-8", "replace")
    line |= _payload(frame.payload, as_text=_is_plain_text(frame))
    line["violations"] = _violations(record.violations)
    line["marked"], line["note"] = record.note is not None, record.note
    return line


def _message(record: FrameRecord, source: str | None, message: MessageInfo, payload: bytes) -> JsonObject:
    return {
        "event": "message",
        "connection": record.row.connection,
        "source": source,
        "frame": record.row.id,
        "time": iso_time(record.row.time_ns),
        "direction": record.row.direction.name.lower(),
        "origin": record.row.origin.name.lower(),
        "type": opcode_name(message.opcode),
        "frames": message.frame_count,
        "compressed": message.compressed,
        "length": message.length,
        "wire_length": message.wire_length,
        "fate": record.row.fate.name.lower(),
        "redacted": record.row.handling.is_redacted,
        **_payload(payload, as_text=message.opcode == Opcode.TEXT),
    }


def _decision(entry: Decision, source: str | None) -> JsonObject:
    return {
        "event": "decision",
        "connection": entry.row.connection,
        "source": source,
        "frame": entry.row.id,
        "time": iso_time(entry.time_ns),
        "direction": entry.row.direction.name.lower(),
        **_handling(entry.row.handling),
    }


def _handling(handling: Handling) -> JsonObject:
    by = handling.decided_by
    return {
        "fate": handling.fate.name.lower(),
        "decided_by": None if by is DecidedBy.NOBODY else by.name.lower(),
        "held_ns": handling.held_ns,
        "rules": list(handling.rules),
        "redacted": handling.is_redacted,
    }


def _gap(gap: Gap) -> JsonObject:
    return {
        "event": "gap",
        "time": iso_time(gap.last_ns),
        "from": iso_time(gap.first_ns),
        "to": iso_time(gap.last_ns),
        "frames": gap.frames,
        "reason": gap.reason.name.lower(),
        "before_frame": gap.before,
    }


def _close(entry: Close) -> JsonObject:
    record = entry.connection
    return {
        "event": "close",
        "connection": record.id,
        "source": _source(record),
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


def _leg_begun(leg: LegRecord) -> JsonObject:
    """What is known of a leg once the opening handshake is over."""
    tls = leg.tls
    return {
        "side": leg.side.name.lower(),
        "peer": leg.peer,
        "local": leg.local,
        "opened": iso_time(leg.opened_ns),
        "connected": _iso_time_if(leg.connected_ns),
        "secured": _iso_time_if(leg.secured_ns),
        "answered": _iso_time_if(leg.answered_ns),
        "tls_version": None if tls is None else tls.version,
        "tls_cipher": None if tls is None else tls.cipher,
        "alpn": None if tls is None else tls.alpn,
        "sni": None if tls is None else tls.sni,
        "resumed": tls is not None and tls.resumed,
        "tls_problem": leg.tls_problem,
        "certificates": "" if tls is None else base64.b64encode(tls.chain).decode(),
    }


def _leg(leg: LegRecord) -> JsonObject:
    return _leg_begun(leg) | {
        "first_message": _iso_time_if(leg.first_message_ns),
        "closed": _iso_time_if(leg.closed_ns),
        "ended": leg.ended.name.lower(),
        "trailing": base64.b64encode(leg.trailing).decode(),
        "trailing_length": leg.trailing_length,
    }


def _is_plain_text(frame: Frame) -> bool:
    return frame.opcode == Opcode.TEXT and not frame.rsv1


def _payload(payload: bytes, *, as_text: bool) -> JsonObject:
    if as_text:
        try:
            return {"encoding": "text", "payload": payload.decode()}
        except UnicodeDecodeError:
            pass
    return {"encoding": "base64", "payload": base64.b64encode(payload).decode()}


def _violations(found: tuple[Violation, ...]) -> list[JsonObject]:
    return [_violation(each) for each in found]


def _violation(found: Violation) -> JsonObject:
    return {
        "rule": found.rule.id,
        "severity": found.rule.severity.name.lower(),
        "section": found.rule.section,
        "sentence": found.rule.sentence,
        "detail": found.detail,
        "offset": found.offset,
        "length": found.length,
    }
