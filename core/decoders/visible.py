"""Text of a peer made safe to look at: nothing hides, nothing changes the order of what stands around it."""

from __future__ import annotations

import re

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_INVISIBLE = [
    0x00AD,  # soft hyphen
    0x034F,  # combining grapheme joiner
    0x061C,  # Arabic letter mark (bidi)
    0x115F, 0x1160, 0x3164, 0xFFA0,  # Hangul fillers
    0x180E,  # Mongolian vowel separator
    *range(0x200B, 0x2010),  # zero-width space and joiners, left-to-right and right-to-left mark
    *range(0x2028, 0x202F),  # line and paragraph separator, bidi embeddings and overrides
    *range(0x2060, 0x2070),  # word joiner, invisible operators, bidi isolates, deprecated formats
    *range(0xD800, 0xE000),  # lone surrogates
    0xFEFF,  # byte order mark
    *range(0xFFF9, 0xFFFC),  # interlinear annotation
    *range(0xE0000, 0xE0080),  # tags
]  # fmt: skip


def _shown(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_TABLE = {code: _shown(code) for code in [*_CONTROLS, *_INVISIBLE] if code not in (0x09, 0x0A)}
_HIDDEN = re.compile("[" + re.escape("".join(map(chr, _TABLE))) + "]")


def is_visible(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return _HIDDEN.search(text) is None


def visible(text: str) -> str:
    """`text` with everything that cannot be seen, or that turns the direction of reading, spelled out.

    Controls become their pictures (NUL is `␀`), except line feed and tab; C1 controls, bidi controls,
    zero-width characters, line separators and lone surrogates become `\\x85`, `\\u202e`, `\\U000e0041`.
    """
    return text if is_visible(text) else text.translate(_TABLE)
