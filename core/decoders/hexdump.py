"""Bytes as offset, hex and ASCII, sixteen to a line."""

from __future__ import annotations

from core.decoders.decoder import Confidence, ContentKind, Decoded

_WIDTH = 16
_PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in range(256))


def hexdump(data: bytes) -> str:
    """Lines such as `00000000  48 65 6c 6c 6f                                    Hello`, without a last line end.

    Bytes that are no printable ASCII stand as a dot.
    """
    lines = []
    for offset in range(0, len(data), _WIDTH):
        row = data[offset : offset + _WIDTH]
        left, right = row[:8].hex(" "), row[8:].hex(" ")
        ascii_column = row.translate(_PRINTABLE).decode("ascii")
        lines.append(f"{offset:08x}  {left:<23}  {right:<23}  {ascii_column}")
    return "\n".join(lines)


class HexDumpDecoder:
    """Shows any payload."""

    name = "hex"
    title = "Hex"
    help = "Every byte of the payload: offset, hexadecimal, ASCII."

    def __init__(self, limit: int = 1 << 20) -> None:
        """Of a payload over `limit` bytes only the beginning is shown."""
        self._limit = limit

    def accepts(self, payload: bytes, opcode: int) -> Confidence:  # noqa: ARG002
        return Confidence.FALLBACK

    def decode(self, payload: bytes) -> Decoded:
        notice = ""
        if len(payload) > self._limit:
            notice = f"Only the first {self._limit:,} of {len(payload):,} bytes are shown."
        return Decoded(hexdump(payload[: self._limit]), ContentKind.HEX, notice=notice)
