"""Conversations written as pcapng with synthesised TCP, for foreign dissectors.

Source: draft-ietf-opsawg-pcapng (blocks), RFC 791 (IPv4), RFC 9293 (TCP).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_SERVER_PORT = 8080
_LINK_RAW_IPV4 = 228
_SEGMENT = 60_000
_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10


class Way(Enum):
    """The direction of bytes."""

    TO_SERVER = 0
    TO_CLIENT = 1


@dataclass(slots=True)
class Conversation:
    """One TCP connection to port 8080: what was on the wire, in order."""

    client_port: int
    said: list[tuple[Way, bytes]] = field(default_factory=list)


def write_pcapng(path: Path, conversations: list[Conversation]) -> None:
    """All of them, one after the other, a millisecond a packet."""
    out = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(0x00000001, struct.pack("<HHI", _LINK_RAW_IPV4, 0, 0)),
    ]
    time = 1_760_000_000_000_000
    for conversation in conversations:
        for packet in _packets(conversation):
            time += 1000
            head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(packet), len(packet))
            out.append(_block(0x00000006, head + packet))
    path.write_bytes(b"".join(out))


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _packets(conversation: Conversation) -> list[bytes]:
    """SYN, SYN-ACK, ACK, the segments, and a FIN from both sides."""
    ports = {Way.TO_SERVER: (conversation.client_port, _SERVER_PORT)}
    ports[Way.TO_CLIENT] = ports[Way.TO_SERVER][::-1]
    sequence = {Way.TO_SERVER: 1000, Way.TO_CLIENT: 5000}
    packets: list[bytes] = []

    def send(way: Way, flags: int, data: bytes = b"") -> None:
        other = Way.TO_CLIENT if way is Way.TO_SERVER else Way.TO_SERVER
        acknowledged = sequence[other] if flags & _ACK else 0
        packets.append(_packet(way, ports[way], sequence[way], acknowledged, flags, data))
        sequence[way] += len(data) + (1 if flags & (_SYN | _FIN) else 0)

    send(Way.TO_SERVER, _SYN)
    send(Way.TO_CLIENT, _SYN | _ACK)
    send(Way.TO_SERVER, _ACK)
    for way, data in conversation.said:
        for at in range(0, len(data), _SEGMENT):
            send(way, _PSH | _ACK, data[at : at + _SEGMENT])
    send(Way.TO_SERVER, _FIN | _ACK)
    send(Way.TO_CLIENT, _FIN | _ACK)
    send(Way.TO_SERVER, _ACK)
    return packets


def _packet(
    way: Way, ports: tuple[int, int], sequence: int, acknowledged: int, flags: int, data: bytes
) -> bytes:
    client, server = b"\x7f\x00\x00\x02", b"\x7f\x00\x00\x01"
    addresses = client + server if way is Way.TO_SERVER else server + client
    tcp = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 65535, 0, 0) + data
    tcp_sum = _checksum(addresses + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack(">H", tcp_sum) + tcp[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + addresses
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + tcp


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
