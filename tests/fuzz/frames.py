"""The frame decoder over any split, what inflates of the frames, and the grammar of extensions.

Every input is decoded and inflated; one in `_CHECKED` is also decoded in pieces, and compressed and inflated again.
"""

from __future__ import annotations

import zlib

from core.errors import CallerError, InflateError
from core.protocol.deflate import (
    DeflateParameters,
    DeflatePolicy,
    Deflater,
    Inflater,
    check_agreed,
    negotiate_server,
    parse_extensions,
)
from core.protocol.frame_runs import RunDecoder
from core.protocol.frames import Frame, FrameDecoder, parse_header
from core.protocol.state import Role
from tests.fuzz.script import Script, one_in, pieces

_CHECKED = 4
_LIMITS = (0, 5, 125, 4096)
_RULES = frozenset({"deflate-corrupt", "deflate-window-exceeded", "inflates-too-big"})


def run(data: bytes) -> None:
    """First byte: options. Then window bits and takeover, the split, and frames (or extensions)."""
    script = Script(data)
    options, window, cut = script.byte(), script.byte(), script.byte()
    limit = _LIMITS[options & 3]
    if options & 4:
        _extensions(script.rest().decode("latin-1"), window)
        return
    checked = one_in(_CHECKED, data)
    frames = _decode(script.rest(), limit, cut, in_pieces=checked)
    parameters = DeflateParameters(
        client_no_context_takeover=bool(window & 8), client_max_window_bits=8 + (window & 7)
    )
    compressed = [frame.payload for frame in frames if frame.rsv1]
    if compressed:
        _inflate(compressed, parameters, limit)
    if checked and options & 8:
        _round_trip([frame.payload for frame in frames], parameters)


def _decode(stream: bytes, limit: int, cut: int, *, in_pieces: bool) -> list[Frame]:
    """Every byte is in a frame or behind the last one, and no split changes which."""
    decoder = RunDecoder(limit)
    frames = decoder.feed(stream)
    overlong = decoder.overlong
    partial, rest = decoder.take_partial()
    wires = [frame.wire() for frame in frames]
    assert b"".join(wires) + (partial.wire() if partial else b"") + rest == stream
    assert partial is None or (partial.truncated and rest == b"")
    assert partial is not None or len(rest) < 14
    assert not overlong or (partial is not None and partial.declared_length > limit)
    for frame, wire in zip(frames, wires, strict=True):
        assert frame.declared_length == len(frame.payload)
        header = parse_header(wire)
        assert header is not None
        assert header[:4] == (frame.head, frame.masking_key, frame.length_form, frame.declared_length)
        assert header.size + len(frame.payload) == len(wire)
    if in_pieces:
        _compare_split(pieces(stream, cut), limit, frames, (partial, rest))
    return frames


def _compare_split(
    stream: list[bytes], limit: int, frames: list[Frame], end: tuple[Frame | None, bytes]
) -> None:
    split = FrameDecoder(limit)
    got: list[Frame] = []
    for piece in stream:
        got += split.feed(piece)
        if split.overlong:
            break
    assert got == frames[: len(got)]
    if not split.overlong:
        assert len(got) == len(frames)
        assert split.take_partial() == end


def _inflate(payloads: list[bytes], parameters: DeflateParameters, limit: int) -> None:
    inflater = Inflater(parameters, Role.SERVER)
    for number, payload in enumerate(payloads):
        try:
            inflated = inflater.inflate(payload, limit)
        except InflateError as error:
            _check_error(error, inflater)
            continue
        assert len(inflated) <= limit
        if number == 0:
            _compare(payload, inflated)


def _check_error(error: InflateError, inflater: Inflater) -> None:
    assert error.rule in _RULES
    assert str(error).isprintable()
    try:
        inflater.inflate(b"\x00", 0)
    except CallerError:
        inflater.reset()
    else:
        raise AssertionError("an inflater that has failed goes on") from error


def _compare(payload: bytes, inflated: bytes) -> None:
    """zlib alone makes the same of a first message, unless BFINAL is set in it."""
    plain = zlib.decompressobj(-15)
    expected = plain.decompress(payload + b"\x00\x00\xff\xff")
    assert plain.eof or expected == inflated


def _round_trip(payloads: list[bytes], parameters: DeflateParameters) -> None:
    deflater, inflater = Deflater(parameters, Role.CLIENT), Inflater(parameters, Role.SERVER)
    for payload in payloads[:4]:
        assert inflater.inflate(deflater.compress(payload), len(payload)) == payload


def _extensions(text: str, choice: int) -> None:
    offers, broken = parse_extensions(tuple(text.split("\n")))
    for violation in broken:
        assert violation.detail.isprintable()
    policy = DeflatePolicy(
        server_no_context_takeover=bool(choice & 1),
        client_no_context_takeover=bool(choice & 2),
        server_max_window_bits=None if choice & 4 else 8 + (choice >> 4 & 7),
        client_max_window_bits=None if choice & 8 else 8 + (choice >> 5 & 7),
    )
    agreed, declined = negotiate_server(offers, policy)
    for violation in declined:
        assert violation.detail.isprintable()
    check_agreed(offers, parse_extensions(("permessage-deflate; client_max_window_bits",))[0])
    if agreed is None:
        return
    answered, none = parse_extensions((agreed.header(),))
    assert none == ()
    parameters, quarrels = check_agreed(answered, offers)
    # The client holds the answer against all of its offers, the declined ones too.
    assert parameters is not None
    assert parameters.header() == agreed.header()
    assert quarrels == (), quarrels
