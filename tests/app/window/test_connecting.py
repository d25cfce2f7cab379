"""The window as a client: connecting, writing to the server, repeating a handshake, connecting again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import keyring
import pytest
from pytestqt.qtbot import QtBot
from websockets import Subprotocol
from websockets.sync.server import Server, ServerConnection, serve

from app.actions.registry import ActionId
from app.dialogs.sources.connect_form import ConnectForm
from app.logic.connect_draft import Auth, AuthKind, ConnectDraft
from app.logic.saved_connections import Saved
from app.logic.secret_store import SERVICE
from app.logic.source_lines import SourceLine, SourceState
from app.logic.variables import Variable
from app.window.desktop import Desktop
from core.capture.records import Direction, Mode
from core.protocol.state import Role
from tests.tools.keyrings import LockedKeyring, SlowKeyring
from tests.tools.raw_server import RawServer
from tests.tools.waiting import PATIENCE_SECONDS


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(echo, "127.0.0.1", 0, subprotocols=[Subprotocol("chat")]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(PATIENCE_SECONDS)


@pytest.fixture
def url(server: Server) -> str:
    return f"ws://127.0.0.1:{server.socket.getsockname()[1]}"


def line_of(desktop: Desktop, source: int) -> SourceLine:
    line = desktop.window.sources.line(source)
    assert line is not None
    return line


def detail_of(desktop: Desktop, source: int) -> str:
    return desktop.window.source_pane.list.source_model.detail(line_of(desktop, source))


def connect(desktop: Desktop, qtbot: QtBot, draft: ConnectDraft) -> int:
    source = desktop.window.sources.add("out", draft)
    qtbot.waitUntil(lambda: desktop.window.connection_model.open_count == 1, timeout=20_000)
    return source


def form_of(desktop: Desktop) -> ConnectForm:
    form = desktop.window.findChildren(ConnectForm)[-1]
    assert isinstance(form, ConnectForm)
    return form


def test_the_composer_writes_to_the_server(desktop: Desktop, url: str, qtbot: QtBot) -> None:
    window = desktop.window
    source = connect(desktop, qtbot, ConnectDraft(f"{url}/x", subprotocols=("chat",)))
    assert line_of(desktop, source).state is SourceState.RUNNING
    qtbot.waitUntil(lambda: "Connected, and no frames yet" in window.frames.empty_text, timeout=20_000)
    window.connections.choose(1)
    window.composer.set_text("to the server")
    window.actions_[ActionId.SEND].trigger()
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2, timeout=20_000)
    reader = desktop.desk.reader
    assert reader is not None
    sent, came = reader.frames_after(0, 10)
    assert (sent.row.direction, sent.row.masked) == (Direction.CLIENT_TO_SERVER, True)
    assert (came.row.direction, came.row.masked) == (Direction.SERVER_TO_CLIENT, False)
    assert window.connection_model.toward(1) is Role.SERVER
    record = reader.connection(1)
    assert record is not None
    assert f"{record.local} to {record.peer}" in window.connection_model._tooltip(
        window.connection_model.line_of(1)  # type: ignore[arg-type]
    )


def test_a_handshake_is_repeated(desktop: Desktop, url: str, qtbot: QtBot) -> None:
    window = desktop.window
    window.sources._shelf.set_variables((Variable("token", "s3cret-token", is_secret=True),))
    draft = ConnectDraft(
        f"{url}/x?y=1",
        headers=(("X-One", "1"),),
        auth=Auth(AuthKind.BEARER, secret="{token}"),
        cookies="a=1",
        origin="http://o",
        subprotocols=("chat",),
    )
    connect(desktop, qtbot, draft)
    window.connections.choose(1)
    qtbot.waitUntil(lambda: window.selection.connection is not None)
    window.actions_[ActionId.CONNECT_LIKE].trigger()
    form = form_of(desktop)
    assert form.what.url == f"{url}/x?y=1"
    assert (form.what.headers, form.what.cookies, form.what.origin) == (draft.headers, "a=1", "http://o")
    assert form.what.auth == Auth(AuthKind.BEARER, secret="*" * len("s3cret-token"))
    assert "put them in again" in form._said.text()
    form.reject()


def test_what_connects_again_is_shown_and_can_be_stopped(desktop: Desktop, qtbot: QtBot) -> None:
    with RawServer() as server:
        source = desktop.window.sources.add(
            "out", ConnectDraft(server.url, reconnects=True, ping_seconds=0.2)
        )
        server.open()
        qtbot.waitUntil(lambda: "without an answer" in detail_of(desktop, source), timeout=20_000)
        server.client.close()
    qtbot.waitUntil(lambda: "connects again soon" in detail_of(desktop, source), timeout=20_000)
    assert "Attempt 1 of 20" in desktop.window.banner.text
    desktop.window.sources.toggle(source)
    qtbot.waitUntil(lambda: line_of(desktop, source).state is SourceState.STOPPED, timeout=20_000)


def test_a_refusal_stands_in_the_list(desktop: Desktop, qtbot: QtBot) -> None:
    with RawServer() as closed:
        url = closed.url
    source = desktop.window.sources.add("out", ConnectDraft(url))
    qtbot.waitUntil(lambda: line_of(desktop, source).state is SourceState.FAILED, timeout=20_000)
    assert "refuses the connection" in detail_of(desktop, source)


def test_the_action_opens_the_form(desktop: Desktop) -> None:
    desktop.window.actions_[ActionId.ADD_CONNECT].trigger()
    assert form_of(desktop).isVisible()
    assert desktop.window.sources.known == ()
    form_of(desktop).reject()


def test_without_a_selection_there_is_nothing_to_repeat(desktop: Desktop) -> None:
    desktop.window.actions_[ActionId.CONNECT_LIKE].trigger()
    assert "No connection is selected" in desktop.window.banner.text
    assert Mode.CONNECT not in {line.kind for line in desktop.window.sources.lines}


@pytest.fixture
def slow_keyring() -> Iterator[SlowKeyring]:
    """The keyring of the system, which has a token, and waits for a person."""
    before, slow = keyring.get_keyring(), SlowKeyring()
    slow.kept[SERVICE, "token"] = "s3cret-token"
    keyring.set_keyring(slow)
    yield slow
    slow.unlocked.set()
    keyring.set_keyring(before)


def test_a_source_waits_for_the_keyring_and_the_window_does_not(
    desktop: Desktop, slow_keyring: SlowKeyring, url: str, qtbot: QtBot
) -> None:
    window = desktop.window
    window.sources._shelf.saved = Saved(variables=(Variable("token", "", is_secret=True),))
    draft = ConnectDraft(f"{url}/x", subprotocols=("chat",), auth=Auth(AuthKind.BEARER, secret="{token}"))
    source = window.sources.add("out", draft)
    qtbot.waitUntil(slow_keyring.asked.is_set)
    assert line_of(desktop, source).state is SourceState.STARTING
    window.sources.stop(source)
    assert line_of(desktop, source).state is SourceState.STOPPED
    window.sources.start(source)
    assert window.connection_model.rowCount() == 1
    slow_keyring.unlocked.set()
    qtbot.waitUntil(lambda: window.connection_model.open_count == 1)
    assert line_of(desktop, source).state is SourceState.RUNNING
    reader = desktop.desk.reader
    assert reader is not None
    [head, _] = reader.heads(1)
    assert b"Authorization: Bearer ************\r\n" in head.raw


def test_a_locked_keyring_keeps_a_source_from_starting(desktop: Desktop, url: str, qtbot: QtBot) -> None:
    window, before = desktop.window, keyring.get_keyring()
    keyring.set_keyring(LockedKeyring())
    try:
        window.sources._shelf.saved = Saved(variables=(Variable("token", "", is_secret=True),))
        with qtbot.waitSignal(window.sources.problem):
            source = window.sources.add("out", ConnectDraft(f"{url}/{{token}}"))
        assert line_of(desktop, source).state is SourceState.STOPPED
        assert "token" in line_of(desktop, source).failure
    finally:
        keyring.set_keyring(before)
