from __future__ import annotations

import pytest

from core.protocol.close_codes import (
    CloseCode,
    describe,
    explain,
    is_defined_in_frame,
    is_forbidden_in_frame,
    may_be_sent,
)


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
