"""permessage-deflate: its negotiation and its codec.

Source: RFC 7692 sections 7.1 (parameters) and 7.2 (compressing, decompressing). DEFLATE itself is
RFC 1951, done by zlib.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import NoReturn

from core.errors import CallerError, InflateError
from core.protocol.extensions import Extension as Extension
from core.protocol.extensions import parse_extensions as parse_extensions
from core.protocol.state import Role
from core.protocol.steps import Steps, finish
from core.protocol.violations import Violation, violation

EXTENSION = "permessage-deflate"
MIN_WINDOW_BITS = 8
MAX_WINDOW_BITS = 15

_TAIL_AND_EMPTY_BLOCK = b"\x00\x00\xff\xff" + b"\x00\x00\x00\xff\xff"
_CHUNK = 4096
_AT_ONCE = 1024 * 1024
"""Up to this size a message is inflated in one call, which takes twice its size in memory."""
_STEP = 256 * 1024
"""Bytes inflated in one step."""
_COMPRESSED_AT_ONCE = 64 * 1024
"""Bytes compressed in one step."""
_DEFLATE_STATE = 8 * 1024
_INFLATE_STATE = 7 * 1024
"""What zlib needs beside its windows and tables, approximately (zconf.h)."""
_MAX_STREAMS = 1024
"""Blocks with BFINAL set that one message may have; each costs a new zlib stream."""

_WINDOW_BITS = {str(bits): bits for bits in range(MIN_WINDOW_BITS, MAX_WINDOW_BITS + 1)}


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What both sides agreed on (RFC 7692 section 7.1)."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = MAX_WINDOW_BITS
    client_max_window_bits: int = MAX_WINDOW_BITS
    server_window_named: bool = False
    """Whether `header()` names the server's window even at 15 bits, because the offer did (section 7.1.2.1)."""

    def header(self) -> str:
        """The value of Sec-WebSocket-Extensions for these parameters."""
        words = [EXTENSION]
        if self.server_no_context_takeover:
            words.append("server_no_context_takeover")
        if self.client_no_context_takeover:
            words.append("client_no_context_takeover")
        if self.server_window_named or self.server_max_window_bits != MAX_WINDOW_BITS:
            words.append(f"server_max_window_bits={self.server_max_window_bits}")
        if self.client_max_window_bits != MAX_WINDOW_BITS:
            words.append(f"client_max_window_bits={self.client_max_window_bits}")
        return "; ".join(words)


@dataclass(frozen=True, slots=True)
class DeflatePolicy:
    """What a server wants. Windows are in bits, 8 to 15; None means as large as the client allows."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None
    """Has no effect on a client that does not offer the parameter, because the RFC forbids requesting it then."""
    level: int = 1
    """zlib's level, 0 to 9; see `Deflater`."""
    mem_level: int = 8


@dataclass(slots=True)
class _Named:
    """The parameters that one offer or response names."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_bits: int | None = None
    client_bits: int | None = None
    client_bits_allowed: bool = False
    """Whether client_max_window_bits is present, with or without a value."""


def _read_params(extension: Extension, sender: Role) -> tuple[_Named, list[Violation]]:
    """Read the parameters (RFC 7692 section 7.1). `sender` decides whether client_max_window_bits needs a value."""
    named = _Named()
    broken: list[Violation] = []
    seen: set[str] = set()
    for name, value in extension.params:
        written = name if value is None else f"{name}={value}"
        # RFC 7692 section 7: a repeated parameter invalidates the whole offer or response.
        if name in seen:
            broken.append(violation("deflate-parameter-repeated", written))
        seen.add(name)
        valid = True
        match name:
            case "server_no_context_takeover":
                valid, named.server_no_context_takeover = value is None, True
            case "client_no_context_takeover":
                valid, named.client_no_context_takeover = value is None, True
            case "server_max_window_bits":
                # Section 7.1.2.1: a decimal from 8 to 15 without leading zeros, always.
                named.server_bits = _WINDOW_BITS.get(value or "")
                valid = named.server_bits is not None
            case "client_max_window_bits":
                # Section 7.1.2.2: an offer may leave the value out, a response may not.
                named.client_bits = _WINDOW_BITS.get(value or "")
                named.client_bits_allowed = True
                valid = named.client_bits is not None or (value is None and sender is Role.CLIENT)
            case _:
                broken.append(violation("deflate-parameter-unknown", written))
        if not valid:
            broken.append(violation("deflate-parameter-value", written))
    return named, broken


def negotiate_server(
    offers: tuple[Extension, ...], policy: DeflatePolicy
) -> tuple[DeflateParameters | None, tuple[Violation, ...]]:
    """The first acceptable permessage-deflate offer, as agreed; None if there is none.

    The violations tell why earlier offers were declined. RFC 7692 section 7 lets a server decline such an offer without
    failing the connection.
    """
    declined: list[Violation] = []
    for offer in offers:
        if offer.name != EXTENSION:
            continue
        named, broken = _read_params(offer, Role.CLIENT)
        if not broken:
            return _agree(named, policy), tuple(declined)
        declined += broken
    return None, tuple(declined)


def _agree(offer: _Named, policy: DeflatePolicy) -> DeflateParameters:
    """RFC 7692 section 7.1: each parameter takes the stricter of both sides' values."""
    server_bits = min(offer.server_bits or MAX_WINDOW_BITS, policy.server_max_window_bits or MAX_WINDOW_BITS)
    client_bits = MAX_WINDOW_BITS
    if offer.client_bits_allowed:
        # Section 7.1.2.2: only a client that named the parameter may be told a smaller window.
        client_bits = min(
            offer.client_bits or MAX_WINDOW_BITS, policy.client_max_window_bits or MAX_WINDOW_BITS
        )
    return DeflateParameters(
        offer.server_no_context_takeover or policy.server_no_context_takeover,
        offer.client_no_context_takeover or policy.client_no_context_takeover,
        server_bits,
        client_bits,
        server_window_named=offer.server_bits is not None,
    )


def check_agreed(
    response: tuple[Extension, ...], offered: tuple[Extension, ...]
) -> tuple[DeflateParameters | None, tuple[Violation, ...]]:
    """What a server's `response` agrees to, compared with everything our request `offered`.

    The parameters are None if permessage-deflate was not accepted or cannot be used as answered. Every extension that
    was not offered gives an `extension-not-offered`, also one other than permessage-deflate.
    """
    offered_names = {offer.name for offer in offered}
    broken = [
        violation("extension-not-offered", extension.name[:200])
        for extension in response
        if extension.name not in offered_names
    ]
    accepted = [extension for extension in response if extension.name == EXTENSION]
    if not accepted:
        return None, tuple(broken)
    if len(accepted) > 1:
        broken.append(violation("deflate-accepted-twice", f"{len(accepted)} times"))
    named, unusable = _read_params(accepted[0], Role.SERVER)
    broken += unusable
    offers = [_read_params(offer, Role.CLIENT)[0] for offer in offered if offer.name == EXTENSION]
    if offers:
        # The response must fit only one of the offers; report how it differs from the closest one.
        quarrels = min([_exceeds(named, offer) for offer in offers], key=len)
        broken += quarrels
    if unusable:
        return None, tuple(broken)
    parameters = DeflateParameters(
        named.server_no_context_takeover,
        named.client_no_context_takeover,
        named.server_bits or MAX_WINDOW_BITS,
        named.client_bits or MAX_WINDOW_BITS,
        server_window_named=named.server_bits is not None,
    )
    return parameters, tuple(broken)


def _exceeds(response: _Named, offer: _Named) -> list[Violation]:
    """How the response exceeds the offer (RFC 7692 sections 7.1.2.1 and 7.1.2.2)."""
    broken: list[Violation] = []
    server_bits = response.server_bits or MAX_WINDOW_BITS
    if offer.server_bits is not None and server_bits > offer.server_bits:
        detail = f"server_max_window_bits: asked for {offer.server_bits}, answered {server_bits}"
        broken.append(violation("deflate-window-enlarged", detail))
    if response.client_bits is not None:
        if not offer.client_bits_allowed:
            broken.append(violation("deflate-parameter-not-offered", "client_max_window_bits"))
        elif response.client_bits > (offer.client_bits or MAX_WINDOW_BITS):
            detail = f"client_max_window_bits: asked for {offer.client_bits}, answered {response.client_bits}"
            broken.append(violation("deflate-window-enlarged", detail))
    return broken


class Deflater:
    """Compresses the messages of one side (RFC 7692 section 7.2.1).

    `level` is zlib's, 0 (stored) to 9. The default is 1, because an inspector should not slow down what it shows.
    """

    __slots__ = ("_bits", "_compressor", "_flush", "_level", "_mem_level")

    def __init__(self, parameters: DeflateParameters, role: Role, level: int = 1, mem_level: int = 8) -> None:
        if role is Role.SERVER:
            bits, forgets = parameters.server_max_window_bits, parameters.server_no_context_takeover
        else:
            bits, forgets = parameters.client_max_window_bits, parameters.client_no_context_takeover
        # zlib offers no raw stream of 8 bits. Its compressor never refers back further than the window less 262 bytes,
        # so a window of 9 bits stays within 250, which any peer with the agreed 256 can inflate.
        self._bits = max(bits, 9)
        # Section 7.1.1: a full flush forgets everything before it, at less cost than a new compressor.
        self._flush = zlib.Z_FULL_FLUSH if forgets else zlib.Z_SYNC_FLUSH
        self._level = level
        self._mem_level = mem_level
        self._compressor: zlib._Compress | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes that it holds between messages: zlib's window and hash tables (zconf.h)."""
        if self._compressor is None:
            return 0
        return (1 << (self._bits + 2)) + (1 << (self._mem_level + 9)) + _DEFLATE_STATE

    def compress(self, payload: bytes) -> bytes:
        """The payload of the compressed message, at least one byte."""
        return finish(self.compressing(payload))

    def compressing(self, payload: bytes) -> Steps[bytes]:
        """`compress` in steps. Nothing else may be compressed until they are done."""
        if not payload:
            return b"\x00"  # section 7.2.3.6
        compressor = self._compressor
        if compressor is None:
            # Made late, because a compressor takes 270 KB and many connections never send.
            compressor = zlib.compressobj(self._level, zlib.DEFLATED, -self._bits, self._mem_level)
            self._compressor = compressor
        if len(payload) <= _COMPRESSED_AT_ONCE:
            return compressor.compress(payload) + compressor.flush(self._flush)[:-4]
        with BytesIO() as output, memoryview(payload) as view:
            for at in range(0, len(payload), _COMPRESSED_AT_ONCE):
                output.write(compressor.compress(view[at : at + _COMPRESSED_AT_ONCE]))
                yield
            output.write(compressor.flush(self._flush)[:-4])
            return output.getvalue()


class Inflater:
    """Inflates the messages of the peer of `role` (RFC 7692 section 7.2.2).

    After an InflateError its window differs from the peer's, so `inflate` refuses to continue until `reset()`.
    """

    __slots__ = ("_bits", "_broken", "_decompressor", "_history", "_inflated", "_keeps_context", "_window")

    def __init__(self, parameters: DeflateParameters, role: Role) -> None:
        if role is Role.SERVER:
            bits, forgets = parameters.client_max_window_bits, parameters.client_no_context_takeover
        else:
            bits, forgets = parameters.server_max_window_bits, parameters.server_no_context_takeover
        self._bits = bits
        self._window = 1 << bits
        self._keeps_context = not forgets
        self._history = bytearray()
        """The end of everything inflated with this context: one window at least, two at most."""
        self.reset()

    @property
    def keeps_context(self) -> bool:
        """Whether a message may refer to earlier ones (RFC 7692 section 7.1.1)."""
        return self._keeps_context

    def reset(self) -> None:
        """Forget everything, in order to continue after an InflateError.

        If the context is kept, later messages that refer to what was lost give `deflate-corrupt` again.
        """
        self._decompressor = zlib.decompressobj(-self._bits)
        self._history.clear()
        self._inflated = 0
        """Bytes of the current message inflated so far."""
        self._broken = False

    @property
    def held_bytes(self) -> int:
        """Bytes that it holds: zlib's window (zconf.h), our own, and the current message as far as it is inflated."""
        return self._window + _INFLATE_STATE + len(self._history) + self._inflated

    def inflate(self, data: bytes, limit: int) -> bytes:
        """`inflating`, in one call."""
        return finish(self.inflating(data, limit))

    def inflating(self, data: bytes, limit: int) -> Steps[bytes]:
        """Inflate a whole message with its fragments joined; at most `limit` bytes.

        Raises InflateError with the rule `deflate-corrupt`, `deflate-window-exceeded` or `inflates-too-big`, and
        CallerError if used after that without `reset()`. Memory stays within a small multiple of `limit`, whatever the
        data.

        zlib notices a distance beyond the agreed window only if it leaves the data at hand: always beyond two windows,
        sometimes between one and two. What it accepts it inflates correctly.
        """
        if self._broken:
            raise CallerError("This inflater has failed and lost its context; reset() it first.")
        if not self._keeps_context:
            self._decompressor = zlib.decompressobj(-self._bits)
            self._history.clear()
        self._broken = True
        # Section 7.2.1: the last byte holds the end of an empty stored block's header, so its top bits are 0.
        if not data or data[-1] >= 0x20:
            self._corrupt("the message does not end with the header of an empty stored block")
        try:
            if self._bits == MAX_WINDOW_BITS and len(data) <= _AT_ONCE:
                payload = yield from self._at_once(data, limit)
            else:
                payload = yield from self._stepwise(data, 0, limit)
            self._finish()
        except zlib.error as error:
            self._fail(error)
        self._inflated = 0
        self._broken = False
        return payload

    def _at_once(self, data: bytes, limit: int) -> Steps[bytes]:
        """The fast path: a single call into zlib for small messages. One extra byte shows whether there is more."""
        decompressor = self._decompressor
        most = min(limit, _AT_ONCE)
        payload = decompressor.decompress(data, most + 1)
        rest = decompressor.unused_data or decompressor.unconsumed_tail
        if len(payload) > limit:
            self._too_big(len(payload), len(data) - len(rest), limit)
        if decompressor.eof or len(payload) > most:
            self._remember(payload)
            if decompressor.eof:
                self._next_stream(rest)
            return (yield from self._stepwise(data, len(data) - len(rest), limit, payload))
        if self._keeps_context:
            self._remember(payload)
        return payload

    def _stepwise(self, data: bytes, start: int, limit: int, payload: bytes = b"") -> Steps[bytes]:
        """The careful path: small windows, large messages, and data after a block with BFINAL set.

        `payload` is the result for the data before `data[start:]`. Input and output of each call are bounded, because
        zlib copies what it leaves over. Output is taken window by window, so that zlib checks distances and `_history`
        is complete when it objects. The output is joined as it comes, so that a large message is in memory only once.
        """
        output = BytesIO()
        produced = output.write(payload)
        streams = work = 0
        for at in range(start, max(len(data), start + 1), _CHUNK):
            pending = data[at : at + _CHUNK]
            end = at + len(pending)
            step = length = 0
            while pending or length == step:
                decompressor = self._decompressor
                step = min(self._window, limit + 1 - produced)
                piece = decompressor.decompress(pending, step)
                length = len(piece)
                produced += length
                output.write(piece)
                self._remember(piece)
                pending = decompressor.unconsumed_tail
                # A call into zlib costs about as much as a chunk of bytes, whatever it yields.
                work += _CHUNK + length
                if work > _STEP:
                    work, self._inflated = 0, produced
                    yield
                if produced > limit:
                    self._too_big(produced, end - len(pending), limit)
                if decompressor.eof:
                    pending = decompressor.unused_data
                    streams += 1
                    if streams > _MAX_STREAMS:
                        self._corrupt(f"more than {_MAX_STREAMS} blocks with BFINAL set in one message")
                    self._next_stream(pending or data[end : end + 1])
        return output.getvalue()

    def _next_stream(self, rest: bytes) -> None:
        """Start a new stream, since zlib stops after BFINAL; the window continues (RFC 7692 section 7.2.1)."""
        if not rest:
            self._corrupt("the message ends with BFINAL set, without the empty stored block after it")
        window = bytes(self._history[-self._window :])
        self._decompressor = zlib.decompressobj(-self._bits, zdict=window)

    def _finish(self) -> None:
        """RFC 7692 section 7.2.2: append the tail that the peer removed.

        The empty block after it changes nothing between blocks and exposes a stream that stops inside one, except
        inside the code lengths of a dynamic block: then the next message fails to inflate.
        """
        decompressor = self._decompressor
        if decompressor.decompress(_TAIL_AND_EMPTY_BLOCK, 1) or decompressor.eof:
            self._corrupt("the message ends inside a block")

    def _remember(self, output: bytes) -> None:
        history = self._history
        if len(output) >= self._window:
            history[:] = output[-self._window :]
        else:
            history += output
            if len(history) > 2 * self._window:
                del history[: -self._window]

    def _fail(self, error: zlib.error) -> NoReturn:
        # A full window has passed, so "too far back" means beyond the window, not before the first byte.
        beyond = "too far back" in str(error) and len(self._history) >= self._window
        if beyond and self._bits < MAX_WINDOW_BITS:
            raise InflateError(
                f"The compressed data reaches back further than the agreed window of {self._window} bytes; "
                "the peer must compress with the window it agreed to.",
                "deflate-window-exceeded",
            ) from error
        self._corrupt(str(error))

    def _corrupt(self, why: str) -> NoReturn:
        raise InflateError(
            f"The compressed data does not inflate: {why}. Look at the peer's compressor, and whether both "
            "sides keep the context between messages.",
            "deflate-corrupt",
        )

    def _too_big(self, produced: int, consumed: int, limit: int) -> NoReturn:
        raise InflateError(
            f"The message inflates past the limit of {limit} bytes, at a ratio of "
            f"{produced // max(consumed, 1)}:1 so far; raise the message size limit if this is wanted.",
            "inflates-too-big",
        )
