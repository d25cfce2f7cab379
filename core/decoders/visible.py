"""Text of a peer made safe to look at: nothing hides, nothing changes the order of what stands around it."""

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
# Ranges and not single characters: from those outside the BMP `re` makes a list that it walks for each character.
_HIDDEN = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _HIDDEN_RANGES) + "]")


def _shown(code: int) -> str:
    # Not the control pictures of U+2400: few fonts have them.
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_TABLE = {code: _shown(code) for first, last in _HIDDEN_RANGES for code in range(first, last + 1)}


def is_visible(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return _HIDDEN.search(text) is None


def visible(text: str) -> str:
    """`text` with everything that cannot be seen, or that turns the direction of reading, spelled out.

    Controls but line feed and tab become `\\x00`; bidi controls, zero-width spaces, line separators and lone
    surrogates become `\\u202e` or `\\U000e0041`.
    """
    return text if is_visible(text) else text.translate(_TABLE)
