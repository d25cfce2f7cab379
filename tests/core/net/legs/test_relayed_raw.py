"""Raw bytes into either side of a relayed connection: as they were given, between the frames of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.capture.records import FrameRecord
from core.net.settings import EngineSettings, Limits
from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import Origin
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.outgoing import OutgoingMessage, OutgoingRaw, Piece, RawEnd, Target
from core.protocol.raw_frames import Pacing, RawFrame, paced
from core.protocol.state import Role
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.served import Served, frames_of, on_loop


class Between:
    """A client, a server, and the relay between them."""

    def __init__(self, engine: Served, client: RawPeer, server: RawServer) -> None:
        self.engine = engine
        self.client = client
        self.server = server

    def send(self, toward: Role, raw: OutgoingRaw) -> None:
        on_loop(self.engine, lambda found: found.send(Target(1, toward), raw))

    def recorded(self, count: int) -> list[FrameRecord]:
        reader = self.engine.captured(
            lambda reader: reader.totals().frames >= count, f"there are {count} frames"
        )
        return frames_of(reader)


@contextmanager
def between(tmp_path: Path, *, deflate: bool = False) -> Iterator[Between]:
    settings = EngineSettings(limits=Limits(close_seconds=0.5))
    with (
        RawServer() as server,
        Served(tmp_path / "relay.unmask", settings) as engine,
        RawPeer(engine.relay(server.url)) as client,
    ):
        offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" if deflate else b"\r\n"
        client.send(client.request()[:-2] + offer)
        server.open(*([("Sec-WebSocket-Extensions", "permessage-deflate")] if deflate else []))
        assert client.head().startswith(b"HTTP/1.1 101 ")
        engine.opened()
        yield Between(engine, client, server)


@pytest.mark.parametrize("toward", Role)
def test_wrong_frames_reach_either_side_and_say_what_they_break(tmp_path: Path, toward: Role) -> None:
    with between(tmp_path) as relay:
        end = relay.client if toward is Role.CLIENT else relay.server
        wrong = RawFrame(0x3, b"odd", rsv=0x20, masking_key=None if toward is Role.SERVER else MASK)
        relay.send(toward, paced(wrong.wire()))
        assert end.take(len(wrong.wire())) == wrong.wire()
        (record,) = relay.recorded(1)
        assert record.row.origin is Origin.INJECTED
        assert record.frame == wrong.frame
        assert {found.rule.id for found in record.violations} == {
            *("rsv2-set", "opcode-reserved"),
            "mask-missing" if toward is Role.SERVER else "mask-forbidden",
        }


def test_what_passes_waits_for_the_last_piece(tmp_path: Path) -> None:
    with between(tmp_path) as relay:
        wire = RawFrame(Opcode.TEXT, b"drop by drop", masking_key=MASK).wire()
        relay.send(Role.SERVER, paced(wire, Pacing(every=4, pause_seconds=0.05)))
        assert relay.server.take(4) == wire[:4]
        relay.client.frame(Opcode.TEXT, b"passing")
        relay.client.frame(Opcode.PING, b"?")
        assert relay.server.take(len(wire) - 4) == wire[4:]
        passed = [
            make_frame(Opcode.TEXT, b"passing", masking_key=MASK).wire(),
            make_frame(Opcode.PING, b"?", masking_key=MASK).wire(),
        ]
        came = relay.server.take(sum(map(len, passed)))
        assert came in (b"".join(passed), b"".join(reversed(passed)))
        payloads = {record.frame.payload for record in relay.recorded(3)}
        assert payloads == {b"drop by drop", b"passing", b"?"}


def test_raw_bytes_under_way_can_be_stopped(tmp_path: Path) -> None:
    with between(tmp_path) as relay:
        relay.send(Role.CLIENT, OutgoingRaw((Piece(b"\x82\x05ab"), Piece(b"cde", 600.0))))
        assert relay.client.take(4) == b"\x82\x05ab"
        relay.server.frame(Opcode.TEXT, b"later")
        on_loop(relay.engine, lambda found: found.stop_sending(1))
        assert relay.client.take(7) == b"\x81\x05later"
        (cut,) = (record for record in relay.recorded(2) if record.frame.truncated)
        assert [found.rule.id for found in cut.violations] == ["frame-truncated"]


def test_the_end_can_follow(tmp_path: Path) -> None:
    with between(tmp_path) as relay:
        relay.send(Role.CLIENT, OutgoingRaw((Piece(b"\x81"),), RawEnd.HALF_CLOSE))
        assert relay.client.rest() == b"\x81"
        relay.client.frame(Opcode.TEXT, b"still heard")
        heard = make_frame(Opcode.TEXT, b"still heard", masking_key=MASK).wire()
        assert relay.server.take(len(heard)) == heard


def test_compressed_messages_stay_readable_behind_compressed_raw_ones(tmp_path: Path) -> None:
    with between(tmp_path, deflate=True) as relay:
        sender = Deflater(DeflateParameters(), Role.SERVER)
        reader = Inflater(DeflateParameters(), Role.CLIENT)
        text = b"the same words again and again" * 10

        def passes(number: int) -> None:
            data = sender.compress(text + b"%d" % number)
            relay.server.send(make_frame(Opcode.TEXT, data, rsv=RSV1).wire())
            head, length = relay.client.take(2)
            if length == 126:
                length = int.from_bytes(relay.client.take(2), "big")
            assert head == 0xC1
            assert reader.inflate(relay.client.take(length), 10_000) == text + b"%d" % number

        passes(1)
        injected = Deflater(DeflateParameters(), Role.SERVER).compress(b"injected, and not what it refers to")
        relay.send(Role.CLIENT, paced(RawFrame(Opcode.TEXT, injected, rsv=RSV1).wire()))
        relay.client.take(2)
        assert reader.inflate(relay.client.take(len(injected)), 10_000).startswith(b"injected")
        for number in range(2, 6):
            passes(number)
        message = OutgoingMessage(Opcode.TEXT, text)
        on_loop(relay.engine, lambda found: found.send(Target(1, Role.CLIENT), message))
        head, length = relay.client.take(2)
        assert head == 0xC1
        assert reader.inflate(relay.client.take(length), 10_000) == text
