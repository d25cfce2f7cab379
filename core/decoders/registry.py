"""The available decoders, and the choice among them."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from core.decoders.context import Context
from core.decoders.decoder import Confidence, DecodeError, Decoder, Pages
from core.decoders.hexdump import HexDumpDecoder
from core.decoders.json import JsonDecoder
from core.decoders.socket_io import SocketIoDecoder
from core.decoders.source import Source, ends
from core.decoders.text import TextDecoder
from core.decoders.tree import Printed
from core.errors import CallerError, CaptureError


class Decoders:
    """An ordered set of decoders. If two fit a payload equally well, the earlier one is chosen."""

    def __init__(self, decoders: tuple[Decoder, ...], raw: Decoder) -> None:
        """`raw` shows what another decoder failed on. It must accept any payload, and may be one of `decoders`."""
        self._decoders = {decoder.name: decoder for decoder in decoders}
        if len(self._decoders) != len(decoders):
            raise CallerError(
                f"Two decoders have the same name among {[d.name for d in decoders]}; rename one."
            )
        self.raw = raw

    def __iter__(self) -> Iterator[Decoder]:
        return iter(self._decoders.values())

    def __len__(self) -> int:
        return len(self._decoders)

    def get(self, name: str) -> Decoder | None:
        """The decoder with that name; None if there is none (an old setting may name one that was removed)."""
        return self._decoders.get(name)

    def best(self, payload_ends: bytes, context: Context) -> Decoder:
        """The decoder that fits best."""
        return self.ranked(payload_ends, context)[0]

    def ranked(self, payload_ends: bytes, context: Context) -> list[Decoder]:
        """All decoders that fit, best first; at least `raw`."""
        rated = [(_confidence(decoder, payload_ends, context), decoder) for decoder in self]
        fitting = [(confidence, decoder) for confidence, decoder in rated if confidence > Confidence.NONE]
        fitting.sort(key=lambda pair: -pair[0])
        return [decoder for _, decoder in fitting] or [self.raw]


class Reading:
    """A payload being decoded. If a decoder fails, the next best one takes over, and finally `raw`."""

    def __init__(self, decoders: Decoders, source: Source, context: Context, name: str | None = None) -> None:
        """`name` is the decoder to try first; None means the one that fits best."""
        self._decoders = decoders
        self._context = context
        self._name = name
        self.source = source
        self.decoder: Decoder | None = None
        """None before the first step."""
        self.pages: Pages | None = None
        """The pages of `decoder`; replaced after it has failed."""
        self.notice = ""
        """Which decoder failed, why, and which one replaced it."""

    def steps(self) -> Generator[int]:
        """Yields the number of bytes that the current decoder has processed. Raises CaptureError if the payload can't
        be read.
        """
        why = ""
        candidates = self._decoders.ranked(ends(self.source), self._context)
        if self._name is not None:
            chosen = self._decoders.get(self._name)
            if chosen is None:
                why = f"There is no decoder {self._name!r}"
            else:
                candidates.insert(0, chosen)
        for decoder in dict.fromkeys([*candidates, self._decoders.raw]):
            self.decoder = decoder
            self.notice = f"{why}. Shown as {decoder.title}." if why else ""
            try:
                self.pages = decoder.pages(self.source, self._context)
                yield from self.pages.steps()
            except CaptureError:
                raise
            except Exception as error:
                # A plug-in may raise anything; one payload must not bring down the window.
                why = f"{decoder.title}: {_reason(error)}"
                self.pages = None
            else:
                return
        raise CallerError(f"The decoder {self._decoders.raw.name!r} must take any payload, but failed. {why}")


def default_decoders() -> Decoders:
    """The built-in decoders."""
    raw = HexDumpDecoder()
    return Decoders((Printed(SocketIoDecoder()), JsonDecoder(), TextDecoder(), raw), raw)


def _confidence(decoder: Decoder, payload_ends: bytes, context: Context) -> Confidence:
    try:
        return decoder.accepts(payload_ends, context)
    except Exception:
        return Confidence.NONE


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, DecodeError) else f"{type(error).__name__}: {error}"
