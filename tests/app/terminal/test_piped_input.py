from __future__ import annotations

import os
import threading

import pytest

from app.terminal import piped_input
from app.terminal.piped_input import lines_from


def lines_of(*pieces: bytes) -> list[bytes | None]:
    """What is read of these pieces, which are written one after the other."""
    reading, writing = os.pipe()

    def write() -> None:
        for piece in pieces:
            os.write(writing, piece)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    found = list(lines_from(reading))
    writer.join()
    os.close(reading)
    return found


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ((), []),
        ((b"one\ntwo\n",), [b"one", b"two"]),
        ((b"o", b"ne\r\n", b"\ntw", b"o"), [b"one", b"", b"two"]),
        ((b"\n",), [b""]),
    ],
)
def test_lines_come_without_their_ends(pieces: tuple[bytes, ...], lines: list[bytes]) -> None:
    assert lines_of(*pieces) == lines


def test_a_line_that_is_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piped_input, "LONGEST_LINE", 100)
    assert lines_of(b"a\n", b"x" * 150, b"y" * 150, b"z\nb\n", b"w" * 101) == [b"a", None, b"b", None]
