"""Fragments to messages (RFC 6455 section 5.4), UTF-8 and limits on the way."""

from __future__ import annotations

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import Completes, Message
from core.protocol.frames import RSV1, Frame, Opcode, make_frame
from core.protocol.messages import Assembler
from core.protocol.state import Role
from core.protocol.steps import finish
from core.protocol.violations import Judgement, Violation
from tests.tools.wires import cut

TOLERANT, STRICT = Judgement.TOLERANT, Judgement.STRICT


def ids(found: list[Violation]) -> list[str]:
    return [one.rule.id for one in found]


def add(assembler: Assembler, *frames: Frame) -> tuple[list[Message | Completes | None], list[str]]:
    """What each frame completed, and all that was broken."""
    found: list[Violation] = []
    return [finish(assembler.adding(frame, found)) for frame in frames], ids(found)


def fragments(opcode: int, pieces: list[bytes], rsv: int = 0) -> list[Frame]:
    last = len(pieces) - 1
    return [
        make_frame(0 if index else opcode, piece, fin=index == last, rsv=0 if index else rsv)
        for index, piece in enumerate(pieces)
    ]


def test_a_frame_alone_is_a_message() -> None:
    assembler = Assembler(100, STRICT)
    assert add(assembler, make_frame(1, b"x"), make_frame(2, b"")) == ([Completes.ITSELF] * 2, [])
    assert assembler.idle


@given(st.text(max_size=30), st.lists(st.integers(0, 1 << 20), min_size=1, max_size=6))
def test_text_in_any_fragments(text: str, places: list[int]) -> None:
    """Characters may be cut in two (RFC 6455 section 5.6)."""
    pieces = cut(text.encode(), places)
    completed, broken = add(Assembler(1000, STRICT), *fragments(Opcode.TEXT, pieces))
    message = Message(Opcode.TEXT, text.encode(), False, len(pieces), len(text.encode()))
    assert completed == [*[None] * (len(pieces) - 1), message]
    assert broken == []


def test_empty_fragments() -> None:
    completed, broken = add(Assembler(10, STRICT), *fragments(Opcode.BINARY, [b"", b"", b""]))
    assert completed[-1] == Message(Opcode.BINARY, b"", False, 3, 0)
    assert broken == []


def test_bad_text_is_told_on_the_frame_that_has_it_and_once() -> None:
    assembler = Assembler(100, TOLERANT)
    first, second, third = fragments(Opcode.TEXT, [b"ok\xe4", b"x\xff", b"\xff"])
    assert add(assembler, first) == ([None], [])
    found: list[Violation] = []
    assert finish(assembler.adding(second, found)) is None
    assert [(one.rule.id, one.offset, one.length) for one in found] == [("text-not-utf8", 2, 1)]
    completed, broken = add(assembler, third)
    assert completed == [Message(Opcode.TEXT, b"ok\xe4x\xff\xff", False, 3, 6)]
    assert broken == []


def test_text_that_ends_inside_a_character() -> None:
    _, broken = add(Assembler(100, STRICT), *fragments(Opcode.TEXT, ["中".encode()[:2], b""]))
    assert broken == ["text-not-utf8"]


def test_a_continuation_of_nothing() -> None:
    assert add(Assembler(100, TOLERANT), make_frame(0, b"x")) == ([None], ["continuation-without-start"])


@pytest.mark.parametrize(("judgement", "idle"), [(STRICT, False), (TOLERANT, True)])
def test_a_message_inside_a_message(judgement: Judgement, idle: bool) -> None:
    assembler = Assembler(100, judgement)
    completed, broken = add(assembler, make_frame(1, b"a", fin=False), make_frame(2, b"b"))
    assert broken == ["data-inside-message"]
    assert completed == [None, None if judgement is STRICT else Completes.ITSELF]
    assert assembler.idle is idle


def test_reserved_opcodes_are_no_messages() -> None:
    assembler = Assembler(100, TOLERANT)
    completed, broken = add(
        assembler, make_frame(1, b"a", fin=False), make_frame(3, b"?"), make_frame(0, b"b")
    )
    assert completed == [None, None, Message(Opcode.TEXT, b"ab", False, 2, 2)]
    assert broken == []


def test_the_limit_holds_for_the_sum() -> None:
    completed, broken = add(Assembler(4, TOLERANT), *fragments(Opcode.BINARY, [b"ab", b"cd"]))
    assert (completed[-1], broken) == (Message(Opcode.BINARY, b"abcd", False, 2, 4), [])


def test_past_the_limit_the_rest_of_the_message_is_no_violation() -> None:
    assembler = Assembler(4, TOLERANT)
    completed, broken = add(assembler, *fragments(Opcode.BINARY, [b"abc", b"de", b"f", b""]))
    assert completed == [None] * 4
    assert broken == ["message-too-big"]
    assert assembler.idle
    assert add(assembler, make_frame(1, b"next")) == ([Completes.ITSELF], [])


def test_one_frame_past_the_limit() -> None:
    assembler = Assembler(4, TOLERANT)
    assert add(assembler, make_frame(2, b"abcde")) == ([None], ["message-too-big"])
    assert assembler.idle


# Compression.


def compressing(judgement: Judgement = TOLERANT, limit: int = 10_000) -> tuple[Assembler, Deflater]:
    """An assembler of a server, and the deflater of its client."""
    assembler = Assembler(limit, judgement)
    assembler.inflater = Inflater(DeflateParameters(), Role.SERVER)
    return assembler, Deflater(DeflateParameters(), Role.CLIENT)


def test_compressed_and_plain_messages_by_turns() -> None:
    assembler, deflater = compressing()
    data = deflater.compress(b"Hello")
    assert add(
        assembler, make_frame(1, data, rsv=RSV1), make_frame(1, b"Hello"), make_frame(2, b"\x00", rsv=RSV1)
    ) == (
        [Message(1, b"Hello", True, 1, len(data)), Completes.ITSELF, Message(2, b"", True, 1, 1)],
        [],
    )


def test_compressed_fragments() -> None:
    assembler, deflater = compressing()
    data = deflater.compress("中文".encode() * 20)
    pieces = [data[:1], b"", data[1:4], data[4:]]
    completed, broken = add(assembler, *fragments(Opcode.TEXT, pieces, RSV1))
    assert completed[-1] == Message(Opcode.TEXT, "中文".encode() * 20, True, 4, len(data))
    assert broken == []


def test_compressed_text_that_is_no_utf8() -> None:
    assembler, deflater = compressing()
    data = deflater.compress(b"a\xff")
    assert add(assembler, make_frame(1, data, rsv=RSV1)) == (
        [Message(1, b"a\xff", True, 1, len(data))],
        ["text-not-utf8"],
    )


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\xff\xff\xff\x00", "deflate-corrupt"),
        (b"", "deflate-corrupt"),
        (zlib.compress(bytes(20_000), wbits=-15)[:-1] + b"\x00", "inflates-too-big"),
    ],
)
def test_what_does_not_inflate(data: bytes, rule: str) -> None:
    assembler, _ = compressing()
    assert add(assembler, make_frame(2, data, rsv=RSV1)) == ([None], [rule])
    _, deflater = compressing()
    completed, broken = add(assembler, make_frame(2, deflater.compress(b"fresh"), rsv=RSV1))
    assert broken == []
    assert isinstance(completed[0], Message)
    assert completed[0].payload == b"fresh"


def test_a_window_larger_than_agreed() -> None:
    assembler, deflater = compressing()
    assembler.inflater = Inflater(DeflateParameters(client_max_window_bits=8), Role.SERVER)
    noise = os.urandom(2000)
    assert add(assembler, make_frame(2, deflater.compress(noise + noise), rsv=RSV1)) == (
        [None],
        ["deflate-window-exceeded"],
    )


def test_what_refers_to_a_lost_message_is_never_inflated_from_an_older_one() -> None:
    """Where the lost message should lie in the window lies the one before it."""
    assembler, deflater = compressing(limit=1000)
    older, lost = os.urandom(900), os.urandom(1100)
    data = [deflater.compress(payload) for payload in (older, lost, lost[-100:], b"next")]
    completed, broken = add(assembler, *[make_frame(2, one, rsv=RSV1) for one in data])
    assert completed[1:] == [None, None, Message(2, b"next", True, 1, len(data[3]))]
    assert broken == ["message-too-big", "deflate-corrupt"]


def test_a_message_abandoned_in_the_middle_is_lost_to_the_window() -> None:
    assembler, deflater = compressing()
    older, abandoned = os.urandom(100), os.urandom(100)
    data = [deflater.compress(payload) for payload in (older, abandoned, abandoned)]
    completed, broken = add(
        assembler,
        make_frame(2, data[0], rsv=RSV1),
        make_frame(2, data[1][:10], rsv=RSV1, fin=False),
        make_frame(2, data[2], rsv=RSV1),
    )
    assert completed[1:] == [None, None]
    assert broken == ["data-inside-message", "deflate-corrupt"]


def test_many_empty_fragments_cost_nothing() -> None:
    assembler = Assembler(100, STRICT)
    found: list[Violation] = []
    finish(assembler.adding(make_frame(2, b"", fin=False), found))
    more = make_frame(0, b"", fin=False)
    for _ in range(100_000):
        finish(assembler.adding(more, found))
    assert finish(assembler.adding(make_frame(0, b"x"), found)) == Message(2, b"x", False, 100_002, 1)
    assert found == []
