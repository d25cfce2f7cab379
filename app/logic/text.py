"""Makes peer text safe to show: nothing invisible, no change of reading direction, one line."""

from __future__ import annotations

import html

from core.decoders.visible import visible

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F)} | {0x09: "⇥", 0x0A: "↵"}


def one_line(text: str) -> str:
    """`text` with line feed as ↵, tab as ⇥, other controls as `\\x1b`, invisible characters as `\\u202e`."""
    return visible(text.translate(_CONTROLS))


def one_line_bytes(data: bytes) -> str:
    """`data` as UTF-8 on one line; invalid bytes as `\\xff`."""
    return one_line(data.decode("utf-8", "backslashreplace"))


def cut(text: str, room: int) -> str:
    """`text` in at most `room` characters, ending in an ellipsis if it is cut."""
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"


def cut_path(path: str, room: int) -> str:
    """A request target in at most `room` characters: the query is cut first, then the beginning; the tail stays.

    An ellipsis stands wherever something is left out.
    """
    if len(path) <= room:
        return path
    before, mark, _ = path.partition("?")
    if mark and len(before) < room:
        return cut(path, room)
    tail = max(0, room - 1 - len(mark))
    return "…" + before[len(before) - tail :] + ("…" if mark and tail else "")


def tooltip(*lines: str) -> str:
    """A tooltip that shows the lines literally; Qt would render anything that looks like HTML."""
    return f"<qt>{'<br>'.join(html.escape(one_line(line)) for line in lines)}</qt>"


def decode_prefix(data: bytes) -> str | None:
    """The text that begins with `data`, without a character cut at its end; None if it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None
        return data[: error.start].decode()


def grouped(number: int) -> str:
    """`12 345` with narrow no-break spaces."""
    return f"{number:,}".replace(",", "\u202f")


def counted(count: int, one: str, many: str, **values: object) -> str:
    """`one` for a single thing, else `many`; `{count}` and the names in `values` are filled in."""
    return (one if count == 1 else many).format(count=grouped(count), **values)


def count_bytes(count: int) -> str:
    """`1 byte`, `12 345 bytes`."""
    return counted(count, "1 byte", "{count} bytes")


def duration(nanoseconds: int) -> str:
    """A duration in the unit that shows three figures: `850 µs`, `12.3 ms`, `4.20 s`, `3:05`, `2:10:00`."""
    sign = "-" if nanoseconds < 0 else ""
    micro = abs(nanoseconds) // 1000
    if micro < 1000:
        return f"{sign}{micro} µs"
    if micro < 1_000_000:
        milli = micro / 1000
        return f"{sign}{milli:.{2 if milli < 10 else 1 if milli < 100 else 0}f} ms"
    seconds = micro / 1_000_000
    if seconds < 60:
        return f"{sign}{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"


def rough_time(seconds: float) -> str:
    """A time in the future: `40 s`, `12 min`, `3 h`."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 6000 else f"{round(seconds / 3600)} h"
