"""The built-in fields about payloads, and about a connection's opening handshake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

from core.capture.columns import Region
from core.capture.records import ConnectionRecord, Mode
from core.errors import HeadError
from core.protocol.close_codes import CloseCode, close_code, close_reason
from core.protocol.frames import Opcode
from core.protocol.headers import Headers, is_token
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser
from core.protocol.violations import Judgement
from core.query.fields import Access, Field, Subject
from core.query.operators import Several
from core.query.placements import InConnection, InPayload
from core.query.values import FieldKind, Value

_CLOSE_CODES: Mapping[str, Value] = MappingProxyType(
    {each.name.lower().replace("_", "-"): int(each) for each in CloseCode}
)
_MODES: Mapping[str, Value] = MappingProxyType({each.name.lower(): each.value for each in Mode})
_HEADS = HeadLimits(max_bytes=1 << 20, max_headers=10_000)


def payload_fields() -> Iterable[Field]:
    """Fields of payloads: the whole bytes, and what is read in them."""
    yield Field(
        "payload", FieldKind.BYTES,
        "The payload, unmasked; of a frame that completed a message the whole message, joined and inflated. "
        "Words that stand alone search it.",
        "payload contains login", Access(_content, InPayload(Region.CONTENT)), ("websocket.payload",),
    )  # fmt: skip
    yield Field(
        "message", FieldKind.BYTES, "The message that the frame completed, joined and inflated.",
        'message contains "id"', Access(lambda subject: subject.record.message_payload, InPayload(Region.MESSAGE)),
        optional=True,
    )  # fmt: skip
    yield Field(
        "frame.payload", FieldKind.BYTES, "The payload of the one frame, unmasked; compressed data stays compressed.",
        'frame.payload contains hex"00 00 ff ff"',
        Access(lambda subject: subject.record.frame.payload, InPayload(Region.PAYLOAD)),
    )  # fmt: skip
    yield Field(
        "close.code", FieldKind.CODE, "The close code of a close frame: a number, or its name.",
        "close.code in 1002..1015", _in_close_frame(close_code), ("websocket.payload.close.status_code",),
        _CLOSE_CODES, optional=True,
    )  # fmt: skip
    yield Field(
        "close.reason", FieldKind.TEXT, "The reason in a close frame that has a code.", 'close.reason contains "time"',
        _in_close_frame(close_reason), ("websocket.payload.close.reason",), optional=True,
    )  # fmt: skip
    yield Field(
        "json", FieldKind.JSON,
        "The values that a JSONPath (RFC 9535) finds in a payload that is JSON; other payloads have nothing.",
        'json("$.user.id") == 42', _json, optional=True,
    )  # fmt: skip


def _content(subject: Subject) -> bytes:
    record = subject.record
    return record.frame.payload if record.message_payload is None else record.message_payload


def _is_close(head: int) -> bool:
    return head & 0x0F == Opcode.CLOSE


def _in_close_frame(read: Callable[[bytes], Value | None]) -> Access:
    def values(subject: Subject) -> Value | None:
        frame = subject.record.frame
        return read(frame.payload) if _is_close(frame.head) else None

    return Access(values, InPayload(Region.PAYLOAD, read, _is_close))


def _json(path: str) -> Access:
    # Imported late: loading takes a tenth of a second.
    from core.query.json_paths import json_values

    extract = json_values(path)
    return Access(lambda subject: extract(_content(subject)), InPayload(Region.CONTENT, extract, cost=9))


def connection_fields() -> Iterable[Field]:
    """Fields of a frame's connection and its opening handshake."""
    yield Field(
        "path", FieldKind.TEXT, "The request target of the opening handshake.", "path contains /chat",
        _of_connection(lambda record: record.path or None), ("http.request.uri",), optional=True,
    )  # fmt: skip
    yield Field(
        "subprotocol", FieldKind.TEXT, "The subprotocol that was agreed on.", "subprotocol == mqtt",
        _of_connection(lambda record: record.subprotocol), ("http.sec_websocket_protocol",), optional=True,
    )  # fmt: skip
    yield Field(
        "peer", FieldKind.TEXT, "Address and port of the client.", 'peer contains "127.0.0.1:"',
        _of_connection(lambda record: record.peer or None), optional=True,
    )  # fmt: skip
    yield Field(
        "source", FieldKind.TEXT, "The name of the source that the connection came through.", "source == listen",
        _of_connection(lambda record: None if record.source is None else record.source.name or None), optional=True,
    )  # fmt: skip
    yield Field(
        "mode", FieldKind.NAME, "How Unmask stands to the connection: its server, between its peers, its client.",
        "mode in {listen, connect}", _of_connection(lambda record: record.mode.value), (), _MODES,
    )  # fmt: skip
    yield Field(
        "header", FieldKind.TEXT, "A header of the opening handshake, of the request and of the response.",
        'header["Origin"] == "https://example.com"', _header, optional=True,
    )  # fmt: skip


def _of_connection(read: Callable[[ConnectionRecord], Several]) -> Access:
    def values(subject: Subject) -> Several:
        return None if subject.connection is None else read(subject.connection)

    return Access(values, InConnection(read))


def _header(name: str) -> Access:
    if not is_token(name):
        raise ValueError("a header's name has letters, digits and hyphens")
    return _of_connection(
        lambda record: (
            *_headers(HeadKind.REQUEST, record.request).get_all(name),
            *_headers(HeadKind.RESPONSE, record.response).get_all(name),
        )
    )


def _headers(kind: HeadKind, raw: bytes) -> Headers:
    """Parse a head; no headers if `raw` is not a head."""
    with suppress(HeadError):
        head = HeadParser(kind, _HEADS, Judgement.TOLERANT).feed(raw)
        if head is not None:
            return head.headers
    return Headers()
