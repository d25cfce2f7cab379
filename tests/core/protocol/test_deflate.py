"""The codec of permessage-deflate (RFC 7692 section 7.2)."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate as WebsocketsDeflate
from websockets.frames import Frame as WebsocketsFrame
from websockets.frames import Opcode as WebsocketsOpcode
from wsproto.extensions import PerMessageDeflate as WsprotoDeflate
from wsproto.frame_protocol import FrameDecoder, Opcode, RsvBits

from core.errors import CallerError, InflateError
from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.state import Role

LIMIT = 1 << 20
TAIL = b"\x00\x00\xff\xff"

PARAMETERS = st.builds(
    DeflateParameters, st.booleans(), st.booleans(), st.integers(8, 15), st.integers(8, 15)
)
ROLES = st.sampled_from(Role)
WORDS = st.sampled_from([b"abc", b'{"id":', b"\x00" * 300, bytes(range(256)), b"\xff", b"RFC 7692"])
PAYLOADS = st.binary(max_size=600) | st.lists(WORDS, max_size=60).map(b"".join)
MESSAGES = st.lists(PAYLOADS, min_size=1, max_size=6)


def peer_of(role: Role) -> Role:
    return Role.CLIENT if role is Role.SERVER else Role.SERVER


def server_inflater(
    *, client_no_context_takeover: bool = False, client_max_window_bits: int = 15
) -> Inflater:
    parameters = DeflateParameters(
        client_no_context_takeover=client_no_context_takeover, client_max_window_bits=client_max_window_bits
    )
    return Inflater(parameters, Role.SERVER)


def raw_deflate(data: bytes, bits: int = 15, level: int = 9) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def rule_of(inflater: Inflater, data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(InflateError) as caught:
        inflater.inflate(data, limit)
    return caught.value.rule


LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131]
LENGTH_BASE += [163, 195, 227, 258]
LENGTH_EXTRA = [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0]
DISTANCE_BASE = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537]
DISTANCE_BASE += [2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]
CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]


class DistanceReader:
    """Reads the distances out of a DEFLATE stream (RFC 1951 section 3.2), independently of zlib."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def furthest(self) -> int:
        """The longest distance in the stream, 0 if it has none."""
        longest = 0
        while self._left >= 3:
            self._take(1)
            kind = self._take(2)
            if kind == 0:
                self._take(self._left % 8)
                length = self._take(16)
                self._take(16)
                self._take(8 * length)
            else:
                codes = self._dynamic() if kind == 2 else self._fixed()
                longest = max(longest, self._block(*codes))
        return longest

    def _take(self, count: int) -> int:
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        self._left -= count
        return value

    def _symbol(self, code: dict[tuple[int, int], int]) -> int:
        word = length = 0
        while (length, word) not in code:
            word = word << 1 | self._take(1)
            length += 1
            assert length <= 15
        return code[length, word]

    @staticmethod
    def _code(lengths: list[int]) -> dict[tuple[int, int], int]:
        code: dict[tuple[int, int], int] = {}
        word = 0
        for length in range(1, 16):
            for symbol, its_length in enumerate(lengths):
                if its_length == length:
                    code[length, word] = symbol
                    word += 1
            word <<= 1
        return code

    def _fixed(self) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
        return self._code([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), self._code([5] * 30)

    def _dynamic(self) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
        literals, distances, count = self._take(5) + 257, self._take(5) + 1, self._take(4) + 4
        own = [0] * 19
        for place in CODE_LENGTH_ORDER[:count]:
            own[place] = self._take(3)
        code = self._code(own)
        lengths: list[int] = []
        while len(lengths) < literals + distances:
            symbol = self._symbol(code)
            if symbol < 16:
                lengths.append(symbol)
            elif symbol == 16:
                lengths += [lengths[-1]] * (3 + self._take(2))
            else:
                lengths += [0] * (3 + self._take(3) if symbol == 17 else 11 + self._take(7))
        return self._code(lengths[:literals]), self._code(lengths[literals:])

    def _block(self, literals: dict[tuple[int, int], int], distances: dict[tuple[int, int], int]) -> int:
        longest = 0
        while (symbol := self._symbol(literals)) != 256:
            if symbol > 256:
                self._take(LENGTH_EXTRA[symbol - 257])
                place = self._symbol(distances)
                longest = max(longest, DISTANCE_BASE[place] + self._take(max(0, place // 2 - 1)))
        return longest


# RFC 7692 section 7.2.3, literally.


def test_one_compressed_block() -> None:
    assert server_inflater().inflate(b"\xf2\x48\xcd\xc9\xc9\x07\x00", LIMIT) == b"Hello"
    assert Deflater(DeflateParameters(), Role.CLIENT).compress(b"Hello") == b"\xf2\x48\xcd\xc9\xc9\x07\x00"


def test_fragments_are_joined_first() -> None:
    assert server_inflater().inflate(b"\xf2\x48\xcd" + b"\xc9\xc9\x07\x00", LIMIT) == b"Hello"


def test_sharing_the_window() -> None:
    inflater = server_inflater()
    assert inflater.inflate(b"\xf2\x48\xcd\xc9\xc9\x07\x00", LIMIT) == b"Hello"
    assert inflater.inflate(b"\xf2\x00\x11\x00\x00", LIMIT) == b"Hello"
    deflater = Deflater(DeflateParameters(), Role.CLIENT)
    assert [deflater.compress(b"Hello"), deflater.compress(b"Hello")] == [
        b"\xf2\x48\xcd\xc9\xc9\x07\x00",
        b"\xf2\x00\x11\x00\x00",
    ]


def test_not_sharing_the_window() -> None:
    deflater = Deflater(DeflateParameters(client_no_context_takeover=True), Role.CLIENT)
    inflater = server_inflater(client_no_context_takeover=True)
    for _ in range(3):
        assert deflater.compress(b"Hello") == b"\xf2\x48\xcd\xc9\xc9\x07\x00"
        assert inflater.inflate(b"\xf2\x48\xcd\xc9\xc9\x07\x00", LIMIT) == b"Hello"
    assert rule_of(inflater, b"\xf2\x00\x11\x00\x00") == "deflate-corrupt"


def test_block_without_compression() -> None:
    data = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"
    assert server_inflater().inflate(data, LIMIT) == b"Hello"
    assert Deflater(DeflateParameters(), Role.CLIENT, level=0).compress(b"Hello") == data


@pytest.mark.parametrize("bits", [8, 15])
def test_block_with_bfinal_set(bits: int) -> None:
    inflater = server_inflater(client_max_window_bits=bits)
    for _ in range(3):
        assert inflater.inflate(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", LIMIT) == b"Hello"
    # The window outlives BFINAL.
    assert inflater.inflate(b"\xf2\x00\x11\x00\x00", LIMIT) == b"Hello"


def test_two_blocks_in_one_message() -> None:
    data = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"
    assert server_inflater().inflate(data, LIMIT) == b"Hello"


def test_empty_message() -> None:
    assert server_inflater().inflate(b"\x00", LIMIT) == b""
    assert server_inflater().inflate(b"\x02\x00", LIMIT) == b""
    assert Deflater(DeflateParameters(), Role.CLIENT).compress(b"") == b"\x00"


# Blocks with BFINAL.


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("bits", [8, 15])
def test_several_final_blocks_share_one_window(bits: int, forgets: bool) -> None:
    inflater = server_inflater(client_max_window_bits=bits, client_no_context_takeover=forgets)
    data = b"\xf3\x48\xcd\xc9\xc9\x07\x00" + b"\xf3\x00\x11\x00" + b"\x03\x00" + b"\xf2\x00\x11\x00\x00"
    assert inflater.inflate(data, LIMIT) == b"Hello" * 3
    assert inflater.inflate(data, LIMIT) == b"Hello" * 3


def test_a_final_block_before_anything_was_inflated() -> None:
    assert server_inflater().inflate(b"\x03\x00" + b"\xf2\x48\xcd\xc9\xc9\x07\x00", LIMIT) == b"Hello"


@pytest.mark.parametrize("bits", [8, 15])
def test_a_final_block_with_nothing_after_it(bits: int) -> None:
    assert (
        rule_of(server_inflater(client_max_window_bits=bits), b"\xf3\x48\xcd\xc9\xc9\x07\x00")
        == "deflate-corrupt"
    )


def test_final_blocks_are_limited() -> None:
    inflater = server_inflater()
    assert inflater.inflate(b"\x03\x00" * 1000 + b"\x00", LIMIT) == b""
    assert rule_of(inflater, b"\x03\x00" * 500_000 + b"\x00") == "deflate-corrupt"


def test_final_blocks_carry_a_whole_window() -> None:
    text = random.Random(1).randbytes(32_768)
    first = zlib.compressobj(9, zlib.DEFLATED, -15)
    second = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=text)
    data = first.compress(text) + first.flush(zlib.Z_FINISH)
    data += (second.compress(text[600:2000]) + second.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
    assert len(data) < 34_000
    inflater = server_inflater()
    inflater.inflate(raw_deflate(text[:20_000]), LIMIT)
    assert inflater.inflate(data, LIMIT) == text + text[600:2000]


# Data that does not inflate.


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Hello",
        b"\x06",
        b"\x07\x00",
        b"\x01\x05\x00\xfa\xffHello",
        b"\xf2\x48\xcd\xc9\xc9\x07",
        b"\xf2\x48\xcd\xc9\xc9",
        b"\xf2\x00\x11\x00\x00",
        b"\x00\x05\x00\xfa\xffHel\x00",
        b"\x00\x05\x00\xfb\xffHello\x00",
    ],
)
def test_deflate_corrupt(data: bytes, forgets: bool) -> None:
    for bits in (8, 15):
        inflater = server_inflater(client_max_window_bits=bits, client_no_context_takeover=forgets)
        assert rule_of(inflater, data) == "deflate-corrupt"


@pytest.mark.parametrize("level", [0, 1, 9])
def test_every_cut_after_the_block_header_is_corrupt(level: int) -> None:
    data = raw_deflate(b"".join(b"%d, " % (number * number) for number in range(1000)), level=level)
    for end in range(100, len(data)):
        inflater = server_inflater()
        assert rule_of(inflater, data[:end]) == "deflate-corrupt"


def test_a_cut_inside_the_block_header_shows_by_its_last_byte() -> None:
    data = raw_deflate(b"".join(b"%d, " % (number * number) for number in range(1000)))
    ends = [end for end in range(1, 60) if data[end - 1] >= 0x20]
    assert len(ends) > 40
    for end in ends:
        assert rule_of(server_inflater(), data[:end]) == "deflate-corrupt"


@given(st.binary(max_size=200), st.integers(8, 15), st.booleans())
def test_noise_inflates_or_raises(data: bytes, bits: int, forgets: bool) -> None:
    inflater = server_inflater(client_max_window_bits=bits, client_no_context_takeover=forgets)
    try:
        payload = inflater.inflate(data, 5000)
    except InflateError:
        return
    assert len(payload) <= 5000


def test_a_failed_inflater_refuses_until_reset() -> None:
    inflater = server_inflater()
    hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
    assert inflater.inflate(hello, LIMIT) == b"Hello"
    assert rule_of(inflater, b"\xff\xff") == "deflate-corrupt"
    with pytest.raises(CallerError, match="reset"):
        inflater.inflate(hello, LIMIT)
    inflater.reset()
    assert rule_of(inflater, b"\xf2\x00\x11\x00\x00") == "deflate-corrupt"
    inflater.reset()
    assert inflater.inflate(hello, LIMIT) == b"Hello"
    assert inflater.inflate(b"\xf2\x00\x11\x00\x00", LIMIT) == b"Hello"


def test_reset_forgets_what_was_inflated() -> None:
    inflater = server_inflater(client_max_window_bits=8)
    inflater.inflate(raw_deflate(bytes(range(256)) * 2, level=0), LIMIT)
    assert rule_of(inflater, b"\xff\xff") == "deflate-corrupt"
    inflater.reset()
    # After BFINAL the stream goes on with the window: there is none any more.
    assert rule_of(inflater, b"\x03\x00" + b"\xf2\x00\x11\x00\x00") == "deflate-corrupt"


# Windows.


def far_apart(distance: int) -> bytes:
    """Text that repeats itself `distance` bytes later and nowhere nearer."""
    text = random.Random(distance).randbytes(distance)
    return text + text[:60]


@pytest.mark.parametrize("bits", range(8, 15))
@pytest.mark.parametrize("forgets", [False, True])
def test_deflate_window_exceeded(bits: int, forgets: bool) -> None:
    data = raw_deflate(far_apart(min((2 << bits) + 1, 32_400)))
    inflater = server_inflater(client_max_window_bits=bits, client_no_context_takeover=forgets)
    assert server_inflater().inflate(data, LIMIT)
    assert rule_of(inflater, data) == "deflate-window-exceeded"


def test_deflate_window_exceeded_literally() -> None:
    """A window of 256 and a match of 3 bytes, 257 back, in a later message (RFC 1951 fixed codes)."""
    inflater = server_inflater(client_max_window_bits=8)
    stored = b"\x00\x01\x01\xfe\xfe" + bytes(range(256)) + b"\x00" + b"\x00"
    assert len(inflater.inflate(stored, LIMIT)) == 257
    # 0 10 | 0000001 (length 3) | 10000 (257..384) + 7 extra bits 0 | 0000000 end | 000 stored
    assert rule_of(inflater, b"\x02\x06\x00\x00") == "deflate-window-exceeded"
    whole = server_inflater()
    whole.inflate(stored, LIMIT)
    assert whole.inflate(b"\x02\x06\x00\x00", LIMIT) == b"\x00\x01\x02"


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("level", [1, 6, 9])
def test_the_deflater_stays_within_the_window(bits: int, level: int, forgets: bool) -> None:
    """Read by a decoder other than zlib, whose own window has 9 bits where 8 were agreed."""
    deflater = Deflater(DeflateParameters(forgets, False, bits), Role.SERVER, level)
    source = random.Random(bits)
    text = source.randbytes(300)
    longest = 0
    for distance in (3, 64, 249, 250, 251, 256, 257, 300, 500, 512, 513, 1000):
        parts = [source.randbytes(distance - 60) if distance > 60 else b"", text[:60]]
        data = b"".join([text[:60], *parts, b"ab" * 200, *parts])
        for message in (data, data[30:200]):
            wire = deflater.compress(message)
            furthest = DistanceReader(wire + TAIL).furthest()
            assert furthest <= min(1 << bits, 32_768)
            longest = max(longest, furthest)
    assert longest > 64


def test_the_distance_reader_sees_distances() -> None:
    for distance in (250, 300, 4000, 32_000):
        assert DistanceReader(raw_deflate(far_apart(distance)) + TAIL).furthest() == distance


# Limits.


@pytest.mark.parametrize("bits", [8, 15])
@pytest.mark.parametrize("forgets", [False, True])
def test_the_limit_is_exact(bits: int, forgets: bool) -> None:
    for length in (1, 255, 256, 257, 5000, 70_000):
        payload = b"ab" * length
        data = raw_deflate(payload, 9)
        for limit in (len(payload), len(payload) + 1):
            inflater = server_inflater(client_max_window_bits=bits, client_no_context_takeover=forgets)
            assert inflater.inflate(data, limit) == payload
        for limit in (0, len(payload) // 2, len(payload) - 1):
            inflater = server_inflater(client_max_window_bits=bits, client_no_context_takeover=forgets)
            assert rule_of(inflater, data, limit) == "inflates-too-big"


def test_inflates_too_big_literally() -> None:
    with pytest.raises(InflateError, match=r"limit of 4 bytes, at a ratio of \d+:1") as caught:
        server_inflater().inflate(b"\xf2\x48\xcd\xc9\xc9\x07\x00", 4)
    assert caught.value.rule == "inflates-too-big"


@pytest.fixture(scope="module")
def bomb() -> bytes:
    data = raw_deflate(bytes(32 << 20))
    assert len(data) < 35_000
    return data


@pytest.mark.parametrize("bits", [8, 15])
@pytest.mark.parametrize("final", [b"", b"\x03\x00"])
def test_a_bomb_takes_no_more_than_the_limit(bits: int, final: bytes, bomb: bytes) -> None:
    inflater = server_inflater(client_max_window_bits=bits)
    tracemalloc.start()
    try:
        with pytest.raises(InflateError, match=r"ratio of (9|10)\d\d:1"):
            inflater.inflate(final + bomb, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


# Round trips and other implementations.


@given(PARAMETERS, ROLES, MESSAGES, st.integers(0, 9))
def test_round_trip(parameters: DeflateParameters, role: Role, messages: list[bytes], level: int) -> None:
    deflater = Deflater(parameters, role, level)
    inflater = Inflater(parameters, peer_of(role))
    for message in messages:
        data = deflater.compress(message)
        assert data
        assert inflater.inflate(data, len(message)) == message


def test_long_messages_round_trip() -> None:
    source = random.Random(7)
    for bits in (8, 12, 15):
        deflater = Deflater(DeflateParameters(client_max_window_bits=bits), Role.CLIENT)
        inflater = server_inflater(client_max_window_bits=bits)
        for size in (2043, 2048, 65_536, 400_000, 10):
            message = source.randbytes(size // 2) + b"x" * (size - size // 2)
            assert inflater.inflate(deflater.compress(message), size) == message


def test_without_takeover_each_message_stands_alone() -> None:
    deflater = Deflater(DeflateParameters(server_no_context_takeover=True), Role.SERVER)
    for message in (b"the same words", b"the same words", b"", b"x" * 5000, b"the same words"):
        fresh = zlib.decompressobj(-15)
        assert fresh.decompress(deflater.compress(message) + TAIL) == message


def websockets_side(parameters: DeflateParameters, role: Role, level: int) -> WebsocketsDeflate:
    server = (parameters.server_no_context_takeover, max(parameters.server_max_window_bits, 9))
    client = (parameters.client_no_context_takeover, max(parameters.client_max_window_bits, 9))
    remote, local = (client, server) if role is Role.SERVER else (server, client)
    return WebsocketsDeflate(remote[0], local[0], remote[1], local[1], {"level": level})


@given(PARAMETERS, ROLES, MESSAGES, st.integers(1, 9))
def test_against_websockets(
    parameters: DeflateParameters, role: Role, messages: list[bytes], level: int
) -> None:
    theirs = websockets_side(parameters, peer_of(role), level)
    deflater, inflater = Deflater(parameters, role, level), Inflater(parameters, role)
    for message in messages:
        received = WebsocketsFrame(WebsocketsOpcode.BINARY, deflater.compress(message), True, True)
        assert bytes(theirs.decode(received).data) == message
        if not message:
            continue  # after an empty message their compressor has nothing to flush and fails
        sent = theirs.encode(WebsocketsFrame(WebsocketsOpcode.BINARY, message))
        assert inflater.inflate(bytes(sent.data), len(message)) == message


@settings(deadline=None)
@given(PARAMETERS, ROLES, MESSAGES)
def test_against_wsproto(parameters: DeflateParameters, role: Role, messages: list[bytes]) -> None:
    theirs = WsprotoDeflate()
    theirs._enabled = True
    theirs.server_no_context_takeover = parameters.server_no_context_takeover
    theirs.client_no_context_takeover = parameters.client_no_context_takeover
    theirs._server_max_window_bits = max(parameters.server_max_window_bits, 9)
    theirs._client_max_window_bits = max(parameters.client_max_window_bits, 9)
    surroundings = FrameDecoder(client=peer_of(role) is Role.CLIENT)
    deflater, inflater = Deflater(parameters, role), Inflater(parameters, role)
    for message in messages:
        data = deflater.compress(message)
        theirs.frame_inbound_header(surroundings, Opcode.BINARY, RsvBits(True, False, False), len(data))
        body = theirs.frame_inbound_payload_data(surroundings, data)
        rest = theirs.frame_inbound_complete(surroundings, True)
        assert isinstance(body, bytes)
        assert body + (rest if isinstance(rest, bytes) else b"") == message
        _, sent = theirs.frame_outbound(
            surroundings, Opcode.BINARY, RsvBits(False, False, False), message, True
        )
        if message:
            assert inflater.inflate(sent, len(message)) == message


def test_the_words_of_a_stream_are_remembered_in_order() -> None:
    """Many small messages over several windows, with final blocks between them that need the history."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    texts = [random.Random(number).randbytes(700) for number in range(100)]
    inflater = server_inflater()
    for text in texts:
        data = compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert inflater.inflate(data.removesuffix(TAIL), LIMIT) == text
    assert inflater.inflate(b"\x03\x00\x00", LIMIT) == b""
    for earlier, later in pairwise(texts[-40:]):
        data = compressor.compress(earlier + later) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert inflater.inflate(data.removesuffix(TAIL), LIMIT) == earlier + later
