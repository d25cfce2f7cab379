"""Values as literals of the filter language, whatever they contain."""

from __future__ import annotations

import re

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that show nothing, although Unicode counts them as printable."""
_NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def text_literal(text: str) -> str:
    r"""`text` in quotes. Invisible characters are escaped (`\u202e`), so that a filter shows all that it asks for."""
    return f'"{"".join(map(_shown, text))}"'


def bytes_literal(data: bytes) -> str:
    """`data` as quoted text if it is printable UTF-8, else as hex digits."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f'hex"{data.hex(" ")}"'
    readable = text and all(_is_seen(each) or each in "\n\t\r" for each in text)
    return text_literal(text) if readable else f'hex"{data.hex(" ")}"'


def unescaped(text: str) -> str:
    r"""Resolve `\"`, `\\`, `\n`, `\t`, `\r`, `\0` and `\u202e`; other backslashes stand for themselves, as in
    patterns.
    """

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] in "\"'\\":
            return str(found[2])
        return _ESCAPED.get(found[2], found[0])

    return _ESCAPE.sub(replaced, text)


def _shown(character: str) -> str:
    if (named := _NAMED.get(character)) is not None:
        return named
    # There is no escape for a code point above U+FFFF; it stands for itself.
    return character if _is_seen(character) or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"


def _is_seen(character: str) -> bool:
    return character.isprintable() and character not in _UNSEEN
