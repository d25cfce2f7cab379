"""Random captures and random filters, on which both ways of asking must agree."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from hypothesis import strategies as st

from core.capture.marks import KeepMarks, Mark
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.capture.ring import Keep
from core.capture.writer import Batch, CaptureWriter
from core.protocol.events import (
    Caused,
    Completes,
    Decided,
    Event,
    FrameReceived,
    FrameSent,
    HandshakeDone,
    Message,
    Origin,
    RequestReceived,
    Ruled,
)
from core.protocol.frames import Frame, Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from core.protocol.handshake import Answer, ServerPolicy, client_request
from core.protocol.http11 import HeadKind, HeadParser, RequestHead
from core.protocol.violations import violation
from core.query.clock import CaptureTimes
from core.query.expressions import Expression
from core.query.fields import Access, Field
from core.query.language import FilterLanguage
from core.query.predicate import FrameFilter
from core.query.scan import Scan
from core.query.values import FieldKind
from tests.tools.captures import opened

START_NS = 1_700_000_000_000_000_000
_CLOCK = f"{datetime.fromtimestamp(START_NS // 10**9):%H:%M:%S}"
_KEYS = (None, bytes(4), b"\x01\x02\x03\x04")
_PIECES = (b"a", b"b", b"ab", b"aab", b"B", b"\n", b"\xff", b"\x00", "你".encode(), b"id=42")
_DOCUMENTS = (
    b'{"a":1}',
    b'{"a":[1,2,"x"]}',
    b' {"a": {"b": true, "c": null}}',
    b'{"a":"B"}',
    b"[1,",
    b"1",
    b"true",
)
_NOTES = ("", "a", "/a", "mqtt\nB", "7")
_RULES = ("rsv2-set", "opcode-reserved", "masking-key-zero", "frame-truncated")


class RandomCaptures(dict[int, Path]):
    """Random captures by their seeds, made in a folder when first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, seed: int) -> Path:
        path = self[seed] = self._folder / f"{seed}.unmask"
        write_capture(path, seed)
        return path


def write_capture(path: Path, seed: int) -> None:
    """A small capture of several connections, in many blocks."""
    dice = random.Random(seed)
    writer = CaptureWriter(path, "0")
    time_ns = START_NS
    connections = range(1, dice.choice((1, 2, 5)) + 1)
    for connection in connections:
        writer.write([opened(connection, time_ns), _handshake(connection, time_ns)])
    for _ in range(dice.randrange(1, 8)):
        batches = []
        for _ in range(dice.randrange(1, 6)):
            # The clock is set back now and then.
            time_ns += dice.choice((0, 1, 1000, 2_000_000, 3_000_000_000, -1_000_000))
            events = [_handled(dice, _event(dice)) for _ in range(dice.choice((1, 2, 5, 20)))]
            batches.append(Batch(dice.choice(connections), time_ns, events, 0))
        writer.write(batches)
    if seed % 4 == 3:
        # A ring that has dropped frames.
        writer.keep = Keep(frames=dice.randrange(1, 60))
        writer.drop_oldest(time_ns, 1 << 40)
    _mark(writer, dice)
    writer.close()


def _mark(writer: CaptureWriter, dice: random.Random) -> None:
    """Mark some of the frames, some with a note."""
    with closing(CaptureReader(writer.path)) as reader:
        frames = range(reader.first_frame_id(), reader.last_frame_id() + 1)
    chosen = dice.sample(frames, min(len(frames), dice.choice((0, 1, 5))))
    writer.change_marks(KeepMarks(tuple(Mark(frame, dice.choice(_NOTES)) for frame in chosen)))


def _handshake(connection: int, time_ns: int) -> Batch:
    raw = client_request(
        "localhost",
        f"/{'abc'[connection % 3]}",
        "dGhlIHNhbXBsZSBub25jZQ==",
        extra_headers=(("X-Id", f"{connection}"),),
    )
    head = HeadParser(HeadKind.REQUEST).feed(raw)
    assert isinstance(head, RequestHead)
    answer = Answer(
        101,
        "",
        b"HTTP/1.1 101 Switching Protocols\r\nX-Id: 7\r\n\r\n",
        subprotocol=(None, "mqtt")[connection % 2],
    )
    return Batch(connection, time_ns, [RequestReceived(head, ServerPolicy()), HandshakeDone(answer)], 0)


def _event(dice: random.Random) -> Event:
    payload, key = _payload(dice), dice.choice(_KEYS)
    match dice.randrange(8):
        case 0:
            frame = make_frame(dice.choice((Opcode.PING, Opcode.PONG)), payload[:125], masking_key=key)
            return FrameSent(frame, Origin.AUTOMATIC, None)
        case 1:
            code = dice.choice((b"", b"\x03", b"\x03\xe8", b"\x03\xea"))
            return FrameReceived(make_frame(Opcode.CLOSE, code + payload[:20], masking_key=key), (), None)
        case 2:
            return FrameReceived(make_frame(Opcode.TEXT, payload, fin=False, masking_key=key), (), None)
        case 3:
            message = Message(
                dice.choice((1, 2)), payload * dice.randrange(3), dice.random() < 0.7, 3, len(payload)
            )
            return FrameReceived(make_frame(Opcode.CONTINUATION, payload[:2], masking_key=key), (), message)
        case 4:
            rules = dice.sample(_RULES, dice.randrange(1, 3))
            length = len(payload) + dice.choice((0, 3))
            frame = Frame(dice.randrange(256), key, payload, 1, length)
            return FrameReceived(frame, tuple(violation(rule) for rule in rules), None)
        case 5:
            return FrameSent(
                make_frame(Opcode.TEXT, payload),
                dice.choice((Origin.COMPOSED, Origin.RULE, Origin.EDITED, Origin.INJECTED)),
                Completes.ITSELF,
            )
    frame = make_frame(dice.choice((Opcode.TEXT, Opcode.BINARY)), payload, masking_key=key)
    return FrameReceived(frame, (), Completes.ITSELF)


def _handled(dice: random.Random, event: Event) -> Event:
    """The event, or what rules made of it, or a decision on others."""
    handling = Handling(
        dice.choice(list(Fate)),
        dice.choice(list(DecidedBy)),
        dice.choice((None, None, 0, 2_000_000, 60_000_000_000)),
        dice.choice(((), ("a",), ("/a", "mqtt"))),
    )
    match dice.randrange(12), event:
        case 0 | 1, FrameReceived():
            recorded = dice.choice((None, None, b"", b"a***b"))
            return Ruled(event, handling, dice.randrange(4), recorded=recorded)
        case 0 | 1, FrameSent():
            return Caused(event, dice.randrange(4), handling.rules)
        case 2, _:
            return Decided(dice.randrange(1, 4), handling)
    return event


def _payload(dice: random.Random) -> bytes:
    if dice.random() < 0.3:
        return dice.choice(_DOCUMENTS)
    return b"".join(dice.choices(_PIECES, k=dice.choice((0, 1, 2, 3, 8, 60))))


def scanned(path: Path, expression: Expression, after: int = 0) -> list[int]:
    """Ids of the frames that the scan finds."""
    with closing(Scan(path, expression)) as scan:
        return [frame for found in scan.run(after) for frame in found.frames]


def asked(path: Path, expression: Expression) -> list[int]:
    """Ids of the frames that match one by one."""
    with closing(CaptureReader(path)) as reader:
        ends = (reader.first_frame_id(), reader.last_frame_id())
        times = [row.time_ns for frame in ends for row in reader.rows_of((frame,))]
        asking = FrameFilter(expression, CaptureTimes(*times))
        return [
            record.row.id
            for record in _frames(reader)
            if asking.matches(record, reader.connection(record.row.connection))
        ]


def _frames(reader: CaptureReader) -> Iterator[FrameRecord]:
    return reader.frames_after(0, reader.last_frame_id())


_ARGUMENTS = {
    "json": ("$.a", "$.a.b", "$.a.*", "$..c", "$[0]", "$.a[?@ > 1]", "$"),
    "header": ("X-Id", "host", "No-Such", "Upgrade"),
}
_HUGE = "999999999999999GiB"
"""More than 64 bits."""
_LITERALS = {
    FieldKind.FLAG: ("true", "false", "1", "0"),
    FieldKind.NUMBER: ("0", "1", "2", "3", "7", "20", "60", "1.5", "0x10", "1KiB", "-1", _HUGE),
    FieldKind.CODE: ("0", "1", "2", "8", "0x9", "1000", "1002", "0xffffffffffffffff"),
    FieldKind.NAME: (),
    FieldKind.DURATION: ("0ns", "1us", "2ms", "-1ms", "3s", "1m"),
    FieldKind.TIME: ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.002Z", "2023-11-14T22:13:23+00:00", "1990-01-01",
                     "3s", _CLOCK, f"{_CLOCK}.002", "0:00"),
    FieldKind.TEXT: ("/a", '"/b"', "a", "mqtt", "7", "13", "localhost", "websocket"),
    FieldKind.BYTES: ("a", "ab", "aab", "B", '"id=42"', 'hex"ff"', 'hex"01020304"', '"{"', "你", r'"b\nb"',
                      'hex"00 00"'),
    FieldKind.JSON: ("1", "2", "1.0", '"x"', "B", "true", "null", "false"),
}  # fmt: skip
_PATTERNS = (
    "a", "a+b", "ab|B", "a{2}", "a?b", "^a", "b$", ".", r"\d\d", "(?i)AB", "[^a]", r"\bid", "(?s)a.b", "a?",
    "(ab){2}", "b.{1,3}b", "aab|a", "a(?=b)", "ab.*B", "id=\\d+", "(?i)A.*B", "(?i)ID=", "b+ab",
)  # fmt: skip


def filters(language: FilterLanguage) -> st.SearchStrategy[str]:
    """Texts of filters that mean something."""
    terms = st.sampled_from(list(language.fields)).flatmap(lambda field: _terms(language, field))
    words = st.lists(
        st.sampled_from(("a", "ab", '"b"', 'hex"61"', "id=42".replace("=", ""))), min_size=1, max_size=2
    )
    leaves = terms | words.map(" ".join)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(("and", "or", "&&", "||")), inner).map(
                lambda each: f"({' '.join(each)})"
            ),
            inner.map(lambda each: f"not ({each})"),
        ),
        max_leaves=5,
    )


def _terms(language: FilterLanguage, field: Field) -> st.SearchStrategy[str]:
    name = st.just(field.name)
    if not isinstance(field.access, Access):
        brackets = '("{}")' if field.name == "json" else '["{}"]'
        arguments = st.sampled_from(_ARGUMENTS[field.name])
        name = arguments.map(lambda argument: field.name + brackets.format(argument))
    if field.kind is FieldKind.NAME:
        literal = st.sampled_from([*field.choices])
    elif field.kind is FieldKind.CODE:
        literal = st.sampled_from([*field.choices, *_LITERALS[FieldKind.CODE]])
    else:
        literal = st.sampled_from(_LITERALS[field.kind])
    operators = [each.name for each in language.operators if field.kind in each.kinds]

    def term(operator: str) -> st.SearchStrategy[str]:
        if operator == "matches":
            return st.tuples(name, st.sampled_from(_PATTERNS)).map(
                lambda each: f'{each[0]} matches "{each[1]}"'
            )
        if operator == "in":
            sets = st.lists(literal, min_size=1, max_size=4).map(lambda each: f"{{{', '.join(each)}}}")
            return st.tuples(name, st.sampled_from(("in", "not in")), sets).map(" ".join)
        return st.tuples(name, st.just(operator), literal).map(" ".join)

    compared = st.sampled_from(operators).flatmap(term)
    return compared | name if field.optional or field.kind is FieldKind.FLAG else compared
