from __future__ import annotations

from dataclasses import replace

import pytest

from app.logic.frame_lines import Badge, HeldFor, Line, PayloadKind, TimeFormat, make_line
from core.capture.records import Direction, FrameRow, MessageInfo
from core.protocol.events import Origin
from core.protocol.frames import FIN, RSV1, Opcode
from core.protocol.handling import DecidedBy, Fate, Handling

ROW = FrameRow(
    id=7,
    connection=1,
    number=3,
    time_ns=1_760_000_000_123_456_789,
    direction=Direction.CLIENT_TO_SERVER,
    origin=Origin.PEER,
    head=FIN | Opcode.TEXT,
    masked=True,
    length_form=0,
    declared_length=5,
    captured_length=5,
    preview=b"hello",
    message=MessageInfo(Opcode.TEXT, 5, 5, compressed=False, frame_count=1),
    violation_count=0,
    severity=0,
)


def line(**changes: object) -> Line:
    row = replace(ROW, **changes)  # type: ignore[arg-type]
    return make_line(row, previous_ns=None, start_ns=row.time_ns, time_format=TimeFormat.ABSOLUTE)


def control(opcode: int, payload: bytes) -> Line:
    return line(
        head=FIN | opcode,
        preview=payload,
        captured_length=len(payload),
        declared_length=len(payload),
        message=None,
    )


def test_a_text_frame() -> None:
    made = line()
    assert (made.number, made.opcode, made.length, made.bits) == ("7", "text", "5", "F···M")
    assert (made.payload_kind, made.payload, made.badges) == (PayloadKind.TEXT, "hello", ())
    assert made.delta == ""
    assert made.time.endswith(".123")


def test_times() -> None:
    def time(time_format: TimeFormat, previous: int | None) -> str:
        start = ROW.time_ns - 2_000_000_000
        return make_line(ROW, previous_ns=previous, start_ns=start, time_format=time_format).time

    assert time(TimeFormat.SINCE_START, None) == "2.000000"
    assert time(TimeFormat.SINCE_PREVIOUS, ROW.time_ns - 1_500) == "0.000002"
    assert time(TimeFormat.SINCE_PREVIOUS, None) == "0.000000"


@pytest.mark.parametrize(
    ("head", "badge"),
    [
        (Opcode.TEXT, Badge.FRAGMENT_FIRST),
        (Opcode.CONTINUATION, Badge.FRAGMENT_MIDDLE),
        (FIN | Opcode.CONTINUATION, Badge.FRAGMENT_LAST),
    ],
)
def test_fragments(head: int, badge: Badge) -> None:
    assert badge in line(head=head, message=None).badges


@pytest.mark.parametrize("opcode", [Opcode.PING, 0xB])
def test_a_control_frame_without_fin_is_no_first_part(opcode: int) -> None:
    assert line(head=opcode, message=None).badges == ()


def test_a_compressed_message_shows_both_lengths() -> None:
    message = MessageInfo(Opcode.TEXT, 1234, 40, compressed=True, frame_count=1)
    made = line(head=FIN | RSV1 | Opcode.TEXT, declared_length=40, captured_length=40, message=message)
    assert made.length == "40 → 1\u202f234"
    assert made.bits == "F1··M"
    assert made.badges == (Badge.COMPRESSED,)


def test_a_truncated_frame_shows_how_much_came() -> None:
    made = line(declared_length=100, message=None)
    assert made.length == "5/100"
    assert Badge.TRUNCATED in made.badges


@pytest.mark.parametrize(
    ("origin", "badge"),
    [(Origin.AUTOMATIC, Badge.AUTOMATIC), (Origin.COMPOSED, Badge.COMPOSED), (Origin.RULE, Badge.RULE)],
)
def test_origins(origin: Origin, badge: Badge) -> None:
    assert line(origin=origin).badges == (badge,)


def test_close_frames_in_words() -> None:
    made = control(Opcode.CLOSE, b"\x03\xe9tab closed\n")
    assert (made.payload_kind, made.payload) == (PayloadKind.CLOSE, "1001 Going away · tab closed↵")
    assert control(Opcode.CLOSE, b"\x03\xe8").payload == "1000 Normal closure"
    assert control(Opcode.CLOSE, b"\x03").payload == "03"
    assert control(Opcode.CLOSE, b"").payload_kind is PayloadKind.EMPTY


def test_pings_as_text_where_they_are_text() -> None:
    assert control(Opcode.PING, b"keepalive").payload == "keepalive"
    assert control(Opcode.PING, b"\x00\x01").payload == "00 01"


def test_binary_as_hex() -> None:
    message = MessageInfo(Opcode.BINARY, 200, 200, compressed=False, frame_count=1)
    made = line(
        head=FIN | Opcode.BINARY,
        preview=bytes(200),
        captured_length=200,
        declared_length=200,
        message=message,
    )
    assert made.payload_kind is PayloadKind.BYTES
    assert made.payload.startswith("00 00")
    assert made.payload.endswith("00 …")


def test_text_is_made_visible_and_may_be_no_utf8() -> None:
    assert line(preview=b"a\nb\xe2\x80\xae").payload == "a↵b\\u202e"
    assert line(preview=b"a\xffb", captured_length=3, message=None).payload == "a\\xffb"


def test_a_preview_cut_inside_a_character() -> None:
    assert line(preview="你好".encode()[:-1]).payload == "你"


def test_what_is_no_more_than_the_beginning_ends_with_an_ellipsis() -> None:
    message = MessageInfo(Opcode.TEXT, 1000, 1000, compressed=False, frame_count=1)
    assert line(preview=b"x" * 256, message=message).payload == "x" * 256 + "…"
    assert line(preview=b"a\xffb", captured_length=9, message=None).payload == "a\\xffb…"
    assert line(preview=b"x" * 256, message=replace(message, length=256)).payload == "x" * 256


def test_a_continuation_that_begins_inside_a_character() -> None:
    made = line(head=Opcode.CONTINUATION, preview="好!".encode()[1:], captured_length=3, message=None)
    assert (made.payload_kind, made.payload) == (PayloadKind.TEXT, "!")


def test_compressed_fragments_are_bytes() -> None:
    made = line(head=RSV1 | Opcode.TEXT, preview=b"\xf2H", captured_length=2, message=None)
    assert (made.payload_kind, made.payload) == (PayloadKind.BYTES, "f2 48")


@pytest.mark.parametrize(
    ("handling", "badges"),
    [
        (Handling(Fate.HELD), (Badge.HELD,)),
        (Handling(Fate.HELD, held_ns=3_200_000_000), (Badge.NEVER_PASSED, HeldFor("3.20 s"))),
        (Handling(Fate.PASSED, DecidedBy.PERSON, 3_200_000_000), (HeldFor("3.20 s"),)),
        (Handling(Fate.DROPPED, DecidedBy.RULE), (Badge.DROPPED,)),
        (Handling(Fate.REPLACED, DecidedBy.PERSON, 5_000_000), (Badge.REPLACED, HeldFor("5.00 ms"))),
        (Handling(rules=("Log",)), ()),
        (Handling(is_redacted=True), (Badge.REDACTED,)),
    ],
)
def test_what_was_done_to_a_frame(handling: Handling, badges: tuple[object, ...]) -> None:
    assert line(handling=handling).badges == badges
    # What is left out of the capture did arrive.
    assert (Badge.TRUNCATED in line(handling=handling, captured_length=0).badges) is not handling.is_redacted


@pytest.mark.parametrize(
    ("origin", "badge"), [(Origin.EDITED, Badge.EDITED), (Origin.INJECTED, Badge.INJECTED)]
)
def test_what_was_done_comes_before_where_it_is_from(origin: Origin, badge: Badge) -> None:
    assert line(origin=origin, handling=Handling(Fate.DROPPED)).badges == (Badge.DROPPED, badge)
