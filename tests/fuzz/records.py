"""What a script's process may write: records of known kinds, or a refusal; in one piece or in many."""

from __future__ import annotations

from core.scripts.records import FromScript
from core.scripts.wire import WireError, from_script, unpacker_of_script
from tests.fuzz.script import Script


def run(data: bytes) -> None:
    """First byte: the size of the pieces. The rest is what comes through the pipe."""
    script = Script(data)
    size = script.byte() + 1
    came = script.rest()
    whole, refusal = _read(came, len(came) + 1)
    assert _read(came, size) == (whole, refusal)
    for record in whole:
        # What was read can be said.
        again, _ = _read(from_script(record), 1 << 20)
        assert again == [record]


def _read(data: bytes, size: int) -> tuple[list[FromScript], bool]:
    """The records, and whether something behind them was refused."""
    unpacker = unpacker_of_script()
    found: list[FromScript] = []
    try:
        for at in range(0, len(data), size):
            unpacker.feed(data[at : at + size])
            while unpacker.has_more:
                found += unpacker.records(1)
    except WireError:
        return found, True
    return found, False
