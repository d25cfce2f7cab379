"""The wire bytes of one frame, masked again piece by piece and only where somebody looks."""

from __future__ import annotations

from collections.abc import Callable

from core.protocol.frames import Frame, apply_mask


class WireBytes:
    """What `frame.wire()` is, without the payload, of which a piece is fetched when it is looked at."""

    def __init__(self, frame: Frame, length: int, payload: Callable[[int, int], bytes | None]) -> None:
        """`payload(start, end)` gives bytes of the payload, None where they are not there yet; `length` is all."""
        self._payload = payload
        self._length = length
        self._key = frame.masking_key
        self._header = frame.header()

    def __len__(self) -> int:
        return len(self._header) + self._length

    @property
    def header_length(self) -> int:
        """How many bytes stand before the payload."""
        return len(self._header)

    @property
    def masked(self) -> bool:
        return self._key is not None

    def key_byte(self, offset: int) -> int:
        """The byte of the key that masks wire byte `offset` (RFC 6455 section 5.3); 0 where nothing is masked."""
        return 0 if self._key is None else self._key[(offset - len(self._header)) % 4]

    def wire(self, start: int, end: int) -> bytes | None:
        """Bytes `start`..`end` as they stood on the wire; None where they are not there yet."""
        plain = self.plain(start, end)
        masked_from = max(start, len(self._header))
        if plain is None or self._key is None or masked_from >= end:
            return plain
        turn = (masked_from - len(self._header)) % 4
        split = masked_from - start
        return plain[:split] + apply_mask(plain[split:], self._key[turn:] + self._key[:turn])

    def plain(self, start: int, end: int) -> bytes | None:
        """The same bytes with the payload unmasked; the header is what it is."""
        size = len(self._header)
        first, last = max(start - size, 0), min(max(end - size, 0), self._length)
        payload = self._payload(first, last) if first < last else b""
        return None if payload is None else self._header[start:end] + payload
