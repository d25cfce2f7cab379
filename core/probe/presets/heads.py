"""Heads that are no HTTP, or no good HTTP. Both sides can send them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.probe.head import Head
from core.probe.preset import Demand, Preset, RequestFault, ResponseFault, preset
from core.protocol.outgoing import RawEnd

_FILLING_LINES = 96
_FILLING = "x" * 4000
_MANY = 600


@dataclass(frozen=True, slots=True)
class _Spoil:
    rule: str
    title: str
    spoilt: Callable[[Head], bytes]
    demand: Demand = Demand.FAIL
    end: RawEnd = RawEnd.GO_ON


def _half(head: Head) -> bytes:
    return head.to_bytes()[: -len("\r\n\r\n")]


_SPOILS = (
    _Spoil(
        "head-not-http",
        "a first line that is no HTTP",
        lambda head: replace(head, first="EHLO unmask").to_bytes(),
    ),
    _Spoil(
        "head-too-large",
        f"a head of {_FILLING_LINES * len(_FILLING) // 1000} kB",
        lambda head: head.with_lines(*[f"X-Fill: {_FILLING}"] * _FILLING_LINES).to_bytes(),
        Demand.CHOOSE,
    ),
    _Spoil(
        "head-too-many-headers",
        f"a head with {_MANY} more headers",
        lambda head: head.with_lines(*["X: y"] * _MANY).to_bytes(),
        Demand.CHOOSE,
    ),
    _Spoil("head-timeout", "a head without an end, and then nothing", _half, Demand.WAIT),
    _Spoil(
        "head-incomplete",
        "a head without an end, and then the end of the stream",
        _half,
        Demand.CHOOSE,
        RawEnd.HALF_CLOSE,
    ),
    _Spoil(
        "header-without-colon",
        "a header without a colon",
        lambda head: head.with_lines("X-Nothing").to_bytes(),
        Demand.CHOOSE,
    ),
    _Spoil(
        "header-before-first",
        "space between the first line and the first header",
        lambda head: replace(head, first=head.first + "\r\n X-Early: 1").to_bytes(),
        Demand.CHOOSE,
    ),
    _Spoil(
        "header-bad-name",
        "a header with a space before its colon",
        lambda head: head.with_lines("X-Spaced : 1").to_bytes(),
    ),
    _Spoil(
        "header-bad-value",
        "a header with a control byte in its value",
        lambda head: head.with_lines("X-Bell: a\x07b").to_bytes(),
        Demand.CHOOSE,
    ),
    _Spoil(
        "header-folded",
        "a header that goes on over the next line",
        lambda head: head.with_lines("X-Folded: a\r\n b").to_bytes(),
        Demand.CHOOSE,
    ),
    _Spoil(
        "head-bare-lf",
        "a line that ends with LF alone",
        lambda head: head.with_lines("X-One: 1\nX-Two: 2").to_bytes(),
        Demand.CHOOSE,
    ),
)


def _of_response(spoil: _Spoil) -> Preset:
    fault = ResponseFault(lambda _request, response: spoil.spoilt(response), spoil.end)
    # RFC 9112 section 5.1: only a server has to reject such a header.
    demand = Demand.CHOOSE if spoil.rule == "header-bad-name" else spoil.demand
    return preset(spoil.rule, spoil.title, fault, demand, suffix="-response")


REQUEST_HEADS = tuple(
    preset(spoil.rule, spoil.title, RequestFault(spoil.spoilt, spoil.end), spoil.demand) for spoil in _SPOILS
)
RESPONSE_HEADS = tuple(map(_of_response, _SPOILS))
