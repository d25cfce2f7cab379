"""Every rule that a frame can break, by literal wire bytes: what strict judgement does, and how tolerant goes on."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.close_codes import closing_payload
from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import ConnectionLimits, Endpoint
from core.protocol.events import ConnectionFailed, Event
from core.protocol.frames import Frame, LengthForm, Opcode, make_frame, shortest_length_form
from core.protocol.judge import Judge
from core.protocol.state import ReadyState, Role
from core.protocol.violations import CATALOGUE, Judgement, Rule, Violation
from tests.tools.wires import (
    columns_of,
    ended,
    frames_of,
    masked,
    messages,
    opened_client,
    opened_server,
    plain,
    receive,
    received,
    rules,
    sent,
)

STRICT, TOLERANT = Judgement.STRICT, Judgement.TOLERANT
KEY = " 00000001 "
"""A masking key that leaves the first three bytes as they are, so that they can be read here."""
NEXT_KEY = " 00000002 "
LIMIT = ConnectionLimits(message_bytes=100)
ZEROS = "62 60 18 04 a3 60 14 0d 77 00 00"
"""A thousand zeros, deflated and masked with KEY."""
NOISE = bytes(index * index % 251 * 7 % 256 for index in range(600))


def deflated(data: bytes) -> str:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4].hex()


def long_frame(head: str, data: str) -> str:
    """A masked frame of payload bytes given in hex."""
    return head + make_frame(0, bytes.fromhex(data), masking_key=b"wxyz").wire().hex()[2:]


@dataclass(frozen=True)
class Case:
    """Bytes of a peer that break a rule."""

    rule: str
    wire: str
    """The frame in hex digits."""
    code: int | None
    """The close code with which strict judgement fails the connection; None where it does not."""
    marked: str
    """The bytes that the violation points to, in hex."""
    role: Role = Role.SERVER
    """Ours."""
    goes_on: bool = True
    """Tolerant judgement reads the next message."""
    deflate: str | None = None
    limits: ConnectionLimits | None = None

    def __str__(self) -> str:
        return f"{self.rule} {self.wire[:24]}"


DEFLATE = "permessage-deflate"
CASES = [
    Case("rsv1-set", f"c1 81 {KEY} 61", 1002, "c1"),
    Case("rsv1-set", f"c9 80 {KEY}", 1002, "c9"),
    Case("rsv1-set", "c2 01 ff", 1002, "c2", Role.CLIENT),
    Case("rsv2-set", f"a1 81 {KEY} 61", 1002, "a1"),
    Case("rsv2-set", f"a1 81 {KEY} 61", 1002, "a1", deflate=DEFLATE),
    Case("rsv3-set", f"91 81 {KEY} 61", 1002, "91"),
    Case("opcode-reserved", f"83 80 {KEY}", 1002, "83"),
    Case("opcode-reserved", f"87 81 {KEY} 61", 1002, "87"),
    Case("opcode-reserved", f"8b 80 {KEY}", 1002, "8b"),
    Case("opcode-reserved", f"8f 80 {KEY}", 1002, "8f"),
    Case("mask-missing", "81 01 61", 1002, "01"),
    Case("mask-missing", "89 00", 1002, "00"),
    Case("mask-forbidden", f"81 81 {KEY} 61", 1002, "81", Role.CLIENT),
    Case("length-not-minimal", f"81 fe 00 01 {KEY} 61", 1002, "fe 00 01"),
    Case("length-not-minimal", f"89 fe 00 00 {KEY}", 1002, "fe 00 00"),
    Case("length-not-minimal", f"82 ff 00 00 00 00 00 00 00 01 {KEY} 61", 1002, "ff 00 00 00 00 00 00 00 01"),
    Case("length-top-bit", f"82 ff 80 00 00 00 00 00 00 00 {KEY}", 1002, "80" + "00" * 7, goes_on=False),
    Case("length-top-bit", "82 7f ff ff ff ff ff ff ff ff", 1002, "ff" * 8, Role.CLIENT, goes_on=False),
    Case("control-too-long", f"89 fe 00 7e {KEY}" + "00" * 126, 1002, "fe"),
    Case("control-fragmented", f"09 80 {KEY}", 1002, "09"),
    Case("control-fragmented", f"0a 81 {KEY} 61", 1002, "0a"),
    Case("masking-key-zero", "81 81 00000000 61", None, "00000000"),
    Case("masking-key-reused", f"81 81 {KEY} 61 81 81 {KEY} 61", None, "00000001"),
    Case("message-too-big", f"82 fe 00 c8 {KEY}", 1009, "fe", goes_on=False, limits=LIMIT),
    Case("message-too-big", f"82 fe 00 c8 {KEY}" + "00" * 200, 1009, "fe", limits=LIMIT),
    Case("message-too-big", f"82 e5 {KEY}" + "00" * 101, 1009, "e5", limits=LIMIT),
    Case("message-too-big", f"02 e4 {KEY}{'00' * 100} 80 81 {NEXT_KEY} 61", 1009, "81", limits=LIMIT),
    Case("continuation-without-start", f"80 81 {KEY} 61", 1002, "80"),
    Case("continuation-without-start", f"81 81 {KEY} 61 80 81 {NEXT_KEY} 61", 1002, "80"),
    Case("data-inside-message", f"01 81 {KEY} 61 82 81 {NEXT_KEY} 62", 1002, "82"),
    Case("frame-after-close", f"88 80 {KEY} 81 81 {NEXT_KEY} 61", None, "", goes_on=False),
    Case("frame-after-close", f"88 80 {KEY} 89 80 {NEXT_KEY}", None, "", goes_on=False),
    Case("text-not-utf8", f"81 83 {KEY} 61 ff 62", 1007, "ff"),
    Case("text-not-utf8", f"81 83 {KEY} ed a0 80", 1007, "ed"),
    Case("text-not-utf8", f"01 82 {KEY} e4 bd 80 81 {NEXT_KEY} 61", 1007, "61"),
    Case("text-not-utf8", f"01 82 {KEY} e4 bd 80 80 {NEXT_KEY}", 1007, ""),
    Case("text-not-utf8", f"c1 87 {KEY} 00 01 00 ff ff ff 00", 1007, "", deflate=DEFLATE),
    Case("close-one-byte", f"88 81 {KEY} 03", 1002, "03", goes_on=False),
    *(
        Case("close-code-forbidden", f"88 82 {KEY} {code:04x}", 1002, f"{code:04x}", goes_on=False)
        for code in (1005, 1006, 1015)
    ),
    *(
        Case("close-code-unassigned", f"88 82 {KEY} {code:04x}", 1002, f"{code:04x}", goes_on=False)
        for code in (0, 999, 1004, 1016, 2000, 2999, 5000, 65535)
    ),
    Case("close-reason-not-utf8", f"88 83 {KEY} 03 e8 ff", 1007, "ff", goes_on=False),
    Case("rsv1-on-continuation", f"41 80 {KEY} c0 81 {NEXT_KEY} 00", 1002, "c0", deflate=DEFLATE),
    Case("rsv1-on-control", f"c9 80 {KEY}", 1002, "c9", deflate=DEFLATE),
    Case("rsv1-on-control", f"c8 80 {KEY}", 1002, "c8", deflate=DEFLATE, goes_on=False),
    Case("deflate-corrupt", f"c1 82 {KEY} ff ff", 1007, "ff ff", deflate=DEFLATE),
    Case("deflate-corrupt", "c1 02 ff ff", 1007, "ff ff", Role.CLIENT, deflate=DEFLATE),
    Case("deflate-corrupt", f"c2 80 {KEY}", 1007, "", deflate=DEFLATE),
    Case(
        "deflate-window-exceeded",
        long_frame("c2", deflated(NOISE + NOISE)),
        1007,
        long_frame("c2", deflated(NOISE + NOISE))[16:],
        deflate=DEFLATE + "; client_max_window_bits=8",
    ),
    Case("inflates-too-big", f"c2 8b {KEY} {ZEROS}", 1009, ZEROS, deflate=DEFLATE, limits=LIMIT),
]  # fmt: skip


def connection_for(case: Case, judgement: Judgement) -> Endpoint:
    if case.role is Role.SERVER:
        return opened_server(judgement, limits=case.limits, deflate=case.deflate, policy=DeflatePolicy())
    return opened_client(judgement, limits=case.limits, deflate=case.deflate)


def failures(events: Iterable[Event]) -> list[ConnectionFailed]:
    return [event for event in events if isinstance(event, ConnectionFailed)]


def broken(events: Iterable[Event], rule: str) -> tuple[Frame, Violation]:
    """Where the rule was broken, for the first time."""
    return next(
        (event.frame, found)
        for event in received(events)
        for found in event.violations
        if found.rule.id == rule
    )


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("judgement", Judgement)
def test_the_violation_stands_with_its_frame_and_its_bytes(case: Case, judgement: Judgement) -> None:
    wire = bytes.fromhex(case.wire)
    events = receive(connection_for(case, judgement), wire)
    frame, found = broken(events, case.rule)
    assert frame.wire()[found.offset : found.offset + found.length] == bytes.fromhex(case.marked)
    assert b"".join(event.frame.wire() for event in received(events)) == wire


@pytest.mark.parametrize("case", CASES, ids=str)
def test_strict_fails_the_connection_as_the_rfc_says(case: Case) -> None:
    connection = connection_for(case, STRICT)
    events = receive(connection, bytes.fromhex(case.wire))
    failed = failures(events)
    if case.code is None:
        assert failed == []
        return
    assert [(event.code, event.violation.rule.id) for event in failed] == [(case.code, case.rule)]
    assert connection.state is ReadyState.CLOSING
    assert connection.wants_close
    answer = frames_of(connection.data_to_send())[-1]
    assert sent(events)[-1].frame == answer
    assert answer.opcode == Opcode.CLOSE
    assert answer.payload[:2] == case.code.to_bytes(2, "big")
    assert answer.payload[2:].decode() == CATALOGUE[case.rule].sentence
    assert all(message.payload != b"after" for message in messages(receive(connection, after(case))))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tolerant_records_and_carries_on(case: Case) -> None:
    connection = connection_for(case, TOLERANT)
    events = receive(connection, bytes.fromhex(case.wire))
    more = receive(connection, after(case))
    if case.goes_on:
        assert failures(events) == []
        assert connection.state is ReadyState.OPEN
        assert rules(more) == []
        assert [message.payload for message in messages(more)] == [b"after"]
    else:
        assert connection.state is ReadyState.CLOSING
        assert messages(more) == []


def after(case: Case) -> bytes:
    """A good message behind the bad bytes."""
    return masked(1, b"after") if case.role is Role.SERVER else plain(1, b"after")


@pytest.mark.parametrize("judgement", Judgement)
def test_a_frame_cut_off_by_the_end_is_shown_and_fails_nothing(judgement: Judgement) -> None:
    connection = opened_server(judgement)
    wire = bytes.fromhex(f"81 83 {KEY} 61 62")
    assert receive(connection, wire) == []
    events = connection.receive_eof()
    frame, found = broken(events, "frame-truncated")
    assert (frame.wire(), found.detail) == (wire, "2 of 3 payload bytes came")
    assert failures(events) == []
    assert connection.data_to_send() == b""


@pytest.mark.parametrize("judgement", Judgement)
def test_a_frame_for_which_there_is_no_room_is_cut_and_fails_the_connection(judgement: Judgement) -> None:
    """Be the judgement what it may: what cannot be held cannot be tolerated."""
    connection = opened_server(judgement)
    wire = bytes.fromhex(f"02 81 {KEY} 61 80 85 {KEY} 61 62")
    receive(connection, wire)
    assert connection.held_bytes == 9
    events = connection.fail_for_memory(9, 8)
    frame, found = broken(events, "memory-exhausted")
    assert frame.wire() == bytes.fromhex(f"80 85 {KEY} 61 62")
    assert found.detail == "9 bytes are held for it, the limit for all is 8"
    assert [(event.code, event.frameless) for event in failures(events)] == [(1013, False)]
    (answer,) = frames_of(connection.data_to_send())
    assert answer.payload == b"\x03\xf5" + CATALOGUE["memory-exhausted"].sentence.encode()
    assert connection.held_bytes == 0
    assert connection.fail_for_memory(9, 8) == []
    # Where the next frame begins is not known.
    assert receive(connection, masked(1, b"after")) == []
    assert ended(connection).trailing == masked(1, b"after")


@pytest.mark.parametrize("judgement", Judgement)
def test_between_two_frames_it_is_the_connection_that_is_failed_for_room(judgement: Judgement) -> None:
    connection = opened_server(judgement)
    receive(connection, bytes.fromhex(f"02 81 {KEY} 61 00"))
    assert connection.held_bytes == 2
    assert [(event.code, event.frameless) for event in failures(connection.fail_for_memory(2, 1))] == [
        (1013, True)
    ]
    assert connection.held_bytes == 1
    (frame,) = received(receive(connection, bytes.fromhex(f"81 {KEY} 61")))
    assert frame.frame.payload == b"a"


OBSERVED = ("not-held", "not-inflated")
"""What only an observer says; see test_observer.py."""
HANDSHAKE_TESTS = ("http11", "handshake", "extensions", "deflate_negotiation", "opening")


def test_every_rule_of_the_catalogue_is_broken_in_some_test() -> None:
    by_frames = {
        "frame-truncated",
        "memory-exhausted",
        "not-stored",
        *OBSERVED,
        *(case.rule for case in CASES),
    }
    here = Path(__file__).parent
    elsewhere = "".join((here / f"test_{name}.py").read_text("utf-8") for name in HANDSHAKE_TESTS)
    missing = [rule for rule in CATALOGUE if rule not in by_frames and f'"{rule}"' not in elsewhere]
    assert missing == []


def test_all_violations_of_a_frame_are_told_in_the_order_of_its_bits() -> None:
    wire = bytes.fromhex("7b 7e 00 7f") + bytes(127)
    assert rules(receive(opened_server(TOLERANT), wire)) == [
        "rsv1-set",
        "rsv2-set",
        "rsv3-set",
        "opcode-reserved",
        "control-fragmented",
        "control-too-long",
        "mask-missing",
    ]


def test_notes_on_masking_keys_are_made_once_a_connection() -> None:
    zero, same = bytes.fromhex("81 81 00000000 61"), bytes.fromhex(f"81 81 {KEY} 61")
    connection = opened_server()
    events = receive(connection, zero * 3, same * 3, zero, zero, same, same, zero * 3 + same * 3)
    assert rules(events) == ["masking-key-zero", "masking-key-reused"]
    assert len(messages(events)) == 16


@pytest.mark.parametrize("rule", CATALOGUE.values(), ids=lambda rule: rule.id)
def test_every_sentence_fits_into_a_close_frame(rule: Rule) -> None:
    assert closing_payload(rule.close_code, rule.sentence)[2:].decode() == rule.sentence


# The quick ways through must judge as the slow one does.


@st.composite
def frames_of_clients(draw: st.DrawFn) -> Frame:
    """Mostly short whole messages, some with a flaw."""
    payload = draw(st.sampled_from([b"", b"a", "中".encode(), b"\xff", b"\xe4\xb8", bytes(11), bytes(126)]))
    head = draw(st.sampled_from([0x81, 0x81, 0x82, 0x82, 0x82, 0x01, 0x80, 0x89, 0xC1, 0x83]))
    key = draw(st.sampled_from([b"abcd", b"abcd", b"efgh", b"wxyz", bytes(4), None]))
    form = draw(st.sampled_from([0, 0, 0, 0, 0, 1, 2]))
    return Frame(head, key, payload, max(form, shortest_length_form(len(payload))), len(payload))


@given(
    st.lists(st.lists(frames_of_clients(), max_size=5), max_size=4),
    st.sampled_from(Judgement),
    st.sampled_from([10, 125, 1000]),
)
def test_the_same_verdicts_however_frames_are_batched(
    reads: list[list[Frame]], judgement: Judgement, limit: int
) -> None:
    limits = ConnectionLimits(message_bytes=limit)
    batched, single = opened_server(judgement, limits=limits), opened_server(judgement, limits=limits)
    together = receive(batched, *[b"".join(frame.wire() for frame in read) for read in reads])
    alone = receive(single, *[frame.wire() for read in reads for frame in read])
    assert together == alone
    assert batched.data_to_send() == single.data_to_send()


@given(st.lists(frames_of_clients(), max_size=8), st.sampled_from(Role))
def test_plain_means_that_the_full_look_finds_nothing(frames: list[Frame], role: Role) -> None:
    quick, slow = Judge(role), Judge(role)
    for frame in frames:
        full = slow.frame(frame)
        if frame.head in (0x81, 0x82) and quick.is_plain(frame):
            assert full == []
            quick.last_key = frame.masking_key or quick.last_key
        else:
            assert quick.frame(frame) == full


@given(st.lists(frames_of_clients(), min_size=1, max_size=4), st.sampled_from(Role))
def test_all_plain_means_that_each_is(frames: list[Frame], role: Role) -> None:
    columns, slow = Judge(role), Judge(role)
    frames = [frame for frame in frames if frame.head in (0x81, 0x82) and not frame.truncated]
    if frames and columns.is_plain_run(columns_of(frames), 100):
        columns.last_key = frames[-1].masking_key or columns.last_key
        assert [slow.frame(frame) for frame in frames] == [[]] * len(frames)
        assert all(frame.head == 0x82 or frame.payload.decode() is not None for frame in frames)
        assert columns.frame(frames[-1]) == slow.frame(frames[-1])


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
@pytest.mark.parametrize("form", LengthForm)
def test_only_the_shortest_length_is_minimal(length: int, form: LengthForm) -> None:
    if length > (125, 65535, 1 << 62)[form]:
        return
    frame = Frame(0x82, None, bytes(length), form, length)
    found = [one.rule.id for one in Judge(Role.SERVER).frame(frame)]
    assert found == ([] if form == shortest_length_form(length) else ["length-not-minimal"])


# What a close frame says, and what we may say in one.


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", (1005, "")),
        (b"\x03", (1005, "")),
        (b"\x03\xe8", (1000, "")),
        ("\u0fa0".encode("utf-16-be") + b"bye", (4000, "bye")),
        (b"\x03\xe8\xff", (1000, "\ufffd")),
    ],
)
def test_what_a_close_frame_says(payload: bytes, said: tuple[int, str]) -> None:
    assert Judge(Role.CLIENT).close(make_frame(8, payload), []) == said
