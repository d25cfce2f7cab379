"""Records arrive as they were sent, in any pieces; what is no record is refused."""

from __future__ import annotations

import json
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.frames import Opcode
from core.protocol.outgoing import (
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Cut, Hold, Onward, Replacement, Send, Verdict
from core.scripts.records import (
    LARGEST_TEXT,
    Ask,
    Begun,
    Decided,
    Forget,
    FromScript,
    Here,
    Knock,
    Load,
    Loaded,
    Meet,
    Sending,
    Told,
    ToScript,
    Unloadable,
    Utterance,
)
from core.scripts.wire import (
    LARGEST_RECORD,
    Unpacker,
    WireError,
    from_script,
    to_script,
    unpacker_of_script,
    unpacker_of_unmask,
)

# Without lone surrogates, which UTF-8 cannot hold.
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
_NUMBERS = st.integers(0, 2**62)
_PAYLOADS = st.binary(max_size=200)
_OPCODES = st.sampled_from((Opcode.TEXT, Opcode.BINARY))
_SECONDS = st.floats(0, 3600)
_ROLES = st.sampled_from(Role)
_MOMENTS = st.sampled_from(Moment)
_OUTGOING: st.SearchStrategy[Outgoing] = st.one_of(
    st.builds(OutgoingMessage, _OPCODES, _PAYLOADS),
    st.builds(OutgoingClose, st.none() | st.integers(0, 70_000), _TEXTS),
    st.builds(OutgoingPing, _PAYLOADS),
    st.builds(OutgoingPong, _PAYLOADS),
)
_VERDICTS = st.builds(
    Verdict,
    st.one_of(
        st.sampled_from(Onward), st.builds(Hold, _SECONDS), st.builds(Replacement, _OPCODES, _PAYLOADS)
    ),
    _SECONDS,
    recorded=st.none() | _PAYLOADS,
    sends=st.lists(st.builds(Send, _ROLES, _OUTGOING, _SECONDS), max_size=4).map(tuple),
    cut=st.none() | st.sampled_from(Cut),
    notes=st.lists(_TEXTS, max_size=4).map(tuple),
)
_TO_SCRIPT: st.SearchStrategy[ToScript] = st.one_of(
    st.builds(Load, _TEXTS),
    st.builds(
        Meet,
        _NUMBERS,
        _NUMBERS,
        *[_TEXTS] * 5,
        st.lists(st.tuples(_TEXTS, _TEXTS), max_size=3).map(tuple),
    ),
    st.builds(Ask, _NUMBERS, _NUMBERS, _MOMENTS, _ROLES, st.integers(0, 255), _PAYLOADS),
    st.builds(Forget, _NUMBERS),
    st.builds(Knock),
)
_FROM_SCRIPT: st.SearchStrategy[FromScript] = st.one_of(
    st.builds(Begun, st.booleans()),
    st.builds(Loaded, st.frozensets(_MOMENTS), st.lists(_TEXTS, max_size=3).map(tuple)),
    st.builds(Unloadable, _TEXTS, _NUMBERS, _TEXTS),
    st.builds(Decided, _NUMBERS, _VERDICTS),
    st.builds(Sending, _NUMBERS, _ROLES, _OUTGOING),
    st.builds(Told, st.sampled_from(Utterance), _TEXTS, _NUMBERS, _TEXTS),
    st.builds(Here),
)


def taken(unpacker: Unpacker[ToScript] | Unpacker[FromScript], data: bytes, size: int) -> list[object]:
    """The records in `data`, which comes in pieces of `size`."""
    found: list[object] = []
    for start in range(0, len(data), size):
        unpacker.feed(data[start : start + size])
        while unpacker.has_more:
            found += unpacker.records(2)
    return found


@given(st.lists(_TO_SCRIPT, max_size=5), st.integers(1, 300))
def test_what_unmask_says_arrives(records: list[ToScript], size: int) -> None:
    data = b"".join(map(to_script, records))
    assert taken(unpacker_of_unmask(), data, size) == records


@given(st.lists(_FROM_SCRIPT, max_size=5), st.integers(1, 300))
def test_what_a_script_says_arrives(records: list[FromScript], size: int) -> None:
    data = b"".join(map(from_script, records))
    assert taken(unpacker_of_script(), data, size) == records


@given(st.binary(max_size=400))
def test_bytes_that_are_no_records_are_refused(data: bytes) -> None:
    unpacker = unpacker_of_script()
    unpacker.feed(data)
    try:
        assert all(unpacker.records(100))
    except WireError:
        return


def packed(kind: int, fields: object, payload: bytes = b"") -> bytes:
    text = json.dumps(fields).encode()
    return pack(">IBI", 5 + len(text) + len(payload), kind, len(text)) + text + payload


_PASS = [["pass"], 0, None, [], None, []]


@pytest.mark.parametrize(
    "data",
    [
        pack(">IBI", LARGEST_RECORD + 1, 13, 2),
        pack(">IBI", 3, 13, 2),
        pack(">IBI", 10, 13, 6) + b"[1,2]",
        packed(99, []),
        packed(3, [1, 2, "message", 0, 1]),
        packed(13, [1]),
        packed(13, ["1", *_PASS]),
        packed(13, [1, ["explode"], *_PASS[1:]]),
        packed(13, [1, ["pass"], -1, *_PASS[2:]]),
        packed(13, [1, ["pass"], float("nan"), *_PASS[2:]]),
        packed(13, [1, ["pass"], 1e9, *_PASS[2:]]),
        packed(13, [1, ["replace", 1, 5], *_PASS[1:]], b"four"),
        packed(13, [1, ["replace", 1, -1], *_PASS[1:]], b"four"),
        packed(13, [1, ["replace", 9, 4], *_PASS[1:]], b"four"),
        packed(13, [1, ["pass"], 0, None, [[5, 0, ["ping", 0]]], None, []]),
        packed(13, [1, ["pass"], 0, None, [[0, 0, ["ping", 0]]] * 1001, None, []]),
        packed(13, [1, ["pass"], 0, None, [], "bridge", []]),
        packed(13, [1, ["pass"], 0, None, [], None, ["\ud800"]]),
        packed(15, [1, "x" * (LARGEST_TEXT + 1), 0, ""]),
        packed(15, [7, "no such kind", 0, ""]),
        pack(">IBI", 5 + 100_000, 15, 100_000) + b"[" * 100_000,
    ],
)
def test_a_wrong_record_is_refused(data: bytes) -> None:
    unpacker = unpacker_of_script()
    unpacker.feed(data)
    with pytest.raises(WireError):
        list(unpacker.records(1))
