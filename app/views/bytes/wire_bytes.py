"""The wire bytes of one frame, masked again piece by piece where they are looked at."""

from __future__ import annotations

from collections.abc import Callable

from core.protocol.frames import Frame, apply_mask


class WireBytes:
    """`frame.wire()` without holding the payload; pieces are fetched when they are looked at."""

    def __init__(self, frame: Frame, length: int, payload: Callable[[int, int], bytes | None]) -> None:
        """`payload(start, end)` gives payload bytes, None if they are not available yet; `length` is the payload's
        length.
        """
        self._payload = payload
        self._length = length
        self._key = frame.masking_key
        self._header = frame.header()

    def __len__(self) -> int:
        return len(self._header) + self._length

    @property
    def header_length(self) -> int:
        """Number of bytes before the payload."""
        return len(self._header)

    @property
    def masked(self) -> bool:
        return self._key is not None

    def key_byte(self, offset: int) -> int:
        """The key byte that masks wire byte `offset` (RFC 6455 section 5.3); 0 if it is not masked."""
        return 0 if self._key is None else self._key[(offset - len(self._header)) % 4]

    def wire(self, start: int, end: int) -> bytes | None:
        """Bytes `start`..`end` as they were on the wire; None if they are not available yet."""
        plain = self.plain(start, end)
        masked_from = max(start, len(self._header))
        if plain is None or self._key is None or masked_from >= end:
            return plain
        turn = (masked_from - len(self._header)) % 4
        split = masked_from - start
        return plain[:split] + apply_mask(plain[split:], self._key[turn:] + self._key[:turn])

    def plain(self, start: int, end: int) -> bytes | None:
        """Bytes `start`..`end` with the payload unmasked and the header unchanged."""
        size = len(self._header)
        first, last = max(start - size, 0), min(max(end - size, 0), self._length)
        payload = self._payload(first, last) if first < last else b""
        return None if payload is None else self._header[start:end] + payload
