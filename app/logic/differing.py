"""What was changed in a message: the lines of both, with what came and what went. No Qt here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import zip_longest

from core.decoders.context import Context
from core.decoders.decoder import Decoder, TextPlace
from core.decoders.registry import Decoders
from core.decoders.source import Held, Source, ends

COMPARED_BYTES = 256 * 1024
"""Bytes compared of each message."""
MOST_LINES = 2000
"""Lines compared of each."""
_AROUND = 3
"""Unchanged lines shown around a change."""
_LINE = 4096
"""Characters of a line that are looked through for the words that changed."""
_SHOWN = 2000
"""Characters shown of a line."""
_WORD = re.compile(r"\w+|\W")


class LineKind(Enum):
    """What became of a line."""

    BOTH = "both"
    GONE = "gone"
    COME = "come"
    SKIPPED = "skipped"
    """Stands for unchanged lines that are not shown."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of the comparison."""

    kind: LineKind
    text: str = ""
    changed: tuple[TextPlace, ...] = ()
    """Where it differs from the line that it was or became."""
    skipped: int = 0
    """How many lines it stands for."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two messages."""

    lines: tuple[DiffLine, ...]
    title: str
    """How both are read: the name of a decoder."""
    is_whole: bool
    """Whether all of both was compared."""

    @property
    def is_same(self) -> bool:
        """Whether they do not differ in what was compared."""
        return all(line.kind in (LineKind.BOTH, LineKind.SKIPPED) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Content:
    """One of the two."""

    source: Source
    context: Context


def compare(decoders: Decoders, before: Content, after: Content, name: str | None = None) -> Comparison:
    """Both as the same decoder shows them: the one of that name, or the best that reads both. Raises CaptureError."""
    cut = [_beginning(each) for each in (before, after)]
    is_whole = all(len(each.source) <= COMPARED_BYTES for each in (before, after))
    chosen = None if name is None else decoders.get(name)
    for decoder in dict.fromkeys(filter(None, (chosen, *_fitting(decoders, cut), decoders.raw))):
        try:
            texts = [_lines(decoder, each) for each in cut]
        except Exception:
            # A plug-in may raise anything; the next decoder may do better.
            if decoder is decoders.raw:
                raise
            continue
        break
    whole = is_whole and all(len(each) <= MOST_LINES for each in texts)
    first, second = (each[:MOST_LINES] for each in texts)
    return Comparison(tuple(_folded(list(_compared(first, second)))), decoder.title, whole)


def _fitting(decoders: Decoders, contents: Sequence[Content]) -> list[Decoder]:
    """Those that fit both, best first."""
    first, second = (decoders.ranked(ends(each.source), each.context) for each in contents)
    both = [decoder for decoder in second if decoder in first]
    return sorted(both, key=lambda decoder: first.index(decoder) + second.index(decoder))


def _beginning(content: Content) -> Content:
    return Content(Held(content.source.read(0, COMPARED_BYTES)), content.context)


def _lines(decoder: Decoder, content: Content) -> list[str]:
    pages = decoder.pages(content.source, content.context)
    for _ in pages.steps():
        pass
    parts: list[str] = []
    for number in range(pages.count):
        page = pages.page(number)
        parts += [page.lead, page.text] if number else [page.text]
        if sum(part.count("\n") for part in parts) > MOST_LINES:
            break
    return "".join(parts).split("\n")


def _compared(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    same = _common(before, after)
    end = _common(before[same:][::-1], after[same:][::-1])
    yield from (DiffLine(LineKind.BOTH, _shown(line)) for line in before[:same])
    middle = before[same : len(before) - end], after[same : len(after) - end]
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, *middle).get_opcodes():
        if kind == "equal":
            yield from (DiffLine(LineKind.BOTH, _shown(line)) for line in middle[0][i1:i2])
        else:
            yield from _changed(middle[0][i1:i2], middle[1][j1:j2])
    yield from (DiffLine(LineKind.BOTH, _shown(line)) for line in before[len(before) - end :])


def _changed(gone: list[str], come: list[str]) -> Iterator[DiffLine]:
    """Lines in place of others: first those that went, then those that came."""
    places = [
        ((), ()) if one is None or other is None else _words(one, other)
        for one, other in zip_longest(gone, come)
    ]
    for line, (mine, _) in zip(gone, places, strict=False):
        yield DiffLine(LineKind.GONE, _shown(line), mine)
    for line, (_, mine) in zip(come, places, strict=False):
        yield DiffLine(LineKind.COME, _shown(line), mine)


_Places = tuple[TextPlace, ...]


def _words(before: str, after: str) -> tuple[_Places, _Places]:
    """Where two lines differ; nowhere if they have nothing in common, or are too long to tell."""
    if max(len(before), len(after)) > _LINE:
        return (), ()
    first, second = _WORD.findall(before), _WORD.findall(after)
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.quick_ratio() < 0.3:
        return (), ()
    starts = [_starts(first), _starts(second)]
    found: tuple[list[TextPlace], list[TextPlace]] = ([], [])
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind != "equal":
            for side, (low, high) in enumerate(((i1, i2), (j1, j2))):
                place = TextPlace(starts[side][low], min(starts[side][high], _SHOWN))
                if place.start < place.end:
                    found[side].append(place)
    return tuple(found[0]), tuple(found[1])


def _starts(words: Sequence[str]) -> list[int]:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return starts


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Number of equal lines at the start."""
    for number, (mine, yours) in enumerate(zip(one, other, strict=False)):
        if mine != yours:
            return number
    return min(len(one), len(other))


def _folded(lines: list[DiffLine]) -> Iterator[DiffLine]:
    """Long stretches of unchanged lines as one line each."""
    start = 0
    while start < len(lines):
        if lines[start].kind is not LineKind.BOTH:
            yield lines[start]
            start += 1
            continue
        end = start
        while end < len(lines) and lines[end].kind is LineKind.BOTH:
            end += 1
        head = _AROUND if start else 0
        tail = _AROUND if end < len(lines) else 0
        left_out = end - start - head - tail
        if left_out > 1 and (start or end < len(lines)):
            yield from lines[start : start + head]
            yield DiffLine(LineKind.SKIPPED, skipped=left_out)
            yield from lines[end - tail : end]
        else:
            yield from lines[start:end]
        start = end


def _shown(line: str) -> str:
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"
