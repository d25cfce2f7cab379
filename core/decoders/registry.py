"""The decoders that there are, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from core.decoders.decoder import Confidence, Decoded, DecodeError, Decoder
from core.decoders.hexdump import HexDumpDecoder
from core.decoders.json import JsonDecoder
from core.decoders.text import TextDecoder
from core.errors import CallerError


class Decoders:
    """An ordered set of decoders. Where two fit a payload equally well the earlier one is chosen."""

    def __init__(self, decoders: tuple[Decoder, ...], raw: Decoder) -> None:
        """`raw` shows what another decoder failed on. It must take any payload, and may be one of `decoders`."""
        self._decoders = {decoder.name: decoder for decoder in decoders}
        if len(self._decoders) != len(decoders):
            raise CallerError(
                f"Two decoders have the same name among {[d.name for d in decoders]}; rename one."
            )
        self._raw = raw

    def __iter__(self) -> Iterator[Decoder]:
        return iter(self._decoders.values())

    def __len__(self) -> int:
        return len(self._decoders)

    def get(self, name: str) -> Decoder | None:
        """The decoder of that name, None if there is none (an old setting may name one that is gone)."""
        return self._decoders.get(name)

    def best(self, payload: bytes, opcode: int) -> Decoder:
        """The decoder that fits best."""
        return self._ranked(payload, opcode)[0]

    def decode(self, payload: bytes, opcode: int, name: str | None = None) -> Decoded:
        """`payload` as decoder `name` shows it, or the one that fits best. Never fails.

        Where the decoder fails the next best one takes over, at last `raw`, and `notice` says so.
        """
        candidates = [*self._ranked(payload, opcode), self._raw]
        why = ""
        if name is not None:
            chosen = self.get(name)
            if chosen is None:
                why = f"There is no decoder {name!r}"
            else:
                candidates.insert(0, chosen)
        for decoder in dict.fromkeys(candidates):
            try:
                decoded = decoder.decode(payload)
            except Exception as error:
                # A plug-in may fail in any way; one payload must not take the window with it.
                why = f"{decoder.title}: {_reason(error)}"
                continue
            return replace(decoded, decoder=decoder.name, notice=_notice(why, decoder, decoded.notice))
        raise CallerError(f"The decoder {self._raw.name!r} must take any payload, but failed. {why}")

    def _ranked(self, payload: bytes, opcode: int) -> list[Decoder]:
        """All that fit, best first, and at least `raw`."""
        rated = [(_confidence(decoder, payload, opcode), decoder) for decoder in self]
        fitting = [(confidence, decoder) for confidence, decoder in rated if confidence > Confidence.NONE]
        fitting.sort(key=lambda pair: -pair[0])
        return [decoder for _, decoder in fitting] or [self._raw]


def default_decoders() -> Decoders:
    """Those that come with Unmask."""
    raw = HexDumpDecoder()
    return Decoders((JsonDecoder(), TextDecoder(), raw), raw)


def _confidence(decoder: Decoder, payload: bytes, opcode: int) -> Confidence:
    try:
        return decoder.accepts(payload, opcode)
    except Exception:
        return Confidence.NONE


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, DecodeError) else f"{type(error).__name__}: {error}"


def _notice(why: str, decoder: Decoder, notice: str) -> str:
    if not why:
        return notice
    return " ".join(filter(None, (f"{why}. Shown as {decoder.title}.", notice)))
