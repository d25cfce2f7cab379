"""Sets of characters that a part of a pattern can match, each a whole number with a bit for each character."""

from __future__ import annotations

import re
from re import _constants as codes
from typing import Any

_BYTES = (1 << 256) - 1
_DIGITS, _WORDS, _SPACES, _REST = (1 << bit for bit in range(256, 260))
_OTHERS = _DIGITS | _WORDS | _SPACES | _REST
"""Characters beyond the first 256, which only text has: digits, others of words, spaces, and what is left."""
_CATEGORIES = {
    codes.CATEGORY_DIGIT: (r"\d", _DIGITS),
    codes.CATEGORY_NOT_DIGIT: (r"\D", _OTHERS & ~_DIGITS),
    codes.CATEGORY_SPACE: (r"\s", _SPACES),
    codes.CATEGORY_NOT_SPACE: (r"\S", _OTHERS & ~_SPACES),
    codes.CATEGORY_WORD: (r"\w", _DIGITS | _WORDS),
    codes.CATEGORY_NOT_WORD: (r"\W", _SPACES | _REST),
}
_WITH_FAR_FORMS = sum(1 << ord(each) for each in "iIkKsSåÅßµÿ")
"""Those of the first 256 that another character beyond them equals where case is ignored, such as the Kelvin sign."""


def _found(pattern: str, flags: int) -> int:
    matches = re.compile(pattern, flags).fullmatch
    return sum(1 << each for each in range(256) if matches(chr(each)))


_OF_TEXT = {code: _found(pattern, 0) | others for code, (pattern, others) in _CATEGORIES.items()}
_OF_ASCII = {
    code: _found(pattern, re.ASCII) | (_OTHERS if pattern[-1].isupper() else 0)
    for code, (pattern, _) in _CATEGORIES.items()
}


class Letters:
    """Tells what one place of a pattern can match: all of it, and sometimes more."""

    def __init__(self, is_for_bytes: bool) -> None:
        self._is_for_bytes = is_for_bytes
        self.all = _BYTES if is_for_bytes else _BYTES | _OTHERS

    def of(self, item: tuple[Any, Any], flags: int) -> int:
        """What a character, a class or a dot of the parsed pattern matches."""
        code, value = item
        if flags & re.LOCALE:
            # Only the machine where it runs could tell.
            return self.all
        if code is codes.ANY:
            return self.all if flags & re.DOTALL else self.all & ~(1 << ord("\n"))
        if code is codes.IN:
            return self._class(value, flags)
        return self._class(
            [(codes.NEGATE, None)] * (code is codes.NOT_LITERAL) + [(codes.LITERAL, value)], flags
        )

    def _class(self, items: list[tuple[Any, Any]], flags: int) -> int:
        letters, is_negated = 0, False
        for code, value in items:
            if code is codes.NEGATE:
                is_negated = True
            elif code is codes.CATEGORY:
                letters |= self._category(value, flags)
            else:
                first, last = value if code is codes.RANGE else (value, value)
                letters |= self._range(first, last, is_negated)
                if last > 255 and not is_negated and flags & re.IGNORECASE:
                    letters |= _WITH_FAR_FORMS
        if flags & re.IGNORECASE:
            letters = self._in_both_cases(letters, flags)
        return self.all & ~letters if is_negated else letters & self.all

    def _category(self, code: Any, flags: int) -> int:
        return (_OF_ASCII if self._is_for_bytes or flags & re.ASCII else _OF_TEXT)[code]

    def _range(self, first: int, last: int, is_negated: bool) -> int:
        """Characters from the first to the last; all others of a kind too, unless they are to be taken away."""
        letters = 0 if first > 255 else (1 << min(last, 255) + 1) - (1 << first)
        if last <= 255 or is_negated:
            return letters
        if first < last:
            return letters | _OTHERS
        if chr(last).isdecimal():
            return _DIGITS
        if chr(last).isalnum():
            return _WORDS
        return _SPACES if chr(last).isspace() else _REST

    def _in_both_cases(self, letters: int, flags: int) -> int:
        most = 128 if self._is_for_bytes or flags & re.ASCII else 256
        more = letters
        for each in range(most):
            if letters >> each & 1:
                for other in (chr(each).lower(), chr(each).upper()):
                    if len(other) == 1 and ord(other) < most:
                        more |= 1 << ord(other)
        return more
