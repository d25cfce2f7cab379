"""Actions on how a message passes, if at all."""

from __future__ import annotations

from collections.abc import Iterable

from core.rules.action import EVENTS, MESSAGES, PASSING, Act, ActionKind, Given, Parameter, ParameterKind
from core.rules.deed import Deed
from core.rules.faults import ParameterError
from core.rules.verdict import Corruption, Cut, Hold


def _drop(_given: Given) -> Act:
    def act(deed: Deed) -> None:
        deed.is_dropped = deed.stops = True

    return act


def _delay(given: Given) -> Act:
    seconds, jitter = given.seconds("by"), given.seconds("jitter")
    rate = given.rate("rate") if given.has("rate") else None
    if not seconds and not jitter and rate is None:
        raise ParameterError("Give at least one of “by”, “jitter” and “rate”.", "by")

    def act(deed: Deed) -> None:
        deed.delay_seconds += seconds + (deed.dice.uniform(0, jitter) if jitter else 0.0)
        if rate is not None:
            deed.bytes_per_second = min(rate, deed.bytes_per_second or rate)

    return act


def _duplicate(given: Given) -> Act:
    times = given.count("times")

    def act(deed: Deed) -> None:
        deed.copies = times

    return act


def _reorder(given: Given) -> Act:
    behind = given.count("behind")

    def act(deed: Deed) -> None:
        deed.behind = behind

    return act


def _hold(given: Given) -> Act:
    seconds = given.seconds("seconds")

    def act(deed: Deed) -> None:
        deed.hold = Hold(seconds)

    return act


def _corrupt(given: Given) -> Act:
    corruption = Corruption(given.choice("what"))

    def act(deed: Deed) -> None:
        deed.corruption = corruption

    return act


def _cut(cut: Cut) -> Act:
    def act(deed: Deed) -> None:
        deed.cut = cut

    return act


def _stop(_given: Given) -> Act:
    def act(deed: Deed) -> None:
        deed.stops = True

    return act


def _note(given: Given) -> Act:
    template = given.template("text")

    def act(deed: Deed) -> None:
        text = deed.text(template)
        if text is not None:
            deed.notes.append(text)

    return act


def passing_actions() -> Iterable[ActionKind[Act]]:
    """Actions on how a message passes."""
    yield ActionKind(
        "drop", "Drop", "The message does not go on, and no later rule is asked. Its row stays, and says so.", {},
        PASSING, _drop,
    )  # fmt: skip
    yield ActionKind(
        "hold", "Hold",
        "Keeps the message until a person decides, or until the time is over: then it goes on.",
        {"seconds": "5m"}, PASSING, _hold,
        (Parameter("seconds", ParameterKind.DURATION, "How long it is held at most.", "5m"),),
    )  # fmt: skip
    yield ActionKind(
        "delay", "Delay",
        "The message goes on later, and what comes behind it not before it: by a fixed time, by a random time on top, "
        "at so many bytes a second.",
        {"by": "200ms", "jitter": "50ms"}, PASSING, _delay,
        (
            Parameter("by", ParameterKind.DURATION, "How much later.", "0"),
            Parameter("jitter", ParameterKind.DURATION, "At most how much later on top, by chance.", "0"),
            Parameter("rate", ParameterKind.RATE, "Bytes a second at which it goes on."),
        ),
    )  # fmt: skip
    yield ActionKind(
        "duplicate", "Duplicate", "The message goes on more than once.", {"times": "2"}, MESSAGES, _duplicate,
        (Parameter("times", ParameterKind.COUNT, "In all; copies have 16 MiB at most.", "2", (), 1, 1000),),
    )  # fmt: skip
    yield ActionKind(
        "reorder", "Reorder", "The message goes on after later ones of its direction.", {"behind": "1"}, MESSAGES,
        _reorder, (Parameter("behind", ParameterKind.COUNT, "After how many later ones.", "1", (), 1, 1000),),
    )  # fmt: skip
    yield ActionKind(
        "corrupt", "Corrupt", "Makes a fault in the bytes of the message as they go on.", {"what": "bit"}, PASSING,
        _corrupt,
        (
            Parameter(
                "what", ParameterKind.CHOICE,
                "A bit of the payload turned over, a wrong mask, a length that lies, or a byte that UTF-8 never has.",
                None, tuple(each.value for each in Corruption),
            ),
        ),
    )  # fmt: skip
    yield ActionKind(
        "reset", "Reset", "Cuts the connection at once, without a closing handshake: both sides see a reset.", {},
        EVENTS, lambda _: _cut(Cut.RESET),
    )  # fmt: skip
    yield ActionKind(
        "half-close", "Half-close",
        "Ends the stream toward the receiver of the message; the other direction goes on.", {}, PASSING,
        lambda _: _cut(Cut.HALF_CLOSE),
    )  # fmt: skip
    yield ActionKind(
        "note", "Note", "Marks the frame's row with a note.", {"text": "id {json('$.id')}"}, PASSING, _note,
        (Parameter("text", ParameterKind.TEMPLATE, "What is noted."),),
    )  # fmt: skip
    yield ActionKind(
        "stop", "Stop here", "No later rule is asked about this message.", {}, EVENTS, _stop
    )  # fmt: skip
