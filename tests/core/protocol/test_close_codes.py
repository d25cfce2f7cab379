from __future__ import annotations

import pytest

from core.errors import PayloadError
from core.protocol.close_codes import (
    CloseCode,
    closing_payload,
    describe,
    explain,
    is_defined_in_frame,
    is_forbidden_in_frame,
    may_be_sent,
)
from core.protocol.frames import make_frame
from core.protocol.judge import Judge
from core.protocol.state import Role
from core.protocol.violations import Violation


def test_the_registered_codes() -> None:
    assert list(map(int, CloseCode)) == [*range(1000, 1016), 3000, 3003, 3008]


@pytest.mark.parametrize("code", CloseCode)
def test_each_registered_code_has_a_sentence_of_its_own(code: CloseCode) -> None:
    sentence = explain(code)
    assert sentence.endswith(".")
    assert [other for other in CloseCode if explain(other) == sentence] == [code]
    assert [other for other in CloseCode if describe(other).name == describe(code).name] == [code]


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        ((0, 1, 999), "Not used"),
        ((1016, 1999, 2000, 2999), "Unassigned"),
        ((3001, 3002, 3999), "Unregistered"),
        ((4000, 4999), "Private"),
        ((-1, 5000, 65535), "Not a close code"),
    ],
)
def test_ranges(codes: tuple[int, ...], word: str) -> None:
    for code in codes:
        assert describe(code).name == word
        assert explain(code) == describe(code).explanation


def test_what_may_stand_in_a_close_frame() -> None:
    allowed = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
    assert {code for code in range(65536) if may_be_sent(code)} == allowed
    assert {code for code in range(65536) if is_defined_in_frame(code)} == allowed


def test_what_must_never_stand_in_a_close_frame() -> None:
    undefined = {code for code in range(65536) if not is_defined_in_frame(code)}
    merely_unassigned = {1004, *range(1016, 3000)}
    assert {code for code in range(65536) if is_forbidden_in_frame(code)} == undefined - merely_unassigned


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999])
def test_codes_that_may_be_sent(code: int) -> None:
    found: list[Violation] = []
    frame = make_frame(8, closing_payload(code, "中" * 41))
    assert Judge(Role.CLIENT).close(frame, found) == (code, "中" * 41)
    assert found == []


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (None, "why", "without a code"),
        (1005, "", "1005 must not be sent"),
        (1006, "", "1006"),
        (1015, "", "1015"),
        (1004, "", "1004"),
        (999, "", "999"),
        (2000, "", "2000"),
        (5000, "", "5000"),
        (70000, "", "70000"),
        (-1, "", "-1"),
        (1000, "x" * 124, "at most 123 bytes of UTF-8 and this has 124"),
        (1000, "中" * 42, "this has 126"),
        (1000, "a\ud800", "Character 2"),
    ],
)
def test_close_frames_that_may_not_be_sent(code: int | None, reason: str, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        closing_payload(code, reason)


def test_a_close_without_a_code() -> None:
    assert closing_payload(None, "") == b""
