"""Divides payloads into pages, and joins them again."""

from __future__ import annotations

from core.decoders.context import Context
from core.decoders.decoder import Decoder, Page, Pages
from core.decoders.registry import Decoders, Reading
from core.decoders.search import PayloadSearch, SearchPattern
from core.decoders.source import Held
from core.protocol.frames import Opcode


class Far(Held):
    """Bytes treated as if they were on a disk."""

    is_held = False


def pages_of(decoder: Decoder, data: bytes) -> Pages:
    """All pages of a payload; raises DecodeError if the decoder does not fit."""
    pages = decoder.pages(Held(data), Context(Opcode.TEXT))
    for _ in pages.steps():
        pass
    return pages


def all_pages(pages: Pages) -> list[Page]:
    return [pages.page(number) for number in range(pages.count)]


def joined(pages: Pages) -> str:
    """The text of all pages, joined."""
    return "".join((page.lead if number else "") + page.text for number, page in enumerate(all_pages(pages)))


def only_page(decoder: Decoder, data: bytes) -> Page:
    """The page of a payload that has only one."""
    (page,) = all_pages(pages_of(decoder, data))
    return page


def read(decoders: Decoders, payload: bytes, opcode: int, name: str | None = None) -> Reading:
    """A payload decoded to its end."""
    reading = Reading(decoders, Held(payload), Context(opcode), name)
    for _ in reading.steps():
        pass
    return reading


def notices(reading: Reading) -> str:
    """Everything that a person would be told."""
    assert reading.pages is not None
    parts = (reading.notice, *(page.notice for page in all_pages(reading.pages)))
    return " ".join(filter(None, parts))


def hits(data: bytes, needle: SearchPattern) -> list[bytes]:
    """What a search finds, as it is in the payload."""
    search = PayloadSearch(Held(data), needle)
    for _ in search.steps():
        pass
    assert search.count == search.kept
    found = [search.hit(number) for number in range(search.kept)]
    assert all(search.first_from(hit.first) == number for number, hit in enumerate(found))
    return [data[hit.first : hit.end] for hit in found]
