"""Text of peers made safe to show: nothing invisible, nothing that turns the reading direction, one line."""

from __future__ import annotations

import unicodedata

_CONTROL_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}

# Cc and Cs never show; Cf holds the bidi overrides and zero-width characters; Zl and Zp break lines.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Zero-width joiner and variation selectors build emoji; they hide nothing there.
_EMOJI_GLUE = frozenset("\u200d\ufe0e\ufe0f")


def visible(text: str) -> str:
    """`text` on one line: control characters as their pictures (␊), other invisible ones as `⟨U+202E⟩`."""
    text = text.translate(_CONTROL_PICTURES)
    if text.isascii() or text.isprintable():
        return text
    return "".join(_visible_char(char) for char in text)


def _visible_char(char: str) -> str:
    if char.isprintable() or char in _EMOJI_GLUE or unicodedata.category(char) not in _HIDDEN:
        return char
    return f"⟨U+{ord(char):04X}⟩"


def visible_bytes(data: bytes) -> str:
    """`data` as UTF-8 text made visible; bytes that are no UTF-8 as `⟨FF⟩`."""
    try:
        return visible(data.decode())
    except UnicodeDecodeError:
        # surrogateescape maps byte b to U+DC00 + b.
        text = data.decode(errors="surrogateescape")
        return "".join(
            f"⟨{ord(char) - 0xDC00:02X}⟩" if 0xDC80 <= ord(char) <= 0xDCFF else visible(char) for char in text
        )


def decode_prefix(data: bytes) -> str | None:
    """The text of which `data` is the beginning, without a character cut at its end; None if it is no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None
        return data[: error.start].decode()


def grouped(number: int) -> str:
    """`12 345` with narrow no-break spaces."""
    return f"{number:,}".replace(",", "\u202f")


def byte_size(count: int) -> str:
    """`812 B`, `12.4 KB`, `3.0 MB`, in powers of 1000."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("KB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
    raise AssertionError("unreachable")


def duration(nanoseconds: int) -> str:
    """A span in the unit that keeps three figures: `850 µs`, `12.3 ms`, `4.20 s`, `3:05`, `2:10:00`."""
    sign = "-" if nanoseconds < 0 else ""
    micro = abs(nanoseconds) // 1000
    if micro < 1000:
        return f"{sign}{micro} µs"
    if micro < 1_000_000:
        return f"{sign}{micro / 1000:.3g} ms" if micro < 999_500 else f"{sign}1.00 s"
    seconds = micro / 1_000_000
    if seconds < 60:
        return f"{sign}{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"
