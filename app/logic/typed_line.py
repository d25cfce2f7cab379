"""Lines that a person types, or a program writes, to be sent: text, commands such as /ping, and JSON objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from app.logic.compose import ComposeKind, Draft, build, parse_hex, read_file
from core.errors import PayloadError
from core.probe.preset import FrameFault, Writer
from core.probe.registry import presets_of
from core.protocol.outgoing import Outgoing
from core.protocol.raw_frames import paced
from core.protocol.state import Role


class Ask(Enum):
    """What is asked of the program itself."""

    NOTHING = "nothing"
    RECONNECT = "reconnect"
    HELP = "help"
    QUIT = "quit"


Typed = Outgoing | Ask


@dataclass(frozen=True, slots=True)
class Command:
    """A word that a line may begin with."""

    name: str
    takes: str
    """What follows it; "" for nothing."""
    does: str
    """What it does, in a few words."""
    act: Callable[[str], Typed]


def _builds(kind: ComposeKind) -> Callable[[str], Typed]:
    return lambda text: build(Draft(kind, text))


def _close(text: str) -> Typed:
    code, _, reason = text.partition(" ")
    if not code:
        return build(Draft(ComposeKind.CLOSE))
    if not code.isascii() or not code.isdecimal() or len(code) > 5:
        raise PayloadError(f"“{code}” is no close code: write a number such as 1000, and then the reason.")
    return build(Draft(ComposeKind.CLOSE, reason.strip(), int(code)))


def _raw(text: str) -> Typed:
    data = parse_hex(text)
    if not data:
        raise PayloadError("The bytes are missing: write them in hex, such as /raw 81 02 68 69.")
    return paced(data)


def _fault(name: str) -> Typed:
    for preset in presets_of(Role.CLIENT):
        if preset.id == name and isinstance(preset.fault, FrameFault):
            return preset.fault.made(Writer(Role.CLIENT))
    raise PayloadError(f"“{name}” is no fault that frames can have: unmask probe --list names them.")


def _file(kind: ComposeKind) -> Callable[[str], Typed]:
    def read(text: str) -> Typed:
        if not text:
            raise PayloadError("The path of the file is missing.")
        path = str(Path(text).expanduser())
        if kind is ComposeKind.FILE:
            return build(Draft(kind, path))
        try:
            return build(Draft(kind, read_file(Path(path)).decode()))
        except UnicodeDecodeError:
            raise PayloadError(f"{path} is no UTF-8 text: send it with /file.") from None

    return read


def _asks(ask: Ask) -> Callable[[str], Typed]:
    def read(text: str) -> Typed:
        if text:
            raise PayloadError(f"/{ask.value} takes nothing behind it.")
        return ask

    return read


COMMANDS: Mapping[str, Command] = {
    each.name: each
    for each in (
        Command("/ping", "[TEXT]", "send a ping", _builds(ComposeKind.PING)),
        Command("/pong", "[TEXT]", "send a pong", _builds(ComposeKind.PONG)),
        Command("/close", "[CODE [REASON]]", "close the connection; without a code with 1000", _close),
        Command("/hex", "BYTES", "send a binary message, such as /hex 00 ff 10", _builds(ComposeKind.HEX)),
        Command(
            "/base64", "TEXT", "send a binary message that is written in Base64", _builds(ComposeKind.BASE64)
        ),
        Command(
            "/json", "TEXT", "send a text message, after a check that it is JSON", _builds(ComposeKind.JSON)
        ),
        Command("/file", "PATH", "send a file as a binary message", _file(ComposeKind.FILE)),
        Command("/textfile", "PATH", "send a file as a text message", _file(ComposeKind.TEXT)),
        Command("/raw", "BYTES", "send bytes as they are, such as /raw 81 02 68 69", _raw),
        Command("/fault", "PRESET", "break a rule of the RFC, such as /fault rsv1-set", _fault),
        Command("/reconnect", "", "connect again, at once", _asks(Ask.RECONNECT)),
        Command("/help", "", "show this", _asks(Ask.HELP)),
        Command("/quit", "", "close the connection and end", _asks(Ask.QUIT)),
    )
}


def read_typed(line: str) -> Typed:
    """What a typed line asks for. // at its beginning stands for a text that begins with /. Raises PayloadError."""
    if line.startswith("//"):
        return build(Draft(ComposeKind.TEXT, line[1:]))
    if not line.startswith("/"):
        return build(Draft(ComposeKind.TEXT, line)) if line else Ask.NOTHING
    word, _, rest = line.partition(" ")
    command = COMMANDS.get(word)
    if command is None:
        raise PayloadError(
            f"{word} is no command: /help lists them. A text that begins with / is written with //."
        )
    return command.act(rest.strip())


def help_lines() -> list[str]:
    """The commands with what they do, aligned."""
    starts = [f"{each.name} {each.takes}".rstrip() for each in COMMANDS.values()]
    width = max(map(len, starts))
    return [f"{start:<{width}}  {each.does}" for start, each in zip(starts, COMMANDS.values(), strict=True)]


_JSON_KINDS = {
    "text": ComposeKind.TEXT,
    "hex": ComposeKind.HEX,
    "base64": ComposeKind.BASE64,
    "file": ComposeKind.FILE,
    "ping": ComposeKind.PING,
    "pong": ComposeKind.PONG,
}


def read_json_line(line: str) -> Outgoing:
    """What a JSON object asks to send, such as {"text": "a"}, {"hex": "00"} or {"close": 1000}. Raises PayloadError."""
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"This is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise PayloadError('This is no JSON object such as {"text": "hello"}.')
    if "close" in found:
        return _close_of(found)
    if found.keys() == {"raw"} and isinstance(found["raw"], str):
        return paced(parse_hex(found["raw"]))
    kinds = [name for name in found if name in _JSON_KINDS]
    if len(kinds) != 1 or len(found) != 1:
        raise PayloadError(
            f"An object says one thing to send ({', '.join([*_JSON_KINDS, 'raw', 'close'])}); this one says "
            f"{', '.join(found) or 'nothing'}."
        )
    (name,) = kinds
    value = found[name]
    if not isinstance(value, str):
        raise PayloadError(f"{name} takes a string.")
    return build(Draft(_JSON_KINDS[name], value))


def _close_of(found: dict[str, Any]) -> Outgoing:
    code, reason = found["close"], found.get("reason", "")
    is_code = code is None or (isinstance(code, int) and not isinstance(code, bool))
    if not is_code or not isinstance(reason, str) or found.keys() - {"close", "reason"}:
        raise PayloadError(
            'A close is written as {"close": 1000, "reason": "bye"}; a close of null has no code.'
        )
    return build(Draft(ComposeKind.CLOSE, reason, code))
