from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.connect_draft import Auth, AuthKind, ConnectDraft, Trust
from app.logic.saved_connections import MOST_SAVED, Saved, SavedConnection, clean_folder, read, written
from app.logic.variables import Variable
from core.errors import CallerError

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
DRAFT = st.builds(
    ConnectDraft,
    url=TEXT,
    headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    cookies=TEXT,
    auth=st.builds(Auth, st.sampled_from(AuthKind), TEXT, TEXT),
    origin=TEXT,
    subprotocols=st.lists(TEXT.filter(bool), max_size=3).map(tuple),
    compression=TEXT,
    proxy=TEXT,
    trust=st.sampled_from(Trust),
    connect_seconds=st.floats(0, 3600),
    handshake_seconds=st.floats(0, 3600),
    follows=st.integers(0, 20),
    reconnects=st.booleans(),
    ping_seconds=st.floats(0, 3600),
)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT, DRAFT), max_size=4))
def test_what_is_written_is_read_again(entries: list[tuple[str, str, ConnectDraft]]) -> None:
    saved = Saved(variables=(Variable("host", "h"), Variable("token", "", is_secret=True)))
    for name, folder, draft in entries:
        saved = saved.with_connection(SavedConnection(name, draft, clean_folder(folder)))
    assert read(written(saved)) == saved


def test_a_secret_is_never_written() -> None:
    saved = Saved().with_variables((Variable("token", "s3cret", is_secret=True),))
    assert "s3cret" not in written(saved)
    assert read(written(saved)).variables == (Variable("token", "", is_secret=True),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["connections", "variables", "name", "folder", "headers", "auth", "url", "follows"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_found_is_read(found: object) -> None:
    saved = read(json.dumps({"connections": found, "variables": found}))
    assert read(written(saved)) == saved
    assert read(json.dumps(found)) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "x" * 5_000_000])
def test_what_is_no_json_is_nothing(text: str) -> None:
    assert read(text) == Saved()


def test_one_name_in_one_folder_stands_once() -> None:
    saved = Saved().with_connection(SavedConnection("a", ConnectDraft("ws://1")))
    saved = saved.with_connection(SavedConnection("a", ConnectDraft("ws://2"), "f"))
    saved = saved.with_connection(SavedConnection("a", ConnectDraft("ws://3")))
    assert [(each.folder, each.draft.url) for each in saved.connections] == [("", "ws://3"), ("f", "ws://2")]
    found = saved.find("f", "a")
    assert found is not None
    assert found.draft.url == "ws://2"
    assert saved.without("f", "a").find("f", "a") is None


def test_there_are_bounds() -> None:
    saved = Saved()
    for number in range(MOST_SAVED):
        saved = saved.with_connection(SavedConnection(f"{number}", ConnectDraft()))
    with pytest.raises(CallerError, match="which is the most"):
        saved.with_connection(SavedConnection("one more", ConnectDraft()))
    with pytest.raises(CallerError, match="two variables"):
        saved.with_variables((Variable("a", "1"), Variable("a", "2")))
    with pytest.raises(CallerError, match="at most"):
        saved.with_variables(tuple(Variable(f"a{number}", "") for number in range(201)))


@pytest.mark.parametrize(("text", "expected"), [("", ""), (" a / b//c ", "a/b/c"), ("/", "")])
def test_folders_are_cleaned(text: str, expected: str) -> None:
    assert clean_folder(text) == expected
