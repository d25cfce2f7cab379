"""Turns what a person types into something to send: text, JSON, hex, Base64, files, control frames. No Qt here."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from app.logic.text import grouped
from core.errors import PayloadError
from core.protocol.close_codes import closing_payload
from core.protocol.frames import Opcode
from core.protocol.outgoing import (
    Compression,
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)
from core.protocol.sender import check_control_payload
from core.protocol.utf8 import to_utf8
from core.sizes import size_text

EDITOR_LIMIT = 4 * 1024 * 1024
"""Characters of an editor's text; longer data should be sent from a file."""
FILE_LIMIT = 64 * 1024 * 1024
"""Bytes of a file sent as one message."""

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_HEX_PAIRS = re.compile(r"[\s,:;_-]*+(?:(?:0[xX])?[0-9a-fA-F]{2}[\s,:;_-]*+)*+")
_HEX_FILLING = re.compile(r"0[xX]|[\s,:;_-]++")
_BASE64_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


class ComposeKind(Enum):
    """What a draft becomes. The values are stored in settings."""

    TEXT = "text"
    JSON = "json"
    HEX = "hex"
    BASE64 = "base64"
    FILE = "file"
    PING = "ping"
    PONG = "pong"
    CLOSE = "close"
    RAW = "raw"
    """A frame whose every field is free, or plain bytes; see `app.logic.raw_draft`."""

    @property
    def is_message(self) -> bool:
        """Whether it can be fragmented and compressed, unlike control frames."""
        return self not in (ComposeKind.PING, ComposeKind.PONG, ComposeKind.CLOSE, ComposeKind.RAW)


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a composer."""

    kind: ComposeKind
    text: str = ""
    """The editor's text, the path of a file, or the reason of a close."""
    code: int | None = 1000
    """Code of a close; None for no code."""
    fragments: int = 1
    compression: Compression = Compression.AS_NEGOTIATED


def build(draft: Draft) -> Outgoing:
    """What `draft` asks to send. Raises PayloadError with a sentence if it cannot be sent."""
    if draft.kind is ComposeKind.CLOSE:
        closing_payload(draft.code, draft.text)
        return OutgoingClose(draft.code, draft.text)
    payload = payload_of(draft.kind, draft.text)
    if draft.kind is ComposeKind.PING:
        return OutgoingPing(check_control_payload(payload))
    if draft.kind is ComposeKind.PONG:
        return OutgoingPong(check_control_payload(payload))
    text = draft.kind in (ComposeKind.TEXT, ComposeKind.JSON)
    opcode = Opcode.TEXT if text else Opcode.BINARY
    return OutgoingMessage(opcode, payload, draft.fragments, draft.compression)


def payload_of(kind: ComposeKind, text: str) -> bytes:
    """The payload that `text` stands for in this kind. Raises PayloadError."""
    if kind is ComposeKind.HEX:
        return parse_hex(text)
    if kind is ComposeKind.BASE64:
        return parse_base64(text)
    if kind is ComposeKind.FILE:
        if not text:
            raise PayloadError("No file is chosen; choose one.")
        return read_file(Path(text))
    if kind is ComposeKind.JSON:
        problem = check_json(text)
        if problem is not None:
            raise PayloadError(f"This is no JSON. {problem}")
    return encode_text(text)


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """Why a text is not JSON, and where. Line and column count from 1."""

    message: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.message}"


def check_size(text: str) -> None:
    """Raise PayloadError if a text is too long for an editor."""
    if len(text) > EDITOR_LIMIT:
        raise PayloadError(
            f"The text has {grouped(len(text))} characters and the editor sends at most {grouped(EDITOR_LIMIT)}; "
            "save it as a file and send that."
        )


def encode_text(text: str) -> bytes:
    """The UTF-8 of `text`; raises PayloadError if it has half a surrogate pair or is too long."""
    check_size(text)
    return to_utf8(text)


def parse_hex(text: str) -> bytes:
    """Bytes from pairs of hex digits; white space and `, : ; - _` may separate pairs, and `0x` may precede them.

    Raises PayloadError with line and column of the error.
    """
    check_size(text)
    read = _HEX_PAIRS.match(text)
    assert read is not None
    at = read.end()
    if at < len(text):
        following = text[at + 1 : at + 2]
        if text[at] not in _HEX_DIGITS:
            _refuse(text, at, f"{text[at]!r} is no hex digit.")
        if following and _HEX_FILLING.fullmatch(following) is None:
            _refuse(text, at + 1, f"{following!r} is no hex digit.")
        _refuse(text, at, f"{text[at]!r} stands alone; a byte takes two hex digits.")
    return bytes.fromhex(_HEX_FILLING.sub("", text))


def parse_base64(text: str) -> bytes:
    """Bytes from Base64 (RFC 4648 section 4) or its URL-safe alphabet (section 5); white space is ignored.

    Padding may be left out. Raises PayloadError with line and column of the error.
    """
    check_size(text)
    plain = text.replace("-", "+").replace("_", "/")
    letters = "".join(plain.split())
    body = letters.rstrip("=")
    if not _BASE64_LETTERS.issuperset(body):
        wrong = next(
            at for at, letter in enumerate(plain) if not letter.isspace() and letter not in _BASE64_LETTERS
        )
        _refuse(text, wrong, _base64_fault(text[wrong]))
    if len(body) % 4 == 1 or len(letters) - len(body) > 2:
        raise PayloadError(
            f"{grouped(len(letters))} characters are no whole Base64; the end is missing or there is too much of it."
        )
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except binascii.Error as error:
        raise PayloadError(f"This is no Base64: {error}.") from None


def _base64_fault(letter: str) -> str:
    if letter == "=":
        return "'=' may only stand at the end."
    return f"{letter!r} is no Base64 character."


def _refuse(text: str, position: int, sentence: str) -> NoReturn:
    line, column = line_and_column(text, position)
    raise PayloadError(f"Line {line}, column {column}: {sentence}")


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Line and column of the character at `position`; both count from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def check_json(text: str) -> JsonProblem | None:
    """Why `text` is not JSON (RFC 8259); None if it is."""
    try:
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        return JsonProblem(_json_fault(error), error.lineno, error.colno)
    except RecursionError:
        return JsonProblem("The values are nested too deeply.", 1, 1)
    except ValueError as error:
        return _constant_problem(text, str(error))
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _constant_problem(text: str, name: str) -> JsonProblem:
    line, column = line_and_column(text, text.find(name))
    return JsonProblem(f"{name} is no JSON number.", line, column)


def _json_fault(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc.rstrip()):
        return "The text ends before the value is complete."
    return f"{error.msg}."


def file_size(path: str) -> int | None:
    """Size of the file in bytes; None if there is none."""
    try:
        return Path(path).stat().st_size if Path(path).is_file() else None
    except (OSError, ValueError):
        return None


def read_file(path: Path) -> bytes:
    """The bytes of a file to be sent. Raises PayloadError if it cannot be read or is too large."""
    try:
        if not path.is_file():
            raise PayloadError(f"{path} is no file; choose another.")
        with path.open("rb") as file:
            payload = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise PayloadError(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(payload) > FILE_LIMIT:
        raise PayloadError(
            f"{path.name} is larger than {size_text(FILE_LIMIT)}, the most that is sent as one message; "
            "choose a smaller file."
        )
    return payload
