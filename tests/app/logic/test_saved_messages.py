"""Messages under names: kept, searched, written down and read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic import saved_messages
from app.logic.compose import ComposeKind
from app.logic.raw_draft import Form, Masking, RawDraft
from app.logic.saved_messages import (
    SavedMessage,
    filled,
    names_filled,
    read,
    with_message,
    without_message,
    written,
)
from app.logic.variables import Variable
from core.errors import CallerError
from core.protocol.frames import LengthForm
from core.protocol.outgoing import RawEnd

RAW = RawDraft(
    Form.FRAME, ComposeKind.HEX, "00 ff", 9, False, True, False, True, Masking.KEY, "37 fa 21 3d",
    LengthForm.SIXTY_FOUR_BIT, "12", "1, 2", 3, 40, "5", RawEnd.HALF_CLOSE,
)  # fmt: skip
TEXTS = st.text(max_size=30)


def test_messages_come_in_the_order_of_folders_and_names() -> None:
    kept: saved_messages.Messages = ()
    for folder, name in (("b", "x"), ("", "Z"), ("a/c", "y"), ("", "a")):
        kept = with_message(kept, SavedMessage(name, ComposeKind.TEXT, folder=folder))
    assert [each.place for each in kept] == [("", "a"), ("", "Z"), ("a/c", "y"), ("b", "x")]
    again = with_message(kept, SavedMessage("a", ComposeKind.JSON, "{}"))
    assert len(again) == 4
    assert again[0].text == "{}"
    assert len(without_message(again, ("", "a"))) == 3
    assert without_message(again, ("", "nothing")) == again


@given(
    st.lists(
        st.builds(
            SavedMessage,
            name=TEXTS.filter(str.strip),
            kind=st.sampled_from([kind for kind in ComposeKind if kind is not ComposeKind.RAW]),
            text=TEXTS,
            folder=st.sampled_from(["", "a", "a/b"]),
        ),
        max_size=5,
    )
)
def test_what_is_written_is_read_back(messages: list[SavedMessage]) -> None:
    kept: saved_messages.Messages = ()
    for message in messages:
        kept = with_message(kept, message)
    assert read(written(kept)) == kept


def test_closes_and_raw_frames_are_kept_whole() -> None:
    kept = with_message((), SavedMessage("bye", ComposeKind.CLOSE, "done", code=4000))
    kept = with_message(kept, SavedMessage("nothing", ComposeKind.CLOSE, code=None))
    kept = with_message(kept, SavedMessage("raw", ComposeKind.RAW, raw=RAW))
    assert read(written(kept)) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{}",
        "[1, null]",
        '[{"name": 1, "kind": "text"}]',
        '[{"name": "a", "kind": "?"}]',
        "[" * 10000,
    ],
)
def test_what_is_not_as_it_should_be_is_left_out(text: str) -> None:
    assert read(text) == ()


def test_odd_boxes_are_those_of_an_untouched_page() -> None:
    odd = {
        "form": "cube",
        "opcode": 99,
        "fin": "yes",
        "every": True,
        "key": 5,
        "length_form": 7,
        "text": "kept",
    }
    text = json.dumps([{"name": "a", "kind": "raw", "raw": odd}, {"name": "b", "kind": "raw", "raw": []}])
    first, second = read(text)
    assert first.raw == RawDraft(text="kept")
    assert second.raw == RawDraft()


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (SavedMessage("  ", ComposeKind.TEXT), "needs a name"),
        (SavedMessage("x" * 201, ComposeKind.TEXT), "200 characters"),
        (SavedMessage("a", ComposeKind.TEXT, "x" * 300_000), "keep it in a file"),
        (SavedMessage("a", ComposeKind.RAW, raw=RawDraft(text="x" * 300_000)), "keep it in a file"),
    ],
)
def test_what_cannot_be_kept_is_said(message: SavedMessage, word: str) -> None:
    with pytest.raises(CallerError, match=word):
        with_message((), message)


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_messages, "MOST_SAVED", 1)
    kept = with_message((), SavedMessage("a", ComposeKind.TEXT))
    assert with_message(kept, SavedMessage("a", ComposeKind.JSON))[0].kind is ComposeKind.JSON
    with pytest.raises(CallerError, match="1 saved messages"):
        with_message(kept, SavedMessage("b", ComposeKind.TEXT))


def test_the_search_looks_everywhere() -> None:
    message = SavedMessage("Hello", ComposeKind.TEXT, "wörld", "login/first")
    for wanted in ("hell", "WÖRLD", "login/f", "first/hello", ""):
        assert message.fits(wanted)
    assert not message.fits("bye")


def test_known_variables_are_filled_in_and_nothing_else_changes() -> None:
    known = {
        each.name: each for each in (Variable("user", "Ada"), Variable("token", "s3cret", is_secret=True))
    }
    text = '{"a": {"user": "{user}", "t": "{token}"}, "x": "{unknown} {{user}}"}'
    assert filled(text, known) == '{"a": {"user": "Ada", "t": "{token}"}, "x": "{unknown} {Ada}"}'
    assert names_filled(text, known) == ("user",)
