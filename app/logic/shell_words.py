"""Splits a command line into words, as a POSIX shell or Windows' cmd.exe would. Nothing is run or expanded."""

from __future__ import annotations

import re

from core.errors import AddressError

LONGEST_LINE = 1024 * 1024
"""Characters of a command line that are read."""

_CMD = re.compile(r'\^"|\^\r?\n')
_IN_SINGLE_QUOTES = re.compile(r"'[^']*'")
"""To POSIX shells, what stands there is nothing but itself; what is meant for cmd.exe begins with its URL in ^"."""
_ANSI_C = re.compile(
    r"\\(?:x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<u>[0-9A-Fa-f]{1,4})|U(?P<U>[0-9A-Fa-f]{1,8})"
    r"|(?P<octal>[0-7]{1,3})|(?P<letter>.))",
    re.DOTALL,
)
_LETTERS = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def split_line(text: str) -> list[str]:
    """The words of a command line. It is read as cmd.exe's if it has ^", or ^ at the end of a line, outside of single
    quotes. AddressError.
    """
    if len(text) > LONGEST_LINE:
        raise AddressError(f"The line has {len(text)} characters; at most {LONGEST_LINE} are read.")
    is_cmd = _CMD.search(_IN_SINGLE_QUOTES.sub("", text)) is not None
    return split_cmd(text) if is_cmd else split_posix(text)


def split_posix(text: str) -> list[str]:
    """Words by the quoting rules of POSIX shells, and $'…' of bash. Raises AddressError for an open quote."""
    words: list[str] = []
    word: list[str] | None = None
    at, size = 0, len(text)
    while at < size:
        letter = text[at]
        if letter == "\\" and text[at + 1 : at + 2] in ("\n", "\r"):
            at += 3 if text[at + 1 : at + 3] == "\r\n" else 2
            continue
        if letter.isspace():
            if word is not None:
                words.append("".join(word))
                word = None
            at += 1
            continue
        word = [] if word is None else word
        if letter == "\\":
            word.append(text[at + 1 : at + 2])
            at += 2
        elif letter == "'":
            piece, at = _until(text, at + 1, "'")
            word.append(piece)
        elif letter == '"':
            piece, at = _double_quoted(text, at + 1)
            word.append(piece)
        elif text.startswith("$'", at):
            piece, at = _ansi_c(text, at + 2)
            word.append(piece)
        else:
            word.append(letter)
            at += 1
    if word is not None:
        words.append("".join(word))
    return words


def _until(text: str, start: int, quote: str) -> tuple[str, int]:
    """What stands before the next `quote`, and the place behind it."""
    end = text.find(quote, start)
    if end < 0:
        raise _open_quote(quote, text, start)
    return text[start:end], end + 1


def _double_quoted(text: str, start: int) -> tuple[str, int]:
    pieces: list[str] = []
    at = start
    while at < len(text):
        letter = text[at]
        if letter == '"':
            return "".join(pieces), at + 1
        following = text[at + 1 : at + 2]
        if letter == "\\" and following and following in '$`"\\\n':
            pieces.append("" if following == "\n" else following)
            at += 2
        else:
            pieces.append(letter)
            at += 1
    raise _open_quote('"', text, start)


def _ansi_c(text: str, start: int) -> tuple[str, int]:
    """The content of $'…' from `start` on, and the place behind it."""
    at = start
    while at < len(text) and text[at] != "'":
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise _open_quote("$'", text, start)
    pieces: list[str] = []
    done = start
    for escape in _ANSI_C.finditer(text, start, at):
        pieces.append(text[done : escape.start()])
        pieces.append(_unescaped(escape))
        done = escape.end()
    pieces.append(text[done:at])
    # Half surrogates that were written as two \u are one character (Chrome writes UTF-16).
    joined = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined, at + 1


def _unescaped(escape: re.Match[str]) -> str:
    code = escape["hex"] or escape["u"] or escape["U"]
    if code is not None:
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    if escape["octal"] is not None:
        return chr(int(escape["octal"], 8) & 0xFF)
    letter = escape["letter"]
    return _LETTERS.get(letter, letter if letter in "\\'\"?" else f"\\{letter}")


def split_cmd(text: str) -> list[str]:
    """Words as a program of Windows gets them: cmd.exe takes its carets away, then the C runtime its quotes."""
    return _split_crt(_without_carets(text))


def _without_carets(text: str) -> str:
    pieces: list[str] = []
    at, size = 0, len(text)
    is_quoted = False
    while at < size:
        letter = text[at]
        if letter == "^" and not is_quoted:
            at += 1
            # A caret before the end of a line takes that away, and the character behind it is plain.
            if text.startswith("\r\n", at):
                at += 2
            elif text[at : at + 1] == "\n":
                at += 1
            pieces.append(text[at : at + 1])
            at += 1
            continue
        if letter == '"':
            is_quoted = not is_quoted
        elif letter == "\n":
            is_quoted = False
        pieces.append(letter)
        at += 1
    return "".join(pieces)


def _split_crt(text: str) -> list[str]:
    words: list[str] = []
    word: list[str] | None = None
    is_quoted = False
    at, size = 0, len(text)
    while at < size:
        letter = text[at]
        if letter == "\\":
            end = at
            while end < size and text[end] == "\\":
                end += 1
            count = end - at
            word = [] if word is None else word
            if text[end : end + 1] == '"':
                # 2n backslashes before a quote are n, and one more makes the quote plain.
                word.append("\\" * (count // 2))
                if count % 2:
                    word.append('"')
                    end += 1
            else:
                word.append("\\" * count)
            at = end
        elif letter == '"':
            word = [] if word is None else word
            if is_quoted and text[at + 1 : at + 2] == '"':
                word.append('"')
                at += 1
            else:
                is_quoted = not is_quoted
            at += 1
        elif letter in " \t\r\n" and not is_quoted:
            if word is not None:
                words.append("".join(word))
                word = None
            at += 1
        else:
            word = [] if word is None else word
            word.append(letter)
            at += 1
    if is_quoted:
        raise _open_quote('"', text, size)
    if word is not None:
        words.append("".join(word))
    return words


def _open_quote(quote: str, text: str, start: int) -> AddressError:
    beginning = text[start : start + 20]
    where = f" before “{beginning}…”" if beginning else ""
    return AddressError(f"A quote {quote} is never closed{where}: paste the whole line.")
