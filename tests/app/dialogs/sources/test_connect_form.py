"""The form of a connection, with what is saved and with variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.sources.connect_form import ConnectForm
from app.dialogs.sources.connection_shelf import ConnectionShelf
from app.dialogs.sources.saved_dialog import SaveAsDialog, SavedDialog
from app.dialogs.sources.variables_dialog import VariablesDialog
from app.logic.connect_draft import Auth, AuthKind, ConnectDraft
from app.logic.saved_connections import Saved, SavedConnection
from app.logic.secret_store import SecretStore
from app.logic.variables import Variable
from app.look.look import Look
from app.runtime.jobs import Jobs
from app.settings import Settings
from core.errors import UnmaskError
from tests.tools.keyrings import SlowKeyring
from tests.tools.qt import dispose
from tests.tools.waiting import PATIENCE_SECONDS

MakeForm = Callable[[ConnectDraft], ConnectForm]


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs()
    yield jobs
    jobs.stop()


@pytest.fixture
def shelf(settings: Settings, jobs: Jobs) -> ConnectionShelf:
    return ConnectionShelf(settings, jobs, SecretStore(None))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    window = QWidget()
    window.show()
    qtbot.waitExposed(window)
    yield window
    dispose(window)


@pytest.fixture
def make(look: Look, window: QWidget, shelf: ConnectionShelf) -> MakeForm:
    def form(draft: ConnectDraft) -> ConnectForm:
        form = ConnectForm(draft, "", (), look, window, is_new=True, shelf=shelf)
        form.show()
        return form

    return form


FULL = ConnectDraft(
    url="ws://127.0.0.1:9/x",
    headers=(("X-One", "1"), ("X-Two", "2")),
    cookies="a=1",
    auth=Auth(AuthKind.BASIC, "ann", "pw"),
    origin="http://o",
    subprotocols=("one", "two"),
    compression="permessage-deflate",
    proxy="http://127.0.0.1:3128",
    connect_seconds=3,
    handshake_seconds=4,
    follows=5,
    reconnects=True,
    ping_seconds=6,
)


def test_what_a_form_shows_is_what_it_gives(make: MakeForm) -> None:
    assert make(FULL).what == FULL


def test_a_pasted_line_is_taken_apart(make: MakeForm) -> None:
    form = make(ConnectDraft())
    form.url.edit.setText("curl 'ws://127.0.0.1:9/x' -H 'X-One: 1' -b a=1 -H 'Origin: http://o' -o out")
    assert form.what == ConnectDraft(
        "ws://127.0.0.1:9/x", headers=(("X-One", "1"),), cookies="a=1", origin="http://o"
    )
    assert "Left out, as it does not concern the connection: -o out" in form.url.note.text()


def test_a_line_with_continuations_is_pasted_whole(make: MakeForm) -> None:
    form = make(ConnectDraft())
    QGuiApplication.clipboard().setText(
        "curl 'ws://127.0.0.1:9/x' \\\n  -H 'X-One: 1' \\\r\n  -H $'X-Two: it\\'s'\n"
    )
    form.url.edit.paste()
    assert form.what.url == "ws://127.0.0.1:9/x"
    assert list(form.what.headers) == [("X-One", "1"), ("X-Two", "it's")]


def test_half_a_line_is_told(make: MakeForm) -> None:
    form = make(ConnectDraft())
    form.url.edit.setText("curl 'ws://127.0.0.1:9/x' -H 'X-One")
    assert "is never closed" in form.url.note.text()


def test_what_is_wrong_is_said_while_it_is_typed(make: MakeForm) -> None:
    form = make(ConnectDraft())
    form.url.edit.setText("ftp://a/")
    assert "is no scheme" in form.url.note.text()
    form.url.edit.setText("ws://{host}/")
    assert "There is no variable {host}" in form.url.note.text()


def test_headers_are_a_table_or_text(make: MakeForm) -> None:
    form = make(ConnectDraft("ws://a/"))
    table = form.headers.table
    for column, text in enumerate(("X-One", "1")):
        item = table.item(0, column)
        assert item is not None
        item.setText(text)
    assert table.rowCount() == 2
    assert list(form.what.headers) == [("X-One", "1")]
    form.headers.as_text.setChecked(True)
    assert form.headers.raw.toPlainText() == "X-One: 1"
    form.headers.raw.setPlainText("X-One: 1\nnonsense")
    assert "is no header" in form.headers.note.text()
    # What no table can show stays text.
    form.headers.as_text.setChecked(False)
    assert form.headers.as_text.isChecked()
    form.headers.raw.setPlainText("X-One: 1\nX-Two: a: b")
    form.headers.as_text.setChecked(False)
    assert list(form.what.headers) == [("X-One", "1"), ("X-Two", "a: b")]
    table.selectRow(0)
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert list(form.what.headers) == [("X-Two", "a: b")]


def test_a_missing_variable_can_be_given(make: MakeForm, shelf: ConnectionShelf) -> None:
    form = make(ConnectDraft("ws://{host}/", auth=Auth(AuthKind.BEARER, secret="{token}")))
    with pytest.raises(UnmaskError, match="no variable"):
        _ = form.what
    dialog = VariablesDialog(shelf, form, ("host", "token"))
    dialog.show()
    for row, value in enumerate(("127.0.0.1:9", "s3cret")):
        dialog._value(row).setText(value)
    dialog._secret(1).setChecked(True)
    assert dialog._value(1).displayText() != "s3cret"
    dialog.reveal.setChecked(True)
    assert dialog._value(1).displayText() == "s3cret"
    dialog.accept()
    assert form.what.url == "ws://{host}/"
    assert shelf.variables() == (Variable("host", "127.0.0.1:9"), Variable("token", "s3cret", is_secret=True))


def test_secrets_are_in_no_file(shelf: ConnectionShelf, settings: Settings, tmp_path: Path) -> None:
    shelf.set_variables((Variable("token", "s3cret-token", is_secret=True),))
    settings.sync()
    assert b"token" in (tmp_path / "settings.ini").read_bytes()
    assert b"s3cret" not in (tmp_path / "settings.ini").read_bytes()
    shelf.set_variables(())
    assert shelf.variables() == ()


def test_the_dialog_waits_for_the_keyring_and_the_window_does_not(
    look: Look, window: QWidget, settings: Settings, jobs: Jobs, qtbot: QtBot
) -> None:
    slow = SlowKeyring()
    shelf = ConnectionShelf(settings, jobs, SecretStore(slow))
    shelf.set_variables((Variable("token", "s3cret", is_secret=True),))
    assert slow.asked.wait(PATIENCE_SECONDS)
    assert slow.kept == {}
    slow.unlocked.set()
    qtbot.waitUntil(lambda: list(slow.kept.values()) == ["s3cret"])
    slow.unlocked.clear()
    slow.asked.clear()
    later = ConnectionShelf(settings, jobs, SecretStore(slow))
    form = ConnectForm(ConnectDraft(), "", (), look, window, is_new=True, shelf=later)
    form.show()
    draft = ConnectDraft("ws://h/{token}")
    assert later.variables_for(draft)["token"].value == ""
    assert not later.knows(draft)
    form.url.edit.setText(draft.url)
    assert form.what.url == draft.url
    form._ask_variables()
    assert slow.asked.wait(PATIENCE_SECONDS)
    assert form.findChildren(VariablesDialog) == []
    slow.unlocked.set()
    qtbot.waitUntil(lambda: bool(form.findChildren(VariablesDialog)))
    (dialog,) = form.findChildren(VariablesDialog)
    assert dialog.variables() == [Variable("token", "s3cret", is_secret=True)]
    assert later.knows(draft)


@pytest.mark.parametrize(("name", "words"), [("a b", "is no name"), ("host", "two variables")])
def test_names_of_variables_are_checked(
    make: MakeForm, shelf: ConnectionShelf, name: str, words: str
) -> None:
    shelf.set_variables((Variable("host", "h"),))
    dialog = VariablesDialog(shelf, make(ConnectDraft()), (name,))
    dialog._value(1).setText("x")
    dialog.accept()
    assert words in dialog.problem.text()
    assert shelf.variables() == (Variable("host", "h"),)


def test_a_connection_is_saved_used_moved_and_removed(
    make: MakeForm, shelf: ConnectionShelf, look: Look
) -> None:
    form = make(FULL)
    save = SaveAsDialog(shelf, form.what, form, name="Chat")
    save.folder.setCurrentText("staging / eu")
    assert "kept in the settings as it is" in save.note.text()
    save.accept()
    assert shelf.saved.find("staging/eu", "Chat") == SavedConnection("Chat", FULL, "staging/eu")
    other = make(ConnectDraft())
    saved = SavedDialog(shelf, look, other)
    item, names = saved.tree.topLevelItem(0), []
    while item is not None:
        names.append(item.text(0))
        item = item.child(0)
    assert names == ["staging", "eu", "Chat"]
    saved.chosen.connect(other._use)
    saved.use.click()
    assert other.what == FULL
    assert other.name == "Chat"
    again = SavedDialog(shelf, look, other)
    move = SaveAsDialog(shelf, FULL, again, again.current)
    move.folder.setCurrentText("")
    move.accept()
    assert shelf.saved == Saved((SavedConnection("Chat", FULL),))
    again.show_saved()
    again.remove.click()
    assert shelf.saved == Saved()
    assert not again.use.isEnabled()


def test_saving_over_another_one_is_said(make: MakeForm, shelf: ConnectionShelf) -> None:
    shelf.saved = Saved((SavedConnection("Chat", ConnectDraft("ws://a/")),))
    save = SaveAsDialog(shelf, ConnectDraft("ws://b/"), make(ConnectDraft()), name="Chat")
    assert "is replaced" in save.note.text()
    save.accept()
    assert [each.draft.url for each in shelf.saved.connections] == ["ws://b/"]
