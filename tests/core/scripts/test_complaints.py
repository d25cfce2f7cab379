"""The standard error of a script's process, taken apart."""

from __future__ import annotations

from core.scripts.complaints import Complaints


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: list[tuple[int, str]] = []
        self.complaints = Complaints(
            "/s/mine.py", self.lines.append, lambda line, name: self.places.append((line, name))
        )


def test_lines_are_told_whole() -> None:
    heard = Heard()
    for piece in (b"one\ntw", b"o\n", b"\xff\nthe rest"):
        heard.complaints.take(piece)
    assert heard.lines == ["one", "two", "\\xff"]
    heard.complaints.end()
    assert heard.lines[-1] == "the rest"


def test_a_flood_is_cut_and_counted() -> None:
    heard = Heard()
    heard.complaints.take(b"line\n" * 1000)
    assert len(heard.lines) == 100
    heard.complaints.begin_second()
    assert heard.lines[-1] == "900 more lines in a second were left out."
    heard.complaints.take(b"x" * 300_000)
    assert heard.complaints.is_too_much
    heard.complaints.begin_second()
    assert not heard.complaints.is_too_much


def test_where_it_is_gets_told_once() -> None:
    heard = Heard()
    stack = (
        b"Stack (most recent call first):\n"
        b'  File "/lib/time.py", line 1 in sleep\n'
        b'  File "/s/mine.py", line 12 in slowly\n'
        b'  File "/s/mine.py", line 30 in on_message\n'
    )
    heard.complaints.expect_place()
    heard.complaints.take(stack + b"and more\n" + b'  File "/s/mine.py", line 5 in nothing\n')
    assert heard.places == [(12, "slowly")]
    assert heard.lines == ["and more", '  File "/s/mine.py", line 5 in nothing']
    heard.complaints.take(stack)
    assert len(heard.places) == 1
    heard.complaints.expect_place()
    heard.complaints.take(stack.replace(b"Stack (", b"Current thread 0x00007f12 ("))
    assert len(heard.places) == 2
