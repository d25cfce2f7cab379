"""The wire bytes of one frame, masked again piece by piece and only where somebody looks."""

from __future__ import annotations

from core.protocol.frames import Frame, apply_mask


class WireBytes:
    """What `frame.wire()` is, without the copy of the whole payload that it makes."""

    def __init__(self, frame: Frame) -> None:
        self._payload = frame.payload
        self._key = frame.masking_key
        self._header = frame.header()

    def __len__(self) -> int:
        return len(self._header) + len(self._payload)

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

    def wire(self, start: int, end: int) -> bytes:
        """Bytes `start`..`end` as they stood on the wire."""
        plain = self.plain(start, end)
        masked_from = max(start, len(self._header))
        if self._key is None or masked_from >= end:
            return plain
        turn = (masked_from - len(self._header)) % 4
        split = masked_from - start
        return plain[:split] + apply_mask(plain[split:], self._key[turn:] + self._key[:turn])

    def plain(self, start: int, end: int) -> bytes:
        """The same bytes with the payload unmasked; the header is what it is."""
        size = len(self._header)
        return self._header[start:end] + self._payload[max(start - size, 0) : max(end - size, 0)]
