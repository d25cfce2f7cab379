"""A direction whose messages somebody is asked about who answers in any order, or never: no byte differs without need,
and the order stays.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from core.net.legs.advice import Advice
from core.protocol.deflate import DeflateParameters
from core.protocol.events import Completes, FrameReceived, Message, Ruled, singly
from core.protocol.frames import Opcode, make_frame
from core.protocol.state import Role
from core.rules.advice import Question
from core.rules.moment import Moment
from core.rules.verdict import Onward, Replacement, Verdict
from tests.tools.ruled_line import (
    KEY,
    PARAMETERS,
    SENDERS,
    RuledLine,
    inbound,
    messages_in,
    read,
    reads_of,
    spoken,
)
from tests.tools.scripted import RELAYED

PAYLOADS = st.binary(max_size=40) | st.sampled_from([b"abc" * 100, b'{"id":1}', b"", bytes(range(256))])
SAID = st.lists(st.tuples(PAYLOADS, st.integers(1, 3), st.booleans()), min_size=1, max_size=12)
HIDDEN = Verdict(recorded=b"")


class Hesitant:
    """An `Adviser` whose answers wait until the test wants them."""

    def __init__(self, unanswered: Verdict | None = None) -> None:
        self.name = "s.py"
        self.unanswered = unanswered or Verdict()
        self.asked: list[tuple[Question, Callable[[Verdict], None]]] = []

    def is_asked(self, moment: Moment, sender: Role) -> bool:  # noqa: ARG002
        return moment in (Moment.MESSAGE, Moment.FRAME)

    def ask(self, question: Question, decide: Callable[[Verdict], None]) -> None:
        self.asked.append((question, decide))

    async def close(self) -> None:
        """It has started nothing."""

    @property
    def messages(self) -> list[tuple[Question, Callable[[Verdict], None]]]:
        return [each for each in self.asked if each[0].moment is Moment.MESSAGE]

    @property
    def advice(self) -> Advice:
        return Advice(self, 70, RELAYED)


def control(sender: Role, opcode: Opcode, payload: bytes) -> bytes:
    return make_frame(opcode, payload, masking_key=KEY if sender is Role.CLIENT else None).wire()


@given(PARAMETERS, SENDERS, SAID, st.integers(0, 500), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_what_it_does_not_change_goes_on_byte_by_byte(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[bytes, int, bool]],
    armed_at: int,
    chance: random.Random,
) -> None:
    """Answered in any order, while more comes."""
    data = b"".join(spoken(sender, deflate, said))
    adviser = Hesitant()
    answered: set[int] = set()
    with RuledLine(sender, deflate, before=data[:armed_at], advice=adviser.advice) as line:
        for piece in reads_of(data[armed_at:], chance):
            line.feed(piece)
            assert data.startswith(bytes(line.out))
            open_ones = [at for at in range(len(adviser.messages)) if at not in answered]
            if open_ones and chance.random() < 0.5:
                at = chance.choice(open_ones)
                answered.add(at)
                adviser.messages[at][1](Verdict())
        for at, (_, decide) in enumerate(adviser.messages):
            if at not in answered:
                decide(Verdict())
        assert bytes(line.out) == data
        # It leaves no trace in the capture.
        assert not any(isinstance(each, Ruled) for each in line.told)
        frames = [each for each in singly(line.told) if isinstance(each, FrameReceived)]
        assert sum(each.completes is not None for each in frames) >= len(adviser.messages)


DECISIONS = st.sampled_from(["pass", "edit", "drop", "late"])


@given(
    PARAMETERS,
    SENDERS,
    st.lists(st.tuples(PAYLOADS, st.integers(1, 3), st.booleans(), DECISIONS), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=60)
def test_whatever_it_answers_in_whatever_order_the_receiver_reads_it_in_order(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[bytes, int, bool, str]],
    chance: random.Random,
) -> None:
    """A close frame waits for the answers; those that never come are not waited for when the stream ends."""
    adviser, wanted = Hesitant(), []
    data = b"".join(spoken(sender, deflate, [each[:3] for each in said]))
    close = control(sender, Opcode.CLOSE, b"\x03\xe8")
    with RuledLine(sender, deflate, advice=adviser.advice) as line:
        for piece in reads_of(data + close, chance):
            line.feed(piece)
        assert bytes(line.out) == b""
        assert [each[0].payload for each in adviser.messages] == [each[0] for each in said]
        answers = []
        for (_, decide), (payload, _, _, decision) in zip(adviser.messages, said, strict=True):
            edited = payload + b" edited"
            answers.append((decide, *verdict_of(decision, edited)))
            if decision != "drop":
                wanted.append(edited if decision == "edit" else payload)
        chance.shuffle(answers)
        for decide, verdict, is_late in answers:
            if not is_late:
                decide(verdict)
        line.passage.end_input()
        assert messages_in(read(inbound(sender, deflate), bytes(line.out).removesuffix(close))) == wanted
        assert bytes(line.out).endswith(close)
        # An answer that comes too late changes nothing.
        before = bytes(line.out)
        for decide, verdict, is_late in answers:
            if is_late:
                decide(verdict)
        assert bytes(line.out) == before


def verdict_of(decision: str, edited: bytes) -> tuple[Verdict, bool]:
    """The answer, and whether it comes too late."""
    match decision:
        case "edit":
            return Verdict(Replacement(Opcode.BINARY, edited)), False
        case "drop":
            return Verdict(Onward.DROP), False
        case "late":
            return Verdict(Onward.DROP), True
    return Verdict(), False


@given(PARAMETERS, SENDERS, SAID, st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_what_it_has_not_answered_about_is_recorded_without_content(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[bytes, int, bool]],
    is_lost: bool,
    chance: random.Random,
) -> None:
    """Where the adviser says what is recorded: at the end of the stream too, and when the peer goes."""
    adviser = Hesitant(HIDDEN)
    data = b"".join(spoken(sender, deflate, said))
    with RuledLine(sender, deflate, advice=adviser.advice) as line:
        for piece in reads_of(data, chance):
            line.feed(piece)
        for _, decide in adviser.messages[: len(said) // 2]:
            decide(Verdict(recorded=b"***"))
        if is_lost:
            line.passage.departures.lose_receiver()
        else:
            line.passage.end_input()
        line.passage.departures.flush()
        kept = {each.recorded for each in line.told if isinstance(each, Ruled)}
        assert kept <= {b"", b"***"}
        plain = [each for each in singly(line.told) if isinstance(each, FrameReceived)]
        assert not [each for each in plain if isinstance(each.completes, Message | Completes)]


def test_pings_do_not_wait_for_answers_about_messages() -> None:
    adviser = Hesitant()
    with RuledLine(advice=adviser.advice) as line:
        line.feed(spoken(Role.CLIENT, None, [(b"one", 1, False)])[0])
        ping = control(Role.CLIENT, Opcode.PING, b"?")
        line.feed(ping)
        [(question, decide)] = [each for each in adviser.asked if each[0].head & 0x0F == Opcode.PING]
        assert (question.moment, question.payload) == (Moment.FRAME, b"?")
        assert bytes(line.out) == b""
        decide(Verdict())
        assert bytes(line.out) == ping
