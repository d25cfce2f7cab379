"""What a list says of a connection: a title, and its state and figures on a second line."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication

from app.logic.text import counted, cut, cut_path, duration, one_line, one_line_bytes
from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.protocol.close_codes import describe
from core.sizes import byte_size

_TITLE = 300
"""Characters shown of a target or an Origin."""
_REQUEST_LINE_BYTES = 4096
# RFC 9112 section 3, with any text as the target.
_REQUEST_LINE = re.compile(rb"(?P<method>[A-Z]+) (?P<target>[^\r\n]+?)(?: HTTP/[^ \r\n]*)?\r?\n")
_UPGRADE = re.compile(rb"^upgrade[ \t]*:", re.IGNORECASE | re.MULTILINE)
EXCHANGES = frozenset((ConnectionState.EXCHANGED, ConnectionState.TUNNELLED))
"""States of what passed and is no WebSocket."""


def is_exchange(record: ConnectionRecord) -> bool:
    """Whether it is plain HTTP or a tunnel that passed, or will be once it is answered."""
    if record.state is ConnectionState.CONNECTING and record.mode in (Mode.RELAY, Mode.PROXY):
        return bool(record.request) and _UPGRADE.search(record.request) is None
    return record.state in EXCHANGES


def title(record: ConnectionRecord) -> str:
    """The name of a connection: the requested target, after the method where it is plain HTTP."""
    path = one_line(cut_path(record.path, _TITLE))
    method, target = _asked_for(record.request)
    if is_exchange(record) and record.state is not ConnectionState.TUNNELLED and method:
        return f"{method} {path or target}"
    return path or target or _tr("no request")


def detail(record: ConnectionRecord) -> str:
    """The state, and what is most worth knowing beside it."""
    if record.state is ConnectionState.EXCHANGED:
        return " · ".join((str(record.status), *_sizes(record), *_time(record)))
    if record.state is ConnectionState.TUNNELLED:
        return " · ".join((_tr("tunnel, unread"), *_sizes(record), *_time(record)))
    parts = [state_text(record)]
    if record.status == 101:
        parts.append(counted(record.frame_count, _tr("1 frame"), _tr("{count} frames")))
    if record.origin is not None:
        parts.append(one_line(cut(record.origin, _TITLE)))
    return " · ".join(parts)


def state_text(record: ConnectionRecord) -> str:
    """The state of a connection, in a few words."""
    state = record.state
    fixed = {
        ConnectionState.CONNECTING: _tr("handshake…"),
        ConnectionState.OPEN: _tr("open"),
        ConnectionState.CLOSING: _tr("closing"),
        ConnectionState.LOST: _tr("lost when Unmask ended"),
        ConnectionState.TUNNELLED: _tr("tunnel, unread"),
    }
    if state in fixed:
        return fixed[state]
    if state is ConnectionState.REFUSED:
        if record.status == 200 and _asked_for(record.request)[0] == "CONNECT":
            # The tunnel was granted, and came to nothing.
            return _tr("tunnel, TLS failed")
        return _tr("refused, {status}").format(status=record.status or "—")
    if state in (ConnectionState.SERVED, ConnectionState.EXCHANGED):
        return _tr("plain HTTP, {status}").format(status=record.status)
    if record.close_code is None:
        return _tr("closed")
    return _tr("closed · {code} {name}").format(code=record.close_code, name=describe(record.close_code).name)


def origin_text(record: ConnectionRecord) -> str:
    """The page that asked."""
    return _tr("no Origin") if record.origin is None else _tr("Origin {0}").format(record.origin)


def _sizes(record: ConnectionRecord) -> tuple[str, ...]:
    """Bytes each way; what is nothing is left out."""
    there = (f"→ {byte_size(record.bytes_in)}",) if record.bytes_in else ()
    return (*there, f"← {byte_size(record.bytes_out)}")


def _time(record: ConnectionRecord) -> tuple[str, ...]:
    return () if record.closed_ns is None else (duration(record.closed_ns - record.opened_ns),)


def _asked_for(request: bytes) -> tuple[str, str]:
    """Method and target in the first line of a request; "" if that is not a request line."""
    line = _REQUEST_LINE.match(request[:_REQUEST_LINE_BYTES])
    if line is None:
        return "", ""
    return line["method"].decode("ascii"), cut_path(one_line_bytes(line["target"]), _TITLE)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ConnectionModel", text)
