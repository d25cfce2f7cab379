"""Makes peer text safe to look at: nothing is hidden, and nothing changes the order of the text around it."""

from __future__ import annotations

import re

_HIDDEN_RANGES = (
    (0x00, 0x08),  # C0 controls, but neither tab nor line feed
    (0x0B, 0x1F),
    (0x7F, 0x9F),  # DEL and C1 controls
    (0xAD, 0xAD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark (bidi)
    (0x115F, 0x1160),  # Hangul fillers
    (0x180E, 0x180E),  # Mongolian vowel separator
    (0x200B, 0x200B),  # zero-width space; the joiners behind it belong to emoji and to Persian
    (0x200E, 0x200F),  # left-to-right and right-to-left mark
    (0x2028, 0x202E),  # line and paragraph separator, bidi embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, bidi isolates, deprecated formats
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # lone surrogates
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF9, 0xFFFB),  # interlinear annotation
    (0xE0000, 0xE007F),  # tags
)
_OTHER_FORMAT_RANGES = (
    (0x0600, 0x0605),  # Arabic number signs, which stand around the digits behind them
    (0x06DD, 0x06DD),  # Arabic end of ayah
    (0x070F, 0x070F),  # Syriac abbreviation mark
    (0x0890, 0x0891),  # Arabic currency signs
    (0x08E2, 0x08E2),  # Arabic disputed end of ayah
    (0x200C, 0x200D),  # the joiners
    (0x110BD, 0x110BD),  # Kaithi number sign
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),  # Egyptian hieroglyph joiners
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical symbol controls
)
"""Format characters (Unicode category Cf) that a window shows well, and with which a terminal may lose its column."""


def _any_of(ranges: tuple[tuple[int, int], ...]) -> re.Pattern[str]:
    # Written as ranges: for single characters outside the BMP, `re` builds a list that it walks for each character.
    return re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges) + "]")


_HIDDEN = _any_of(_HIDDEN_RANGES)
_STEERING = _any_of(_HIDDEN_RANGES + _OTHER_FORMAT_RANGES)


def _shown(code: int) -> str:
    # The control pictures of U+2400 are not used, because few fonts have them.
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_TABLE = {code: _shown(code) for first, last in _HIDDEN_RANGES for code in range(first, last + 1)}


def _shown_match(found: re.Match[str]) -> str:
    return _shown(ord(found[0]))


def _json_match(found: re.Match[str]) -> str:
    # RFC 8259 section 7: outside the BMP an escape is a pair of surrogates.
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def is_visible(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return _HIDDEN.search(text) is None


def visible(text: str) -> str:
    """`text` with everything spelled out that is invisible or changes the direction of reading.

    Controls except line feed and tab become `\\x00`; bidi controls, zero-width spaces, line separators and lone
    surrogates become `\\u202e` or `\\U000e0041`.
    """
    return text if is_visible(text) else text.translate(_TABLE)


def terminal_text(text: str) -> str:
    """`visible` for a terminal: also spells out all other format characters, such as the joiners of emoji."""
    return _STEERING.sub(_shown_match, text)


def json_text(dumped: str) -> str:
    """JSON with its text as it is, except that characters that could steer a terminal or hide in a line are escaped.

    `dumped` is the output of `json.dumps`, which has escaped all C0 controls.
    """
    return dumped if dumped.isascii() and "\x7f" not in dumped else _STEERING.sub(_json_match, dumped)
